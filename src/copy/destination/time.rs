//! Files at the destination whose time is not the one that was set, and that are the same all the same.

use std::path::Path;

use super::{DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::model::registry::Database;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{Found, OffTimes, Record};
use crate::storage::{DiskSide, RemoteSide, Side};

impl DestinationCopy<'_> {
    /// Gives files of the destination's tree the time of the source where the storage returns another than was set, and
    /// keeps these times in the index. Where contents were compared they decide; otherwise only differences of time that
    /// storages make have the contents of their files compared.
    pub(super) fn reconcile_times(
        &self,
        storage: &DiskSide,
        replica: &SourceReplica,
        tree: &mut Tree,
        found: Option<(&mut Record, &Found)>,
    ) -> Result<OffTimes> {
        if let Some((record, found)) = found {
            return Ok(self.reconcile_compared_times(record, replica, tree, found));
        }
        if !OffTimes::is_possible([&replica.tree, tree]) {
            return Ok(OffTimes::default());
        }
        let relative = replica.relative();
        let mut record = self.open_record(&storage.database)?;
        let on_progress = |bytes| self.compare_meter.bytes(bytes);
        let off = match &*self.spec.source {
            Side::Disk(source) => {
                let both = |root, tree| content_compare::Side {
                    root,
                    relative: &relative,
                    tree,
                };
                let sides = [both(&source.root, &replica.tree), both(&storage.root, tree)];
                let threads = self.worker_count(storage);
                OffTimes::find([&replica.tree, tree], &mut |wanted| {
                    content_compare::compare_some(sides, &mut record, threads, &on_progress, wanted)
                })?
            }
            Side::Remote(source) => OffTimes::find([&replica.tree, tree], &mut |wanted| {
                source.contents(
                    self.database,
                    None,
                    wanted.iter().cloned().collect(),
                    &relative,
                    &on_progress,
                )
            })?,
        };
        self.record_times(record, &off, &relative);
        tree.hold(&off.held);
        Ok(off)
    }

    /// The same for a destination behind rclone.
    pub(super) fn reconcile_remote_times(
        &self,
        storage: &RemoteSide,
        replica: &SourceReplica,
        tree: &mut Tree,
        found: Option<&Found>,
    ) -> Result<OffTimes> {
        let relative = replica.relative();
        if found.is_none() && !OffTimes::is_possible([&replica.tree, tree]) {
            return Ok(OffTimes::default());
        }
        let mut record = self.open_record(&storage.database)?;
        if let Some(found) = found {
            return Ok(self.reconcile_compared_times(&mut record, replica, tree, found));
        }
        let source = &self.spec.source;
        let on_progress = |bytes| self.compare_meter.bytes(bytes);
        let off = OffTimes::find([&replica.tree, tree], &mut |wanted| {
            let (database, abilities) = (source.database(), source.abilities());
            storage.contents(
                database,
                abilities,
                wanted.iter().cloned().collect(),
                &relative,
                &on_progress,
            )
        })?;
        self.record_times(record, &off, &relative);
        tree.hold(&off.held);
        Ok(off)
    }

    fn reconcile_compared_times(
        &self,
        record: &mut Record,
        replica: &SourceReplica,
        tree: &mut Tree,
        found: &Found,
    ) -> OffTimes {
        let relative = replica.relative();
        let off = OffTimes::proven(&replica.tree, tree, found);
        let held = record.keep_held(&relative, &off.held);
        let differing = record.keep_differing(&relative, [&replica.tree, tree], found);
        for error in [held, differing].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
        tree.hold(&off.held);
        off
    }

    /// An index that cannot be written stops no copy.
    fn record_times(&self, mut record: Record, off: &OffTimes, relative: &Path) {
        let kept = record.keep_held(relative, &off.held);
        for error in [kept, record.finish()].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
    }

    /// What the index knows of source and destination, where they are in it; nothing for a dry run, which keeps nothing.
    fn open_record(&self, destination: &Database) -> Result<Record> {
        let index = self.index.open_again()?;
        if self.spec.dry_run {
            return Ok(Record::new(index, [None; 2]));
        }
        let source = &self.spec.source.database().root;
        let rows = [source, &destination.root].map(|root| self.index.database_id(root));
        let [source, destination] = rows;
        Ok(Record::new(index, [source?, destination?]))
    }
}
