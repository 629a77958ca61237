//! Files that other workstations could not send. Only their own syncs try them again.

use std::path::PathBuf;

use rusqlite::{Connection, Row, params};

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::sql::{bytes, execute, from_seconds, read_path, read_u64};
use crate::index::{HostId, Index, RunId};

/// The place of a failed file of another workstation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FailureKey {
    /// The workstation.
    pub host: HostId,
    /// The identity of the destination.
    pub destination: String,
    /// The identity of the source.
    pub source: String,
    /// The path below both roots.
    pub path: PathBuf,
}

/// A file that another workstation could not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFailure {
    /// The workstation, the storages and the path.
    pub key: FailureKey,
    /// The name of the destination there.
    pub destination_name: String,
    /// The name of the source there.
    pub source_name: String,
    /// The error of the last attempt.
    pub error: String,
    /// Number of attempts.
    pub attempts: u64,
    /// Time of the first failure.
    pub first_at: Timestamp,
    /// Time of the last failure.
    pub last_at: Timestamp,
    /// The run of the last attempt there.
    pub run: RunId,
    /// True if the destination can never hold the file under its name.
    pub is_permanent: bool,
}

impl SharedFailure {
    /// The path below both roots.
    pub const fn path(&self) -> &PathBuf {
        &self.key.path
    }
}

impl Index {
    /// Returns the failures of other workstations, sorted by workstation, destination, source and path.
    pub fn shared_failures(&self) -> Result<Vec<SharedFailure>> {
        let sql = "SELECT host_id, destination, source, path, destination_name, source_name, error, attempts, first_at,
                          last_at, run, permanent
                   FROM shared_failures ORDER BY host_id, destination, source, path";
        self.rows(sql, [], read_failure)
    }
}

/// Writes a failure of another workstation.
pub(super) fn write_pulled(
    connection: &Connection,
    host: HostId,
    failure: &SharedFailure,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO shared_failures
               (host_id, destination, source, path, destination_name, source_name, error, attempts, first_at, last_at, run,
                permanent)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let parameters = params![
        host,
        failure.key.destination,
        failure.key.source,
        bytes(&failure.key.path),
        failure.destination_name,
        failure.source_name,
        failure.error,
        failure.attempts.cast_signed(),
        failure.first_at.seconds,
        failure.last_at.seconds,
        failure.run,
        failure.is_permanent
    ];
    execute(connection, sql, parameters)
}

/// Removes a failure that was resolved.
pub(super) fn remove(
    connection: &Connection,
    host: HostId,
    key: &FailureKey,
) -> rusqlite::Result<()> {
    let sql = "DELETE FROM shared_failures WHERE host_id = ?1 AND destination = ?2 AND source = ?3 AND path = ?4";
    let parameters = params![host, key.destination, key.source, bytes(&key.path)];
    execute(connection, sql, parameters)
}

fn read_failure(row: &Row<'_>) -> rusqlite::Result<SharedFailure> {
    Ok(SharedFailure {
        key: FailureKey {
            host: row.get(0)?,
            destination: row.get(1)?,
            source: row.get(2)?,
            path: read_path(row, 3)?,
        },
        destination_name: row.get(4)?,
        source_name: row.get(5)?,
        error: row.get(6)?,
        attempts: read_u64(row, 7)?,
        first_at: from_seconds(row.get(8)?),
        last_at: from_seconds(row.get(9)?),
        run: row.get(10)?,
        is_permanent: row.get(11)?,
    })
}
