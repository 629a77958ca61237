//! Files whose time is not the one that was set, and that are the same all the same.

use super::Comparer;
use crate::content::{Found, OffTimes, Record, Side};
use crate::error::Result;
use crate::os::disk::Disk;
use crate::project::{ProjectId, below};
use crate::tree::Tree;

impl Comparer<'_, '_> {
    /// Gives files of the second tree the time of the first where a storage returns another than was set, and keeps these
    /// times in the index. Where contents were compared they decide.
    pub(super) fn hold_times(
        &mut self,
        place: usize,
        project: &ProjectId,
        trees: &mut [Tree; 2],
        contents: &Found,
    ) -> Result<OffTimes> {
        let relative = below(&self.request.categories[place].path, project);
        let off = if let Some(record) = &mut self.record {
            let off = OffTimes::proven(&trees[0], &trees[1], contents);
            record.keep_held(&relative, &off.held)?;
            off
        } else {
            let (Some(a), Some(b)) = (self.sides[0].folder(), self.sides[1].folder()) else {
                return Ok(OffTimes::default());
            };
            let [first, second] = &*trees;
            let side = |root, tree| Side {
                root,
                relative: &relative,
                tree,
            };
            let sides = [side(a, first), side(b, second)];
            if !OffTimes::is_possible(sides) {
                return Ok(OffTimes::default());
            }
            let [one, other] = self.request.databases;
            let index = self.indexes[0];
            let rows = [
                index.database_id(&one.root)?,
                index.database_id(&other.root)?,
            ];
            let mut record = Record::new(index.open_again()?, rows);
            let threads = Disk::of(a).copiers(&Disk::of(b));
            let off = OffTimes::find(sides, &mut record, threads, &|_| {})?;
            record.keep_held(&relative, &off.held)?;
            record.finish()?;
            off
        };
        self.comparison.files_read += off.files_read;
        trees[1].hold(&off.held);
        Ok(off)
    }
}
