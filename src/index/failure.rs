//! Files that a sync could not send, until one succeeds.

use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::sql::{bytes, execute, from_seconds, optional, read_path, read_u64, subtree_bounds};
use super::studio::mark_failures;
use super::{Index, RunId};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;

/// The columns that [`read_failure`] reads.
const COLUMNS: &str =
    "source, destination, path, error, attempts, first_at, last_at, run, permanent";

/// A file that a run could not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFailure {
    /// The path below both roots.
    pub path: PathBuf,
    /// The reason.
    pub error: String,
    /// True if the destination can never hold the file under its name.
    pub is_permanent: bool,
}

/// A file that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFailure {
    /// The root of the source.
    pub source: PathBuf,
    /// The root of the destination.
    pub destination: PathBuf,
    /// The path below both roots.
    pub path: PathBuf,
    /// The error of the last attempt.
    pub error: String,
    /// Number of attempts.
    pub attempts: u64,
    /// Time of the first failure.
    pub first_at: Timestamp,
    /// Time of the last failure.
    pub last_at: Timestamp,
    /// The run of the last attempt.
    pub run: RunId,
    /// True if the destination can never hold the file under its name.
    pub is_permanent: bool,
}

impl Index {
    /// Records files that failed in a run. Counts an attempt for each.
    pub fn record_failures(
        &mut self,
        run: RunId,
        source: &Path,
        destination: &Path,
        failures: &[NewFailure],
    ) -> Result<()> {
        let now = Timestamp::now().seconds;
        let sql = "INSERT INTO failures (destination, source, path, error, attempts, first_at, last_at, run, permanent)
                   VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, ?6, ?7)
                   ON CONFLICT DO UPDATE SET
                       error = excluded.error, attempts = attempts + 1, last_at = excluded.last_at, run = excluded.run,
                       permanent = excluded.permanent";
        self.write(|transaction| {
            let paths = failures.iter().map(|failure| &*failure.path);
            mark_failures(transaction, (source, destination), paths)?;
            for failure in failures {
                let [destination, source, path] = [destination, source, &failure.path].map(bytes);
                let (error, permanent) = (&failure.error, failure.is_permanent);
                let parameters = params![destination, source, path, error, now, run, permanent];
                execute(transaction, sql, parameters)?;
            }
            Ok(())
        })
    }

    /// Deletes the failures of files that were sent, or no longer need to be.
    pub fn clear_failures(
        &mut self,
        source: &Path,
        destination: &Path,
        paths: &[PathBuf],
    ) -> Result<()> {
        let sql =
            "DELETE FROM failures WHERE destination = ?1 AND source = ?2 AND path = ?3 RETURNING 1";
        self.write(|transaction| {
            let mut cleared = Vec::new();
            for path in paths {
                let key = [destination, source, path].map(bytes);
                if optional(transaction, sql, key, |_| Ok(()))?.is_some() {
                    cleared.push(&**path);
                }
            }
            if cleared.is_empty() {
                return Ok(());
            }
            mark_failures(transaction, (source, destination), cleared.into_iter())
        })
    }

    /// Returns the failures between two databases in a folder below their roots, sorted by path.
    pub fn failures_below(
        &self,
        source: &Path,
        destination: &Path,
        folder: &Path,
    ) -> Result<Vec<KnownFailure>> {
        let [from, to] = subtree_bounds(folder);
        let sql = format!(
            "SELECT {COLUMNS} FROM failures WHERE destination = ?1 AND source = ?2
             AND (?3 = x'' OR path >= ?4 AND path < ?5) ORDER BY path"
        );
        let [destination, source, folder] = [destination, source, folder].map(bytes);
        self.rows(
            &sql,
            params![destination, source, folder, from, to],
            read_failure,
        )
    }

    /// Returns all failures, sorted by destination, source and path.
    pub fn failures(&self) -> Result<Vec<KnownFailure>> {
        let sql = format!("SELECT {COLUMNS} FROM failures ORDER BY destination, source, path");
        self.rows(&sql, [], read_failure)
    }
}

fn read_failure(row: &Row<'_>) -> rusqlite::Result<KnownFailure> {
    Ok(KnownFailure {
        source: read_path(row, 0)?,
        destination: read_path(row, 1)?,
        path: read_path(row, 2)?,
        error: row.get(3)?,
        attempts: read_u64(row, 4)?,
        first_at: from_seconds(row.get(5)?),
        last_at: from_seconds(row.get(6)?),
        run: row.get(7)?,
        is_permanent: row.get(8)?,
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
            .map(|(path, error)| NewFailure {
                path: (*path).into(),
                error: (*error).to_owned(),
                is_permanent: false,
            })
            .collect();
        index
            .record_failures(RunId(run), WORK.as_ref(), destination.as_ref(), &failures)
            .unwrap();
    }

    fn paths(failures: &[KnownFailure]) -> Vec<&str> {
        let paths = failures.iter();
        paths.map(|known| known.path.to_str().unwrap()).collect()
    }

    #[test]
    fn attempts_add_up_and_first_time_stays() {
        let (_folder, mut index) = index();
        note(&mut index, 3, NAS, &[("footage/a", "it is gone")]);
        let sql = "UPDATE failures SET first_at = 7, last_at = 7";
        index.connection.execute(sql, []).unwrap();
        note(&mut index, 4, NAS, &[("footage/a", "no room")]);
        let known = index.failures().unwrap().remove(0);
        assert_eq!((known.attempts, known.run), (2, RunId(4)));
        assert_eq!(known.error, "no room");
        assert_eq!(known.first_at.seconds, 7);
        assert!(known.last_at.seconds > 7);
        assert_eq!(known.source, Path::new(WORK));
        assert_eq!(known.destination, Path::new(NAS));
    }

    #[test]
    fn only_delivered_files_are_cleared() {
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
    fn failures_are_limited_to_the_folder() {
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
