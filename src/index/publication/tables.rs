//! The tables of a published index.

use rusqlite::Connection;

use crate::index::checksum::rows_checksum;

/// The id in the header of every published index (`AUBP`).
pub(super) const APPLICATION_ID: i64 = 0x4155_4250;

/// The version of the tables.
pub(super) const VERSION: i64 = 1;

/// The tables, each with its columns. No index of the program has tables of these names.
pub(super) const TABLES: [(&str, &str); 8] = [
    (
        "published_header",
        "identity TEXT NOT NULL, name TEXT NOT NULL, host_key TEXT NOT NULL,
         host_name TEXT NOT NULL, published_at INTEGER NOT NULL, scanned_at INTEGER, evidence_rows INTEGER NOT NULL,
         checksum BLOB NOT NULL",
    ),
    (
        "published_hosts",
        "id INTEGER PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, seen_at INTEGER NOT NULL",
    ),
    (
        "published_categories",
        "category BLOB NOT NULL, scanned_at INTEGER NOT NULL",
    ),
    (
        "published_outside",
        "scanned_at INTEGER NOT NULL, unread INTEGER NOT NULL, entries BLOB NOT NULL, checksum BLOB NOT NULL",
    ),
    (
        "published_replicas",
        "id INTEGER PRIMARY KEY, category BLOB NOT NULL, client BLOB NOT NULL, project BLOB NOT NULL,
         present INTEGER NOT NULL, scanned_at INTEGER NOT NULL, host INTEGER, bytes INTEGER NOT NULL,
         unreadable INTEGER NOT NULL, precision INTEGER NOT NULL, folder_rows INTEGER NOT NULL",
    ),
    (
        "published_folders",
        "id INTEGER PRIMARY KEY, replica_id INTEGER NOT NULL, path BLOB NOT NULL, fingerprints BLOB NOT NULL,
         manifest BLOB NOT NULL, checksum BLOB NOT NULL",
    ),
    (
        "published_evidence",
        "folder BLOB NOT NULL, manifest BLOB NOT NULL, digests BLOB NOT NULL, checksum BLOB NOT NULL,
         proofs BLOB NOT NULL",
    ),
    (
        "published_times",
        "folder BLOB NOT NULL, reported BLOB NOT NULL, original BLOB NOT NULL",
    ),
];

/// The rows that have no checksum of their own. The header holds one of them all.
const CHECKED_ROWS: [&str; 6] = [
    "SELECT identity, name, host_key, host_name, published_at, scanned_at, evidence_rows FROM published_header",
    "SELECT id, key, name, seen_at FROM published_hosts",
    "SELECT category, scanned_at FROM published_categories",
    "SELECT scanned_at, unread, entries, checksum FROM published_outside",
    "SELECT id, category, client, project, present, scanned_at, host, bytes, unreadable, precision, folder_rows
     FROM published_replicas",
    "SELECT folder, reported, original FROM published_times",
];

/// Creates the tables in the schema of this name.
pub(super) fn create(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    let tables =
        TABLES.map(|(name, columns)| format!("CREATE TABLE {schema}.{name} ({columns}) STRICT;"));
    let sql = format!(
        "{} PRAGMA {schema}.application_id = {APPLICATION_ID}; PRAGMA {schema}.user_version = {VERSION};",
        tables.concat()
    );
    connection.execute_batch(&sql)
}

/// Returns the checksum of the rows that have none of their own.
pub(super) fn checksum(connection: &Connection) -> rusqlite::Result<[u8; 16]> {
    rows_checksum(connection, &CHECKED_ROWS)
}
