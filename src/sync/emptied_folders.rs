//! Folders at the destination that a sync left empty.
//!
//! A folder is removed only if it is in the record, certainly missing at the source, and empty. A category's own folder is
//! kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use super::run::SyncRun;
use super::work::{ReplicaPath, SyncWork};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::index::Index;
use crate::model::path::split_path;
use crate::os::folder::is_not_found;
use crate::storage::{LocalStorage, RemoteStorage};

impl SyncRun<'_> {
    /// Returns the folders in the record that are missing at the source, the deepest first.
    pub(super) fn missing_sent_folders(
        &self,
        replicas: &[SyncReplica<'_>],
    ) -> Result<Vec<ReplicaPath>> {
        let source = &self.request.source.root;
        self.missing_folders(replicas, |replica| {
            let rows = replica.sent_rows.iter().filter(|row| row.source == *source);
            rows.flat_map(|row| row.folder.ancestors()).collect()
        })
    }

    /// Returns the folders that renames took files from and that are missing at the source, the deepest first.
    fn emptied_by_renames(
        &self,
        replicas: &[SyncReplica<'_>],
        work: &SyncWork,
    ) -> Result<Vec<ReplicaPath>> {
        self.missing_folders(replicas, |replica| {
            let removed = work.removed.iter();
            let own = removed.filter(|(other, _)| *other == replica.relative);
            own.flat_map(|(_, path)| path.ancestors().skip(1)).collect()
        })
    }

    fn missing_folders<'r>(
        &self,
        replicas: &'r [SyncReplica<'_>],
        candidates: impl Fn(&'r SyncReplica<'_>) -> BTreeSet<&'r Path>,
    ) -> Result<Vec<ReplicaPath>> {
        let mut folders = BTreeSet::new();
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
            for path in missing {
                let folder = (replica.relative.clone(), path.to_owned());
                if !excluded.excludes_folder(path)
                    && self.is_folder_missing(&path_below_root(&folder))?
                {
                    folders.insert(folder);
                }
            }
        }
        Ok(folders.into_iter().rev().collect())
    }

    /// True if neither the replica nor any other project of its category exists at the source. An unmounted disk is then
    /// more likely than a deletion.
    fn seems_unmounted(&self, replica: &SyncReplica<'_>) -> Result<bool> {
        Ok(replica.tree.folders.is_empty()
            && !self.request.force
            && self.is_category_empty(replica.category)?)
    }

    /// Returns the client's folder if `folder` is a replica's own and the source has no such client.
    fn emptied_client_folder(&self, (replica, path): &ReplicaPath) -> Result<Option<PathBuf>> {
        if path != Path::new("") {
            return Ok(None);
        }
        let client = replica.parent().unwrap_or(Path::new(""));
        let is_missing = self.is_folder_missing(client)?;
        Ok(is_missing.then(|| client.to_owned()))
    }

    /// Removes the empty folders at a remote and from the record. Folders that cannot be removed are kept.
    pub(super) fn remove_empty_folders(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replicas: &[SyncReplica<'_>],
        deletes: bool,
        work: &mut SyncWork,
    ) -> Result<()> {
        if interrupt::is_requested() {
            return Ok(());
        }
        let folders = if deletes {
            self.missing_sent_folders(replicas)?
        } else {
            self.emptied_by_renames(replicas, work)?
        };
        if folders.is_empty() {
            return Ok(());
        }
        let removed = if storage.features.keeps_empty_folders() {
            self.remove_empty_remote(storage, folders)?
        } else {
            folders
        };
        index.forget_sent_folders(&storage.database.root, &removed)?;
        work.removed_folders = removed;
        Ok(())
    }

    fn remove_empty_remote(
        &self,
        storage: &RemoteStorage,
        mut folders: Vec<ReplicaPath>,
    ) -> Result<Vec<ReplicaPath>> {
        let paths: Vec<PathBuf> = folders.iter().map(path_below_root).collect();
        let removed = storage.remote.remove_empty_folders(&paths)?;
        folders.retain(|folder| removed.contains(&path_below_root(folder)));
        let mut clients = BTreeSet::new();
        for folder in &folders {
            clients.extend(self.emptied_client_folder(folder)?);
        }
        let clients: Vec<PathBuf> = clients.into_iter().collect();
        // A client's folder with another project is not empty and is kept.
        storage.remote.remove_empty_folders(&clients)?;
        Ok(folders)
    }

    /// Removes the empty folders on a disk, and the empty folders of their clients. Returns those that no longer exist.
    pub(super) fn remove_empty_local(
        &self,
        storage: &LocalStorage,
        folders: &[ReplicaPath],
    ) -> Result<Vec<ReplicaPath>> {
        let mut removed = Vec::new();
        for folder in folders {
            if !remove_if_empty(storage, &path_below_root(folder)) {
                continue;
            }
            if let Some(client) = self.emptied_client_folder(folder)? {
                // A client's folder with another project is not empty and is kept.
                remove_if_empty(storage, &client);
            }
            removed.push(folder.clone());
        }
        Ok(removed)
    }
}

/// Returns the path below the root, without a trailing slash for a replica's own folder.
fn path_below_root((replica, path): &ReplicaPath) -> PathBuf {
    replica.join(path).components().collect()
}

/// Removes a folder if it is empty. Returns true if it no longer exists.
fn remove_if_empty(storage: &LocalStorage, path: &Path) -> bool {
    let (above, name) = split_path(path);
    if storage.missing_mount(path).is_some() {
        return false;
    }
    let removed = storage
        .root
        .open_descendant(above)
        .and_then(|above| above.remove_empty_folder(name));
    match removed {
        Ok(()) => true,
        Err(error) => is_not_found(&error),
    }
}
