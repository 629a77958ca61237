//! Free space, block size, longest name and kind of a file system.

use std::os::fd::AsFd;

use super::folder::Folder;
use crate::base::error::{Error, IoResultExt as _, Result};

/// Limits of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Bytes in total; `None` if the file system does not report them.
    pub total_bytes: Option<u64>,
    /// Number of files that can still be created; `None` without a limit.
    pub free_files: Option<u64>,
    /// Size of a block in bytes: every file takes a multiple.
    pub block_size: u64,
    /// Length of the longest name in bytes.
    pub max_name_length: usize,
}

/// File system types of Linux's `statfs` whose files can share blocks: Btrfs, XFS, bcachefs, OCFS2.
const REFLINK_FILE_SYSTEMS: [u32; 4] = [0x9123_683e, 0x5846_5342, 0xca45_1a4e, 0x7461_636f];

/// File system types that are known to report the truth: ext2 to ext4, XFS, Btrfs, bcachefs, F2FS, ZFS and tmpfs.
const RELIABLE_FILE_SYSTEMS: [u32; 7] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0xca45_1a4e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    TMPFS,
];

/// Largest plausible block, in bytes; a larger one is ignored. 64 MiB.
const LARGEST_BLOCK: u64 = 64 << 20;

/// Type of Linux's file system in memory.
const TMPFS: u32 = 0x0102_1994;

/// True if an open file is on a reliable file system.
pub(super) fn is_on_reliable_file_system(file: impl AsFd) -> bool {
    is_reliable_type(file_system_type_of(file))
}

/// Returns the type of the file system that holds this entry.
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

/// Returns `None`: the system does not report the type.
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
    /// True if files on this folder's file system can share blocks, as far as its type shows.
    pub fn supports_reflink(&self) -> bool {
        self.file_system_type()
            .is_some_and(|kind| REFLINK_FILE_SYSTEMS.contains(&kind))
    }

    /// True if this folder's file system is mounted read-only, as far as the system reports.
    pub fn is_read_only(&self) -> bool {
        rustix::fs::fstatvfs(self.handle()).is_ok_and(|system| {
            system
                .f_flag
                .contains(rustix::fs::StatVfsMountFlags::RDONLY)
        })
    }

    /// Returns the error of a write to a read-only folder, in the words of the system.
    pub fn read_only_error(&self) -> Error {
        Error::Io {
            action: "write to",
            path: self.path().to_owned(),
            source: rustix::io::Errno::ROFS.into(),
        }
    }

    /// True if this folder's file system is in memory, as far as its type shows.
    pub fn is_in_memory(&self) -> bool {
        self.file_system_type() == Some(TMPFS)
    }

    /// True if this folder's file system is known to be reliable. Systems that do not report the type have no FUSE.
    pub fn has_reliable_file_system(&self) -> bool {
        is_reliable_type(self.file_system_type())
    }

    /// True if this folder's file system is a FUSE program.
    pub(super) fn is_fuse(&self) -> bool {
        const FUSE: u32 = 0x6573_5546;
        self.file_system_type() == Some(FUSE)
    }

    /// Returns the type of this folder's file system.
    fn file_system_type(&self) -> Option<u32> {
        file_system_type_of(self.handle())
    }

    /// Returns the limits of this folder's file system.
    pub fn free_space(&self) -> Result<FreeSpace> {
        let statvfs =
            rustix::fs::fstatvfs(self.handle()).at("ask for free space at", self.path())?;
        let block = Some(statvfs.f_frsize).filter(|block| (1..=LARGEST_BLOCK).contains(block));
        let block = block.unwrap_or(1);
        // Some FUSE programs report none left of a billion, or more free than there is in total.
        let is_plausible =
            |all: u64, free: u64| self.has_reliable_file_system() || (1..=all).contains(&free);
        // tmpfs without a limit and some network file systems report no blocks at all.
        let has_block_counts =
            statvfs.f_blocks > 0 && is_plausible(statvfs.f_blocks, statvfs.f_bavail);
        Ok(FreeSpace {
            free_bytes: if has_block_counts {
                statvfs.f_bavail.saturating_mul(block)
            } else {
                u64::MAX
            },
            total_bytes: has_block_counts.then(|| statvfs.f_blocks.saturating_mul(block)),
            // File systems that create inodes on demand report a count of 0.
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
