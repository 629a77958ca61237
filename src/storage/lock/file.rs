//! The locked file: `ROOT/.auto-backup/lock`, or one in the user's state folder for a remote. The system releases the lock
//! when the process ends. While the lock is held, the file names its holder.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use super::holder::LockHolder;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::name::Name;
use crate::index::RunId;
use crate::model::own_folder;
use crate::model::path;
use crate::model::registry::Database;
use crate::os::file;
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;

/// Name of the lock file in the program's folder.
const FILE_NAME: &str = "lock";

/// Subfolder of the user's state folder for the locks of remotes.
const STATE_SUBFOLDER: &str = "locks";

/// Number of attempts to create a lock file that another program keeps removing.
const ATTEMPTS: u32 = 100;

/// A locked file, unlocked when it is dropped.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
}

impl Drop for LockFile {
    fn drop(&mut self) {
        ignore(self.file.set_len(0), "the next holder overwrites the text");
    }
}

impl LockFile {
    /// Acquires the lock of a folder for a run if its lock file exists.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it.
    pub(super) fn acquire(root: &Folder, database: &str, run: RunId) -> Result<Option<Self>> {
        match own_folder::find(root)? {
            Some(own) => Self::try_acquire(&own, OsStr::new(FILE_NAME), database, run),
            None => Ok(None),
        }
    }

    /// Acquires the lock of a folder for a run; creates the lock file if it does not exist.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it.
    pub(super) fn create_and_acquire(root: &Folder, database: &str, run: RunId) -> Result<Self> {
        let own = own_folder::open(root)?;
        Self::acquire_or_create(&own, OsStr::new(FILE_NAME), database, run, || {
            create_lock_file(&own, root)
        })
    }

    /// Acquires the lock of a remote for a run: a file in a state folder, named after the remote's root. It excludes the other
    /// runs of this user on this host.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it.
    pub(super) fn acquire_in_state_folder(
        folder: &Path,
        root: &Path,
        database: &str,
        run: RunId,
    ) -> Result<Self> {
        let locks = folder.join(STATE_SUBFOLDER);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&locks)
            .at("create the folder", &locks)?;
        let locks = Folder::open(&locks)?;
        let digest = Digest::of_bytes(root.as_os_str().as_bytes());
        let name = OsString::from(format!("{digest}.lock"));
        Self::acquire_or_create(&locks, &name, database, run, || {
            create_if_missing(&locks, &name).map(|_| ())
        })
    }

    /// Acquires the lock of a remote for a run in the user's state folder.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it; [`Error::NoHome`] if the user has no state folder.
    pub(super) fn acquire_remote(database: &Database, run: RunId) -> Result<Self> {
        let folder = path::state_folder().ok_or(Error::NoHome {
            what: "place for locks",
            option: "HOME",
        })?;
        Self::acquire_in_state_folder(&folder, &database.root, &database.name, run)
    }

    fn acquire_or_create(
        folder: &Folder,
        name: &OsStr,
        database: &str,
        run: RunId,
        create: impl Fn() -> Result<()>,
    ) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            if let Some(lock) = Self::try_acquire(folder, name, database, run)? {
                return Ok(lock);
            }
            create()?;
        }
        Err(Error::ConcurrentChange {
            path: folder.path().join(name),
        })
    }

    fn try_acquire(own: &Folder, name: &OsStr, database: &str, run: RunId) -> Result<Option<Self>> {
        let Some(file) = own.open_to_lock(name)? else {
            return Ok(None);
        };
        let path = own.path().join(name);
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    database: database.to_owned(),
                    holder: LockHolder::read(&file).description(),
                    lock: format!("`{}`", Name::from(path.as_path())),
                });
            }
            // On a file system without locks no run can be excluded.
            Err(TryLockError::Error(error)) if is_unsupported(error.kind()) => {}
            taken => taken.map_err(io::Error::from).at("lock", &path)?,
        }
        let is_overwritable = if file::refuses_to_be_read(&file) {
            LockHolder::is_overwritable(&own.open_file(name)?.0)
        } else {
            LockHolder::is_overwritable(&file)
        };
        if !is_current(own, name, &file) {
            return Ok(None);
        }
        if !is_overwritable {
            return Err(Error::Untrusted {
                path,
                why: "it contains something other than the name of a run; move it away".to_owned(),
            });
        }
        LockHolder::current(run).write(&file);
        Ok(Some(Self { file }))
    }
}

/// True for the errors of file systems that do not support locks.
const fn is_unsupported(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

/// True if `name` still belongs to the open file: another process may have removed the file while it was opened. On a file
/// system without stable ids, any file of that name will do.
fn is_current(own: &Folder, name: &OsStr, file: &File) -> bool {
    let (Ok(opened), Ok(named)) = (file::stat(file), own.stat(name)) else {
        return false;
    };
    opened.file_id() == named.file_id() || !own.features().stable_ids
}

/// Creates a file that only its owner can read; `None` if it exists by now.
fn create_if_missing(folder: &Folder, name: &OsStr) -> Result<Option<File>> {
    match folder.create_file(name) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(None),
        created => created.map(Some),
    }
}

/// Creates the lock file with the permissions to write that the root has.
fn create_lock_file(own: &Folder, root: &Folder) -> Result<()> {
    let Some(file) = create_if_missing(own, OsStr::new(FILE_NAME))? else {
        return Ok(());
    };
    let mode = root.stat_self()?.mode & 0o666 | 0o600;
    root.assign_owner_to(&file);
    file::set_mode(&file, mode).at("set the permissions of", own.path().join(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::process;

    use super::*;
    use crate::base::own_name::OWN_FOLDER;
    use crate::os::host;

    /// Returns the message of a held lock without its time.
    fn message_without_time(error: &Error) -> String {
        let text = error.to_string();
        let (before, since) = text.split_once(", since ").unwrap();
        let (_, after) = since.split_once("Z: ").unwrap();
        format!("{before}: {after}")
    }

    fn expected(run: RunId, lock: &Path) -> String {
        let (process, host) = (process::id(), host::name());
        format!(
            "another run has locked `NAS`: run {run} of process {process} on `{host}`: it holds `{}`",
            lock.display()
        )
    }

    #[test]
    fn second_run_learns_the_holder() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        assert!(LockFile::acquire(&root, "NAS", RunId(1)).unwrap().is_none());
        let path = temporary.path().join(OWN_FOLDER).join(FILE_NAME);
        let first = LockFile::create_and_acquire(&root, "NAS", RunId(7)).unwrap();
        for second in [
            LockFile::acquire(&root, "NAS", RunId(8)).map(drop),
            LockFile::create_and_acquire(&root, "NAS", RunId(8)).map(drop),
        ] {
            assert_eq!(
                message_without_time(&second.unwrap_err()),
                expected(RunId(7), &path)
            );
        }
        drop(first);
        assert_eq!(fs::read(&path).unwrap(), b"");
        let third = LockFile::acquire(&root, "NAS", RunId(9)).unwrap();
        assert!(third.is_some());
        assert!(fs::read_to_string(&path).unwrap().starts_with("run=9 "));
    }

    #[test]
    fn remote_is_locked_in_the_state_folder() {
        let temporary = tempfile::tempdir().unwrap();
        let state = temporary.path().join("state/auto-backup");
        let take = |root: &str, run| {
            LockFile::acquire_in_state_folder(&state, root.as_ref(), "NAS", RunId(run))
        };
        let first = take("s3:bucket/studio", 7).unwrap();
        let other = take("s3:bucket/other", 8).unwrap();
        let digest = Digest::of_bytes(b"s3:bucket/studio");
        let path = state.join("locks").join(format!("{digest}.lock"));
        let refused = take("s3:bucket/studio", 9).unwrap_err();
        assert_eq!(message_without_time(&refused), expected(RunId(7), &path));
        drop((first, other));
        take("s3:bucket/studio", 9).unwrap();
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&state), 0o700);
    }

    #[test]
    fn foreign_content_is_never_overwritten() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        drop(LockFile::create_and_acquire(&root, "NAS", RunId(7)).unwrap());
        let path = temporary.path().join(OWN_FOLDER).join(FILE_NAME);
        for (text, is_foreign) in [("my notes", true), ("\0\0", false), ("host=ws1", false)] {
            fs::write(&path, text).unwrap();
            let taken = LockFile::acquire(&root, "NAS", RunId(8));
            assert_eq!(matches!(taken, Err(Error::Untrusted { .. })), is_foreign);
            assert_eq!(fs::read_to_string(&path).unwrap() == text, is_foreign);
        }
    }
}
