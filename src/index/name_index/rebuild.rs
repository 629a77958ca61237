//! Building what is missing in the name index: for replicas of an older index, and after it was dropped.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, Row};

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

/// What one transaction built.
struct Built {
    /// The id of the last replica that was looked at.
    last: i64,
    /// True if the name index was emptied, so that replicas before that one are missing again.
    is_emptied: bool,
    /// An interruption, after which what is complete is kept.
    interrupted: Result<()>,
}

impl Index {
    /// Builds what is missing in the name index. Others can write in between: each transaction writes one segment, or the
    /// segments of one large replica.
    ///
    /// # Errors
    /// Interruption, which keeps the replicas that are complete; the index cannot be written.
    pub fn complete_names(&mut self) -> Result<()> {
        let path = self.path.clone();
        let (mut last, mut may_restart) = (0, true);
        while self.has_unindexed(last).explain("read", &path)? {
            let built = self.write(|transaction| build_next(transaction, last))?;
            built.interrupted?;
            let is_restart = built.is_emptied && may_restart;
            may_restart &= !is_restart;
            last = if is_restart { 0 } else { built.last };
        }
        Ok(())
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

/// Indexes replicas with ids above `last` until a segment is full.
fn build_next(connection: &Connection, last: i64) -> rusqlite::Result<Built> {
    let was_emptied = prepare(connection)?;
    let mut built = write_next_segment(connection, last)?;
    built.is_emptied = merge_small(connection)? || was_emptied && last > 0;
    store_names_checksum(connection)?;
    Ok(built)
}

fn write_next_segment(connection: &Connection, mut last: i64) -> rusqlite::Result<Built> {
    let mut builder = BlockBuilder::default();
    let mut interrupted = Ok(());
    while builder.bytes() < SEGMENT_BYTES && interrupted.is_ok() {
        let Some(replica) = optional(connection, UNINDEXED_SQL, [last], read_unindexed)? else {
            last = i64::MAX;
            break;
        };
        last = replica.id;
        interrupted = match index_replica(connection, &replica, &mut builder) {
            // `find` reads it as a whole, and reports the damage.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Ok(()),
            indexed => indexed?,
        };
    }
    write_builder(connection, builder)?;
    Ok(Built {
        last,
        is_emptied: false,
        interrupted,
    })
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

/// Adds all folders of a replica to a builder, which is written whenever it is full. A replica that is left incomplete, by an
/// interruption or an error, is not in the name index.
fn index_replica(
    connection: &Connection,
    replica: &UnindexedReplica,
    builder: &mut BlockBuilder,
) -> rusqlite::Result<Result<()>> {
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
        if let Err(interrupted) = interrupt::check() {
            return Ok(Err(interrupted));
        }
        let (path, manifest) = verified_folder(row, 0)?;
        let path = Path::new(OsStr::from_bytes(path));
        builder.add_folder(group, row.get(4)?, &replica.project, path, manifest);
        listings += 1;
        if builder.bytes() >= SEGMENT_BYTES {
            write_builder(connection, std::mem::take(builder))?;
        }
    }
    builder.end_replica(replica.id);
    let sql = "INSERT OR REPLACE INTO name_replicas (replica_id, listings) VALUES (?1, ?2)";
    execute(connection, sql, [replica.id, listings])?;
    Ok(Ok(()))
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
