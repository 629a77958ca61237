//! One writing run per database (decision 14): every command that writes to a database holds its [`Lock`] meanwhile.
//!
//! `file` is the locked file, `holder` the text in it. Where the workstations of a studio share leases, the lock holds one
//! too, and the guard of the storage's root checks it before each write (`base/lease.rs`).

mod file;
mod holder;

use self::file::LockFile;
use super::{LocalStorage, RemoteStorage, Storage};
use crate::base::error::{Error, Result};
use crate::base::lease::{LeaseRequest, Leases, WriteGuard};
use crate::index::RunId;
use crate::model::identity;
use crate::model::registry::Database;

/// A held lock. Until it is dropped, no other run writes to the database.
#[derive(Debug)]
pub struct Lock {
    /// `None` if the file could not be created.
    file: Option<LockFile>,
    guard: WriteGuard,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.guard.release();
    }
}

impl Lock {
    /// Takes the lease of a database, if there is a source of leases. It is that of the identity, which is made before.
    fn with_lease(
        file: Option<LockFile>,
        guard: &WriteGuard,
        database: &Database,
        run: RunId,
        identity: impl FnOnce() -> Result<Option<String>>,
    ) -> Result<Self> {
        if let Leases(Some(source)) = &database.access.leases {
            let identity = identity()?;
            guard.hold(source.acquire(&LeaseRequest {
                database: &database.name,
                root: &database.root,
                identity: identity.as_deref(),
                run: run.0,
            })?);
        }
        Ok(Self {
            file,
            guard: guard.clone(),
        })
    }

    /// True if other runs of machines that share the lock file are excluded.
    pub const fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Fails if the lease is lost: from then on nothing may be written.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub fn check(&self) -> Result<()> {
        self.guard.permit().map(drop)
    }
}

impl Storage {
    /// Takes the lock for a run.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it.
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
    /// [`Error::Locked`] if another run holds it.
    pub fn lock(&self, run: RunId) -> Result<Lock> {
        let file = LockFile::create_and_acquire(&self.root, &self.database.name, run)?;
        self.with_lease(Some(file), run)
    }

    /// Takes the lock for a run if the lock file exists; `None` before the first copy, because a run writes nothing before
    /// it has a file to copy.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it.
    pub fn lock_if_exists(&self, run: RunId) -> Result<Option<Lock>> {
        let file = LockFile::acquire(&self.root, &self.database.name, run)?;
        file.map(|file| self.with_lease(Some(file), run))
            .transpose()
    }

    /// Takes the lock for a run. If the lock file cannot be created, as at a root that is not writable, returns that error
    /// beside a lock without a file.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds the lock; [`Error::Untrusted`] if the file is not the program's.
    pub fn lock_if_possible(&self, run: RunId) -> Result<(Lock, Option<Error>)> {
        match LockFile::create_and_acquire(&self.root, &self.database.name, run) {
            Ok(file) => Ok((self.with_lease(Some(file), run)?, None)),
            Err(error @ (Error::Locked { .. } | Error::Untrusted { .. })) => Err(error),
            Err(error) => Ok((self.with_lease(None, run)?, Some(error))),
        }
    }

    fn with_lease(&self, file: Option<LockFile>, run: RunId) -> Result<Lock> {
        let is_writable = file.is_some();
        let identity = || {
            if !is_writable {
                return identity::read(&self.root);
            }
            let made = identity::read_or_create(&self.root, &self.database.name);
            made.map(Some).or_else(without_identity)
        };
        Lock::with_lease(file, self.root.write_guard(), &self.database, run, identity)
    }
}

impl RemoteStorage {
    /// Takes the lock for a run. Its file excludes the other runs of this user on this host.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it; [`Error::NoHome`] if the user has no state folder.
    pub fn lock(&self, run: RunId) -> Result<Lock> {
        let file = LockFile::acquire_remote(&self.database, run)?;
        let guard = self.remote.write_guard();
        let identity = || match self.ensure_identity() {
            Ok(()) => Ok(self.identity().map(str::to_owned)),
            Err(error) => without_identity(error),
        };
        Lock::with_lease(Some(file), guard, &self.database, run, identity)
    }
}

/// Goes on without an identity where its file cannot be written: the storage is then known to this workstation alone.
fn without_identity(error: Error) -> Result<Option<String>> {
    match error {
        Error::Io { .. } | Error::Rclone { .. } => Ok(None),
        error => Err(error),
    }
}
