//! Report of a copy: counts of all outcomes, and the items that need attention.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::outcome::{Outcome, Verification};
use super::plan::Plan;
use crate::base::error::Error;
use crate::base::interrupt;
use crate::index::{RunItem, RunState};
use crate::model::registry::Database;

/// An item that needs attention: neither copied without a warning nor already the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedItem {
    /// Path at the destination.
    pub path: PathBuf,
    pub outcome: Outcome,
}

/// Result of a copy or sync. Its items are files, links, and folders that could not be created. `planned_files` is the sum
/// of copied, moved, same, conflict, failed, refused and skipped items; in a dry run, also of those that would be copied
/// (decision 5).
#[derive(Debug, Default)]
pub struct Report {
    /// Items of the source.
    pub planned_files: u64,
    /// Bytes to copy.
    pub planned_bytes: u64,
    /// Items copied completely.
    pub copied_files: u64,
    /// Bytes of the copied items.
    pub copied_bytes: u64,
    /// Copied items that replaced an older version, which was kept.
    pub replaced_files: u64,
    /// Copied items that were read back and equal the source.
    pub verified_files: u64,
    /// Copied items that share the source's blocks and were therefore not read back.
    pub cloned_files: u64,
    /// Copied items whose extended attributes the destination does not support.
    pub bare_files: u64,
    /// Copied items with a warning, such as a refused extended attribute.
    pub incomplete_files: u64,
    /// Items that the destination already had.
    pub same_files: u64,
    /// Items of which the destination kept another version.
    pub conflict_files: u64,
    /// Items missing or wrong at the destination.
    pub failed_files: u64,
    /// Items that the destination can never hold under their names.
    pub refused_files: u64,
    /// Items left out or not reached.
    pub skipped_files: u64,
    /// Items renamed at the destination.
    pub moved_files: u64,
    /// Items missing at the source, and therefore moved to the old versions.
    pub deleted_files: u64,
    /// Items missing at the source, and still at the destination.
    pub gone_files: u64,
    /// Items left for the next sync by a limit of this one.
    pub left_files: u64,
    /// Items that need attention.
    pub items: Vec<ReportedItem>,
    /// Plans of a dry run, each with the replica's folder at the destination.
    pub dry_run_plans: Vec<(PathBuf, Plan)>,
    /// Folders of the old versions of replaced files.
    pub version_folders: Vec<PathBuf>,
    /// True if the run was canceled.
    pub interrupted: bool,
    /// True if something could not be recorded in the index.
    pub unrecorded: bool,
    pub elapsed: Duration,
    /// Storages to which nothing or only a part could be copied. Each has an item, and counts as no file.
    pub failed_storages: u64,
    /// The result at each destination.
    pub destinations: Vec<DestinationResult>,
    /// Copies that were made from another destination because this one was too slow: number and bytes, by its name.
    pub relayed: BTreeMap<String, (u64, u64)>,
}

/// The result at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationResult {
    pub name: String,
    /// Items copied completely; in a dry run, items that would be copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    pub same_files: u64,
    pub conflict_files: u64,
    pub failed_files: u64,
    pub refused_files: u64,
    /// Items missing at the source, and still at the destination.
    pub gone_files: u64,
    /// Copies that were made from another destination: number and bytes, by its name.
    pub relayed: BTreeMap<String, (u64, u64)>,
    /// Why nothing or only a part was copied, if the copy ended early.
    pub error: Option<String>,
}

impl DestinationResult {
    fn new(name: &str, report: &Report) -> Self {
        let planned = report.dry_run_plans.iter();
        let (files, bytes) = planned.fold((0, 0), |(files, bytes), (_, plan)| {
            (files + plan.files, bytes + plan.bytes)
        });
        Self {
            name: name.to_owned(),
            files: report.copied_files + files,
            bytes: report.copied_bytes.saturating_add(bytes),
            same_files: report.same_files,
            conflict_files: report.conflict_files,
            failed_files: report.failed_files,
            refused_files: report.refused_files,
            gone_files: report.gone_files,
            relayed: report.relayed.clone(),
            error: None,
        }
    }
}

impl Report {
    /// Adds the report of the work for one destination, and the error that ended it.
    pub fn add_destination(&mut self, database: &Database, part: Self, error: Option<&Error>) {
        let mut result = DestinationResult::new(&database.name, &part);
        self.append(part);
        if let Some(error) = error {
            let outcome = match error {
                Error::Interrupted => Outcome::Unreached,
                Error::Declined => Outcome::Skipped("you answered no".to_owned()),
                error => Outcome::Failed(error.full_message()),
            };
            result.error = Some(error.full_message());
            let path = database.root.clone();
            if matches!(outcome, Outcome::Failed(_)) {
                // A storage is no file, so that it is in none of their numbers.
                self.failed_storages += 1;
                self.items.push(ReportedItem { path, outcome });
            } else {
                self.add(outcome, || path);
            }
        }
        self.destinations.push(result);
    }

    /// Adds the report of a copy to further destinations.
    pub fn merge(&mut self, mut other: Self) {
        self.destinations.append(&mut other.destinations);
        self.append(other);
    }

    /// Counts one outcome, and adds an item if it needs attention.
    pub fn add(&mut self, outcome: Outcome, path: impl FnOnce() -> PathBuf) {
        // Items missing at the source were not planned.
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
            Outcome::Refused(_) => self.refused_files += 1,
            Outcome::Moved(_) => self.moved_files += 1,
            Outcome::Deleted => self.deleted_files += 1,
            Outcome::Gone(_) => self.gone_files += 1,
        }
        self.items.push(ReportedItem {
            path: path(),
            outcome,
        });
    }

    /// Ends the report of a run that began at `start`.
    pub fn finish(&mut self, start: Instant) {
        self.elapsed = start.elapsed();
        self.interrupted = interrupt::is_requested();
        self.items.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Returns the state of a run that ended with this report.
    pub const fn state(&self) -> RunState {
        let failures = self.failed_files
            + self.failed_storages
            + self.refused_files
            + self.conflict_files
            + self.incomplete_files;
        if self.interrupted {
            RunState::Interrupted
        } else if failures > 0 || self.unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }

    /// Returns the items as the index and the log store them.
    pub fn run_items(&self) -> impl Iterator<Item = RunItem<'_>> {
        self.items.iter().map(|item| RunItem {
            path: &item.path,
            outcome: item.outcome.kind(),
            reason: item.outcome.reason(),
        })
    }

    /// Counts a copy that was made from another destination.
    pub fn add_relayed(&mut self, name: &str, bytes: u64) {
        let (files, total) = self.relayed.entry(name.to_owned()).or_default();
        *files += 1;
        *total = total.saturating_add(bytes);
    }

    /// Counts items that the destination already had.
    pub fn add_same(&mut self, files: u64) {
        self.planned_files += files;
        self.same_files += files;
    }

    /// Adds the report of another destination.
    fn append(&mut self, mut other: Self) {
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
        self.refused_files += other.refused_files;
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
        self.failed_storages += other.failed_storages;
    }
}
