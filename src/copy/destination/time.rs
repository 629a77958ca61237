//! Files whose mtime the destination altered, although their content is the same as at the source.

use std::path::Path;

use super::{DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::snapshot::tree::Tree;
use crate::storage::StorageRef;
use crate::storage::content_compare::{ContentComparison, ContentRecord, TimeReconciliation};

impl DestinationCopy<'_> {
    /// Restores the source's mtimes in the tree of the destination where the storage altered them, and stores the altered
    /// times in the index. Compared contents decide if available; otherwise only files whose times differ in a way that
    /// storages cause are compared.
    pub(super) fn reconcile_times(
        &self,
        storage: StorageRef<'_>,
        replica: &SourceReplica,
        tree: &mut Tree,
        compared: Option<(&mut ContentRecord, &ContentComparison)>,
    ) -> Result<TimeReconciliation> {
        if let Some((record, compared)) = compared {
            return Ok(self.reconcile_compared_times(record, replica, tree, compared));
        }
        let trees = [&replica.tree, &*tree];
        if !TimeReconciliation::has_candidates(trees) {
            return Ok(TimeReconciliation::default());
        }
        let mut record = self.open_record()?;
        let reconciled = TimeReconciliation::detect(trees, &mut |selected| {
            self.compare_files(storage, replica, tree, &mut record, Some(selected))
        })?;
        self.record_times(record, &reconciled, &replica.relative());
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
}
