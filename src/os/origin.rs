//! Where an open folder comes from: the file system it is mounted from, and when it was made there.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::time::UNIX_EPOCH;

use super::folder::Folder;
use crate::error::Result;

impl Folder {
    /// What tells the mounted file system from every other: also two places of one device, where the system can say.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn mount(&self) -> Result<(u64, Option<u64>)> {
        Ok((self.stat_self()?.device, self.mount_number()))
    }

    #[cfg(target_os = "linux")]
    fn mount_number(&self) -> Option<u64> {
        use rustix::fs::{AtFlags, StatxFlags, statx};
        let seen = statx(self.handle(), "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
        StatxFlags::from_bits_retain(seen.stx_mask)
            .contains(StatxFlags::MNT_ID)
            .then_some(seen.stx_mnt_id)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as where there is one")]
    fn mount_number(&self) -> Option<u64> {
        None
    }

    /// What tells this folder from one of the same name that was made elsewhere or anew, at every mount: its number and
    /// when it was made. `None` where the file system does not keep that; FAT's root says 1970.
    #[must_use]
    pub fn birth(&self) -> Option<String> {
        let file = File::from(self.handle().try_clone().ok()?);
        let found = file.metadata().ok()?;
        let made = found.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let (seconds, nanoseconds) = (made.as_secs(), made.subsec_nanos());
        (seconds > 0).then(|| format!("{} {seconds}.{nanoseconds:09}", found.ino()))
    }
}
