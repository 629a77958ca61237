//! Folders at the destination in which nothing is left: they go with what was in them.
//!
//! Only folders that the record names, and that the source holds no more, are removed, and only while they are empty. A
//! category's own folder stays.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::collect::SyncReplica;
use super::work::SyncWork;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::copy::remote::{SourceProbe, SourceState};
use crate::index::Index;
use crate::os::folder::is_not_found;
use crate::snapshot::tree::Tree;
use crate::storage::{LocalStorage, RemoteStorage, Storage};

/// A folder of a replica: the replica's folder below both roots, and the path below that.
type ReplicaFolder = (PathBuf, PathBuf);

impl SyncRun<'_> {
    /// The folders of the record that the source holds no more, the deepest first.
    pub(super) fn missing_sent_folders(
        &self,
        replicas: &[SyncReplica<'_>],
    ) -> Result<Vec<ReplicaFolder>> {
        let source = &self.request.source.root;
        let mut folders = BTreeSet::new();
        for replica in replicas {
            let rows = replica.sent_rows.iter().filter(|row| row.source == *source);
            let paths = rows.flat_map(|row| row.folder.ancestors());
            let paths: BTreeSet<&Path> = paths.collect();
            self.add_missing_folders(replica, paths, &mut folders)?;
        }
        Ok(folders.into_iter().rev().collect())
    }

    /// The folders that renames took files out of, likewise.
    fn emptied_by_renames(
        &self,
        replicas: &[SyncReplica<'_>],
        work: &SyncWork,
    ) -> Result<Vec<ReplicaFolder>> {
        let mut folders = BTreeSet::new();
        for replica in replicas {
            let removed = work.removed.iter();
            let own = removed.filter(|(of, _)| *of == replica.relative);
            let paths = own.flat_map(|(_, path)| path.ancestors().skip(1));
            let paths: BTreeSet<&Path> = paths.collect();
            self.add_missing_folders(replica, paths, &mut folders)?;
        }
        Ok(folders.into_iter().rev().collect())
    }

    fn add_missing_folders(
        &self,
        replica: &SyncReplica<'_>,
        paths: BTreeSet<&Path>,
        folders: &mut BTreeSet<ReplicaFolder>,
    ) -> Result<()> {
        let tree = &replica.tree;
        let missing: Vec<&Path> = paths
            .into_iter()
            .filter(|path| !tree.folders.contains_key(*path) && !is_unread(tree, path))
            .collect();
        if missing.is_empty() || self.seems_unmounted(replica)? {
            return Ok(());
        }
        let left_alone = self.excluded_paths(&replica.relative);
        for path in missing {
            let whole: PathBuf = replica.relative.join(path).components().collect();
            if !left_alone.excludes_folder(path) && self.is_folder_missing(&whole)? {
                folders.insert((replica.relative.clone(), path.to_owned()));
            }
        }
        Ok(())
    }

    /// Whether the category holds no project at the source any more: then its disk is more likely away.
    fn seems_unmounted(&self, replica: &SyncReplica<'_>) -> Result<bool> {
        Ok(replica.tree.folders.is_empty()
            && !self.request.force
            && self.is_category_empty(replica.category)?)
    }

    /// Whether a folder is surely not at the source.
    fn is_folder_missing(&self, whole: &Path) -> Result<bool> {
        match &*self.source {
            Storage::Local(source) => {
                let is_gone = matches!(
                    SourceProbe::new(&self.source).stat_path(whole),
                    SourceState::Missing
                );
                Ok(is_gone && source.missing_mount(whole).is_none())
            }
            Storage::Remote(source) => {
                let listed = source.listing_of(whole.parent().unwrap_or(Path::new("")))?;
                let mut problems = listed.problems.iter();
                let is_closed = problems.any(|(closed, _)| whole.starts_with(closed));
                let mut folders = listed.folders.keys();
                Ok(!is_closed
                    && !listed.is_incomplete
                    && !folders.any(|path| path.starts_with(whole)))
            }
        }
    }

    /// The folder of a client at the destination that goes with the folder of its last project, if the source has none.
    fn emptied_client_folder(&self, (replica, path): &ReplicaFolder) -> Result<Option<PathBuf>> {
        if path != Path::new("") {
            return Ok(None);
        }
        let client = replica.parent().unwrap_or(Path::new(""));
        let is_gone = self.is_folder_missing(client)?;
        Ok(is_gone.then(|| client.to_owned()))
    }

    /// Removes folders at a remote from which everything was renamed or moved away. Those that cannot be removed stay.
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
            self.remove_empty_remote(storage, &folders)?
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
        folders: &[ReplicaFolder],
    ) -> Result<Vec<ReplicaFolder>> {
        let whole = |(replica, path): &ReplicaFolder| -> PathBuf {
            replica.join(path).components().collect()
        };
        let paths: Vec<PathBuf> = folders.iter().map(whole).collect();
        let removed = storage.remote.remove_empty_folders(&paths)?;
        let done: Vec<ReplicaFolder> = folders
            .iter()
            .filter(|folder| removed.contains(&whole(folder)))
            .cloned()
            .collect();
        let mut clients = BTreeSet::new();
        for folder in &done {
            clients.extend(self.emptied_client_folder(folder)?);
        }
        let clients: Vec<PathBuf> = clients.into_iter().collect();
        // One with another project in it stays.
        storage.remote.remove_empty_folders(&clients)?;
        Ok(done)
    }

    /// Removes folders of a disk that are empty, and then those of clients; gives those that are not there any more.
    pub(super) fn remove_empty_local(
        &self,
        storage: &LocalStorage,
        folders: &[ReplicaFolder],
    ) -> Result<Vec<ReplicaFolder>> {
        let mut removed = Vec::new();
        for folder in folders {
            let (replica, path) = folder;
            let whole: PathBuf = replica.join(path).components().collect();
            if !remove_if_empty(storage, &whole) {
                continue;
            }
            if let Some(client) = self.emptied_client_folder(folder)? {
                // One with another project in it stays.
                remove_if_empty(storage, &client);
            }
            removed.push(folder.clone());
        }
        Ok(removed)
    }
}

/// Removes a folder if it is empty; says whether it is not there any more.
fn remove_if_empty(storage: &LocalStorage, whole: &Path) -> bool {
    let (above, name) = (
        whole.parent().unwrap_or(Path::new("")),
        whole.file_name().unwrap_or(OsStr::new("")),
    );
    if storage.missing_mount(whole).is_some() {
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

/// Whether nothing is known of what has this path at the source.
fn is_unread(tree: &Tree, path: &Path) -> bool {
    let mut problems = tree.problems.iter();
    problems.any(|problem| path.starts_with(&problem.path) || problem.path.starts_with(path))
}
