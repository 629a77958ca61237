//! Metadata of one entry.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::FileType;

use crate::base::timestamp::Timestamp;

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Special,
}

impl EntryKind {
    /// Returns the kind with its article, for messages.
    pub const fn noun_with_article(self) -> &'static str {
        match self {
            Self::File => "a file",
            Self::Folder => "a folder",
            Self::Link => "a symbolic link",
            Self::Special => "a socket, pipe or device",
        }
    }
}

/// Unit of a file's block count in bytes, whatever the block size of the file system is.
const STAT_BLOCK_BYTES: u64 = 512;

/// Metadata of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: EntryKind,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// Space on the disk in bytes; smaller than the size if the file has holes.
    pub allocated_bytes: u64,
    /// Time of the last change of the content.
    pub modified: Timestamp,
    /// Time of the last change of the status; no program can set it.
    pub status_changed: Timestamp,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// User ID of the owner.
    pub owner: u32,
    /// Group ID.
    pub group: u32,
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Number of names.
    pub link_count: u64,
}

/// Identity of a file or folder on this host while it exists: its device and inode numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    pub device: u64,
    pub inode: u64,
}

impl FileId {
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl Stat {
    pub const fn file_id(&self) -> FileId {
        FileId {
            device: self.device,
            inode: self.inode,
        }
    }

    /// True if a file was unchanged between two calls on one handle: no program can set the status time back. The inode
    /// is not compared, because it changes on some file systems.
    pub fn is_unchanged_since(&self, earlier: &Self) -> bool {
        let state = |stat: &Self| (stat.bytes, stat.modified, stat.status_changed);
        state(self) == state(earlier)
    }

    /// True if size and time are equal. The size of links is ignored, because some file systems change it.
    pub fn has_same_size_and_time(&self, other: &Self) -> bool {
        let has_size = self.kind == EntryKind::Link || self.bytes == other.bytes;
        self.kind == other.kind && self.modified == other.modified && has_size
    }

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
    fn ctime_reveals_change_with_restored_mtime() {
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
