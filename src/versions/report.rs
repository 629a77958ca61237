//! What happened to each file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::index::{OutcomeKind, RunState};
use crate::storage::lock::Lock;

/// Result of putting versions back, or of removing them.
#[derive(Debug, Default)]
pub struct VersionReport {
    /// The files that were handled, and those that were not.
    pub items: Vec<VersionItem>,
    pub bytes: u64,
    /// Folders of the versions of what was there.
    pub version_folders: Vec<PathBuf>,
    pub is_interrupted: bool,
    pub is_unrecorded: bool,
    pub elapsed: Duration,
}

/// One file of a report.
#[derive(Clone, Debug)]
pub struct VersionItem {
    /// Its full path.
    pub path: PathBuf,
    pub outcome: OutcomeKind,
    pub bytes: u64,
    pub reason: Option<String>,
}

impl VersionReport {
    /// Adds the storage as failed if the lock was lost: what is left, such as empty folders, was not reached.
    pub(super) fn add_loss(&mut self, root: &Path, lock: Option<&Lock>) {
        if let Some(Err(error)) = lock.map(Lock::check) {
            self.items.push(VersionItem {
                path: root.to_owned(),
                outcome: OutcomeKind::Failed,
                bytes: 0,
                reason: Some(error.full_message()),
            });
        }
    }

    /// Number of files with this outcome.
    pub fn count(&self, outcome: OutcomeKind) -> u64 {
        self.items
            .iter()
            .filter(|item| item.outcome == outcome)
            .count() as u64
    }

    /// The state of the run.
    pub fn state(&self) -> RunState {
        if self.is_interrupted {
            RunState::Interrupted
        } else if self.count(OutcomeKind::Failed) > 0 || self.is_unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }
}
