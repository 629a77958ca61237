//! The record of the published index of a database that was written or taken over last, and of what changed since.

use rusqlite::{Connection, params};

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::sql::{execute, optional, read_u64};
use crate::index::{DatabaseId, Index};

/// The state of a published index's file at its storage. Another state is another publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSignature {
    /// Size in bytes.
    pub bytes: u64,
    /// The file's modification time.
    pub modified: Timestamp,
}

/// The published index that was looked at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenPublication {
    /// The state of its file.
    pub signature: FileSignature,
    /// True if it was neither written nor taken over.
    pub is_refused: bool,
}

/// Number of changes of a database since its first publication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeCount(i64);

impl Index {
    /// Returns the published index that was looked at last.
    pub fn seen_publication(&self, database: DatabaseId) -> Result<Option<SeenPublication>> {
        let sql = "SELECT bytes, modified, modified_ns, is_refused FROM publications
                   WHERE database_id = ?1 AND modified IS NOT NULL";
        self.optional(sql, [database], |row| {
            Ok(SeenPublication {
                signature: FileSignature {
                    bytes: read_u64(row, 0)?,
                    modified: Timestamp {
                        seconds: row.get(1)?,
                        nanoseconds: row.get(2)?,
                    },
                },
                is_refused: row.get(3)?,
            })
        })
    }

    /// Returns the number of changes of a database that were recorded so far: scans, and new evidence. The first call begins
    /// to count.
    pub fn change_count(&mut self, database: DatabaseId) -> Result<ChangeCount> {
        let sql = "SELECT changes FROM publications WHERE database_id = ?1";
        if let Some(count) = self.optional(sql, [database], |row| row.get(0))? {
            return Ok(ChangeCount(count));
        }
        self.write(|transaction| {
            let sql = "INSERT OR IGNORE INTO publications (database_id, changes) VALUES (?1, 1)";
            execute(transaction, sql, [database])?;
            let sql = "SELECT changes FROM publications WHERE database_id = ?1";
            let count = optional(transaction, sql, [database], |row| row.get(0))?;
            Ok(ChangeCount(count.unwrap_or_default()))
        })
    }

    /// Records the published index that was looked at last.
    pub fn record_publication(
        &mut self,
        database: DatabaseId,
        seen: SeenPublication,
    ) -> Result<()> {
        let sql = "INSERT INTO publications (database_id, changes, bytes, modified, modified_ns, is_refused)
                   VALUES (?1, 1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (database_id) DO UPDATE SET bytes = ?2, modified = ?3, modified_ns = ?4, is_refused = ?5";
        let parameters = params![
            database,
            seen.signature.bytes.cast_signed(),
            seen.signature.modified.seconds,
            seen.signature.modified.nanoseconds,
            seen.is_refused,
        ];
        self.write(|transaction| execute(transaction, sql, parameters))
    }
}

/// Counts a change of a database, if changes are counted.
pub(in crate::index) fn count_change(
    connection: &Connection,
    database: DatabaseId,
) -> rusqlite::Result<()> {
    let sql = "UPDATE publications SET changes = changes + 1 WHERE database_id = ?1";
    execute(connection, sql, [database])
}
