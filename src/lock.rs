//! One run at a time on each database: a lock on `ROOT/.auto-backup/lock` that dies with its process.

use std::ffi::OsStr;
use std::fs::{File, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;

use crate::error::{At as _, Error, Result};
use crate::exclusions::OWN_FOLDER;
use crate::os::file;
use crate::os::folder::{Folder, is_missing};

/// The file's name within our folder.
const FILE: &str = "lock";

/// While it lives, no other run writes to the database.
#[derive(Debug)]
pub struct Lock {
    #[expect(dead_code, reason = "it is there to be held")]
    file: File,
}

impl Lock {
    /// Takes the lock of a database where there is a lock file; `None` before the first copy went there, for nothing is
    /// written before there is something to be copied.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run has it.
    pub fn take(root: &Folder, database: &str) -> Result<Option<Self>> {
        match root.child(OsStr::new(OWN_FOLDER)) {
            Err(error) if is_missing(&error) => Ok(None),
            own => Self::take_in(&own?, root, database),
        }
    }

    /// Takes the lock of a database, and makes the lock file where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run has it, or the root cannot be written.
    pub fn make_and_take(root: &Folder, database: &str) -> Result<Self> {
        let own = root.own_folder()?;
        loop {
            if let Some(lock) = Self::take_in(&own, root, database)? {
                return Ok(lock);
            }
            make(&own, root)?;
        }
    }

    fn take_in(own: &Folder, root: &Folder, database: &str) -> Result<Option<Self>> {
        let name = OsStr::new(FILE);
        // Network file systems lock only what may be written; elsewhere a file that may be read will do.
        let opened = own
            .open_to_lock(name)
            .or_else(|_| own.open_file(name).map(|(file, _)| file));
        let file = match opened {
            Err(error) if is_missing(&error) => return Ok(None),
            opened => opened?,
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    database: database.to_owned(),
                    lock: root.path().join(OWN_FOLDER).join(FILE),
                });
            }
            // Some file systems know no locks: there nobody can be kept out.
            Err(TryLockError::Error(error)) if is_unknown(error.kind()) => {}
            taken => taken
                .map_err(std::io::Error::from)
                .at("lock", own.path().join(FILE))?,
        }
        // Somebody may have taken the file away while it was opened.
        let held = file::stat(&file).at("look at", own.path().join(FILE))?;
        let is_current = own
            .stat(name)
            .is_ok_and(|now| (now.device, now.inode) == (held.device, held.inode));
        Ok(is_current.then_some(Self { file }))
    }
}

/// What systems say of locks that a file system does not have.
const fn is_unknown(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

/// Makes the lock file for whoever may write to the root.
fn make(own: &Folder, root: &Folder) -> Result<()> {
    let path = own.path().join(FILE);
    match own.create_file(OsStr::new(FILE)) {
        // Another run was quicker.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        created => {
            let file = created?;
            let mode = root.stat_self()?.mode & 0o666 | 0o600;
            root.share_owner(&file);
            file.set_permissions(Permissions::from_mode(mode))
                .at("set the permissions of", path)
        }
    }
}
