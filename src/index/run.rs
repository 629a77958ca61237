//! The journal of runs: when each began and ended, and what it came to.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::process;

use rusqlite::{OptionalExtension as _, Row, params};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::os::host;

/// The columns of a run, as [`read_run`] reads them.
const COLUMNS: &str = "id, command, what, source, destination, started_at, ended_at, files, bytes, failed, state, host, process";

/// What is known of a run when it begins.
#[derive(Clone, Copy, Debug)]
pub struct RunStart<'a> {
    /// The command's name.
    pub command: &'a str,
    /// What it is about, in words: `acme/spot footage`.
    pub subject: &'a str,
    /// The database that is read, where there is one.
    pub source: Option<&'a str>,
    /// The databases that are written or looked at, joined by commas.
    pub destination: Option<&'a str>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd<'a> {
    /// `complete`, `partial`, `interrupted`, `refused` or `unreachable`.
    pub state: &'a str,
    /// Files that were plainly handled.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that failed.
    pub failed: u64,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// The command's name.
    pub command: String,
    /// What it was about, in words; not known of runs of older programs.
    pub subject: Option<String>,
    /// The database that was read.
    pub source: Option<String>,
    /// The databases that were written or looked at, joined by commas.
    pub destination: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, if it came to that.
    pub ended: Option<Timestamp>,
    /// Files that were plainly handled.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that failed.
    pub failed: u64,
    /// `running`, `complete`, `partial`, `interrupted`, `refused` or `unreachable`.
    pub state: String,
}

impl Index {
    /// Notes that a run of this process begins; gives its number.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin_run(&mut self, start: &RunStart<'_>) -> Result<i64> {
        self.require_writable()?;
        self.reopen_if_replaced()?;
        let sql = "INSERT INTO runs (command, what, source, destination, host, process, started_at, state)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running')";
        let parameters = params![
            start.command,
            start.subject,
            start.source,
            start.destination,
            host::name(),
            process::id(),
            Timestamp::now().seconds
        ];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn end_run(&mut self, run: i64, end: &RunEnd<'_>) -> Result<()> {
        let sql = "UPDATE runs SET ended_at = ?2, state = ?3, files = ?4, bytes = ?5, failed = ?6 WHERE id = ?1";
        let parameters = params![
            run,
            Timestamp::now().seconds,
            end.state,
            to_sql(end.files),
            to_sql(end.bytes),
            to_sql(end.failed)
        ];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// The last runs, the newest first: so many, or all. What died without a word is noted as `interrupted`.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn runs(&self, limit: Option<u64>) -> Result<Vec<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM runs ORDER BY id DESC LIMIT ?1");
        // A negative limit is none.
        let limit = limit.map_or(-1, to_sql);
        let rows = self.connection.prepare_cached(&sql).and_then(|mut query| {
            let rows = query.query_map([limit], read_run)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let rows = rows.explain("read", &self.path)?.into_iter();
        Ok(rows.map(|row| self.with_actual_state(row)).collect())
    }

    /// The run of this number.
    ///
    /// # Errors
    /// [`Error::RunNotFound`], or the index cannot be read.
    pub fn run(&self, id: i64) -> Result<Run> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?1");
        let query = self.connection.prepare_cached(&sql);
        let found = query
            .and_then(|mut query| query.query_row([id], read_run).optional())
            .explain("read", &self.path)?;
        match found {
            Some(row) => Ok(self.with_actual_state(row)),
            None => Err(Error::RunNotFound {
                run: id,
                known: self.run_id_range()?,
            }),
        }
    }

    /// The numbers of the first and the last run that are known.
    fn run_id_range(&self) -> Result<Option<(i64, i64)>> {
        let sql = "SELECT min(id), max(id) FROM runs";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (first, last): (Option<i64>, Option<i64>) = self
            .connection
            .query_row(sql, [], read)
            .explain("read", &self.path)?;
        Ok(first.zip(last))
    }

    /// A run as it is told; one whose process is gone is noted as interrupted.
    fn with_actual_state(&self, (mut run, process): (Run, Option<u32>)) -> Run {
        if run.state == "running" && process.is_some_and(|process| !host::is_process_alive(process))
        {
            "interrupted".clone_into(&mut run.state);
            let sql = "UPDATE runs SET state = 'interrupted' WHERE id = ?1 AND state = 'running'";
            if !self.read_only {
                // What is told is true, whether it can be noted or not.
                self.connection.execute(sql, [run.id]).unwrap_or_default();
            }
        }
        run
    }
}

/// A number as `SQLite` holds it.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of a `stored_folder` one.
pub(super) fn read_count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or_default())
}

/// A path, kept as its bytes.
pub(super) fn read_path(row: &Row<'_>, column: usize) -> rusqlite::Result<PathBuf> {
    Ok(OsString::from_vec(row.get(column)?).into())
}

/// A point in time, kept in seconds.
pub(super) const fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp {
        seconds,
        nanoseconds: 0,
    }
}

/// A run and, where it is one of this host, its process.
fn read_run(row: &Row<'_>) -> rusqlite::Result<(Run, Option<u32>)> {
    let run = Run {
        id: row.get(0)?,
        command: row.get(1)?,
        subject: row.get(2)?,
        source: row.get(3)?,
        destination: row.get(4)?,
        started: from_seconds(row.get(5)?),
        ended: row.get::<_, Option<i64>>(6)?.map(from_seconds),
        files: read_count(row, 7)?,
        bytes: read_count(row, 8)?,
        failed: read_count(row, 9)?,
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
    fn the_newest_runs_come_first_with_what_they_came_to() {
        let (_folder, mut index) = index();
        let first = index.begin_run(&BEGUN).unwrap();
        let ended = RunEnd {
            state: "partial",
            files: 12,
            bytes: u64::MAX,
            failed: 1,
        };
        index.end_run(first, &ended).unwrap();
        let second = index.begin_run(&BEGUN).unwrap();
        let runs = index.runs(None).unwrap();
        assert_eq!([runs[0].id, runs[1].id], [second, first]);
        assert_eq!((runs[0].state.as_str(), runs[0].ended), ("running", None));
        assert_eq!((runs[1].state.as_str(), runs[1].files), ("partial", 12));
        assert_eq!(runs[1].subject.as_deref(), Some("acme/spot footage"));
        assert_eq!(runs[1].destination.as_deref(), Some("NAS,CLOUD"));
        assert!(runs[1].ended.is_some());
        assert_eq!(index.runs(Some(1)).unwrap(), runs[..1]);
        assert_eq!(index.run(first).unwrap(), runs[1]);
    }

    #[test]
    fn a_number_that_no_run_has_is_told_with_those_there_are() {
        let (_folder, mut index) = index();
        let known = |error| match error {
            Error::RunNotFound { known, .. } => known,
            error => panic!("{error}"),
        };
        assert_eq!(known(index.run(1).unwrap_err()), None);
        index.begin_run(&BEGUN).unwrap();
        index.begin_run(&BEGUN).unwrap();
        assert_eq!(known(index.run(7).unwrap_err()), Some((1, 2)));
    }

    #[test]
    fn a_run_whose_process_is_gone_was_interrupted() {
        let (_folder, mut index) = index();
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        for (host, state) in [(host::name(), "interrupted"), ("far".to_owned(), "running")] {
            let run = index.begin_run(&BEGUN).unwrap();
            let sql = "UPDATE runs SET process = ?2, host = ?3 WHERE id = ?1";
            let parameters = params![run, child.id(), host];
            index.connection.execute(sql, parameters).unwrap();
            assert_eq!(index.run(run).unwrap().state, state);
            let sql = "SELECT state FROM runs WHERE id = ?1";
            let read = |row: &Row<'_>| row.get::<_, String>(0);
            let noted = index.connection.query_row(sql, [run], read).unwrap();
            assert_eq!(noted, state);
        }
    }
}
