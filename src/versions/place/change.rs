//! The change of one file, and its result.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::index::OutcomeKind;
use crate::snapshot::diff::DiffEntry;
use crate::storage::Storage;
use crate::storage::version::run_folder::VersionFolder;
use crate::versions::report::{VersionItem, VersionReport};

/// The change of one file.
#[derive(Clone, Debug)]
pub(crate) struct FileChange {
    /// The original folder below the root.
    pub(crate) folder: PathBuf,
    pub(crate) name: Name,
    pub(crate) bytes: u64,
    /// The old version that is put back; `None` if the file is only moved away.
    pub(crate) version: Option<VersionFolder>,
    /// The entry that must be there; `None` if there must be none.
    pub(crate) expected: Option<DiffEntry>,
}

impl FileChange {
    /// The original path below the root.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(self.name.as_path())
    }
}

impl VersionReport {
    pub(super) fn add(&mut self, storage: &Storage, change: &FileChange, result: Result<()>) {
        let path = storage.database().path(&change.path());
        let outcome = match (&result, &change.version) {
            (Err(_), _) => OutcomeKind::Failed,
            (Ok(()), Some(_)) => OutcomeKind::Restored,
            (Ok(()), None) => OutcomeKind::Deleted,
        };
        if result.is_ok() {
            self.bytes = self.bytes.saturating_add(change.bytes);
        }
        self.items.push(VersionItem {
            path,
            outcome,
            bytes: change.bytes,
            reason: result.err().map(|error| error.full_message()),
        });
    }

    /// Adds the changes that have no result as failed.
    pub(super) fn add_failed(&mut self, storage: &Storage, changes: &[FileChange], error: &Error) {
        let known: BTreeSet<PathBuf> = self.items.iter().map(|item| item.path.clone()).collect();
        let why = error.full_message();
        for change in changes {
            let path = storage.database().path(&change.path());
            if !known.contains(&path) {
                self.items.push(VersionItem {
                    path,
                    outcome: OutcomeKind::Failed,
                    bytes: change.bytes,
                    reason: Some(why.clone()),
                });
            }
        }
    }
}
