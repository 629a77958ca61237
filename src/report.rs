//! What a copy came to, item by item; it adds up.

use std::path::PathBuf;
use std::time::Duration;

use crate::transfer::Outcome;

/// An item that was not plainly copied or the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedItem {
    /// Where it is or belongs at the destination.
    pub path: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a copy came to. All items are files and links, and folders that could not be made;
/// `planned_files` is the sum of copied, same, conflict, failed and skipped (of a dry run: with what would be copied).
#[derive(Debug, Default)]
pub struct Report {
    /// Items looked at.
    pub planned_files: u64,
    /// Bytes that were to be copied.
    pub planned_bytes: u64,
    /// Items that are whole at the destination now and were not before.
    pub copied_files: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Those of them that took the place of an older version, which was kept.
    pub replaced_files: u64,
    /// Items that were there already.
    pub same_files: u64,
    /// Items of which another version was kept.
    pub conflict_files: u64,
    /// Items that are not at the destination as they should be.
    pub failed_files: u64,
    /// Items left out, or not reached.
    pub skipped_files: u64,
    /// Everything that was not plainly copied or the same.
    pub items: Vec<ReportedItem>,
    /// Items that would be copied; only of a dry run.
    pub to_copy: Vec<(PathBuf, bool)>,
    /// Where old versions of what was replaced are.
    pub versions: Vec<PathBuf>,
    /// The run was stopped on request.
    pub interrupted: bool,
    /// The files are there, but the index could not be told.
    pub unrecorded: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Counts one outcome and lists what a person must know of.
    pub fn add(&mut self, path: PathBuf, outcome: Outcome) {
        self.planned_files += 1;
        match &outcome {
            Outcome::Copied { bytes, replaced } => {
                self.copied_files += 1;
                self.replaced_files += u64::from(*replaced);
                self.copied_bytes = self.copied_bytes.saturating_add(*bytes);
                return;
            }
            Outcome::Same => {
                self.same_files += 1;
                return;
            }
            Outcome::Conflict(_) => self.conflict_files += 1,
            Outcome::Skipped(_) | Outcome::Unreached => self.skipped_files += 1,
            Outcome::Failed(_) => self.failed_files += 1,
        }
        self.items.push(ReportedItem { path, outcome });
    }
}
