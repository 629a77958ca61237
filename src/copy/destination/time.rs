//! Files at the destination whose time is not the one that was set, and that are the same all the same.

use std::path::Path;

use super::{DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::model::registry::Database;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{ContentComparison, ContentRecord, TimeReconciliation};
use crate::storage::{LocalStorage, RemoteStorage, Storage};

impl DestinationCopy<'_> {
    /// Gives files of the destination's tree the time of the source where the storage returns another than was set, and
    /// keeps these times in the index. Where contents were compared they decide; otherwise only differences of time that
    /// storages make have the contents of their files compared.
    pub(super) fn reconcile_times(
        &self,
        storage: &LocalStorage,
        replica: &SourceReplica,
        tree: &mut Tree,
        found: Option<(&mut ContentRecord, &ContentComparison)>,
    ) -> Result<TimeReconciliation> {
        if let Some((record, found)) = found {
            return Ok(self.reconcile_compared_times(record, replica, tree, found));
        }
        if !TimeReconciliation::has_candidates([&replica.tree, tree]) {
            return Ok(TimeReconciliation::default());
        }
        let relative = replica.relative();
        let mut record = self.open_record(&storage.database)?;
        let on_progress = |bytes| self.compare_meter.add_bytes(bytes);
        let off = match &*self.spec.source {
            Storage::Local(source) => {
                let both = |root, tree| content_compare::ComparedReplica {
                    root,
                    relative: &relative,
                    tree,
                };
                let sides = [both(&source.root, &replica.tree), both(&storage.root, tree)];
                let threads = self.worker_count(storage);
                TimeReconciliation::detect([&replica.tree, tree], &mut |wanted| {
                    content_compare::compare(
                        sides,
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
        self.record_times(record, &off, &relative);
        tree.restore_original_times(&off.altered);
        Ok(off)
    }

    /// The same for a destination behind rclone.
    pub(super) fn reconcile_remote_times(
        &self,
        storage: &RemoteStorage,
        replica: &SourceReplica,
        tree: &mut Tree,
        found: Option<&ContentComparison>,
    ) -> Result<TimeReconciliation> {
        let relative = replica.relative();
        if found.is_none() && !TimeReconciliation::has_candidates([&replica.tree, tree]) {
            return Ok(TimeReconciliation::default());
        }
        let mut record = self.open_record(&storage.database)?;
        if let Some(found) = found {
            return Ok(self.reconcile_compared_times(&mut record, replica, tree, found));
        }
        let source = &self.spec.source;
        let on_progress = |bytes| self.compare_meter.add_bytes(bytes);
        let off = TimeReconciliation::detect([&replica.tree, tree], &mut |wanted| {
            let (database, abilities) = (source.database(), source.features());
            storage.compare_contents(
                database,
                abilities,
                wanted.iter().cloned().collect(),
                &relative,
                &on_progress,
            )
        })?;
        self.record_times(record, &off, &relative);
        tree.restore_original_times(&off.altered);
        Ok(off)
    }

    fn reconcile_compared_times(
        &self,
        record: &mut ContentRecord,
        replica: &SourceReplica,
        tree: &mut Tree,
        found: &ContentComparison,
    ) -> TimeReconciliation {
        let relative = replica.relative();
        let off = TimeReconciliation::from_comparison(&replica.tree, tree, found);
        let held = record.store_altered_times(&relative, &off.altered);
        let differing = record.store_differing(&relative, [&replica.tree, tree], found);
        for error in [held, differing].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
        tree.restore_original_times(&off.altered);
        off
    }

    /// An index that cannot be written stops no copy.
    fn record_times(&self, mut record: ContentRecord, off: &TimeReconciliation, relative: &Path) {
        let kept = record.store_altered_times(relative, &off.altered);
        for error in [kept, record.finish()].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
    }

    /// What the index knows of source and destination, where they are in it; nothing for a dry run, which keeps nothing.
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
