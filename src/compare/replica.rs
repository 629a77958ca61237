//! The comparison of replicas.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use super::comparison::{CompareVerdict, Comparison, ItemPlace};
use super::folder::FolderComparison;
use super::request::CompareRequest;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::own_name::is_history_folder;
use crate::index::Index;
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::Category;
use crate::snapshot::diff;
use crate::snapshot::respelled;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::concurrent::run_both;
use crate::storage::content_compare::{ContentComparer, ContentComparison};
use crate::storage::observation::{Observation, ObservationBuilder};

/// A replica in at least one database: the position of its category in the request, and the project.
pub(super) type ReplicaKey = (usize, ProjectId);

/// A comparison in progress.
pub(super) struct Comparer<'i, 'a> {
    /// One handle for each database.
    pub(super) indexes: [&'i Index; 2],
    pub(super) sides: &'a [Storage; 2],
    pub(super) request: &'a CompareRequest<'a>,
    pub(super) monitor: &'a dyn Monitor,
    pub(super) comparison: Comparison,
    pub(super) contents: ContentComparer<'i>,
}

impl Comparer<'_, '_> {
    /// Compares all replicas and returns the contents of both databases for the index.
    pub(super) fn compare_all(
        &mut self,
        replicas: &BTreeSet<ReplicaKey>,
    ) -> Result<[Observation; 2]> {
        let builder = |side: usize| {
            let storage = &self.sides[side];
            let (database, root) = (storage.database(), storage.observed_root());
            ObservationBuilder::start(self.indexes[side], database, root)
        };
        let mut builders = [builder(0)?, builder(1)?];
        for (place, project) in replicas {
            interrupt::check()?;
            let category = self.request.categories[*place];
            let sides = self.sides.each_ref();
            let ids = sides.map(|side| side.stored_spelling(category, project));
            let relative = category.replica_path(project);
            let mut trees = self.read_trees(category, project)?;
            self.monitor.on_event(&ProgressEvent::Files(
                trees[0].file_count().max(trees[1].file_count()),
            ));
            // The index stores names as the storages spell them, so that trees are recorded before they are respelled.
            let is_recorded = respelled::is_needed(&trees[0], &trees[1]);
            if is_recorded {
                for ((builder, tree), id) in builders.iter_mut().zip(&trees).zip(&ids) {
                    builder.add(category, id, tree)?;
                }
                self.respell(&relative, &mut trees);
            }
            let [first, second] = &mut trees;
            let contents = self.contents.compare([&relative; 2], first, second)?;
            if !is_recorded {
                for ((builder, tree), id) in builders.iter_mut().zip(&trees).zip(&ids) {
                    builder.add(category, id, tree)?;
                }
            }
            self.comparison
                .compare_trees(*place, project, &trees, &contents);
        }
        for notice in self.contents.notices() {
            self.monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        let [a, b] = builders;
        Ok([a.finish()?, b.finish()?])
    }

    /// Reads a replica in both databases.
    fn read_trees(&self, category: &Category, project: &ProjectId) -> Result<[Tree; 2]> {
        let read_tree = |side: &Storage| side.tree(category, project);
        // In parallel, because the two are usually on two disks.
        let [first, second] = self.sides;
        let (a, b) = run_both(|| read_tree(first), || read_tree(second));
        Ok([a?, b?])
    }

    /// Changes the names in B's tree to the spelling of A.
    fn respell(&self, relative: &Path, trees: &mut [Tree; 2]) {
        let [first, second] = trees;
        let finds = |folder: &Path, name: &OsStr| {
            let folder = relative.join(folder);
            self.sides
                .iter()
                .all(|side| side.resolves_name(&folder, name))
        };
        respelled::respell(first, second, &finds);
    }
}

impl Comparison {
    /// Compares the trees of one replica.
    pub(super) fn compare_trees(
        &mut self,
        category: usize,
        project: &ProjectId,
        trees: &[Tree; 2],
        contents: &ContentComparison,
    ) {
        let place = ItemPlace {
            category,
            project: Some(self.project_position(project)),
        };
        for tree in trees {
            for problem in &tree.problems {
                let verdict = CompareVerdict::Failed(problem.error.full_message());
                let path = path_within(&project.path(), &problem.path);
                self.add(place, path, verdict);
            }
        }
        let paths: BTreeSet<_> = trees.iter().flat_map(|tree| tree.folders.keys()).collect();
        for path in paths {
            // Unread folders were reported above. Each storage has histories of its own.
            if is_history_folder(path) || trees.iter().any(|tree| tree.is_unread(path)) {
                continue;
            }
            let mut folder = FolderComparison {
                comparison: self,
                place,
                project: project.path(),
                path,
                contents: (!contents.decides_nothing()).then_some(contents),
            };
            folder.add_empty_folder(trees);
            diff::diff_folder(&trees[0], &trees[1], path, &mut folder);
        }
    }
}
