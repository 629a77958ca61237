//! Files whose mtime the destination altered, although their content is the same as at the source.

use std::path::Path;

use super::{DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::model::registry::Database;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{ContentComparison, ContentRecord, TimeReconciliation};
use crate::storage::{LocalStorage, RemoteStorage, Storage};

impl DestinationCopy<'_> {
    /// Restores the source's mtimes in the tree of a local destination where the storage altered them, and stores the
    /// altered times in the index. Compared contents decide if available; otherwise only files whose times differ in a way
    /// that storages cause are compared.
    pub(super) fn reconcile_times(
        &self,
        storage: &LocalStorage,
        replica: &SourceReplica,
        tree: &mut Tree,
        compared: Option<(&mut ContentRecord, &ContentComparison)>,
    ) -> Result<TimeReconciliation> {
        if let Some((record, compared)) = compared {
            return Ok(self.reconcile_compared_times(record, replica, tree, compared));
        }
        if !TimeReconciliation::has_candidates([&replica.tree, tree]) {
            return Ok(TimeReconciliation::default());
        }
        let relative = replica.relative();
        let mut record = self.open_record(&storage.database)?;
        let on_progress = |bytes| self.compare_meter.add_bytes(bytes);
        let reconciled = match &*self.spec.source {
            Storage::Local(source) => {
                let replica_at = |root, tree| content_compare::ComparedReplica {
                    root,
                    relative: &relative,
                    tree,
                };
                let replicas = [
                    replica_at(&source.root, &replica.tree),
                    replica_at(&storage.root, tree),
                ];
                let threads = self.worker_count(storage);
                TimeReconciliation::detect([&replica.tree, tree], &mut |wanted| {
                    content_compare::compare(
                        replicas,
                        &mut record,
                        threads,
                        &on_progress,
                        Some(wanted),
                    )
                })?
            }
            Storage::Remote(source) => {
                TimeReconciliation::detect([&replica.tree, tree], &mut |wanted| {
                    source.compare_contents(
                        self.database,
                        None,
                        wanted.iter().cloned().collect(),
                        &relative,
                        &on_progress,
                    )
                })?
            }
        };
        self.record_times(record, &reconciled, &relative);
        tree.restore_original_times(&reconciled.altered);
        Ok(reconciled)
    }

    /// Restores the source's mtimes in the tree of a remote destination, like [`Self::reconcile_times`].
    pub(super) fn reconcile_remote_times(
        &self,
        storage: &RemoteStorage,
        replica: &SourceReplica,
        tree: &mut Tree,
        compared: Option<&ContentComparison>,
    ) -> Result<TimeReconciliation> {
        let relative = replica.relative();
        if compared.is_none() && !TimeReconciliation::has_candidates([&replica.tree, tree]) {
            return Ok(TimeReconciliation::default());
        }
        let mut record = self.open_record(&storage.database)?;
        if let Some(compared) = compared {
            return Ok(self.reconcile_compared_times(&mut record, replica, tree, compared));
        }
        let source = &self.spec.source;
        let on_progress = |bytes| self.compare_meter.add_bytes(bytes);
        let reconciled = TimeReconciliation::detect([&replica.tree, tree], &mut |wanted| {
            let (database, abilities) = (source.database(), source.features());
            storage.compare_contents(
                database,
                abilities,
                wanted.iter().cloned().collect(),
                &relative,
                &on_progress,
            )
        })?;
        self.record_times(record, &reconciled, &relative);
        tree.restore_original_times(&reconciled.altered);
        Ok(reconciled)
    }

    fn reconcile_compared_times(
        &self,
        record: &mut ContentRecord,
        replica: &SourceReplica,
        tree: &mut Tree,
        compared: &ContentComparison,
    ) -> TimeReconciliation {
        let relative = replica.relative();
        let reconciled = TimeReconciliation::from_comparison(&replica.tree, tree, compared);
        let stored_times = record.store_altered_times(&relative, &reconciled.altered);
        let stored_differences = record.store_differing(&relative, [&replica.tree, tree], compared);
        for error in [stored_times, stored_differences]
            .into_iter()
            .filter_map(Result::err)
        {
            self.report_problem(error);
        }
        tree.restore_original_times(&reconciled.altered);
        reconciled
    }

    /// Stores altered times. A failure is reported and does not stop the copy.
    fn record_times(
        &self,
        mut record: ContentRecord,
        reconciled: &TimeReconciliation,
        relative: &Path,
    ) {
        let stored = record.store_altered_times(relative, &reconciled.altered);
        for error in [stored, record.finish()]
            .into_iter()
            .filter_map(Result::err)
        {
            self.report_problem(error);
        }
    }

    /// Opens the record of compared contents. A dry run gets an empty one, because it records nothing (decision 17).
    fn open_record(&self, destination: &Database) -> Result<ContentRecord> {
        let index = self.index.try_clone()?;
        if self.spec.dry_run {
            return Ok(ContentRecord::new(index, [None; 2]));
        }
        let source = &self.spec.source.database().root;
        let rows = [source, &destination.root].map(|root| self.index.database_id(root));
        let [source, destination] = rows;
        Ok(ContentRecord::new(index, [source?, destination?]))
    }
}
