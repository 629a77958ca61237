//! Entries of a database that are in no project.

use std::path::PathBuf;

use crate::os::stat::EntryKind;

/// An entry in no project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideEntry {
    /// Its path below the root.
    pub path: PathBuf,
    pub kind: EntryKind,
    /// The size of a file; `None` if it is unknown, as for folders.
    pub bytes: Option<u64>,
}

/// The entries of a database in no project, as a scan found them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutsideListing {
    /// Sorted by path.
    pub entries: Vec<OutsideEntry>,
    /// Folders that could not be read: what lies in them is unknown.
    pub unread: Vec<PathBuf>,
}

/// Numbers of entries in no project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct OutsideTotals {
    /// Number of files, links and special files.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Number of folders, each with everything in it.
    pub folders: u64,
}

impl OutsideTotals {
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e OutsideEntry>) -> Self {
        let mut totals = Self::default();
        for entry in entries {
            if entry.kind == EntryKind::Folder {
                totals.folders += 1;
            } else {
                totals.files += 1;
                totals.bytes = totals.bytes.saturating_add(entry.bytes.unwrap_or_default());
            }
        }
        totals
    }
}
