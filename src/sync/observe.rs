//! What the index is told of a remote after a sync: what it holds now of the replicas in which something was done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::SyncRun;
use super::collect::SyncReplica;
use super::work::SyncWork;
use crate::base::error::Result;
use crate::index::{DatabaseId, Index};
use crate::model::project::Scope;
use crate::snapshot::tree::Tree;
use crate::storage::RemoteStorage;
use crate::storage::observation::{ObservationBuilder, ObservedRoot};

impl SyncRun<'_> {
    /// Tells the index what the destination holds now of the replicas in which something was done.
    pub(super) fn record_destination(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        replicas: &[SyncReplica<'_>],
        work: &SyncWork,
    ) -> Result<()> {
        let touched = work.touched();
        let database = index.database_id(&storage.database.root)?;
        let mut trees = Vec::new();
        for replica in replicas {
            let is_touched = touched.contains(replica.relative.as_path());
            let listed = replica.destination_tree.as_ref();
            if !is_touched && listed.is_none() {
                continue;
            }
            let before = match listed {
                Some(_) => storage.tree(
                    self.registry,
                    &self.exclusions,
                    replica.category,
                    &replica.project,
                )?,
                None => stored_tree(index, database, replica)?,
            };
            let rows = index.sent_rows(&storage.database.root, &replica.relative)?;
            let made: Vec<PathBuf> = work
                .new_folders
                .iter()
                .filter(|(of, _)| *of == replica.relative)
                .map(|(_, folder)| folder.clone())
                .collect();
            let mut tree = storage.tree_after_upload(before, &rows, &made, &self.exclusions);
            for (_, path) in work
                .removed
                .iter()
                .filter(|(of, _)| *of == replica.relative)
            {
                tree.remove_file(path);
            }
            for (_, path) in work
                .removed_folders
                .iter()
                .filter(|(of, _)| *of == replica.relative)
            {
                tree.remove_empty_folder(path);
            }
            trees.push((replica, tree));
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
}

impl SyncWork {
    /// The replicas in which something was done, by their folders.
    fn touched(&self) -> BTreeSet<&Path> {
        let sent = self.send.iter().map(|file| file.replica.as_path());
        let renamed = self.renames.iter();
        let renamed = renamed.map(|renamed| renamed.file.replica.as_path());
        let others = self.removed.iter().chain(&self.new_folders);
        let others = others.chain(&self.removed_folders);
        let others = others.map(|(replica, _)| replica.as_path());
        sent.chain(renamed).chain(others).collect()
    }
}

/// What the index knows of a replica at the destination.
fn stored_tree(
    index: &Index,
    database: Option<DatabaseId>,
    replica: &SyncReplica<'_>,
) -> Result<Tree> {
    let mut tree = Tree::default();
    let Some(database) = database else {
        return Ok(tree);
    };
    let scope = Scope::Project(replica.project.clone());
    index.visit_folders(database, &replica.category.path, &scope, &mut |folder| {
        tree.add_folder(folder.path, folder.files())
            .map_err(|malformed| index.damaged_error(malformed))?;
        Ok(true)
    })?;
    Ok(tree)
}
