//! Reasons why the index cannot be used, with their messages and hints.

use std::path::Path;

use crate::base::name::Name;

/// The reason why the index cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexProblem {
    /// `SQLite` failed. The action is a verb: `read`, `write`, `open`.
    #[expect(missing_docs, reason = "the message and the hint show both fields")]
    Failed {
        action: &'static str,
        hint: &'static str,
    },
    /// The staging tables of a scan cannot be written; the path is the folder for temporary files.
    StagingUnavailable,
    /// Another process has locked the index for longer than the timeout.
    Busy,
    /// The file system cannot lock the index, so that two processes could write it at once.
    LockUnsupported,
    /// The database was removed from the index during a scan.
    DatabaseForgotten,
    /// The file is damaged.
    Damaged,
    /// An older development version wrote the index; opening sets it aside.
    Outdated,
    /// A newer program wrote the index.
    #[expect(missing_docs, reason = "the message shows both versions")]
    TooNew { found: i64, known: i64 },
    /// Another program wrote the file.
    NotAnIndex,
    /// The index cannot be written.
    ReadOnly,
}

impl IndexProblem {
    pub(super) fn message(&self, path: &Path) -> String {
        let path = Name::from(path);
        match self {
            Self::Failed { action, .. } => format!("cannot {action} the index `{path}`"),
            Self::StagingUnavailable => format!("cannot store the results of the scan in `{path}`"),
            Self::Busy => format!("the index `{path}` is in use"),
            Self::LockUnsupported => format!("cannot lock the index `{path}`"),
            Self::DatabaseForgotten => {
                format!(
                    "the index `{path}` no longer holds this storage: it was forgotten meanwhile"
                )
            }
            Self::Damaged => format!("the index `{path}` is damaged"),
            Self::Outdated => {
                format!("the index `{path}` was written by an older development version")
            }
            Self::TooNew { found, known } => format!(
                "the index `{path}` has version {found}, but this program reads versions up to {known}"
            ),
            Self::NotAnIndex => {
                format!("`{path}` is not an index of auto-backup but another program's SQLite file")
            }
            Self::ReadOnly => format!("the index `{path}` is read-only"),
        }
    }

    pub(super) const fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Failed { hint, .. } => hint,
            Self::StagingUnavailable => {
                "free some space there, or set `SQLITE_TMPDIR` to a larger folder; the index still holds the last scan"
            }
            Self::Busy => "another auto-backup is still writing to it; try again when it has ended",
            Self::LockUnsupported => {
                "its file system does not support locks, as some network file systems; use a file on another disk with `--index FILE`"
            }
            Self::DatabaseForgotten => "scan again with `load`",
            Self::TooNew { .. } => "use a newer auto-backup, or another file with `--index FILE`",
            Self::ReadOnly | Self::NotAnIndex => "use another file with `--index FILE`",
            Self::Damaged | Self::Outdated => return None,
        })
    }
}
