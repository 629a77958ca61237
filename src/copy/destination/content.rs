//! Comparison of the contents at a destination with those at the source, and the record of its results.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{CopyEvent, DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::index::DatabaseId;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{ComparedReplica, ContentComparison, ContentRecord};
use crate::storage::{LocalStorage, Storage, StorageRef};

impl DestinationCopy<'_> {
    /// Opens the record of compared contents if the copy compares by content. Known results are not used: a user who
    /// requests a content comparison does not trust them.
    pub(super) fn open_fresh_record(
        &mut self,
        storage: &LocalStorage,
    ) -> Result<Option<ContentRecord>> {
        if !self.spec.rules.checksum {
            return Ok(None);
        }
        let rows = if self.spec.dry_run {
            [None; 2]
        } else {
            self.database_ids(storage).unwrap_or_else(|error| {
                // An index that cannot be written stops no copy.
                self.report_problem(error);
                [None; 2]
            })
        };
        let record = ContentRecord::new(self.index.try_clone()?, rows);
        Ok(Some(record.with_known(false)))
    }

    /// Opens the record of compared contents. A dry run gets an empty one, because it records nothing (decision 17).
    pub(super) fn open_record(&self) -> Result<ContentRecord> {
        let index = self.index.try_clone()?;
        if self.spec.dry_run {
            return Ok(ContentRecord::new(index, [None; 2]));
        }
        let source = &self.spec.source.database().root;
        let rows = [source, &self.database.root].map(|root| self.index.database_id(root));
        let [source, destination] = rows;
        Ok(ContentRecord::new(index, [source?, destination?]))
    }

    /// Compares the files of equal size if the copy compares by content, and otherwise returns the known differences.
    pub(super) fn compare_contents(
        &self,
        storage: StorageRef<'_>,
        replica: &SourceReplica,
        tree: &Tree,
        record: Option<&mut ContentRecord>,
    ) -> Result<ContentComparison> {
        let Some(record) = record else {
            let source = &self.spec.source.database().root;
            let ids = [source, &self.database.root].map(|root| self.index.database_id(root));
            let ([a, b], trees) = (ids, [&replica.tree, tree]);
            return ContentComparison::from_index(
                &self.index,
                [a?, b?],
                &replica.relative(),
                trees,
            );
        };
        let (files, bytes) = content_compare::comparison_size(&replica.tree, tree);
        (self.on_event)(CopyEvent::Comparing { files, bytes });
        self.compare_files(storage, replica, tree, record, None)
    }

    /// Compares the contents of the selected files, or of all files of equal size. The record applies to local databases.
    pub(super) fn compare_files(
        &self,
        storage: StorageRef<'_>,
        replica: &SourceReplica,
        tree: &Tree,
        record: &mut ContentRecord,
        selected: Option<&BTreeSet<PathBuf>>,
    ) -> Result<ContentComparison> {
        let relative = &replica.relative();
        let on_progress = &|bytes| self.compare_meter.add_bytes(bytes);
        let paths = || match selected {
            Some(selected) => selected.iter().cloned().collect(),
            None => content_compare::same_size_paths(&replica.tree, tree),
        };
        match (&*self.spec.source, storage) {
            (source, StorageRef::Remote(storage)) => {
                let (database, features) = (source.database(), source.features());
                storage.compare_contents(database, features, paths(), relative, on_progress)
            }
            (Storage::Remote(source), StorageRef::Local(_)) => {
                source.compare_contents(self.database, None, paths(), relative, on_progress)
            }
            (Storage::Local(source), StorageRef::Local(storage)) => {
                let roots = [(&source.root, &replica.tree), (&storage.root, tree)];
                let replicas = roots.map(|(root, tree)| ComparedReplica {
                    root,
                    relative,
                    tree,
                });
                let threads = self.worker_count(storage);
                content_compare::compare(replicas, record, threads, on_progress, selected)
            }
        }
    }

    /// Returns the row ids of source and destination in the index.
    pub(super) fn database_ids(
        &mut self,
        storage: &LocalStorage,
    ) -> Result<[Option<DatabaseId>; 2]> {
        let source = self.spec.source.database_id(&mut self.index)?;
        Ok([source, storage.database_id(&mut self.index)?])
    }
}
