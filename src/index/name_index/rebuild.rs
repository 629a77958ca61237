//! Building what is missing in the name index: for replicas of an older index, and after it was dropped.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, Row};

use super::block::{BlockBuilder, BlockGroup};
use super::merge::merge_small;
use super::segment::{delete_blocks, insert_block, write_segment};
use super::staged_names::SEGMENT_BYTES;
use super::tables::{prepare, store_names_checksum};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::Index;
use crate::index::folder::verified_folder;
use crate::index::sql::{execute, optional};
use crate::index::sqlite_error::Explain as _;
use crate::model::project::ProjectId;

/// A replica that is not in the name index.
struct UnindexedReplica {
    id: i64,
    project: ProjectId,
}

const UNINDEXED_SQL: &str = "
    SELECT replicas.id, client, project FROM replicas LEFT JOIN name_replicas ON name_replicas.replica_id = replicas.id
    WHERE name_replicas.replica_id IS NULL AND folder_rows > 0 AND replicas.id > ?1 ORDER BY replicas.id LIMIT 1";

impl Index {
    /// Builds what is missing in the name index. Each transaction writes one segment, so that others can write in between.
    ///
    /// # Errors
    /// Interruption, which keeps the segments written before; the index cannot be written.
    pub fn complete_names(&mut self) -> Result<()> {
        let path = self.path.clone();
        let mut last = 0;
        loop {
            let is_missing = self.has_unindexed(last).explain("read", &path)?;
            if !is_missing {
                return Ok(());
            }
            let mut built = Ok(());
            last = self.write(|transaction| {
                prepare(transaction)?;
                let next = write_next_segment(transaction, last, &mut built)?;
                merge_small(transaction)?;
                store_names_checksum(transaction)?;
                Ok(next)
            })?;
            built?;
        }
    }

    fn has_unindexed(&self, last: i64) -> rusqlite::Result<bool> {
        let tables = "SELECT 1 FROM sqlite_schema WHERE name = 'name_replicas'";
        if optional(&self.connection, tables, [], |_| Ok(()))?.is_none() {
            return Ok(true);
        }
        let found = optional(&self.connection, UNINDEXED_SQL, [last], |_| Ok(()))?;
        Ok(found.is_some())
    }
}

/// Indexes replicas with ids above `last` until a segment is full, and returns the id of the last one. An interruption is
/// stored in `interrupted`, and what was indexed before is written.
fn write_next_segment(
    connection: &Connection,
    mut last: i64,
    interrupted: &mut Result<()>,
) -> rusqlite::Result<i64> {
    let mut builder = BlockBuilder::default();
    while builder.bytes() < SEGMENT_BYTES {
        let next = optional(connection, UNINDEXED_SQL, [last], read_unindexed)?;
        *interrupted = interrupt::check();
        let Some(replica) = next.filter(|_| interrupted.is_ok()) else {
            if interrupted.is_ok() {
                last = i64::MAX;
            }
            break;
        };
        last = replica.id;
        builder = index_replica(connection, &replica, builder)?;
    }
    write_builder(connection, builder)?;
    Ok(last)
}

fn read_unindexed(row: &Row<'_>) -> rusqlite::Result<UnindexedReplica> {
    Ok(UnindexedReplica {
        id: row.get(0)?,
        project: ProjectId {
            client: Name::from_bytes(row.get(1)?),
            project: Name::from_bytes(row.get(2)?),
        },
    })
}

/// Adds all folders of a replica to a builder. Returns another one if that one became full.
fn index_replica(
    connection: &Connection,
    replica: &UnindexedReplica,
    mut builder: BlockBuilder,
) -> rusqlite::Result<BlockBuilder> {
    delete_blocks(connection, replica.id)?;
    let group = BlockGroup {
        replica: replica.id,
        is_new: false,
    };
    let sql = "SELECT path, fingerprints, manifest, checksum, id FROM folders WHERE replica_id = ?1 ORDER BY path";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([replica.id])?;
    let mut listings = 0_i64;
    while let Some(row) = rows.next()? {
        let (path, manifest) = verified_folder(row, 0)?;
        let path = Path::new(OsStr::from_bytes(path));
        builder.add_folder(group, row.get(4)?, &replica.project, path, manifest);
        listings += 1;
        if builder.bytes() >= SEGMENT_BYTES {
            write_builder(connection, std::mem::take(&mut builder))?;
        }
    }
    builder.end_replica(replica.id);
    let sql = "INSERT OR REPLACE INTO name_replicas (replica_id, listings) VALUES (?1, ?2)";
    execute(connection, sql, [replica.id, listings])?;
    Ok(builder)
}

/// Writes the segment of a builder and its blocks.
fn write_builder(connection: &Connection, mut builder: BlockBuilder) -> rusqlite::Result<()> {
    builder.complete_all();
    if builder.is_empty() {
        return Ok(());
    }
    let blocks = builder.take_blocks();
    let first = write_segment(connection, builder.finish())?;
    for block in blocks {
        let id = first.saturating_add_unsigned(block.place);
        insert_block(connection, id, block.group.replica, &block.folders)?;
    }
    Ok(())
}
