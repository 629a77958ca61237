//! Segments: the posting lists of one scan, with the range of its blocks.

use rusqlite::{Connection, params};

use super::block::{BuiltSegment, part_checksum, place_checksum};
use super::page::{delete_pages, pack_pages, write_page};
use crate::index::sql::{execute, one, rows};

/// The row of a segment. Later segments have later blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) id: i64,
    /// The id of its first block.
    pub(super) first: i64,
    /// Number of ids that its blocks may take.
    pub(super) blocks: i64,
    /// Size of its posting lists.
    pub(super) bytes: i64,
}

/// Returns all segments, the oldest first.
pub(super) fn segments(connection: &Connection) -> rusqlite::Result<Vec<Segment>> {
    let sql = "SELECT id, first, blocks, bytes FROM name_segments ORDER BY id";
    rows(connection, sql, [], |row| {
        Ok(Segment {
            id: row.get(0)?,
            first: row.get(1)?,
            blocks: row.get(2)?,
            bytes: row.get(3)?,
        })
    })
}

/// Deletes a segment with its pages.
pub(super) fn delete_segment(connection: &Connection, segment: i64) -> rusqlite::Result<()> {
    delete_pages(connection, segment)?;
    execute(
        connection,
        "DELETE FROM name_segments WHERE id = ?1",
        [segment],
    )
}

/// Returns the id behind the blocks of all segments.
pub(super) fn next_block(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce(max(first + blocks), 1) FROM name_segments";
    one(connection, sql, [], |row| row.get(0))
}

/// Inserts the row of the next segment and returns its id.
pub(super) fn insert_segment(
    connection: &Connection,
    first: i64,
    blocks: i64,
    bytes: i64,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO name_segments (id, first, blocks, bytes)
               VALUES ((SELECT coalesce(max(id), 0) + 1 FROM name_segments), ?1, ?2, ?3) RETURNING id";
    one(connection, sql, [first, blocks, bytes], |row| row.get(0))
}

/// Writes a segment without the rows of its blocks, and returns the id of its first block.
pub(super) fn write_segment(connection: &Connection, built: BuiltSegment) -> rusqlite::Result<i64> {
    let first = next_block(connection)?;
    let bytes = built
        .lists
        .iter()
        .map(|(_, list)| list.len())
        .sum::<usize>();
    let [blocks, bytes] = [built.blocks, bytes as u64].map(u64::cast_signed);
    let segment = insert_segment(connection, first, blocks, bytes)?;
    for page in pack_pages(built.lists) {
        write_page(connection, segment, &page)?;
    }
    Ok(first)
}

/// Inserts the row of a block whose folders are packed without a base.
pub(super) fn insert_block(
    connection: &Connection,
    id: i64,
    replica: i64,
    folders: &[u8],
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO name_blocks (id, replica_id, base, folders, checksum) VALUES (?1, ?2, 0, ?3, ?4)";
    let checksum = id + part_checksum(folders) + place_checksum(replica, 0);
    execute(connection, sql, params![id, replica, folders, checksum])
}

/// Deletes the blocks of a replica.
pub(super) fn delete_blocks(connection: &Connection, replica: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM name_blocks WHERE replica_id = ?1";
    execute(connection, sql, [replica])
}
