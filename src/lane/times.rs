//! Files at the destination whose time is not the one that was set, and that are the same all the same.

use super::{Lane, Replica};
use crate::content::{Found, OffTimes, Record, Side};
use crate::error::Result;
use crate::sides::DiskSide;
use crate::tree::Tree;

impl Lane<'_> {
    /// Gives files of the destination's tree the time of the source where the storage returns another than was set, and
    /// keeps these times in the index. Where contents were compared they decide; otherwise only differences of time that
    /// storages make have the contents of their files compared.
    pub(super) fn hold_times(
        &self,
        side: &DiskSide,
        replica: &Replica,
        tree: &mut Tree,
        found: Option<(&mut Record, &Found)>,
    ) -> Result<OffTimes> {
        let relative = replica.relative();
        let off = if let Some((record, found)) = found {
            let off = OffTimes::proven(&replica.tree, tree, found);
            self.keep_times(record, &off, &relative);
            off
        } else {
            let Some(source) = self.errand.source.folder() else {
                return Ok(OffTimes::default());
            };
            let both = |root, tree| Side {
                root,
                relative: &relative,
                tree,
            };
            let sides = [both(source, &replica.tree), both(&side.root, tree)];
            if !OffTimes::is_possible(sides) {
                return Ok(OffTimes::default());
            }
            let mut record = Record::new(self.index.open_again()?, self.known_rows(side)?);
            let told = |bytes| self.compared.bytes(bytes);
            let off = OffTimes::find(sides, &mut record, self.workers(side), &told)?;
            self.keep_times(&mut record, &off, &relative);
            if let Err(error) = record.finish() {
                self.problem(error);
            }
            off
        };
        tree.hold(&off.held);
        Ok(off)
    }

    /// The rows of source and destination in the index, where they have any; none of a dry run, which keeps nothing.
    fn known_rows(&self, side: &DiskSide) -> Result<[Option<i64>; 2]> {
        if self.errand.dry_run {
            return Ok([None; 2]);
        }
        let source = &self.errand.source.database().root;
        let rows = [source, &side.database.root].map(|root| self.index.database_id(root));
        let [source, destination] = rows;
        Ok([source?, destination?])
    }

    /// An index that cannot be written stops no copy.
    fn keep_times(&self, record: &mut Record, off: &OffTimes, relative: &std::path::Path) {
        if let Err(error) = record.keep_held(relative, &off.held) {
            self.problem(error);
        }
    }
}
