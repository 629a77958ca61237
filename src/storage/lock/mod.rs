//! One writing run per database (decision 14): every command that writes to a database holds its [`Lock`] meanwhile.
//!
//! `file` is the locked file, `holder` the text in it.

mod file;
mod holder;

use self::file::LockFile;
use super::{LocalStorage, RemoteStorage, Storage};
use crate::base::error::Result;
use crate::index::RunId;

/// A held lock. Until it is dropped, no other run writes to the database.
#[derive(Debug)]
pub struct Lock {
    _file: LockFile,
}

impl Storage {
    /// Takes the lock for a run.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Locked`] if another run holds it.
    pub fn lock(&self, run: RunId) -> Result<Lock> {
        match self {
            Self::Local(storage) => storage.lock(run),
            Self::Remote(storage) => storage.lock(run),
        }
    }
}

impl LocalStorage {
    /// Takes the lock for a run; creates the lock file if it does not exist.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Locked`] if another run holds it.
    pub fn lock(&self, run: RunId) -> Result<Lock> {
        let file = LockFile::create_and_acquire(&self.root, &self.database.name, run)?;
        Ok(Lock { _file: file })
    }

    /// Takes the lock for a run if the lock file exists; `None` before the first copy, because a run writes nothing before
    /// it has a file to copy.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Locked`] if another run holds it.
    pub fn lock_if_exists(&self, run: RunId) -> Result<Option<Lock>> {
        let file = LockFile::acquire(&self.root, &self.database.name, run)?;
        Ok(file.map(|file| Lock { _file: file }))
    }
}

impl RemoteStorage {
    /// Takes the lock for a run. It excludes the other runs of this user on this host.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Locked`] if another run holds it; [`crate::base::error::Error::NoHome`] if the user has
    /// no state folder.
    pub fn lock(&self, run: RunId) -> Result<Lock> {
        let file = LockFile::acquire_remote(&self.database, run)?;
        Ok(Lock { _file: file })
    }
}
