//! What the index is told of a remote after a sync: what it holds now of the replicas in which something was done.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Sync;
use super::collect::Gathered;
use super::work::Work;
use crate::base::error::Result;
use crate::index::Index;
use crate::model::project::Scope;
use crate::snapshot::tree::Tree;
use crate::storage::RemoteSide;
use crate::storage::observation::{Noting, Place};

impl Sync<'_> {
    /// Tells the index what the destination holds now of the replicas in which something was done.
    pub(super) fn note_destination(
        &self,
        index: &mut Index,
        side: &RemoteSide,
        replicas: &[Gathered<'_>],
        work: &Work,
    ) -> Result<()> {
        let touched = work.touched();
        let database = index.database_id(&side.database.root)?;
        let mut trees = Vec::new();
        for replica in replicas {
            let is_touched = touched.contains(replica.relative.as_path());
            let listed = replica.there.as_ref();
            if !is_touched && listed.is_none() {
                continue;
            }
            let before = match listed {
                Some(_) => side.tree(
                    self.registry,
                    &self.exclusions,
                    replica.category,
                    &replica.project,
                )?,
                None => stored(index, database, replica)?,
            };
            let rows = index.sent(&side.database.root, &replica.relative)?;
            let made: Vec<PathBuf> = work
                .folders
                .iter()
                .filter(|(of, _)| *of == replica.relative)
                .map(|(_, folder)| folder.clone())
                .collect();
            let mut tree = side.with_record(before, &rows, &made, &self.exclusions);
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
                tree.remove_empty(path);
            }
            trees.push((replica, tree));
        }
        if trees.is_empty() {
            return Ok(());
        }
        let mut noting = Noting::begin(index, self.request.destination)?;
        for (replica, tree) in &trees {
            noting.add(replica.category, &replica.project, tree)?;
        }
        let noted = noting.finish()?;
        noted.write(index, Place::Remote(side.identity()))
    }
}

impl Work {
    /// The replicas in which something was done, by their folders.
    fn touched(&self) -> BTreeSet<&Path> {
        let sent = self.send.iter().map(|file| file.replica.as_path());
        let renamed = self.renames.iter();
        let renamed = renamed.map(|renamed| renamed.file.replica.as_path());
        let others = self.removed.iter().chain(&self.folders);
        let others = others.chain(&self.removed_folders);
        let others = others.map(|(replica, _)| replica.as_path());
        sent.chain(renamed).chain(others).collect()
    }
}

/// What the index knows of a replica at the destination.
fn stored(index: &Index, database: Option<i64>, replica: &Gathered<'_>) -> Result<Tree> {
    let mut tree = Tree::default();
    let Some(database) = database else {
        return Ok(tree);
    };
    let scope = Scope::Project(replica.project.clone());
    index.visit_folders(database, &replica.category.path, &scope, &mut |folder| {
        tree.add_known(folder.path, folder.files())
            .map_err(|malformed| index.malformed(malformed))?;
        Ok(true)
    })?;
    Ok(tree)
}
