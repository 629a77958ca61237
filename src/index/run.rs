//! The history of runs: start, end and totals of each.

use std::process;

use rusqlite::{Row, params};

use super::sql::{execute, from_seconds, read_seconds, read_u64};
use super::studio::{KEPT_RUNS, mark_run};
use super::{Index, RunId, RunState};
use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::base::timestamp::Timestamp;
use crate::os::host;

/// The columns that [`read_run`] reads.
const COLUMNS: &str = "id, command, what, source, destination, started_at, ended_at, files, bytes, failed, state, host, process, conflicts, refused";

/// Description of a run at its start.
#[derive(Clone, Copy, Debug)]
pub struct RunStart<'a> {
    /// The name of the command.
    pub command: &'a str,
    /// The arguments, for people: `acme/spot footage`.
    pub subject: &'a str,
    /// The name of the database that is read, if any.
    pub source: Option<&'a str>,
    /// The names of the databases that are written or scanned, joined by commas.
    pub destination: Option<&'a str>,
}

/// Result of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd {
    /// The final state.
    pub state: RunState,
    /// Number of files copied or scanned.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Number of files that failed.
    pub failed: u64,
    /// Number of files in conflict.
    pub conflicts: u64,
    /// Number of files that the destination can never hold under their names.
    pub refused: u64,
}

/// A run in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The name of the command.
    pub command: String,
    /// The arguments, for people.
    pub subject: Option<String>,
    /// The name of the database that was read, if any.
    pub source: Option<String>,
    /// The names of the databases that were written or scanned, joined by commas.
    pub destination: Option<String>,
    /// Start time.
    pub started: Timestamp,
    /// End time; `None` for a run that has not ended, or whose process died.
    pub ended: Option<Timestamp>,
    /// Number of files copied or scanned.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Number of files that failed.
    pub failed: u64,
    /// Number of files in conflict.
    pub conflicts: u64,
    /// Number of files that the destination can never hold under their names.
    pub refused: u64,
    /// Its state.
    pub state: RunState,
}

impl Index {
    /// Records the start of a run of this process and returns its number.
    pub fn begin_run(&mut self, start: &RunStart<'_>) -> Result<RunId> {
        self.require_writable()?;
        self.reopen_if_replaced()?;
        let sql = "INSERT INTO runs (command, what, source, destination, host, process, started_at, state)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id";
        let parameters = params![
            start.command,
            start.subject,
            start.source,
            start.destination,
            host::name(),
            process::id(),
            Timestamp::now().seconds,
            RunState::Running
        ];
        self.write(|transaction| {
            let run = transaction.query_row(sql, parameters, |row| row.get(0))?;
            mark_run(transaction, run)?;
            Ok(run)
        })
    }

    /// Records the end of a run.
    pub fn end_run(&mut self, run: RunId, end: &RunEnd) -> Result<()> {
        let sql = "UPDATE runs SET ended_at = ?2, state = ?3, files = ?4, bytes = ?5, failed = ?6,
                   conflicts = ?7, refused = ?8 WHERE id = ?1";
        let parameters = params![
            run,
            Timestamp::now().seconds,
            end.state,
            end.files.cast_signed(),
            end.bytes.cast_signed(),
            end.failed.cast_signed(),
            end.conflicts.cast_signed(),
            end.refused.cast_signed()
        ];
        self.write(|transaction| {
            execute(transaction, sql, parameters)?;
            mark_run(transaction, run)
        })
    }

    /// Removes a run that did nothing. The next run gets its number, unless another began meanwhile.
    pub fn discard_run(&mut self, run: RunId) -> Result<()> {
        self.write(|transaction| {
            execute(transaction, "DELETE FROM runs WHERE id = ?1", [run])?;
            mark_run(transaction, run)?;
            let sql = "UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'runs' AND seq = ?1";
            execute(transaction, sql, [run])
        })
    }

    /// Returns the last `limit` runs, or all, the newest first. Runs whose process died become `interrupted`.
    pub fn runs(&self, limit: Option<u64>) -> Result<Vec<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY id DESC LIMIT ?1");
        // SQLite reads a negative limit as none.
        let limit = limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let runs: Vec<_> = self.rows(&sql, [limit], read_run)?;
        let runs = runs.into_iter();
        Ok(runs.map(|run| self.with_actual_state(run)).collect())
    }

    /// Returns one run.
    ///
    /// # Errors
    /// [`Error::RunNotFound`].
    pub fn run(&self, id: RunId) -> Result<Run> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        match self.optional(&sql, [id], read_run)? {
            Some(run) => Ok(self.with_actual_state(run)),
            None => Err(Error::RunNotFound {
                run: id.0,
                known: self.run_id_range()?,
            }),
        }
    }

    /// Returns the numbers of the first and the last run.
    fn run_id_range(&self) -> Result<Option<(i64, i64)>> {
        let sql = "SELECT min(id), max(id) FROM runs";
        let (first, last): (Option<i64>, Option<i64>) =
            self.one(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(first.zip(last))
    }

    /// Returns one run as it is recorded; `None` if it left no trace.
    pub(super) fn recorded_run(&self, id: RunId) -> Result<Option<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        let found = self.optional(&sql, [id], read_run)?;
        Ok(found.map(|(run, _)| run))
    }

    /// Records that the runs whose process died are interrupted, as far back as runs are shared.
    pub fn interrupt_dead_runs(&self) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE state = ?1 AND id > (SELECT max(id) FROM runs) - ?2"
        );
        let running: Vec<_> = self.rows(&sql, params![RunState::Running, KEPT_RUNS], read_run)?;
        for run in running {
            self.with_actual_state(run);
        }
        Ok(())
    }

    /// Replaces the state of a run whose process died, also in the index if possible.
    fn with_actual_state(&self, (mut run, process): (Run, Option<u32>)) -> Run {
        let is_running = run.state == RunState::Running;
        if is_running && process.is_some_and(|process| !host::is_process_alive(process)) {
            run.state = RunState::Interrupted;
            if !self.read_only {
                let sql = "UPDATE runs SET state = ?2 WHERE id = ?1 AND state = ?3";
                let parameters = params![run.id, run.state, RunState::Running];
                let updated = mark_run(&self.connection, run.id)
                    .and_then(|()| execute(&self.connection, sql, parameters));
                ignore(updated, "the next reader finds the process dead as well");
            }
        }
        run
    }
}

/// Reads a run and, if it is of this host, its process id.
fn read_run(row: &Row<'_>) -> rusqlite::Result<(Run, Option<u32>)> {
    let run = Run {
        id: row.get(0)?,
        command: row.get(1)?,
        subject: row.get(2)?,
        source: row.get(3)?,
        destination: row.get(4)?,
        started: from_seconds(row.get(5)?),
        ended: read_seconds(row, 6)?,
        files: read_u64(row, 7)?,
        bytes: read_u64(row, 8)?,
        failed: read_u64(row, 9)?,
        conflicts: read_u64(row, 13)?,
        refused: read_u64(row, 14)?,
        state: row.get(10)?,
    };
    let is_this_host = row.get::<_, Option<String>>(11)?.as_deref() == Some(host::name().as_str());
    let process: Option<u32> = row.get(12)?;
    Ok((run, process.filter(|_| is_this_host)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const BEGUN: RunStart<'_> = RunStart {
        command: "copy",
        subject: "acme/spot footage",
        source: Some("WORK"),
        destination: Some("NAS,CLOUD"),
    };

    fn index() -> (tempfile::TempDir, Index) {
        let temporary = tempfile::tempdir().unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        (temporary, index)
    }

    #[test]
    fn newest_runs_come_first() {
        let (_folder, mut index) = index();
        let first = index.begin_run(&BEGUN).unwrap();
        let ended = RunEnd {
            state: RunState::Partial,
            files: 12,
            bytes: u64::MAX,
            failed: 1,
            conflicts: 2,
            refused: 3,
        };
        index.end_run(first, &ended).unwrap();
        let second = index.begin_run(&BEGUN).unwrap();
        let runs = index.runs(None).unwrap();
        assert_eq!([runs[0].id, runs[1].id], [second, first]);
        assert_eq!((runs[0].state, runs[0].ended), (RunState::Running, None));
        assert_eq!((runs[1].state, runs[1].files), (RunState::Partial, 12));
        assert_eq!(runs[1].subject.as_deref(), Some("acme/spot footage"));
        assert_eq!(runs[1].destination.as_deref(), Some("NAS,CLOUD"));
        assert!(runs[1].ended.is_some());
        assert_eq!(index.runs(Some(1)).unwrap(), runs[..1]);
        assert_eq!(index.run(first).unwrap(), runs[1]);
    }

    #[test]
    fn discarded_run_leaves_no_trace() {
        let (_folder, mut index) = index();
        let first = index.begin_run(&BEGUN).unwrap();
        index.discard_run(first).unwrap();
        assert_eq!(index.runs(None).unwrap(), []);
        assert_eq!(index.begin_run(&BEGUN).unwrap(), first);
        // The number of a run that others have seen is never used again.
        let later = index.begin_run(&BEGUN).unwrap();
        index.discard_run(first).unwrap();
        let next = index.begin_run(&BEGUN).unwrap();
        assert!(next > later);
        assert_eq!(index.runs(None).unwrap().len(), 2);
    }

    #[test]
    fn unknown_run_reports_known_range() {
        let (_folder, mut index) = index();
        let known = |error| match error {
            Error::RunNotFound { known, .. } => known,
            error => panic!("{error}"),
        };
        assert_eq!(known(index.run(RunId(1)).unwrap_err()), None);
        index.begin_run(&BEGUN).unwrap();
        index.begin_run(&BEGUN).unwrap();
        assert_eq!(known(index.run(RunId(7)).unwrap_err()), Some((1, 2)));
    }

    #[test]
    fn run_of_dead_process_is_interrupted() {
        let (_folder, mut index) = index();
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        for (host, state) in [
            (host::name(), RunState::Interrupted),
            ("far".to_owned(), RunState::Running),
        ] {
            let run = index.begin_run(&BEGUN).unwrap();
            let sql = "UPDATE runs SET process = ?2, host = ?3 WHERE id = ?1";
            let parameters = params![run, child.id(), host];
            index.connection.execute(sql, parameters).unwrap();
            assert_eq!(index.run(run).unwrap().state, state);
            let sql = "SELECT state FROM runs WHERE id = ?1";
            let read = |row: &Row<'_>| row.get::<_, RunState>(0);
            let noted = index.connection.query_row(sql, [run], read).unwrap();
            assert_eq!(noted, state);
        }
    }
}
