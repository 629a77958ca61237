//! Where an open folder comes from: the file system it is mounted from, and when it was made there.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::UNIX_EPOCH;

use super::folder::Folder;
use crate::base::error::Result;

impl Folder {
    /// What tells the mounted file system from every other: also two places of one device, where the system can say.
    ///
    /// # Errors
    /// The folder is gone.
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

    /// What tells a file in it from every other that has its number before or after: the number, and when it was made in
    /// seconds and nanoseconds. `None` where that is not kept.
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

    /// The same where the system does not say.
    #[cfg(not(target_os = "linux"))]
    pub fn file_id(&self, _name: &OsStr) -> Option<(u64, i64, u32)> {
        None
    }

    /// What tells this folder from one of the same name that was made elsewhere or anew: the number of its file system,
    /// its own there, and when it was made. `None` where that is not kept; 1970 stands for not.
    ///
    /// The time alone would not do: the roots of file systems have the same number each, and many are made in the same
    /// second. Nor would the number of the file system: some are given the device's at every mount.
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
