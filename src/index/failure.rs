//! What `SQLite`'s errors mean for a person.

use std::error::Error as StdError;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::{Error, Result};

/// Gives an `SQLite` error the index's path and what to do.
pub(super) trait Explain<T> {
    /// Turns the error into one of ours.
    fn explain(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Explain<T> for rusqlite::Result<T> {
    fn explain(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| explained(&source, action, path))
    }
}

fn explained(source: &rusqlite::Error, action: &'static str, path: &Path) -> Error {
    let path = path.to_owned();
    let hint = match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            return Error::IndexDamaged {
                path,
                source: said(source),
            };
        }
        Some(ErrorCode::ReadOnly) => return Error::IndexReadOnly { path },
        Some(ErrorCode::DiskFull) => {
            "its disk is full: free some space there; the index still holds the last look"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            return Error::IndexBusy {
                path,
                source: said(source),
            };
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "check that its folder is there and yours to write, or name another file with `--index FILE`"
        }
        Some(ErrorCode::SystemIoFailure) => "check the disk it is on, and whether that is full",
        _ => {
            "if it happens again, move the file away and `load`: the index is rebuilt from the disks"
        }
    };
    Error::Index {
        action,
        path,
        hint,
        source: said(source),
    }
}

/// What `SQLite` said, once: its errors repeat themselves as their own cause.
fn said(source: &rusqlite::Error) -> Box<dyn StdError + Send + Sync> {
    source.to_string().into()
}
