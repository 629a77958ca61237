//! The index entries of a remote after a sync, derived from the work without another listing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::collect::SyncReplica;
use super::run::SyncRun;
use super::work::{ReplicaPath, SyncWork};
use crate::base::error::Result;
use crate::index::Index;
use crate::model::project::Scope;
use crate::snapshot::tree::Tree;
use crate::storage::RemoteStorage;
use crate::storage::observation::{ObservationBuilder, ObservedRoot};

impl SyncRun<'_> {
    /// Records the contents of all replicas that were changed or listed.
    pub(super) fn record_destination(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replicas: &[SyncReplica<'_>],
        work: &SyncWork,
    ) -> Result<()> {
        let changed = work.changed_replicas();
        let mut trees = Vec::new();
        for replica in replicas {
            if changed.contains(replica.relative.as_path()) || replica.destination_tree.is_some() {
                trees.push((
                    replica,
                    self.tree_after_sync(index, storage, replica, work)?,
                ));
            }
        }
        if trees.is_empty() {
            return Ok(());
        }
        let mut builder = ObservationBuilder::start(index, self.request.destination)?;
        for (replica, tree) in &trees {
            builder.add(replica.category, &replica.project, tree)?;
        }
        let observation = builder.finish()?;
        observation.write(index, ObservedRoot::Remote(storage.identity()))
    }

    /// Returns the tree of a replica at the destination: the tree before the sync with all changes applied.
    fn tree_after_sync(
        &self,
        index: &Index,
        storage: &RemoteStorage,
        replica: &SyncReplica<'_>,
        work: &SyncWork,
    ) -> Result<Tree> {
        let (category, project) = (replica.category, &replica.project);
        let before = match replica.destination_tree {
            Some(_) => storage.tree(self.registry, &self.exclusions, category, project)?,
            None => stored_tree(index, &storage.database.root, replica)?,
        };
        let rows = index.sent_rows(&storage.database.root, &replica.relative)?;
        let new_folders: Vec<PathBuf> = paths_in(replica, &work.new_folders).cloned().collect();
        let mut tree = storage.tree_after_upload(before, &rows, &new_folders, &self.exclusions);
        for path in paths_in(replica, &work.removed) {
            tree.remove_file(path);
        }
        for path in paths_in(replica, &work.removed_folders) {
            tree.drop_empty_folder(path);
        }
        Ok(tree)
    }
}

impl SyncWork {
    /// Returns the folders of all replicas that the work changes.
    fn changed_replicas(&self) -> BTreeSet<&Path> {
        let sent = self.send.iter().map(|file| &file.replica);
        let renamed = self.renames.iter().map(|renamed| &renamed.file.replica);
        let others = self.removed.iter().chain(&self.new_folders);
        let others = others.chain(&self.removed_folders);
        let others = others.map(|(replica, _)| replica);
        let replicas = sent.chain(renamed).chain(others);
        replicas.map(PathBuf::as_path).collect()
    }
}

/// Returns those of `paths` that lie in a replica.
fn paths_in<'a>(
    replica: &SyncReplica<'_>,
    paths: &'a [ReplicaPath],
) -> impl Iterator<Item = &'a PathBuf> {
    paths
        .iter()
        .filter(|(other, _)| *other == replica.relative)
        .map(|(_, path)| path)
}

/// Returns the tree of a replica at the destination according to the index.
fn stored_tree(index: &Index, root: &Path, replica: &SyncReplica<'_>) -> Result<Tree> {
    let mut tree = Tree::default();
    let Some(database) = index.database_id(root)? else {
        return Ok(tree);
    };
    let scope = Scope::Project(replica.project.clone());
    index.visit_folders(database, &replica.category.path, &scope, &mut |folder| {
        tree.add_folder(folder.path, folder.files());
        Ok(true)
    })?;
    Ok(tree)
}
