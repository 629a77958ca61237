//! The result of comparing contents, and its effect on a difference of size and time.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::base::timestamp::Timestamp;
use crate::os::stat::EntryKind;
use crate::snapshot::diff::{Difference, EntryDiff};

/// Files that were compared by their known digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownDigests {
    /// Number of them.
    pub files: u64,
    /// The oldest time at which one of the digests was taken.
    pub oldest: Option<Timestamp>,
}

impl KnownDigests {
    /// Adds a file with digests that were taken at these times.
    pub fn add_file(&mut self, times: [Timestamp; 2]) {
        self.files += 1;
        for time in times {
            self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
        }
    }

    /// Adds the files of another replica.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.oldest = match (self.oldest, other.oldest) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// The result of comparing contents.
#[derive(Debug, Default)]
pub struct ContentComparison {
    /// Files whose bytes differ, by their paths below the replica's folder.
    pub differing: HashSet<PathBuf>,
    /// Files that could not be read on one side, with the reasons.
    pub unread: HashMap<PathBuf, String>,
    /// Number of files that were read on either side.
    pub files_read: u64,
    /// The files whose digests were known on both sides.
    pub known: KnownDigests,
    /// True if all files of one size were compared: those in neither list are the same.
    pub covers_all: bool,
}

impl ContentComparison {
    /// True if it decides about no file: sizes and times alone count.
    pub fn decides_nothing(&self) -> bool {
        !self.covers_all && self.differing.is_empty()
    }

    /// True if the contents of a compared file are the same.
    pub fn is_same(&self, path: &Path) -> bool {
        !self.differing.contains(path) && !self.unread.contains_key(path)
    }

    /// Corrects the difference of a file by its content.
    ///
    /// # Errors
    /// The reason why the file could not be read.
    pub fn resolve_change(&self, path: &Path, change: EntryDiff) -> Result<EntryDiff, String> {
        let (EntryDiff::Same(a, b) | EntryDiff::Differs(a, b, Difference::Time)) = change else {
            return Ok(change);
        };
        if a.kind != EntryKind::File || (!self.covers_all && !self.differing.contains(path)) {
            return Ok(change);
        }
        if let Some(why) = self.unread.get(path) {
            return Err(why.clone());
        }
        Ok(if self.differing.contains(path) {
            EntryDiff::Differs(a, b, Difference::Content)
        } else {
            EntryDiff::Same(a, b)
        })
    }
}
