//! What a copy came to, item by item; it adds up.

use std::path::PathBuf;
use std::time::Duration;

use super::outcome::{Outcome, Verification};
use super::plan::Plan;
use crate::index::RunItem;

/// An item that was not plainly copied or the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedItem {
    /// Where it is or belongs at the destination.
    pub path: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
}

/// What a copy came to. All items are files and links, and folders that could not be made;
/// `planned_files` is the sum of copied, moved, same, conflict, failed and skipped (of a dry run: with what would be copied).
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
    /// Those of them that were read back and were what the source is.
    pub verified_files: u64,
    /// Those of them that share the blocks of the source, so that there was nothing to be read back.
    pub cloned_files: u64,
    /// Those of them whose extended attributes the destination cannot hold.
    pub bare_files: u64,
    /// Those of them that lack something of the source, as an extended attribute that was refused.
    pub incomplete_files: u64,
    /// Items that were there already.
    pub same_files: u64,
    /// Items of which another version was kept.
    pub conflict_files: u64,
    /// Items that are not at the destination as they should be.
    pub failed_files: u64,
    /// Items left out, or not reached.
    pub skipped_files: u64,
    /// Items that were given a new name at the destination.
    pub moved_files: u64,
    /// Items that were moved among the old versions, because they are gone from the source.
    pub deleted_files: u64,
    /// Items that are gone from the source, and still at the destination.
    pub gone_files: u64,
    /// Items that are left for the next sync, because this one was to end.
    pub left_files: u64,
    /// Everything that was not plainly copied or the same.
    pub items: Vec<ReportedItem>,
    /// What would be copied, only of a dry run: the replica's folder at the destination, and the plan.
    pub dry_run_plans: Vec<(PathBuf, Plan)>,
    /// Where old versions of what was replaced are.
    pub version_folders: Vec<PathBuf>,
    /// The run was stopped on request.
    pub interrupted: bool,
    /// The files are there, but the index could not be told.
    pub unrecorded: bool,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    /// Counts one outcome and lists what a person must know of.
    pub fn add(&mut self, outcome: Outcome, path: impl FnOnce() -> PathBuf) {
        // What is no longer at the source is nothing that was to be brought from there.
        self.planned_files += u64::from(!matches!(outcome, Outcome::Deleted | Outcome::Gone(_)));
        match &outcome {
            Outcome::Copied(copied) => {
                self.copied_files += 1;
                self.replaced_files += u64::from(copied.replaced);
                self.verified_files += u64::from(copied.verification == Verification::ReadBack);
                self.cloned_files += u64::from(copied.verification == Verification::Cloned);
                self.bare_files += u64::from(copied.lacks_attributes);
                self.copied_bytes = self.copied_bytes.saturating_add(copied.bytes);
                if copied.remark.is_none() {
                    return;
                }
                self.incomplete_files += 1;
            }
            Outcome::Conflict(_) => self.conflict_files += 1,
            Outcome::Skipped(_) | Outcome::Unreached => self.skipped_files += 1,
            Outcome::Failed(_) => self.failed_files += 1,
            Outcome::Moved(_) => self.moved_files += 1,
            Outcome::Deleted => self.deleted_files += 1,
            Outcome::Gone(_) => self.gone_files += 1,
        }
        self.items.push(ReportedItem {
            path: path(),
            outcome,
        });
    }

    /// Returns the items in the form of the index and the log.
    pub fn run_items(&self) -> impl Iterator<Item = RunItem<'_>> {
        self.items.iter().map(|item| RunItem {
            path: &item.path,
            outcome: item.outcome.kind(),
            reason: item.outcome.reason(),
        })
    }

    /// Counts items that were there already.
    pub fn add_same(&mut self, files: u64) {
        self.planned_files += files;
        self.same_files += files;
    }

    /// Adds what another destination came to.
    pub fn append(&mut self, mut other: Self) {
        self.planned_files += other.planned_files;
        self.planned_bytes = self.planned_bytes.saturating_add(other.planned_bytes);
        self.copied_files += other.copied_files;
        self.copied_bytes = self.copied_bytes.saturating_add(other.copied_bytes);
        self.replaced_files += other.replaced_files;
        self.verified_files += other.verified_files;
        self.cloned_files += other.cloned_files;
        self.same_files += other.same_files;
        self.conflict_files += other.conflict_files;
        self.failed_files += other.failed_files;
        self.skipped_files += other.skipped_files;
        self.moved_files += other.moved_files;
        self.deleted_files += other.deleted_files;
        self.gone_files += other.gone_files;
        self.left_files += other.left_files;
        self.items.append(&mut other.items);
        self.dry_run_plans.append(&mut other.dry_run_plans);
        self.bare_files += other.bare_files;
        self.incomplete_files += other.incomplete_files;
        self.version_folders.append(&mut other.version_folders);
        self.unrecorded |= other.unrecorded;
    }
}
