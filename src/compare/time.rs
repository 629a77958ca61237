//! Files whose time is not the one that was set, and that are the same all the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Comparer, compare_remote_contents};
use crate::base::error::Result;
use crate::model::project::{ProjectId, replica_path};
use crate::os::disk::Disk;
use crate::snapshot::tree::Tree;
use crate::storage::Storage;
use crate::storage::content_compare;
use crate::storage::content_compare::{ContentComparison, ContentRecord, TimeReconciliation};

impl Comparer<'_, '_> {
    /// Gives files of the second tree the time of the first where a storage returns another than was set, and keeps these
    /// times in the index. Where contents were compared they decide.
    pub(super) fn reconcile_times(
        &mut self,
        place: usize,
        project: &ProjectId,
        trees: &mut [Tree; 2],
        contents: &ContentComparison,
    ) -> Result<TimeReconciliation> {
        let relative = replica_path(&self.request.categories[place].path, project);
        let off = if let Some(record) = &mut self.record {
            let off = TimeReconciliation::from_comparison(&trees[0], &trees[1], contents);
            record.store_altered_times(&relative, &off.altered)?;
            record.store_differing(&relative, [&trees[0], &trees[1]], contents)?;
            off
        } else {
            let [first, second] = &*trees;
            if !TimeReconciliation::has_candidates([first, second]) {
                return Ok(TimeReconciliation::default());
            }
            let [one, other] = self.request.databases;
            let index = self.indexes[0];
            let rows = [
                index.database_id(&one.root)?,
                index.database_id(&other.root)?,
            ];
            let mut record = ContentRecord::new(index.try_clone()?, rows);
            let off = TimeReconciliation::detect([first, second], &mut |wanted| {
                compare_files(self.sides, [first, second], &relative, &mut record, wanted)
            })?;
            record.store_altered_times(&relative, &off.altered)?;
            record.finish()?;
            off
        };
        self.comparison.files_read += off.files_read;
        trees[1].restore_original_times(&off.altered);
        Ok(off)
    }
}

/// Compares the contents of some files of a replica.
fn compare_files(
    sides: &[Storage; 2],
    trees: [&Tree; 2],
    relative: &Path,
    record: &mut ContentRecord,
    wanted: &BTreeSet<PathBuf>,
) -> Result<ContentComparison> {
    let (Some(a), Some(b)) = (sides[0].root_folder(), sides[1].root_folder()) else {
        let paths = wanted.iter().cloned().collect();
        return compare_remote_contents(sides, paths, relative, &|_| {});
    };
    let side = |root, tree| content_compare::ComparedReplica {
        root,
        relative,
        tree,
    };
    let threads = Disk::of(a).copy_threads(&Disk::of(b));
    let sides = [side(a, trees[0]), side(b, trees[1])];
    content_compare::compare(sides, record, threads, &|_| {}, Some(wanted))
}
