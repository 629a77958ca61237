//! Merging of segments, so that their number grows with the logarithm of the names.

use rusqlite::Connection;

use super::page::{NamePage, delete_pages, pack_pages, page_at, write_pages};
use super::posting_list::Blocks;
use super::segment::{Segment, insert_segment, segments};
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
/// scan from being written, and so is one of mostly dead blocks: both are built anew.
pub(super) fn merge_small(connection: &Connection) -> rusqlite::Result<()> {
    let merged = is_mostly_dead(connection).and_then(|is_dead| {
        if is_dead {
            discard(connection)
        } else {
            merge_levels(connection)
        }
    });
    match merged {
        Err(error) if is_unusable(&error) => discard(connection),
        merged => merged,
    }
}

fn merge_levels(connection: &Connection) -> rusqlite::Result<()> {
    for level in LEVELS {
        let all = segments(connection)?;
        let small = all.iter().rev().take_while(|segment| segment.bytes < level);
        let count = small.count();
        if count >= FANOUT {
            merge(connection, &all[all.len() - count..])?;
        }
    }
    Ok(())
}

fn is_mostly_dead(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT (SELECT coalesce(sum(blocks), 0) FROM name_segments), (SELECT count(*) FROM name_blocks)";
    let (all, live): (i64, i64) = one(connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(all > TOLERATED + live.saturating_mul(MAX_DEAD + 1))
}

/// Replaces neighboring segments by one. Blocks without a row are left out.
fn merge(connection: &Connection, merged: &[Segment]) -> rusqlite::Result<()> {
    let [oldest, ..] = merged else {
        return Ok(());
    };
    let end = merged
        .iter()
        .map(|segment| segment.first + segment.blocks)
        .max();
    let end = end.unwrap_or(oldest.first);
    let sql = "SELECT id FROM name_blocks WHERE id >= ?1 AND id < ?2 ORDER BY id";
    let live: Vec<i64> = rows(connection, sql, [oldest.first, end], |row| row.get(0))?;
    let lists = merged_lists(connection, merged, oldest.first, &live)?;
    for segment in merged {
        delete_pages(connection, segment.id)?;
        execute(
            connection,
            "DELETE FROM name_segments WHERE id = ?1",
            [segment.id],
        )?;
    }
    let bytes = lists.iter().map(|(_, list)| list.len()).sum::<usize>() as u64;
    let blocks = end - oldest.first;
    let id = insert_segment(connection, oldest.first, blocks, bytes.cast_signed())?;
    write_pages(connection, id, &pack_pages(lists))
}

/// Returns the posting lists of segments as those of one whose blocks begin at `first`.
fn merged_lists(
    connection: &Connection,
    merged: &[Segment],
    first: i64,
    live: &[i64],
) -> rusqlite::Result<Vec<(Trigram, Vec<u8>)>> {
    let mut cursors = Vec::new();
    for segment in merged {
        cursors.push(ListCursor::begin(connection, *segment)?);
    }
    let mut lists = Vec::new();
    while let Some(trigram) = cursors.iter().filter_map(ListCursor::trigram).min() {
        let (mut packed, mut last) = (Vec::new(), 0);
        for cursor in &mut cursors {
            if cursor.trigram() != Some(trigram) {
                continue;
            }
            let start = cursor.segment.first;
            for block in cursor.blocks() {
                let id = start.saturating_add_unsigned(block);
                if live.binary_search(&id).is_err() {
                    continue;
                }
                let place = (id - first).cast_unsigned();
                write_varint(&mut packed, place - last);
                last = place;
            }
            cursor.advance(connection)?;
        }
        if !packed.is_empty() {
            lists.push((trigram, packed));
        }
    }
    Ok(lists)
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
