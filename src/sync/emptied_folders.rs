//! Folders that a sync may leave empty at the destination.
//!
//! A folder is removed only if it is in the record, certainly missing at the source, and empty. A category's own folder is
//! kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use super::run::SyncRun;
use crate::base::error::Result;
use crate::copy::plan::Rename;
use crate::storage::EntryProbe;

/// Paths below the replica's folder, the deepest first, by replica.
type EmptiedFolders = BTreeMap<PathBuf, Vec<PathBuf>>;

impl SyncRun<'_> {
    /// Returns the folders that are missing at the source: with `--delete` all in the record, otherwise those that renames
    /// take files from.
    pub(super) fn find_emptied_folders(
        &self,
        replicas: &[SyncReplica<'_>],
        renames: &BTreeMap<PathBuf, Vec<Rename>>,
    ) -> Result<EmptiedFolders> {
        if self.request.delete {
            let source = &self.request.source.root;
            return self.missing_folders(replicas, |replica| {
                let rows = replica.sent_rows.iter().filter(|row| row.source == *source);
                rows.flat_map(|row| row.folder.ancestors()).collect()
            });
        }
        let all: Vec<&Rename> = renames.values().flatten().collect();
        self.missing_folders(replicas, |replica| {
            let previous = all.iter().map(|rename| &rename.previous);
            let own = previous.filter(|file| file.replica == replica.relative);
            own.flat_map(|file| file.path.ancestors().skip(1)).collect()
        })
    }

    fn missing_folders<'r>(
        &self,
        replicas: &'r [SyncReplica<'_>],
        candidates: impl Fn(&'r SyncReplica<'_>) -> BTreeSet<&'r Path>,
    ) -> Result<EmptiedFolders> {
        let mut folders = EmptiedFolders::new();
        let mut probe = EntryProbe::new(&self.source);
        for replica in replicas {
            let tree = &replica.tree;
            let mut missing = candidates(replica);
            missing.retain(|path| {
                let mut problems = tree.problems.iter();
                !tree.folders.contains_key(*path)
                    && !tree.is_unread(path)
                    && !problems.any(|problem| problem.path.starts_with(path))
            });
            if missing.is_empty() || self.seems_unmounted(replica)? {
                continue;
            }
            let excluded = self.excluded_paths(&replica.relative);
            for path in missing.into_iter().rev() {
                // Without the trailing slash of a replica's own folder.
                let whole: PathBuf = replica.relative.join(path).components().collect();
                if !excluded.excludes_folder(path) && probe.is_folder_missing(&whole)? {
                    let folders = folders.entry(replica.relative.clone()).or_default();
                    folders.push(path.to_owned());
                }
            }
        }
        Ok(folders)
    }

    /// True if neither the replica nor any other project of its category exists at the source. An unmounted disk is then
    /// more likely than a deletion.
    fn seems_unmounted(&self, replica: &SyncReplica<'_>) -> Result<bool> {
        Ok(replica.tree.folders.is_empty()
            && !self.request.force
            && self.is_category_empty(replica.category)?)
    }
}
