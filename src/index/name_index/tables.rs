//! The tables of the name index, and their common checksum, by which a lost row is noticed.

use rusqlite::{Connection, ErrorCode};

use crate::index::checksum::rows_checksum;
use crate::index::sql::{execute, one, optional};

/// The SQL that creates the tables.
pub(in crate::index) const NAME_TABLES: &str = "
CREATE TABLE IF NOT EXISTS name_replicas (
    replica_id INTEGER PRIMARY KEY REFERENCES replicas (id) ON DELETE CASCADE,
    listings   INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS name_segments (
    id     INTEGER PRIMARY KEY,
    first  INTEGER NOT NULL,
    blocks INTEGER NOT NULL,
    bytes  INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS name_pages (
    id       INTEGER PRIMARY KEY,
    end      INTEGER NOT NULL,
    postings BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS name_blocks (
    id         INTEGER PRIMARY KEY,
    replica_id INTEGER NOT NULL REFERENCES replicas (id) ON DELETE CASCADE,
    base       INTEGER NOT NULL,
    folders    BLOB NOT NULL,
    checksum   INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS name_blocks_of ON name_blocks (replica_id);
";

/// Number of tables.
const TABLE_COUNT: i64 = 4;

/// The SQL that drops the tables.
pub(super) const DROP_TABLES: &str = "
DROP TABLE IF EXISTS name_blocks;
DROP TABLE IF EXISTS name_pages;
DROP TABLE IF EXISTS name_segments;
DROP TABLE IF EXISTS name_replicas;
";

/// The key of the checksum in the table of checksums.
const CHECKSUM_KEY: &str = "names";

/// The rows that the checksum is computed from.
const CHECKED_ROWS: [&str; 2] = [
    "SELECT id, first, blocks, bytes, 'segment' FROM name_segments",
    "SELECT replica_id, listings, 'replica' FROM name_replicas",
];

/// Makes the tables ready to be written: starts with empty ones if one of them or a row was lost, and returns true then.
pub(in crate::index) fn prepare(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name GLOB 'name_*'";
    let tables: i64 = one(connection, sql, [], |row| row.get(0))?;
    let is_lost = tables != TABLE_COUNT || !is_sound(connection)?;
    if is_lost {
        discard(connection)?;
    }
    Ok(is_lost)
}

/// Empties the tables. Searches then read every name until the tables are built again.
pub(in crate::index) fn discard(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(DROP_TABLES)?;
    connection.execute_batch(NAME_TABLES)?;
    store_names_checksum(connection)
}

/// True if the segments and the replicas are those that were written.
pub(super) fn is_sound(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT checksum FROM checksums WHERE name = ?1";
    let stored: Option<Vec<u8>> = optional(connection, sql, [CHECKSUM_KEY], |row| row.get(0))?;
    let now = rows_checksum(connection, &CHECKED_ROWS)?;
    Ok(stored.is_some_and(|stored| stored == now))
}

/// Stores the checksum at the end of a transaction that changed the tables, or deleted replicas.
pub(in crate::index) fn store_names_checksum(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO checksums (name, checksum) VALUES (?1, ?2)";
    let checksum = rows_checksum(connection, &CHECKED_ROWS)?;
    execute(connection, sql, rusqlite::params![CHECKSUM_KEY, checksum])
}

/// True for an error that the tables of the name index cause, not the file of the index.
pub(super) fn is_unusable(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => true,
        rusqlite::Error::SqliteFailure(failure, message) => {
            let text = message.as_deref().unwrap_or_default();
            failure.code == ErrorCode::DatabaseCorrupt && text.contains("name index")
                || text.contains("checksum of a row")
                || text.contains("no such table: name_")
        }
        _ => false,
    }
}
