//! Conversion of `SQLite`'s errors to errors with a path and a hint.

use std::error::Error as StdError;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::base::error::{Error, IndexProblem, Result};
use crate::base::interrupt;

/// Candidates for `SQLite`'s temporary folder, in its order: environment variables, then folders.
const TEMP_FOLDER_CANDIDATES: ([&str; 2], [&str; 4]) = (
    ["SQLITE_TMPDIR", "TMPDIR"],
    ["/var/tmp", "/usr/tmp", "/tmp", "."],
);

/// Converts `SQLite`'s errors.
pub(super) trait Explain<T> {
    /// Adds the failed action, the path of the index and a hint.
    fn explain(self, action: &'static str, path: &Path) -> Result<T>;

    /// Does so for work in temporary tables, which are in a file of the temporary folder.
    fn explain_temporary(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Explain<T> for rusqlite::Result<T> {
    fn explain(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| index_error(&source, action, path))
    }

    fn explain_temporary(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
                Error::Index {
                    path: temp_folder(),
                    problem: IndexProblem::StagingUnavailable,
                    source: Some(message(&source)),
                }
            }
            _ => index_error(&source, action, path),
        })
    }
}

fn index_error(source: &rusqlite::Error, action: &'static str, path: &Path) -> Error {
    let path = path.to_owned();
    let hint = match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            return Error::Index {
                path,
                problem: IndexProblem::Damaged,
                source: Some(message(source)),
            };
        }
        Some(ErrorCode::ReadOnly) => return Error::index(IndexProblem::ReadOnly, path),
        Some(ErrorCode::DiskFull) => {
            "free some space on its disk; the index still holds the last scan"
        }
        // Ctrl-C ends the wait for another process.
        Some(ErrorCode::DatabaseBusy) if interrupt::check().is_err() => return Error::Interrupted,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            return Error::Index {
                path,
                problem: IndexProblem::Busy,
                source: Some(message(source)),
            };
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "check that its folder exists and is writable, or use another file with `--index FILE`"
        }
        Some(ErrorCode::SystemIoFailure) => "check its disk, and the free space there",
        _ => {
            "if it happens again, move the file away and run `load`, which rebuilds the index from the disks"
        }
    };
    Error::Index {
        path,
        problem: IndexProblem::Failed { action, hint },
        source: Some(message(source)),
    }
}

/// Returns the folder of `SQLite`'s temporary files.
fn temp_folder() -> PathBuf {
    let (variables, places) = TEMP_FOLDER_CANDIDATES;
    let named = variables.into_iter().filter_map(std::env::var_os);
    let places = places.into_iter().map(OsString::from);
    let is_usable = |folder: &PathBuf| {
        let found = fs::metadata(folder);
        found.is_ok_and(|found| found.is_dir() && !found.permissions().readonly())
    };
    let mut folders = named.chain(places).map(PathBuf::from);
    folders.find(is_usable).unwrap_or_else(|| ".".into())
}

/// Returns `SQLite`'s message without the cause, which repeats it.
fn message(source: &rusqlite::Error) -> Box<dyn StdError + Send + Sync> {
    source.to_string().into()
}
