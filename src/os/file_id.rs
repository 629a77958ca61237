//! Identity of an open folder: its mounted file system and its creation time.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::UNIX_EPOCH;

use super::folder::Folder;
use crate::base::error::Result;

impl Folder {
    /// Returns the identity of the mounted file system: its device, and where the system reports it, the mount, which
    /// tells two mounts of one device apart.
    pub fn mount_id(&self) -> Result<(u64, Option<u64>)> {
        Ok((self.stat_self()?.device, self.kernel_mount_id()))
    }

    #[cfg(target_os = "linux")]
    fn kernel_mount_id(&self) -> Option<u64> {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let statx_result =
            statx(self.handle(), "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
        StatxFlags::from_bits_retain(statx_result.stx_mask)
            .contains(StatxFlags::MNT_ID)
            .then_some(statx_result.stx_mnt_id)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as where there is one")]
    fn kernel_mount_id(&self) -> Option<u64> {
        None
    }

    /// Returns inode and creation time in seconds and nanoseconds, which differ from those of every file that had the
    /// inode before. `None` if the file system does not store creation times.
    #[cfg(target_os = "linux")]
    pub fn file_id(&self, name: &OsStr) -> Option<(u64, i64, u32)> {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let mask = StatxFlags::BTIME | StatxFlags::INO;
        let statx_result = statx(self.handle(), name, AtFlags::SYMLINK_NOFOLLOW, mask).ok()?;
        let birth_time = statx_result.stx_btime;
        let is_kept = StatxFlags::from_bits_retain(statx_result.stx_mask).contains(mask);
        (is_kept && birth_time.tv_sec > 0).then_some((
            statx_result.stx_ino,
            birth_time.tv_sec,
            birth_time.tv_nsec,
        ))
    }

    /// Returns `None`: the system does not report creation times.
    #[cfg(not(target_os = "linux"))]
    pub fn file_id(&self, _name: &OsStr) -> Option<(u64, i64, u32)> {
        None
    }

    /// Returns a text that differs for a folder of the same name that was created elsewhere or anew: ID of the file
    /// system, inode and creation time. `None` if the file system does not store creation times, or reports 1970.
    ///
    /// The creation time alone is not enough: all roots have the same inode, and many are created in the same second.
    /// The ID of the file system alone is not either: some get a new one at every mount.
    pub fn root_id(&self) -> Option<String> {
        let system = rustix::fs::fstatvfs(self.handle()).ok()?.f_fsid;
        let file = File::from(self.handle().try_clone().ok()?);
        let found = file.metadata().ok()?;
        let birth_time = found.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let (number, seconds, nanoseconds) =
            (found.ino(), birth_time.as_secs(), birth_time.subsec_nanos());
        (seconds > 0).then(|| format!("{system:x} {number} {seconds}.{nanoseconds:09}"))
    }
}
