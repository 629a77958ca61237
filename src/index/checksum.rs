//! Checksums of rows: `SQLite` has none, and a bit that flips on a disk or in memory would change an answer silently.
//!
//! A row with files has a checksum of its own. The row of a database, its replicas and its categories have one in common, so
//! that a lost row is noticed. The roots of all databases have one as well.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, ffi, params};

use super::DatabaseId;
use super::cache::{CategoryTotals, DatabaseTotals};
use super::sql::{execute, read_u64};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{Manifest, ManifestRef};

/// The key of the checksum of all roots.
pub(super) const ROOTS_KEY: &str = "databases";

/// The rows of one database, without its replicas and their folders.
const DATABASE_QUERIES: [&str; 3] = [
    "SELECT id, root, identity, looked_at, revision, offline_since, birth FROM databases WHERE id = ?1",
    "SELECT category, looked_at, 'look' FROM looks WHERE database_id = ?1",
    "SELECT category, 'mount' FROM mounts WHERE database_id = ?1",
];

/// The replicas of a database. The order of the columns is part of the checksum.
pub(super) const REPLICA_QUERY: &str = "
    SELECT category, client, project, id, present, looked_at, revision, files, bytes, folders, newest, newest_ns,
           unreadable, step, fingerprints, folder_rows
    FROM replicas WHERE database_id = ?1";

/// Reads a row of [`REPLICA_QUERY`].
pub(super) type ReplicaVisitor<'a> = dyn FnMut(&Row<'_>) -> rusqlite::Result<()> + 'a;

/// Returns the checksum of the parts of a row.
pub(super) fn row_checksum(parts: &[&[u8]]) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Digest::of_bytes(&bytes).0.to_le_bytes()
}

/// Fails unless the stored checksum is that of the parts.
pub(super) fn verify_row(stored: &[u8], parts: &[&[u8]]) -> rusqlite::Result<()> {
    if stored == row_checksum(parts) {
        Ok(())
    } else {
        Err(corruption_error("the checksum of a row is wrong"))
    }
}

/// Returns the error of a damaged index.
pub(super) fn corruption_error(message: &str) -> rusqlite::Error {
    let corrupt = ffi::Error {
        code: ErrorCode::DatabaseCorrupt,
        extended_code: ffi::SQLITE_CORRUPT,
    };
    rusqlite::Error::SqliteFailure(corrupt, Some(message.to_owned()))
}

/// Checks the packed files of a folder.
pub(super) fn parse_manifest(packed: &[u8]) -> rusqlite::Result<ManifestRef<'_>> {
    let malformed = |_| corruption_error("the files of a folder cannot be read");
    ManifestRef::parse(packed).map_err(malformed)
}

/// Reads the packed files of a folder.
pub(super) fn read_manifest(row: &Row<'_>, column: usize) -> rusqlite::Result<Manifest> {
    Ok(parse_manifest(row.get_ref(column)?.as_blob()?)?.to_owned())
}

/// Adds the values of a row to a sum over rows; their order does not matter.
fn add_row(
    sum: &mut u128,
    row: &Row<'_>,
    columns: usize,
    bytes: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    bytes.clear();
    for column in 0..columns {
        let (kind, value): (u8, &[u8]) = match row.get_ref(column)? {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => (1, &number.to_le_bytes()),
            ValueRef::Real(number) => (2, &number.to_le_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(value);
    }
    *sum = sum.wrapping_add(Digest::of_bytes(bytes).0);
    Ok(())
}

/// Passes each row of [`REPLICA_QUERY`] to `visit` until it fails, and returns the checksum of the database, with the totals
/// of its categories or the failure. Both hold only if the checksum is the stored one: a damaged row may be unreadable.
pub(super) fn database_checksum(
    connection: &Connection,
    database: DatabaseId,
    visit: &mut ReplicaVisitor<'_>,
) -> rusqlite::Result<([u8; 16], rusqlite::Result<DatabaseTotals>)> {
    let (mut sum, mut totals, mut bytes) = (0, DatabaseTotals::new(), Vec::new());
    let mut add_rows = |sql, on_row: &mut dyn FnMut(&Row<'_>)| {
        let mut query = connection.prepare_cached(sql)?;
        let columns = query.column_count();
        let mut rows = query.query([database])?;
        while let Some(row) = rows.next()? {
            add_row(&mut sum, row, columns, &mut bytes)?;
            on_row(row);
        }
        Ok::<_, rusqlite::Error>(())
    };
    for sql in DATABASE_QUERIES {
        add_rows(sql, &mut |_| {})?;
    }
    let mut visited = Ok(());
    add_rows(REPLICA_QUERY, &mut |row| {
        if visited.is_ok() {
            visited = add_replica(&mut totals, row).and_then(|()| visit(row));
        }
    })?;
    Ok((sum.to_le_bytes(), visited.map(|()| totals)))
}

/// Adds a row of [`REPLICA_QUERY`], its category and its number of files, to the totals.
fn add_replica(totals: &mut DatabaseTotals, row: &Row<'_>) -> rusqlite::Result<()> {
    let (category, files) = (row.get_ref(0)?.as_blob()?, read_u64(row, 7)?);
    if !totals.contains_key(category) {
        totals.insert(category.to_vec(), CategoryTotals::default());
    }
    if let Some(total) = totals.get_mut(category) {
        total.replicas += 1;
        total.files = total.files.saturating_add(files);
    }
    Ok(())
}

pub(super) fn roots_checksum(connection: &Connection) -> rusqlite::Result<[u8; 16]> {
    rows_checksum(connection, &["SELECT root, id FROM databases"])
}

/// Returns the checksum of all rows of queries.
pub(super) fn rows_checksum(
    connection: &Connection,
    queries: &[&str],
) -> rusqlite::Result<[u8; 16]> {
    let (mut sum, mut bytes) = (0, Vec::new());
    for sql in queries {
        let mut query = connection.prepare_cached(sql)?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            add_row(&mut sum, row, columns, &mut bytes)?;
        }
    }
    Ok(sum.to_le_bytes())
}

/// Stores the checksum of a database at the end of a transaction that changed it.
pub(super) fn store_checksum(
    connection: &Connection,
    database: DatabaseId,
) -> rusqlite::Result<()> {
    let (checksum, totals) = database_checksum(connection, database, &mut |_| Ok(()))?;
    totals?;
    let sql = "UPDATE databases SET checksum = ?2 WHERE id = ?1";
    execute(connection, sql, params![database, checksum])?;
    store_roots_checksum(connection)
}

/// Stores the checksum of all roots.
pub(super) fn store_roots_checksum(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO checksums (name, checksum) VALUES (?1, ?2)";
    let checksum = roots_checksum(connection)?;
    execute(connection, sql, params![ROOTS_KEY, checksum])
}
