//! How much a file system has room for, and how long its names may be.

use std::os::fd::AsFd;

use super::folder::Folder;
use crate::base::error::{Error, IoResultExt as _, Result};

/// What a file system has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Files that may still be made; `None` where there is no limit.
    pub free_files: Option<u64>,
    /// What it gives room in: every file takes a multiple of it, in bytes.
    pub block_size: u64,
    /// The longest name, in bytes.
    pub max_name_length: usize,
}

/// The numbers of file systems in Linux's `statfs` whose files can share blocks: Btrfs, XFS, bcachefs, OCFS2.
const REFLINK_FILE_SYSTEMS: [u32; 4] = [0x9123_683e, 0x5846_5342, 0xca45_1a4e, 0x7461_636f];

/// The numbers of file systems that do what they say: ext2 to ext4, XFS, Btrfs, bcachefs, F2FS, ZFS, and the one in memory.
const RELIABLE_FILE_SYSTEMS: [u32; 7] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xca45_1a4e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    TMPFS,
];

/// More than any file system gives room in: a larger block is no number to count with. 64 MiB.
const LARGEST_BLOCK: u64 = 64 << 20;

/// The number of Linux's file system in memory.
const TMPFS: u32 = 0x0102_1994;

/// Whether an open file is on a file system that does what it says.
pub(super) fn is_on_reliable_file_system(file: impl AsFd) -> bool {
    is_reliable_type(file_system_type_of(file))
}

/// The number by which the system knows the kind of the file system that holds this.
#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers have 32 bits, in a field that is wider and signed on most systems"
)]
fn file_system_type_of(file: impl AsFd) -> Option<u32> {
    let system = rustix::fs::fstatfs(file).ok()?;
    Some(system.f_type as u32)
}

/// The same, where the system does not say.
#[cfg(not(target_os = "linux"))]
fn file_system_type_of(_file: impl AsFd) -> Option<u32> {
    None
}

fn is_reliable_type(kind: Option<u32>) -> bool {
    kind.map_or(cfg!(not(target_os = "linux")), |kind| {
        RELIABLE_FILE_SYSTEMS.contains(&kind)
    })
}

impl Folder {
    /// Whether files on this folder's file system can share blocks, as far as its kind says.
    pub fn supports_reflink(&self) -> bool {
        self.file_system_type()
            .is_some_and(|kind| REFLINK_FILE_SYSTEMS.contains(&kind))
    }

    /// Whether nothing can be written on this folder's file system, as far as the system says.
    pub fn is_read_only(&self) -> bool {
        rustix::fs::fstatvfs(self.handle()).is_ok_and(|system| {
            system
                .f_flag
                .contains(rustix::fs::StatVfsMountFlags::RDONLY)
        })
    }

    /// Failure of a write to a folder that can only be read, as the system words it.
    pub fn read_only_error(&self) -> Error {
        Error::Io {
            action: "write to",
            path: self.path().to_owned(),
            source: rustix::io::Errno::ROFS.into(),
        }
    }

    /// Whether this folder's file system is in memory, as far as its kind says.
    pub fn is_in_memory(&self) -> bool {
        self.file_system_type() == Some(TMPFS)
    }

    /// Whether this folder's file system is one that does what it says. Systems that do not tell the kind have none that are
    /// programs of users.
    pub fn has_reliable_file_system(&self) -> bool {
        is_reliable_type(self.file_system_type())
    }

    /// Whether this folder's file system is a program that the kernel asks by FUSE.
    pub(super) fn is_fuse(&self) -> bool {
        const FUSE: u32 = 0x6573_5546;
        self.file_system_type() == Some(FUSE)
    }

    /// The number by which the system knows the kind of this folder's file system.
    fn file_system_type(&self) -> Option<u32> {
        file_system_type_of(self.handle())
    }

    /// What the file system of this folder has left.
    ///
    /// # Errors
    /// The system refused.
    pub fn free_space(&self) -> Result<FreeSpace> {
        let statvfs =
            rustix::fs::fstatvfs(self.handle()).at("ask for free space at", self.path())?;
        let block = Some(statvfs.f_frsize).filter(|block| (1..=LARGEST_BLOCK).contains(block));
        let block = block.unwrap_or(1);
        // Some programs behind FUSE say that nothing is left of a thousand million, and more is free than there is.
        let is_plausible =
            |all: u64, free: u64| self.has_reliable_file_system() || (1..=all).contains(&free);
        // A file system in memory without a limit, and some on a network, say that they have no blocks at all.
        let has_block_counts =
            statvfs.f_blocks > 0 && is_plausible(statvfs.f_blocks, statvfs.f_bavail);
        Ok(FreeSpace {
            free_bytes: if has_block_counts {
                statvfs.f_bavail.saturating_mul(block)
            } else {
                u64::MAX
            },
            // File systems that make inodes as they need them count none.
            free_files: (statvfs.f_files > 0 && is_plausible(statvfs.f_files, statvfs.f_favail))
                .then_some(statvfs.f_favail),
            block_size: block,
            max_name_length: usize::try_from(statvfs.f_namemax)
                .ok()
                .filter(|length| *length > 0)
                .unwrap_or(255),
        })
    }
}
