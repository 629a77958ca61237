//! The system's cache of disks, emptied before each run.

use std::fs::{self, OpenOptions};

use auto_backup::base::error::IoResultExt as _;

use crate::common::interrupted;
use crate::common::outcome::Outcome;

/// The system's file for it.
const DROP: &str = "/proc/sys/vm/drop_caches";

/// True if this user may empty it.
pub(crate) fn can_be_emptied() -> bool {
    OpenOptions::new().write(true).open(DROP).is_ok()
}

/// Writes everything to the disks and forgets what was read from them.
pub(crate) fn empty() -> Outcome<()> {
    interrupted::check()?;
    rustix::fs::sync();
    Ok(fs::write(DROP, "3").at("empty the system's cache by writing", DROP)?)
}
