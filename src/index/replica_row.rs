//! The row of a replica: finding, writing and emptying it.

use std::path::Path;

use rusqlite::{Connection, params};

use super::DatabaseId;
use super::sql::{bytes, encode_fingerprints, execute, one, optional, read_u64};
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Aggregate;

/// A replica in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplicaRow {
    pub(super) id: i64,
    /// The revision of the database when the row was written.
    pub(super) revision: i64,
    pub(super) precision: TimePrecision,
    pub(super) size: ReplicaSize,
    /// Number of its rows in folders.
    pub(super) folder_rows: i64,
}

/// The size of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplicaSize {
    /// False if the replica is missing.
    pub(super) present: bool,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl ReplicaSize {
    pub(super) const fn of(aggregate: &Aggregate) -> Self {
        Self {
            present: true,
            files: aggregate.files,
            bytes: aggregate.bytes,
        }
    }
}

/// Returns the row of a replica, if it is known.
pub(super) fn find_replica(
    connection: &Connection,
    database: Option<DatabaseId>,
    category: &Path,
    ProjectId { client, project }: &ProjectId,
) -> rusqlite::Result<Option<ReplicaRow>> {
    let sql = "SELECT id, revision, step, present, files, bytes, folder_rows FROM replicas
               WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
    let parameters = params![
        database,
        bytes(category),
        client.as_bytes(),
        project.as_bytes()
    ];
    optional(connection, sql, parameters, |row| {
        Ok(ReplicaRow {
            id: row.get(0)?,
            revision: row.get(1)?,
            precision: decode_precision(row.get(2)?),
            size: ReplicaSize {
                present: row.get(3)?,
                files: read_u64(row, 4)?,
                bytes: read_u64(row, 5)?,
            },
            folder_rows: row.get(6)?,
        })
    })
}

/// Inserts or updates the row of a replica, without its folders, and returns its id.
pub(super) fn upsert_replica(
    connection: &Connection,
    database: DatabaseId,
    (category, project): (&Path, &ProjectId),
    scanned_at: Timestamp,
    aggregate: Option<&Aggregate>,
) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO replicas (database_id, category, client, project, present, looked_at, revision, files, bytes,
                                     folders, newest, newest_ns, unreadable, step, fingerprints)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                       (SELECT revision FROM databases WHERE id = ?1), ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
               ON CONFLICT (database_id, category, client, project) DO UPDATE SET
                   present = ?5, looked_at = ?6, revision = excluded.revision, files = ?7, bytes = ?8, folders = ?9, newest = ?10,
                   newest_ns = ?11, unreadable = ?12, step = ?13, fingerprints = ?14
               RETURNING id";
    let is_present = aggregate.is_some();
    let missing = Aggregate::new(TimePrecision::Nanosecond);
    let aggregate = aggregate.unwrap_or(&missing);
    let parameters = params![
        database,
        bytes(category),
        project.client.as_bytes(),
        project.project.as_bytes(),
        is_present,
        scanned_at.seconds,
        aggregate.files.cast_signed(),
        aggregate.bytes.cast_signed(),
        aggregate.folders.cast_signed(),
        aggregate.newest.map(|newest| newest.seconds),
        aggregate.newest.map(|newest| newest.nanoseconds),
        aggregate.unreadable.cast_signed(),
        aggregate.precision as i64,
        encode_fingerprints(&aggregate.fingerprints),
    ];
    one(connection, sql, parameters, |row| row.get(0))
}

/// Deletes the folders of a replica and returns the number of its files.
pub(super) fn delete_folders(connection: &Connection, replica: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT files FROM replicas WHERE id = ?1";
    let files = one(connection, sql, [replica], |row| read_u64(row, 0))?;
    let sql = "DELETE FROM folders WHERE replica_id = ?1";
    execute(connection, sql, [replica])?;
    update_folder_count(connection, replica)?;
    Ok(files)
}

/// Stores the number of a replica's folders, by which a lost row is noticed.
pub(super) fn update_folder_count(connection: &Connection, replica: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE replicas SET folder_rows = (SELECT count(*) FROM folders WHERE replica_id = ?1) WHERE id = ?1";
    execute(connection, sql, [replica])
}

/// Returns the precision at this place in [`TimePrecision::ALL`].
pub(super) fn decode_precision(place: u8) -> TimePrecision {
    let mut precisions = TimePrecision::ALL.into_iter();
    precisions
        .nth(usize::from(place))
        .unwrap_or(TimePrecision::TwoSeconds)
}
