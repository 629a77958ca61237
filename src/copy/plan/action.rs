//! Actions that only a sync plans: renames, and files that are missing at the source.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::SentFile;

/// A file that a source sent and no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingFile {
    /// The replica's folder below the root.
    pub replica: PathBuf,
    /// The path below the replica's folder.
    pub path: PathBuf,
    /// The file as it was sent.
    pub sent: SentFile,
    /// The current path below the root, if the source holds the file under another spelling. The old spelling is then
    /// missing only where the storage holds both.
    pub respelled: Option<PathBuf>,
}

impl MissingFile {
    pub fn path_below_root(&self) -> PathBuf {
        self.replica.join(&self.path)
    }
}

/// A file that was renamed at the source since it was sent. Where the rename fails, the file is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The new path below the plan's replica.
    pub path: PathBuf,
    pub bytes: u64,
    pub modified: Timestamp,
    /// The file under its old name, which may be in another replica.
    pub previous: MissingFile,
}

impl Rename {
    /// Returns the new name.
    pub(super) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// Returns the note in the report.
    pub fn reason(&self) -> String {
        let old = self.previous.path_below_root();
        format!("it was `{}`", Name::from(old.as_path()))
    }
}
