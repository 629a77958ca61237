//! Merging of segments, so that their number grows with the logarithm of the names.

use std::ops::Range;

use rusqlite::Connection;

use super::page::{NamePage, PagePacker, page_at, write_page};
use super::posting_list::Blocks;
use super::segment::{Segment, delete_segment, insert_segment, segments};
use super::tables::{discard, is_unusable};
use super::trigram::Trigram;
use crate::index::checksum::corruption_error;
use crate::index::sql::{execute, one, rows};
use crate::snapshot::varint::write_varint;

/// Number of segments of one size that are merged.
const FANOUT: usize = 8;

/// Sizes of posting lists up to which segments are merged, in bytes.
const LEVELS: [i64; 4] = [32 << 10, 256 << 10, 2 << 20, 16 << 20];

/// Number of dead blocks for each live one from which the whole name index is built anew.
const MAX_DEAD: i64 = 1;

/// Number of dead blocks that are always tolerated.
const TOLERATED: i64 = 512;

/// Merges the newest segments where there are many of one size. A damaged name index is emptied, because it must not keep a
/// scan from being written, and so is one of mostly dead blocks: both are built anew. Returns true if it was emptied.
pub(super) fn merge_small(connection: &Connection) -> rusqlite::Result<bool> {
    let merged = is_mostly_dead(connection).and_then(|is_dead| {
        if is_dead {
            Ok(true)
        } else {
            merge_levels(connection).map(|()| false)
        }
    });
    let is_lost = match merged {
        Err(error) if is_unusable(&error) => true,
        merged => merged?,
    };
    if is_lost {
        discard(connection)?;
    }
    Ok(is_lost)
}

fn merge_levels(connection: &Connection) -> rusqlite::Result<()> {
    for level in LEVELS {
        let all = segments(connection)?;
        let newest = newest_of_one_size(&all, level);
        if newest.len() >= FANOUT {
            merge(connection, newest)?;
        }
    }
    Ok(())
}

/// Returns the newest segments below a size, without the oldest of them as long as those are larger than all after them:
/// writing a large one again for each few small ones would take long.
fn newest_of_one_size(all: &[Segment], level: i64) -> &[Segment] {
    let count = all
        .iter()
        .rev()
        .take_while(|segment| segment.bytes < level)
        .count();
    let mut newest = &all[all.len() - count..];
    while let [oldest, rest @ ..] = newest
        && oldest.bytes > rest.iter().map(|segment| segment.bytes).sum()
    {
        newest = rest;
    }
    newest
}

fn is_mostly_dead(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT (SELECT coalesce(sum(blocks), 0) FROM name_segments), (SELECT count(*) FROM name_blocks)";
    let (all, live): (i64, i64) = one(connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(all > TOLERATED + live.saturating_mul(MAX_DEAD + 1))
}

/// Replaces neighboring segments by one. Blocks without a row are left out. Pages are written as they become full: the lists
/// of large segments need more memory than a scan may take.
fn merge(connection: &Connection, merged: &[Segment]) -> rusqlite::Result<()> {
    let ends = merged.iter().map(|segment| segment.first + segment.blocks);
    let (Some(oldest), Some(end)) = (merged.first(), ends.max()) else {
        return Ok(());
    };
    let first = oldest.first;
    let id = insert_segment(connection, first, end - first, 0)?;
    let (mut packer, mut bytes) = (PagePacker::default(), 0_u64);
    visit_merged_lists(
        connection,
        merged,
        &LiveBlocks::read(connection, first..end)?,
        &mut |trigram, list| {
            bytes += list.len() as u64;
            let full = packer.add(trigram, list);
            full.map_or(Ok(()), |page| write_page(connection, id, &page))
        },
    )?;
    write_page(connection, id, &packer.finish())?;
    for segment in merged {
        delete_segment(connection, segment.id)?;
    }
    let sql = "UPDATE name_segments SET bytes = ?2 WHERE id = ?1";
    execute(connection, sql, [id, bytes.cast_signed()])
}

/// The blocks of a range that have a row.
struct LiveBlocks {
    first: i64,
    is_live: Vec<bool>,
}

impl LiveBlocks {
    fn read(connection: &Connection, range: Range<i64>) -> rusqlite::Result<Self> {
        let sql = "SELECT id FROM name_blocks WHERE id >= ?1 AND id < ?2";
        let live: Vec<i64> = rows(connection, sql, [range.start, range.end], |row| row.get(0))?;
        let length = usize::try_from(range.end - range.start).unwrap_or_default();
        let mut is_live = vec![false; length];
        for id in live {
            let place = usize::try_from(id - range.start).ok();
            if let Some(is_live) = place.and_then(|place| is_live.get_mut(place)) {
                *is_live = true;
            }
        }
        Ok(Self {
            first: range.start,
            is_live,
        })
    }

    /// Returns the number of a block in the range, if it is live.
    fn place(&self, id: i64) -> Option<u64> {
        let place = u64::try_from(id - self.first).ok()?;
        let is_live = self.is_live.get(usize::try_from(place).ok()?)?;
        is_live.then_some(place)
    }
}

/// Passes the posting lists of segments, sorted by trigram, as those of one segment.
fn visit_merged_lists(
    connection: &Connection,
    merged: &[Segment],
    live: &LiveBlocks,
    visit: &mut dyn FnMut(Trigram, &[u8]) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut cursors = Vec::new();
    for segment in merged {
        cursors.push(ListCursor::begin(connection, *segment)?);
    }
    let mut packed = Vec::new();
    while let Some(trigram) = cursors.iter().filter_map(ListCursor::trigram).min() {
        let mut last = 0;
        packed.clear();
        for cursor in &mut cursors {
            if cursor.trigram() != Some(trigram) {
                continue;
            }
            let start = cursor.segment.first;
            let ids = cursor
                .blocks()
                .map(|block| start.saturating_add_unsigned(block));
            for place in ids.filter_map(|id| live.place(id)) {
                write_varint(&mut packed, place - last);
                last = place;
            }
            cursor.advance(connection)?;
        }
        if !packed.is_empty() {
            visit(trigram, &packed)?;
        }
    }
    Ok(())
}

/// The posting lists of a segment, one after the other.
struct ListCursor {
    segment: Segment,
    /// First trigram of the next page.
    next_page: i64,
    /// The lists of the current page, the next one last.
    lists: Vec<(Trigram, Vec<u8>)>,
}

impl ListCursor {
    fn begin(connection: &Connection, segment: Segment) -> rusqlite::Result<Self> {
        let mut cursor = Self {
            segment,
            next_page: 0,
            lists: Vec::new(),
        };
        cursor.fill(connection)?;
        Ok(cursor)
    }

    /// Reads pages until one has a list.
    fn fill(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        while self.lists.is_empty() {
            let Some(page) = page_at(connection, self.segment.id, self.next_page)? else {
                break;
            };
            self.next_page = next_page(&page)?;
            for list in page.lists() {
                let (trigram, list) = list?;
                self.lists.push((trigram, list.to_vec()));
            }
            self.lists.reverse();
        }
        Ok(())
    }

    fn trigram(&self) -> Option<Trigram> {
        self.lists.last().map(|(trigram, _)| *trigram)
    }

    fn blocks(&self) -> Blocks<'_> {
        let list = self.lists.last().map(|(_, list)| list.as_slice());
        Blocks::new(list.unwrap_or_default())
    }

    fn advance(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.lists.pop();
        self.fill(connection)
    }
}

fn next_page(page: &NamePage) -> rusqlite::Result<i64> {
    if page.end > page.first {
        Ok(page.end)
    } else {
        Err(corruption_error("a page of the name index is out of order"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the segments that a level merges.
    fn newest(sizes: &[i64], level: i64) -> Vec<i64> {
        let segment = |bytes: &i64| Segment {
            id: 0,
            first: 0,
            blocks: 0,
            bytes: *bytes,
        };
        let all: Vec<Segment> = sizes.iter().map(segment).collect();
        let newest = newest_of_one_size(&all, level);
        newest.iter().map(|segment| segment.bytes).collect()
    }

    #[test]
    fn large_segment_waits_for_its_equals() {
        assert_eq!(newest(&[900, 5, 5, 5], 1000), [5, 5, 5]);
        assert_eq!(newest(&[900, 40, 5, 5], 1000), [5, 5]);
        assert_eq!(newest(&[900, 800, 700, 5], 1000), [900, 800, 700, 5]);
        assert_eq!(newest(&[5, 5, 900, 5, 5], 100), [5, 5]);
        assert_eq!(newest(&[5, 900], 1000), [5, 900]);
        assert_eq!(newest(&[], 1000), [0; 0]);
    }
}
