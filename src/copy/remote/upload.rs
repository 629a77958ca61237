//! A file to send, and the settings of an upload.

use std::path::PathBuf;

use crate::base::timestamp::Timestamp;
use crate::copy::outcome::Outcome;
use crate::index::{RunId, SentPath};
use crate::rclone::TransferLimits;
use crate::storage::{RemoteStorage, Storage};

/// A file to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingFile {
    /// The replica's folder, relative to both roots.
    pub replica: PathBuf,
    /// Path relative to the replica.
    pub path: PathBuf,
    pub bytes: u64,
    /// The mtime at the source.
    pub modified: Timestamp,
    /// True if the destination is known to have an entry with this name.
    pub replaces: bool,
    /// Version tag of that entry in a listing; 0 if unknown.
    pub previous_tag: u64,
}

impl OutgoingFile {
    /// Returns the path relative to both roots.
    pub fn path_below_root(&self) -> PathBuf {
        self.replica.join(&self.path)
    }

    /// Returns the path as the upload journal stores it.
    pub(super) fn journal_file(&self) -> SentPath {
        SentPath {
            replica: self.replica.clone(),
            path: self.path.clone(),
        }
    }
}

/// Receives the outcome of each file.
pub type SendOutcomeFn<'a> = dyn FnMut(&OutgoingFile, Outcome) + 'a;

/// Databases, limits and settings of an upload.
pub struct Upload<'a> {
    pub source: &'a Storage,
    pub destination: &'a RemoteStorage,
    pub limits: &'a TransferLimits,
    /// Compares the content of all files after they were sent.
    pub verify: bool,
    /// Id of the run.
    pub run: RunId,
    /// Receives the numbers of files and bytes sent since the last call.
    pub on_progress: &'a dyn Fn(u64, u64),
}

/// State of the destination at the end of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadEnd {
    /// It answered to the end.
    Answered,
    /// It stopped answering, for this reason from rclone. The last batch is not verified.
    Lost(String),
}
