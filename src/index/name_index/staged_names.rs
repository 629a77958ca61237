//! The segments of a scan in progress: blocks and pages wait in temporary tables until the scan is written.

use std::path::Path;

use rusqlite::{Connection, params};

use super::block::{BlockBuilder, BlockGroup, part_checksum, place_checksum};
use super::merge::merge_small;
use super::page::{pack_pages, take_staged_pages};
use super::segment::{delete_blocks, insert_segment, next_block};
use crate::index::sql::execute;
use crate::model::project::ProjectId;
use crate::snapshot::manifest::ManifestRef;

/// Size of posting lists in memory from which they are staged as a segment, in bytes.
pub(super) const SEGMENT_BYTES: usize = 16 << 20;

/// The temporary tables. `replica` is the place of a replica in the scan.
pub(in crate::index) const STAGING_TABLES: &str = "
CREATE TABLE IF NOT EXISTS temp.staged_name_blocks (
    replica INTEGER NOT NULL, place INTEGER NOT NULL, is_new INTEGER NOT NULL, folders BLOB NOT NULL, checksum INTEGER NOT NULL,
    PRIMARY KEY (replica, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS temp.staged_name_pages (
    segment INTEGER NOT NULL, first INTEGER NOT NULL, end INTEGER NOT NULL, postings BLOB NOT NULL, checksum BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS temp.staged_name_pages_of ON staged_name_pages (segment, first);
DELETE FROM temp.staged_name_blocks;
DELETE FROM temp.staged_name_pages;
";

/// The name index of a scan in progress. It takes no memory until a folder differs.
#[derive(Debug, Default)]
pub(in crate::index) struct NameStaging {
    builder: Option<BlockBuilder>,
    segments: Vec<StagedSegment>,
    /// Number of blocks in `segments`.
    blocks: u64,
}

#[derive(Clone, Copy, Debug)]
struct StagedSegment {
    blocks: u64,
    bytes: u64,
}

/// The segments of a complete scan.
#[derive(Debug, Default)]
pub(in crate::index) struct StagedNames {
    segments: Vec<StagedSegment>,
}

/// A folder that differs from the index.
#[derive(Clone, Copy, Debug)]
pub(in crate::index) enum FolderNumber {
    /// Its row.
    Known(i64),
    /// Its row in the staging table.
    New(i64),
}

impl NameStaging {
    /// Adds the names of a folder that differs.
    pub(in crate::index) fn add_folder(
        &mut self,
        connection: &Connection,
        replica: i64,
        folder: FolderNumber,
        (project, path): (&ProjectId, &Path),
        manifest: ManifestRef<'_>,
    ) -> rusqlite::Result<()> {
        let (number, is_new) = match folder {
            FolderNumber::Known(number) => (number, false),
            FolderNumber::New(number) => (number, true),
        };
        let builder = self.builder.get_or_insert_default();
        let group = BlockGroup { replica, is_new };
        builder.add_folder(group, number, project, path, manifest);
        self.stage_blocks(connection)?;
        let is_full = self
            .builder
            .as_ref()
            .is_some_and(|builder| builder.bytes() >= SEGMENT_BYTES);
        if is_full {
            self.stage_segment(connection)
        } else {
            Ok(())
        }
    }

    /// Ends a replica.
    pub(in crate::index) fn end_replica(
        &mut self,
        connection: &Connection,
        replica: i64,
    ) -> rusqlite::Result<()> {
        if let Some(builder) = &mut self.builder {
            builder.end_replica(replica);
        }
        self.stage_blocks(connection)
    }

    /// Stages what is left.
    pub(in crate::index) fn finish(
        mut self,
        connection: &Connection,
    ) -> rusqlite::Result<StagedNames> {
        self.stage_segment(connection)?;
        Ok(StagedNames {
            segments: self.segments,
        })
    }

    fn stage_blocks(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(builder) = &mut self.builder else {
            return Ok(());
        };
        let sql = "INSERT INTO temp.staged_name_blocks (replica, place, is_new, folders, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        for block in builder.take_blocks() {
            let place = (self.blocks + block.place).cast_signed();
            let group = block.group;
            let checksum = part_checksum(&block.folders);
            let parameters = params![group.replica, place, group.is_new, block.folders, checksum];
            execute(connection, sql, parameters)?;
        }
        Ok(())
    }

    fn stage_segment(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(builder) = &mut self.builder {
            builder.complete_all();
        }
        self.stage_blocks(connection)?;
        let Some(builder) = self.builder.take().filter(|builder| !builder.is_empty()) else {
            return Ok(());
        };
        let bytes = builder.bytes() as u64;
        let built = builder.finish();
        let number = self.segments.len() as u64;
        let sql = "INSERT INTO temp.staged_name_pages (segment, first, end, postings, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        for page in pack_pages(built.lists) {
            let parameters = params![
                number.cast_signed(),
                page.first,
                page.end,
                page.packed,
                page.checksum()
            ];
            execute(connection, sql, parameters)?;
        }
        self.segments.push(StagedSegment {
            blocks: built.blocks,
            bytes,
        });
        self.blocks += built.blocks;
        Ok(())
    }
}

/// The staged segments while their scan is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::index) struct NameWriter {
    /// The id of the first staged block.
    first_block: i64,
    /// Added to the numbers of new folders.
    pub(in crate::index) folder_base: i64,
    has_segments: bool,
}

/// The folders of a replica before and after it is written.
#[derive(Clone, Copy, Debug)]
pub(in crate::index) struct WrittenReplica {
    /// The place in the scan.
    pub(in crate::index) place: i64,
    /// The row.
    pub(in crate::index) id: i64,
    /// True if it had no folders before.
    pub(in crate::index) was_empty: bool,
    /// Number of folders whose names were staged.
    pub(in crate::index) listings: i64,
}

impl NameWriter {
    /// Writes the staged segments without their blocks.
    pub(in crate::index) fn begin(
        connection: &Connection,
        staged: &StagedNames,
    ) -> rusqlite::Result<Self> {
        let folder_base = crate::index::sql::one(
            connection,
            "SELECT coalesce(max(id), 0) FROM folders",
            [],
            |row| row.get(0),
        )?;
        let first_block = next_block(connection)?;
        let mut first = first_block;
        for (number, segment) in (0..).zip(&staged.segments) {
            let [blocks, bytes] = [segment.blocks, segment.bytes].map(u64::cast_signed);
            let id = insert_segment(connection, first, blocks, bytes)?;
            take_staged_pages(connection, number, id)?;
            first += blocks;
        }
        Ok(Self {
            first_block,
            folder_base,
            has_segments: !staged.segments.is_empty(),
        })
    }

    /// Writes the blocks of a replica.
    pub(in crate::index) fn write_replica(
        self,
        connection: &Connection,
        replica: WrittenReplica,
    ) -> rusqlite::Result<()> {
        let WrittenReplica { place, id, .. } = replica;
        if replica.was_empty {
            delete_blocks(connection, id)?;
            let sql = "INSERT OR REPLACE INTO name_replicas (replica_id, listings) VALUES (?1, ?2)";
            execute(connection, sql, [id, replica.listings])?;
        } else {
            let sql = "UPDATE name_replicas SET listings = listings + ?2 WHERE replica_id = ?1";
            execute(connection, sql, [id, replica.listings])?;
        }
        // The sum is that of `insert_block`.
        let sql = "INSERT INTO name_blocks (id, replica_id, base, folders, checksum)
                   SELECT ?2 + place, ?3, iif(is_new, ?4, 0), folders, ?2 + place + checksum + iif(is_new, ?5, ?6)
                   FROM temp.staged_name_blocks WHERE replica = ?1";
        let sums = [self.folder_base, 0].map(|base| place_checksum(id, base));
        let parameters = [
            place,
            self.first_block,
            id,
            self.folder_base,
            sums[0],
            sums[1],
        ];
        execute(connection, sql, parameters)?;
        forget_if_outdated(connection, id)
    }

    /// Ends the writing.
    pub(in crate::index) fn finish(self, connection: &Connection) -> rusqlite::Result<()> {
        if self.has_segments {
            merge_small(connection).map(drop)
        } else {
            Ok(())
        }
    }
}

/// Forgets that a replica is indexed if most of its listings are of folders that changed since: it is then indexed anew.
fn forget_if_outdated(connection: &Connection, replica: i64) -> rusqlite::Result<()> {
    /// Number of outdated listings that are always tolerated.
    const TOLERATED: i64 = 256;
    let sql = "DELETE FROM name_replicas WHERE replica_id = ?1
               AND listings > ?2 + 2 * (SELECT folder_rows FROM replicas WHERE id = ?1)";
    execute(connection, sql, [replica, TOLERATED])
}
