//! Writing of sizes over time: a row when the files or bytes of a replica change, in the transaction of the scan that saw it.
//!
//! The checksum of a series is the sum of the checksums of its rows, so that adding a row reads no other one, and a row that
//! is lost or damaged is noticed.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::DatabaseId;
use super::checksum::{corruption_error, row_checksum};
use super::replica_row::ReplicaSize;
use super::size_limit::{begins_day, surplus};
use super::sql::{bytes, execute, one, optional, read_path, read_project, read_u64, rows};
use crate::base::timestamp::Timestamp;
use crate::model::project::ProjectId;
use crate::snapshot::digest::Digest;

/// The replica that a series is about.
pub(super) type SeriesKey<'a> = (DatabaseId, &'a Path, &'a ProjectId);

/// A row of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeRow {
    pub(super) number: i64,
    /// Seconds UTC.
    pub(super) at: i64,
    pub(super) size: ReplicaSize,
}

/// Columns of [`SizeRow::read`].
pub(super) const SIZE_COLUMNS: &str = "number, at, present, files, bytes";

impl SizeRow {
    /// Reads [`SIZE_COLUMNS`].
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            at: row.get(1)?,
            size: ReplicaSize {
                present: row.get(2)?,
                files: read_u64(row, 3)?,
                bytes: read_u64(row, 4)?,
            },
        })
    }

    /// Returns the part of the series' checksum that is this row's.
    pub(super) fn checksum(&self, series: i64) -> u128 {
        let ReplicaSize {
            present,
            files,
            bytes,
        } = self.size;
        let numbers = [series, self.number, self.at, i64::from(present)];
        let sizes = [files, bytes].map(u64::to_le_bytes);
        let parts = numbers.map(i64::to_le_bytes).into_iter().chain(sizes);
        Digest::of_bytes(&parts.flatten().collect::<Vec<u8>>()).0
    }
}

/// Returns the checksum of a series without rows.
pub(super) fn key_checksum(id: i64, (database, category, project): SeriesKey<'_>) -> u128 {
    let ids = [id, database.0].map(i64::to_le_bytes);
    u128::from_le_bytes(row_checksum(&[
        &ids[0],
        &ids[1],
        bytes(category),
        project.client.as_bytes(),
        project.project.as_bytes(),
    ]))
}

/// Unpacks the checksum of a series.
pub(super) fn read_checksum(row: &Row<'_>, column: usize) -> rusqlite::Result<u128> {
    let packed = row.get_ref(column)?.as_blob()?.try_into();
    let malformed = |_| corruption_error("the checksum of sizes over time is malformed");
    packed.map(u128::from_le_bytes).map_err(malformed)
}

/// Adds a row to the sizes of a replica, unless the last one has this size.
pub(super) fn record_size(
    connection: &Connection,
    database: DatabaseId,
    (category, project): (&Path, &ProjectId),
    at: Timestamp,
    size: ReplicaSize,
) -> rusqlite::Result<()> {
    let key = (database, category, project);
    let (id, mut checksum) = match find_series(connection, key)? {
        Some(known) => known,
        // A series begins when the replica is first seen.
        None if !size.present => return Ok(()),
        None => insert_series(connection, key)?,
    };
    let last = last_row(connection, id)?;
    if last.is_some_and(|last| last.size == size) {
        return Ok(());
    }
    let row = SizeRow {
        number: last.map_or(0, |last| last.number.saturating_add(1)),
        at: at.seconds,
        size,
    };
    insert_row(connection, id, &row)?;
    checksum = checksum.wrapping_add(row.checksum(id));
    if last.is_some_and(|last| begins_day(last.at, row.at)) {
        checksum = thin_out(connection, id, row.at, checksum)?;
    }
    let sql = "UPDATE size_series SET checksum = ?2 WHERE id = ?1";
    execute(connection, sql, params![id, checksum.to_le_bytes()])
}

/// Begins the series of all replicas in an index that kept none, with their sizes at the last scan.
pub(super) fn begin_size_series(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT client, project, category, database_id, looked_at, files, bytes FROM replicas WHERE present";
    let mut query = connection.prepare(sql)?;
    let mut replicas = query.query([])?;
    while let Some(row) = replicas.next()? {
        let (category, project) = (read_path(row, 2)?, read_project(row)?);
        let at = Timestamp {
            seconds: row.get(4)?,
            nanoseconds: 0,
        };
        let size = ReplicaSize {
            present: true,
            files: read_u64(row, 5)?,
            bytes: read_u64(row, 6)?,
        };
        record_size(connection, row.get(3)?, (&category, &project), at, size)?;
    }
    Ok(())
}

/// Returns the id and the checksum of a series.
fn find_series(
    connection: &Connection,
    (database, category, project): SeriesKey<'_>,
) -> rusqlite::Result<Option<(i64, u128)>> {
    let sql = "SELECT id, checksum FROM size_series
               WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
    let ProjectId { client, project } = project;
    let (client, project) = (client.as_bytes(), project.as_bytes());
    let parameters = params![database, bytes(category), client, project];
    optional(connection, sql, parameters, |row| {
        Ok((row.get(0)?, read_checksum(row, 1)?))
    })
}

fn insert_series(connection: &Connection, key: SeriesKey<'_>) -> rusqlite::Result<(i64, u128)> {
    let sql = "INSERT INTO size_series (database_id, category, client, project, checksum)
               VALUES (?1, ?2, ?3, ?4, x'') RETURNING id";
    let (database, category, ProjectId { client, project }) = key;
    let (client, project) = (client.as_bytes(), project.as_bytes());
    let parameters = params![database, bytes(category), client, project];
    let id = one(connection, sql, parameters, |row| row.get(0))?;
    Ok((id, key_checksum(id, key)))
}

fn last_row(connection: &Connection, series: i64) -> rusqlite::Result<Option<SizeRow>> {
    let sql = format!(
        "SELECT {SIZE_COLUMNS} FROM sizes WHERE series_id = ?1 ORDER BY number DESC LIMIT 1"
    );
    optional(connection, &sql, [series], SizeRow::read)
}

fn insert_row(connection: &Connection, series: i64, row: &SizeRow) -> rusqlite::Result<()> {
    let sql = "INSERT INTO sizes (series_id, number, at, present, files, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let ReplicaSize {
        present,
        files,
        bytes,
    } = row.size;
    let (files, bytes) = (files.cast_signed(), bytes.cast_signed());
    let parameters = params![series, row.number, row.at, present, files, bytes];
    execute(connection, sql, parameters)
}

/// Deletes the rows that are not kept at the time `now`, and returns the checksum without them.
fn thin_out(
    connection: &Connection,
    series: i64,
    now: i64,
    mut checksum: u128,
) -> rusqlite::Result<u128> {
    let sql = format!("SELECT {SIZE_COLUMNS} FROM sizes WHERE series_id = ?1 ORDER BY number");
    let kept: Vec<SizeRow> = rows(connection, &sql, [series], SizeRow::read)?;
    let dated: Vec<_> = kept.iter().map(|row| (row.number, row.at)).collect();
    for number in surplus(&dated, now) {
        // Subtracted, not computed again: damage to another row must stay noticeable.
        if let Ok(place) = kept.binary_search_by_key(&number, |row| row.number) {
            checksum = checksum.wrapping_sub(kept[place].checksum(series));
        }
        let sql = "DELETE FROM sizes WHERE series_id = ?1 AND number = ?2";
        execute(connection, sql, [series, number])?;
    }
    Ok(checksum)
}

/// Computes the checksums of all series again.
pub(super) fn recompute_size_checksums(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT client, project, category, database_id, id FROM size_series";
    let series: Vec<(i64, u128)> = rows(connection, sql, [], |row| {
        let (category, project, id) = (read_path(row, 2)?, read_project(row)?, row.get(4)?);
        let key = (row.get(3)?, &*category, &project);
        Ok((id, key_checksum(id, key)))
    })?;
    for (id, own) in series {
        let sql = format!("SELECT {SIZE_COLUMNS} FROM sizes WHERE series_id = ?1");
        let stored: Vec<SizeRow> = rows(connection, &sql, [id], SizeRow::read)?;
        let checksums = stored.iter().map(|row| row.checksum(id));
        let checksum = checksums.fold(own, u128::wrapping_add).to_le_bytes();
        let sql = "UPDATE size_series SET checksum = ?2 WHERE id = ?1";
        execute(connection, sql, params![id, checksum])?;
    }
    Ok(())
}
