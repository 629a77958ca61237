//! What the file system says of one entry.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::FileType;

use crate::base::timestamp::Timestamp;

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Special,
}

impl EntryKind {
    /// With its article, for messages.
    pub const fn noun_with_article(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a symbolic link",
            Self::Special => "a socket, pipe or device",
        }
    }
}

/// What systems count the blocks of a file in, whatever the file system's own blocks are: bytes.
const STAT_BLOCK_BYTES: u64 = 512;

/// What the file system says of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: EntryKind,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// Bytes it takes on the disk; less than its size where it has holes.
    pub allocated_bytes: u64,
    /// When its content was last changed.
    pub modified: Timestamp,
    /// When its status was last changed; no program can set it.
    pub status_changed: Timestamp,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// The number of the user it belongs to.
    pub owner: u32,
    /// The number of its group.
    pub group: u32,
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// How many names it has.
    pub link_count: u64,
}

/// Identity of a file or folder on this host while it exists: its device and inode numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The device number.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
}

impl FileId {
    /// The identity of the file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl Stat {
    /// Returns the identity of the file or folder.
    pub const fn file_id(&self) -> FileId {
        FileId {
            device: self.device,
            inode: self.inode,
        }
    }

    /// Whether two looks through one handle show that the file did not change in between: the time of its status cannot be
    /// set back. The handle says which file it is; its number changes on some file systems.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        let state = |stat: &Self| (stat.bytes, stat.modified, stat.status_changed);
        state(self) == state(earlier)
    }

    /// Whether both are looks at one content, as far as size and time tell. Some file systems do not keep the size of a link.
    pub fn has_same_size_and_time(&self, other: &Self) -> bool {
        let has_size = self.kind == EntryKind::Link || self.bytes == other.bytes;
        self.kind == other.kind && self.modified == other.modified && has_size
    }

    /// From what the system returned.
    #[expect(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "the widths of these fields differ between systems"
    )]
    pub(super) fn from_raw(stat: &rustix::fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink => EntryKind::Link,
            _ => EntryKind::Special,
        };
        Self {
            kind,
            bytes: stat.st_size as u64,
            allocated_bytes: stat.st_blocks as u64 * STAT_BLOCK_BYTES,
            modified: Timestamp {
                seconds: stat.st_mtime as i64,
                nanoseconds: stat.st_mtime_nsec as u32,
            },
            status_changed: Timestamp {
                seconds: stat.st_ctime as i64,
                nanoseconds: stat.st_ctime_nsec as u32,
            },
            mode: stat.st_mode as u32 & 0o7777,
            owner: stat.st_uid as u32,
            group: stat.st_gid as u32,
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            link_count: stat.st_nlink as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use crate::os::folder::Folder;

    #[test]
    fn a_change_is_seen_though_size_and_time_are_set_back() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("f");
        fs::write(&path, "one").unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let before = folder.stat(OsStr::new("f")).unwrap();
        // The clock of a file system may stand still for some milliseconds.
        let after = std::iter::repeat_with(|| {
            fs::write(&path, "two").unwrap();
            folder
                .set_modified(OsStr::new("f"), before.modified)
                .unwrap();
            folder.stat(OsStr::new("f")).unwrap()
        })
        .find(|after| after.status_changed != before.status_changed)
        .unwrap();
        assert_eq!(
            (after.bytes, after.modified),
            (before.bytes, before.modified)
        );
        assert!(!after.is_unchanged_since(&before));
        assert!(before.is_unchanged_since(&before));
    }
}
