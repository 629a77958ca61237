//! The index: one `SQLite` file of what the last look at each replica saw, and of runs. Deleting it loses no file of the
//! studio's.
//!
//! Places are known by root and folder, not by the names a start-up file gives them, so a database that is renamed keeps
//! its last look. All paths are stored as bytes.

mod change_counter;
mod checksum;
mod composing;
mod content_difference;
mod digest;
mod failure;
mod fetch_folder;
mod folder;
mod folder_record;
mod in_progress;
mod open;
pub mod overview;
mod packing;
mod pending_upload;
mod read_transaction;
mod remote_feature;
mod replica;
mod run;
mod run_item;
pub mod run_log;
mod scan;
mod schema;
mod sqlite_error;
mod staging;
mod sync_record;
mod time_alias;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use self::change_counter::ChangeCounter;
pub use self::digest::{FileDigest, FileDigests};
pub use self::failure::KnownFailure;
pub use self::fetch_folder::FetchFolderRecord;
pub use self::folder::FolderFiles;
pub use self::open::OpenedIndex;
pub use self::pending_upload::{ListedVersion, SentPath, UnverifiedUpload};
pub use self::read_transaction::ReadTransaction;
pub use self::replica::{KnownDatabase, KnownReplica};
pub use self::run::{Run, RunEnd, RunStart};
pub use self::run_item::{RunFiles, RunItem};
pub use self::scan::{ScanChanges, ScanWriter};
pub use self::staging::{ScanStaging, StagedScan};
pub use self::sync_record::{SentChanges, SentFile, SentFolder, SentRecord, SentRow, link_digest};

use self::sqlite_error::Explain as _;
use crate::base::error::{Error, IndexProblem, Result};

/// An open index.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
    /// What tells the open file from another of its name.
    file_id: Option<(u64, u64)>,
    read_only: bool,
    /// What of it was found to be sound.
    verified: checksum::VerifiedCache,
}

/// What tells the file of this name from every other.
fn file_id(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Index {
    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can only be read.
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The same index by another handle, for another thread.
    ///
    /// # Errors
    /// As for opening it.
    pub fn try_clone(&self) -> Result<Self> {
        Self::open_strict(&self.path)
    }

    /// Opens the file anew if another stands in its place, or none: the index may be deleted at any time.
    ///
    /// # Errors
    /// As for opening it.
    pub fn reopen_if_replaced(&mut self) -> Result<()> {
        if !self.read_only && file_id(&self.path) != self.file_id {
            *self = Self::open(&self.path)?.index;
        }
        Ok(())
    }

    /// Fails unless the index can be written; asked before work that must be recorded.
    ///
    /// # Errors
    /// [`IndexProblem::ReadOnly`].
    pub fn require_writable(&self) -> Result<()> {
        if self.read_only {
            Err(Error::index(IndexProblem::ReadOnly, self.path.clone()))
        } else {
            Ok(())
        }
    }

    /// A transaction that writes; it waits for another process that is writing.
    fn transaction(&mut self) -> Result<Transaction<'_>> {
        self.require_writable()?;
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .explain("write", &self.path)
    }
}
