//! Helpers to read and write rows: each statement is prepared once, paths are stored as bytes.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Params, Row, Transaction, TransactionBehavior};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Fingerprints;

/// The form in which paths are stored.
pub(super) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Selects a folder (?1) and all folders below it, which are between ?2 and ?3.
pub(super) const SUBTREE: &str = "(folder = ?1 OR ?1 = x'' OR (folder > ?2 AND folder < ?3))";

/// Returns the bounds of all paths below a folder: `0` follows `/`.
pub(super) fn subtree_bounds(folder: &Path) -> [Vec<u8>; 2] {
    [b"/", b"0"].map(|end| [bytes(folder), end].concat())
}

/// Executes one statement.
pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(parameters)?;
    Ok(())
}

/// Reads all rows of a query.
pub(super) fn rows<T, C: FromIterator<T>>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<C> {
    connection
        .prepare_cached(sql)?
        .query_map(parameters, read)?
        .collect()
}

/// Reads the row of a query, if there is one.
pub(super) fn optional<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached(sql)?
        .query_row(parameters, read)
        .optional()
}

/// Reads the only row of a query.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached(sql)?.query_row(parameters, read)
}

impl Index {
    /// Executes one statement in a transaction of its own.
    pub(super) fn execute(&self, sql: &str, parameters: impl Params) -> Result<()> {
        execute(&self.connection, sql, parameters).explain("write", &self.path)
    }

    /// Executes `work` in one transaction. Waits for another process that is writing.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.require_writable()?;
        let path = &self.path;
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let written = work(&transaction)?;
                transaction.commit()?;
                Ok(written)
            })
            .explain("write", path)
    }

    /// Reads all rows of a query.
    pub(super) fn rows<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C> {
        rows(&self.connection, sql, parameters, read).explain("read", &self.path)
    }

    /// Reads the row of a query, if there is one.
    pub(super) fn optional<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        optional(&self.connection, sql, parameters, read).explain("read", &self.path)
    }

    /// Reads the only row of a query.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        one(&self.connection, sql, parameters, read).explain("read", &self.path)
    }
}

pub(super) fn read_path(row: &Row<'_>, column: usize) -> rusqlite::Result<PathBuf> {
    Ok(OsString::from_vec(row.get(column)?).into())
}

/// Reads a number that was written with [`u64::cast_signed`].
pub(super) fn read_u64(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// Reads an optional time in seconds.
pub(super) fn read_seconds(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(from_seconds))
}

pub(super) const fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp {
        seconds,
        nanoseconds: 0,
    }
}

/// Reads the client and the project in the first two columns.
pub(super) fn read_project(row: &Row<'_>) -> rusqlite::Result<ProjectId> {
    Ok(ProjectId {
        client: Name::from_bytes(row.get(0)?),
        project: Name::from_bytes(row.get(1)?),
    })
}

/// Packs fingerprints as four 128-bit sums, little-endian.
pub(super) fn encode_fingerprints(sums: &Fingerprints) -> Vec<u8> {
    sums.iter().flat_map(|sum| sum.to_le_bytes()).collect()
}

/// Unpacks the form of [`encode_fingerprints`].
pub(super) fn decode_fingerprints(stored: &[u8]) -> Fingerprints {
    let mut sums = Fingerprints::default();
    for (sum, bytes) in sums.iter_mut().zip(stored.as_chunks().0) {
        *sum = u128::from_le_bytes(*bytes);
    }
    sums
}
