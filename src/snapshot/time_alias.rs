//! Modification times that a storage returns altered: out of its range, rounded or shifted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;

/// A file's time as it was set and as the storage reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlteredTime {
    /// The file's size.
    pub bytes: u64,
    pub reported: Timestamp,
    /// The time that was set.
    pub original: Timestamp,
}

/// Times of the files of one folder, by name.
pub type AlteredTimes = BTreeMap<Name, AlteredTime>;

/// Times of files, by folder.
pub type AlteredTimesByFolder = BTreeMap<PathBuf, AlteredTimes>;
