//! The index: one `SQLite` file of what the last look at each replica saw, and of runs. Deleting it loses no file of the
//! studio's.
//!
//! Places are known by root and folder, not by the names a start-up file gives them, so a database that is renamed keeps
//! its last look. All paths are stored as bytes.

mod checksums;
mod composing;
mod differing;
mod digests;
mod draft;
mod failure;
mod failures;
mod folders;
mod handled;
mod held;
mod looks;
mod opening;
mod packing;
mod remotes;
mod replicas;
mod runs;
mod schema;
mod sending;
mod sent;
mod sent_folders;
mod snapshot;
mod staging;
mod stamp;
mod under_way;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use digests::{Content, Contents};
pub use draft::{Draft, Drafted};
pub use failures::KnownFailure;
pub use folders::FolderFiles;
pub use handled::{RunFiles, RunItem};
pub use looks::{Changes, LookWriter};
pub use opening::Opened;
pub use replicas::{KnownDatabase, KnownReplica};
pub use runs::{Begun, Ended, Run};
pub use sending::{Left, Said, Unproven};
pub use sent::{SentChanges, SentFile, SentFolder, SentRecord, SentRow, link};
pub use snapshot::Snapshot;
pub use staging::StagingFolder;
pub use stamp::Stamp;

use crate::error::{Error, Result};
use failure::Explain as _;

/// An open index.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    path: PathBuf,
    /// What tells the open file from another of its name.
    file: Option<(u64, u64)>,
    read_only: bool,
    /// What of it was found to be sound.
    verified: checksums::Cache,
}

/// What tells the file of this name from every other.
fn file_number(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

impl Index {
    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it can only be read.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The same index by another handle, for another thread.
    ///
    /// # Errors
    /// As for opening it.
    pub fn open_again(&self) -> Result<Self> {
        Self::open_sound(&self.path)
    }

    /// Opens the file anew if another stands in its place, or none: the index may be deleted at any time.
    ///
    /// # Errors
    /// As for opening it.
    pub fn follow(&mut self) -> Result<()> {
        if !self.read_only && file_number(&self.path) != self.file {
            *self = Self::open(&self.path)?.index;
        }
        Ok(())
    }

    /// Fails unless the index can be written; asked before work that must be recorded.
    ///
    /// # Errors
    /// [`Error::IndexReadOnly`].
    pub fn require_writable(&self) -> Result<()> {
        if self.read_only {
            Err(Error::IndexReadOnly {
                path: self.path.clone(),
            })
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
