//! The files that a sync could not bring to its destination, until one does.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Params, Row, params};

use super::Index;
use super::run::{from_seconds, read_count, read_path};
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;

/// The columns of a failure, as [`read_failure`] reads them.
const COLUMNS: &str = "source, destination, path, error, attempts, first_at, last_at, run";

/// A file that could not be brought to its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFailure {
    /// The root of the database it is on.
    pub source: PathBuf,
    /// The root of the database it was to go to.
    pub destination: PathBuf,
    /// Its path below both.
    pub path: PathBuf,
    /// What was said the last time.
    pub error: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it failed first.
    pub first_at: Timestamp,
    /// When it failed last.
    pub last_at: Timestamp,
    /// The run in which it did.
    pub run: i64,
}

impl Index {
    /// Notes files that failed in a run, by their paths below both roots, and what was said of each; one that failed
    /// before has one attempt more.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_failures(
        &mut self,
        run: i64,
        source: &Path,
        destination: &Path,
        failures: &[(PathBuf, String)],
    ) -> Result<()> {
        let now = Timestamp::now().seconds;
        let [source, destination] = [source, destination].map(|root| root.as_os_str().as_bytes());
        let index = self.path.clone();
        let transaction = self.transaction()?;
        let sql = "INSERT INTO failures (destination, source, path, error, attempts, first_at, last_at, run)
                   VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, ?6)
                   ON CONFLICT DO UPDATE SET
                       error = excluded.error, attempts = attempts + 1, last_at = excluded.last_at, run = excluded.run";
        for (path, error) in failures {
            let path = path.as_os_str().as_bytes();
            transaction
                .prepare_cached(sql)
                .and_then(|mut query| {
                    query.execute(params![destination, source, path, error, now, run])
                })
                .explain("write", &index)?;
        }
        transaction.commit().explain("write", &index)
    }

    /// Forgets the failures of files that are at their destination now, or are wanted there no more.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn clear_failures(
        &mut self,
        source: &Path,
        destination: &Path,
        paths: &[PathBuf],
    ) -> Result<()> {
        let [source, destination] = [source, destination].map(|root| root.as_os_str().as_bytes());
        let index = self.path.clone();
        let transaction = self.transaction()?;
        let sql = "DELETE FROM failures WHERE destination = ?1 AND source = ?2 AND path = ?3";
        for path in paths {
            let path = path.as_os_str().as_bytes();
            transaction
                .prepare_cached(sql)
                .and_then(|mut query| query.execute(params![destination, source, path]))
                .explain("write", &index)?;
        }
        transaction.commit().explain("write", &index)
    }

    /// The failures between two databases in a folder below their roots, sorted by path.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn failures_below(
        &self,
        source: &Path,
        destination: &Path,
        folder: &Path,
    ) -> Result<Vec<KnownFailure>> {
        // `/` is followed by `0`: between the two is what lies below the folder.
        let bound = |last: u8| {
            let mut bound = folder.as_os_str().as_bytes().to_vec();
            if !bound.is_empty() {
                bound.push(last);
            }
            bound
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM failures WHERE destination = ?1 AND source = ?2
             AND (?3 = x'' OR path >= ?3 AND path < ?4) ORDER BY path"
        );
        let [source, destination] = [source, destination].map(|root| root.as_os_str().as_bytes());
        self.read_failures(&sql, params![destination, source, bound(b'/'), bound(b'0')])
    }

    /// All failures, sorted by destination, source and path.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn failures(&self) -> Result<Vec<KnownFailure>> {
        let sql = format!("SELECT {COLUMNS} FROM failures ORDER BY destination, source, path");
        self.read_failures(&sql, [])
    }

    fn read_failures(&self, sql: &str, parameters: impl Params) -> Result<Vec<KnownFailure>> {
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map(parameters, read_failure)?.collect());
        rows.explain("read", &self.path)
    }
}

fn read_failure(row: &Row<'_>) -> rusqlite::Result<KnownFailure> {
    Ok(KnownFailure {
        source: read_path(row, 0)?,
        destination: read_path(row, 1)?,
        path: read_path(row, 2)?,
        error: row.get(3)?,
        attempts: read_count(row, 4)?,
        first_at: from_seconds(row.get(5)?),
        last_at: from_seconds(row.get(6)?),
        run: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: &str = "/work";
    const NAS: &str = "/nas";

    fn index() -> (tempfile::TempDir, Index) {
        let temporary = tempfile::tempdir().unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        (temporary, index)
    }

    fn note(index: &mut Index, run: i64, destination: &str, failures: &[(&str, &str)]) {
        let failures = failures.iter();
        let failures: Vec<_> = failures
            .map(|(path, error)| ((*path).into(), (*error).to_owned()))
            .collect();
        index
            .record_failures(run, WORK.as_ref(), destination.as_ref(), &failures)
            .unwrap();
    }

    fn paths(failures: &[KnownFailure]) -> Vec<&str> {
        let paths = failures.iter();
        paths.map(|known| known.path.to_str().unwrap()).collect()
    }

    #[test]
    fn attempts_add_up_and_the_first_time_stays() {
        let (_folder, mut index) = index();
        note(&mut index, 3, NAS, &[("footage/a", "it is gone")]);
        let sql = "UPDATE failures SET first_at = 7, last_at = 7";
        index.connection.execute(sql, []).unwrap();
        note(&mut index, 4, NAS, &[("footage/a", "no room")]);
        let known = index.failures().unwrap().remove(0);
        assert_eq!((known.attempts, known.run), (2, 4));
        assert_eq!(known.error, "no room");
        assert_eq!(known.first_at.seconds, 7);
        assert!(known.last_at.seconds > 7);
        assert_eq!(known.source, Path::new(WORK));
        assert_eq!(known.destination, Path::new(NAS));
    }

    #[test]
    fn what_arrived_is_cleared_and_nothing_else() {
        let (_folder, mut index) = index();
        note(&mut index, 1, NAS, &[("b", "x"), ("a", "x")]);
        note(&mut index, 1, "/cloud", &[("a", "x")]);
        index
            .clear_failures(WORK.as_ref(), NAS.as_ref(), &["a".into(), "none".into()])
            .unwrap();
        assert_eq!(paths(&index.failures().unwrap()), ["a", "b"]);
        let left = index.failures().unwrap();
        assert_eq!(left[0].destination, Path::new("/cloud"));
    }

    #[test]
    fn only_what_lies_below_the_folder_is_found() {
        let (_folder, mut index) = index();
        let all = ["a/b/2", "a/b.mov", "a/b/1", "a/b/c/3", "a/b0", "a/b-1", "z"];
        note(&mut index, 1, NAS, &all.map(|path| (path, "x")));
        note(&mut index, 1, "/cloud", &[("a/b/cloud", "x")]);
        let below =
            |folder: &str| index.failures_below(WORK.as_ref(), NAS.as_ref(), folder.as_ref());
        assert_eq!(paths(&below("a/b").unwrap()), ["a/b/1", "a/b/2", "a/b/c/3"]);
        assert_eq!(below("").unwrap().len(), all.len());
        assert_eq!(below("a/b/1").unwrap(), []);
    }
}
