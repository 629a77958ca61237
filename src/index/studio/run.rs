//! Runs of other workstations. They are for answers only: their numbers are those of the other workstation.

use rusqlite::{Connection, Row, params};

use super::mark::KEPT_RUNS;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::sql::{execute, from_seconds, read_seconds, read_u64};
use crate::index::{HostId, Index, Run};

/// A run of another workstation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedRun {
    /// The workstation.
    pub host: HostId,
    /// The run, with the names and the number that it has there.
    pub run: Run,
}

impl Index {
    /// Returns the last `limit` runs of other workstations, or all, the newest first.
    pub fn shared_runs(&self, limit: Option<u64>) -> Result<Vec<SharedRun>> {
        let sql = "SELECT host_id, number, command, what, source, destination, started_at, ended_at, files, bytes,
                          failed, conflicts, refused, state
                   FROM shared_runs ORDER BY started_at DESC, host_id, number DESC LIMIT ?1";
        // SQLite reads a negative limit as none.
        let limit = limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        self.rows(sql, [limit], read_run)
    }
}

/// Writes a run of another workstation.
pub(super) fn write_pulled(connection: &Connection, shared: &SharedRun) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO shared_runs
               (host_id, number, command, what, source, destination, started_at, ended_at, files, bytes, failed,
                conflicts, refused, state)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let run = &shared.run;
    let parameters = params![
        shared.host,
        run.id,
        run.command,
        run.subject,
        run.source,
        run.destination,
        run.started.seconds,
        run.ended.map(|at| at.seconds),
        run.files.cast_signed(),
        run.bytes.cast_signed(),
        run.failed.cast_signed(),
        run.conflicts.cast_signed(),
        run.refused.cast_signed(),
        run.state
    ];
    execute(connection, sql, parameters)
}

/// Removes the runs of a workstation that are older than those that are kept.
pub(super) fn trim(connection: &Connection, host: HostId) -> rusqlite::Result<()> {
    let sql = "DELETE FROM shared_runs WHERE host_id = ?1
               AND number <= (SELECT max(number) FROM shared_runs WHERE host_id = ?1) - ?2";
    execute(connection, sql, params![host, KEPT_RUNS])
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<SharedRun> {
    let ended: Option<Timestamp> = read_seconds(row, 7)?;
    Ok(SharedRun {
        host: row.get(0)?,
        run: Run {
            id: row.get(1)?,
            command: row.get(2)?,
            subject: row.get(3)?,
            source: row.get(4)?,
            destination: row.get(5)?,
            started: from_seconds(row.get(6)?),
            ended,
            files: read_u64(row, 8)?,
            bytes: read_u64(row, 9)?,
            failed: read_u64(row, 10)?,
            conflicts: read_u64(row, 11)?,
            refused: read_u64(row, 12)?,
            state: row.get(13)?,
        },
    })
}
