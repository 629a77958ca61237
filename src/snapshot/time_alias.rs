//! Modification times that a storage does not return as they were set: out of its range, rounded or shifted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;

/// A time that a storage shows in the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlteredTime {
    /// The file's size.
    pub bytes: u64,
    /// The time that the storage shows.
    pub reported: Timestamp,
    /// The time that was set.
    pub original: Timestamp,
}

/// The times of the files of one folder, by name.
pub type AlteredTimes = BTreeMap<Name, AlteredTime>;

/// The times of files by folder.
pub type AlteredTimesByFolder = BTreeMap<PathBuf, AlteredTimes>;
