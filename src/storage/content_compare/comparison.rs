//! The result of comparing contents, and its effect on a difference of size and time.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::os::stat::EntryKind;
use crate::snapshot::diff::{Difference, EntryDiff};

/// The result of comparing contents.
#[derive(Debug, Default)]
pub struct ContentComparison {
    /// Files whose bytes differ, by their paths below the replica's folder.
    pub differing: HashSet<PathBuf>,
    /// Files that could not be read on one side, with the reasons.
    pub unread: HashMap<PathBuf, String>,
    /// Number of files that were read on either side.
    pub files_read: u64,
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
