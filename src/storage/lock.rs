//! One run at a time on each database: a lock on `ROOT/.auto-backup/lock` that dies with its process. While it is held,
//! the file says by whom.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::Path;
use std::process;

use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::timestamp::Timestamp;
use crate::model::own_folder;
use crate::model::path;
use crate::model::registry::Database;
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::host;
use crate::snapshot::digest::Digest;

/// The file's name within our folder.
const FILE_NAME: &str = "lock";

/// The folder of the locks of databases that are no folders, within the state folder.
const STATE_SUBFOLDER: &str = "locks";

/// How often a lock file that others keep taking away is made anew.
const ATTEMPTS: u32 = 100;

/// The longest text of a lock file, in bytes.
const MAX_BYTES: usize = 512;

/// The words that the text of a lock file begins with.
const KEYS: [&str; 4] = ["run=", "process=", "host=", "since="];

/// While it lives, no other run writes to the database.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Nobody holds it any more. What cannot be taken back is written anew by the next who does.
        self.file.set_len(0).unwrap_or_default();
    }
}

impl Lock {
    /// Takes the lock of a database for a run where there is a lock file; `None` before the first copy went there, for
    /// nothing is written before there is something to be copied.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run has it.
    pub fn acquire(root: &Folder, database: &str, run: i64) -> Result<Option<Self>> {
        match own_folder::find(root)? {
            Some(own) => Self::try_acquire(&own, OsStr::new(FILE_NAME), database, run),
            None => Ok(None),
        }
    }

    /// Takes the lock of a database for a run, and makes the lock file where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run has it, or the root cannot be written.
    pub fn create_and_acquire(root: &Folder, database: &str, run: i64) -> Result<Self> {
        let own = own_folder::open(root)?;
        for _ in 0..ATTEMPTS {
            if let Some(lock) = Self::try_acquire(&own, OsStr::new(FILE_NAME), database, run)? {
                return Ok(lock);
            }
            create_lock_file(&own, root)?;
        }
        Err(Error::ConcurrentChange {
            path: own.path().join(FILE_NAME),
        })
    }

    /// Takes the lock of a database that is no folder, for a run: a file named after its root, in the state folder. It
    /// keeps out the other runs of this user on this host.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run has it, or the state folder cannot be written.
    pub fn acquire_in_state_folder(
        folder: &Path,
        root: &Path,
        database: &str,
        run: i64,
    ) -> Result<Self> {
        let locks = folder.join(STATE_SUBFOLDER);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&locks)
            .at("create the folder", &locks)?;
        let locks = Folder::open(&locks)?;
        let digest = Digest::of_bytes(root.as_os_str().as_bytes());
        let name = format!("{digest}.lock");
        let name = OsStr::new(&name);
        for _ in 0..ATTEMPTS {
            if let Some(lock) = Self::try_acquire(&locks, name, database, run)? {
                return Ok(lock);
            }
            create_if_missing(&locks, name)?;
        }
        Err(Error::ConcurrentChange {
            path: locks.path().join(name),
        })
    }

    /// The same in the user's state folder.
    ///
    /// # Errors
    /// As for [`Self::acquire_in_state_folder`]; [`Error::NoHome`] where there is no such folder.
    pub fn acquire_remote(database: &Database, run: i64) -> Result<Self> {
        let folder = path::state_folder().ok_or(Error::NoHome {
            what: "place for locks",
            option: "HOME",
        })?;
        Self::acquire_in_state_folder(&folder, &database.root, &database.name, run)
    }

    fn try_acquire(own: &Folder, name: &OsStr, database: &str, run: i64) -> Result<Option<Self>> {
        let Some(file) = own.open_to_lock(name)? else {
            return Ok(None);
        };
        let path = own.path().join(name);
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked {
                    database: database.to_owned(),
                    holder: LockHolder::read(&file).description(),
                    lock: path,
                });
            }
            // Some file systems know no locks: there nobody can be kept out.
            Err(TryLockError::Error(error)) if is_unsupported(error.kind()) => {}
            taken => taken.map_err(io::Error::from).at("lock", &path)?,
        }
        if !is_current(own, name, &file) {
            return Ok(None);
        }
        if !LockHolder::is_overwritable(&file) {
            return Err(Error::Untrusted {
                path,
                why: "it holds something else than the name of a run".to_owned(),
            });
        }
        LockHolder::current(run).write(&file);
        Ok(Some(Self { file }))
    }
}

/// Who holds a lock, as far as it is known.
#[derive(Debug, Default, PartialEq, Eq)]
struct LockHolder {
    run: Option<i64>,
    process: Option<u32>,
    host: Option<String>,
    since: Option<String>,
}

impl LockHolder {
    /// This process, for a run.
    fn current(run: i64) -> Self {
        Self {
            run: Some(run),
            process: Some(process::id()),
            host: Some(host::name()),
            since: Timestamp {
                nanoseconds: 0,
                ..Timestamp::now()
            }
            .rfc3339(),
        }
    }

    /// Writes who holds the lock. Where that cannot be written the lock is held all the same.
    fn write(&self, file: &File) {
        let part = |name: &str, value: Option<String>| {
            value.map_or_else(String::new, |value| format!("{name}={value} "))
        };
        let run = part("run", self.run.map(|run| run.to_string()));
        let process = part("process", self.process.map(|process| process.to_string()));
        let host = part("host", self.host.clone());
        let since = part("since", self.since.clone());
        let line = format!("{run}{process}{host}{since}");
        file.set_len(0)
            .and_then(|()| file.write_all_at(format!("{}\n", line.trim_end()).as_bytes(), 0))
            .unwrap_or_default();
    }

    /// What a lock file says; anybody may have written it, so only what can be is believed.
    fn read(file: &File) -> Self {
        let mut bytes = [0; MAX_BYTES];
        let length = file.read_at(&mut bytes, 0).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&bytes[..length]))
    }

    /// Whether a lock file holds nothing that would be lost: it is empty, or some run wrote to it. After a loss of power it
    /// may hold zeros.
    fn is_overwritable(file: &File) -> bool {
        let mut bytes = [0; MAX_BYTES + 1];
        let Ok(length) = file.read_at(&mut bytes, 0) else {
            return false;
        };
        let text = &bytes[..length];
        length <= MAX_BYTES
            && (text.iter().all(|byte| *byte == 0)
                || KEYS.iter().any(|key| text.starts_with(key.as_bytes())))
    }

    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let mut parts = text.split_whitespace();
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let of = |value: Option<&str>, allowed: fn(char) -> bool| {
            let value = value.filter(|value| !value.is_empty() && value.chars().all(allowed));
            value.map(str::to_owned)
        };
        Self {
            run: value("run").and_then(|run| run.parse().ok()),
            process: value("process").and_then(|process| process.parse().ok()),
            host: of(value("host"), |c| c.is_ascii_alphanumeric() || c == '-'),
            since: of(value("since"), |c| {
                c.is_ascii_digit() || ['-', ':', 'T', 'Z'].contains(&c)
            }),
        }
    }

    /// ``run 7 of process 1234 on `ws1`, since 2026-11-22T04:28:55Z``, without what is not known.
    fn description(&self) -> Option<String> {
        let run = self.run.map(|run| format!("run {run}"));
        let process = self.process.map(|process| format!("process {process}"));
        let who = match (run, process) {
            (Some(run), Some(process)) => format!("{run} of {process}"),
            (run, process) => run.or(process)?,
        };
        let host = self.host.as_ref();
        let host = host.map_or_else(String::new, |host| format!(" on `{host}`"));
        let since = self.since.as_ref();
        let since = since.map_or_else(String::new, |since| format!(", since {since}"));
        Some(format!("{who}{host}{since}"))
    }
}

/// What systems say of locks that a file system does not have.
const fn is_unsupported(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

/// Whether a name still stands for an open file: somebody may have taken the file away while it was opened. Where the names
/// of one file may have different numbers, it is enough that there is a file.
fn is_current(own: &Folder, name: &OsStr, file: &File) -> bool {
    let (Ok(held), Ok(there)) = (file::stat(file), own.stat(name)) else {
        return false;
    };
    (held.device, held.inode) == (there.device, there.inode) || !own.features().stable_ids
}

/// Makes a file of this name, readable by nobody else; `None` where another run was quicker.
fn create_if_missing(folder: &Folder, name: &OsStr) -> Result<Option<File>> {
    match folder.create_file(name) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(None),
        created => created.map(Some),
    }
}

/// Makes the lock file for whoever may write to the root.
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

    use super::*;
    use crate::base::own_name::OWN_FOLDER;

    /// What is said of a lock that is held, with the moment taken out.
    fn said(error: &Error) -> String {
        let text = error.to_string();
        let (before, since) = text.split_once(", since ").unwrap();
        let (_, after) = since.split_once("Z: ").unwrap();
        format!("{before}: {after}")
    }

    fn expected(run: i64, lock: &Path) -> String {
        let (process, host) = (process::id(), host::name());
        format!(
            "another run has locked `NAS`: run {run} of process {process} on `{host}`: it holds `{}`",
            lock.display()
        )
    }

    #[test]
    fn whoever_comes_second_is_told_who_holds_it() {
        let temporary = tempfile::tempdir().unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        assert!(Lock::acquire(&root, "NAS", 1).unwrap().is_none());
        let path = temporary.path().join(OWN_FOLDER).join(FILE_NAME);
        let first = Lock::create_and_acquire(&root, "NAS", 7).unwrap();
        for second in [
            Lock::acquire(&root, "NAS", 8).map(drop),
            Lock::create_and_acquire(&root, "NAS", 8).map(drop),
        ] {
            assert_eq!(said(&second.unwrap_err()), expected(7, &path));
        }
        drop(first);
        assert_eq!(fs::read(&path).unwrap(), b"");
        let third = Lock::acquire(&root, "NAS", 9).unwrap();
        assert!(third.is_some());
        assert!(fs::read_to_string(&path).unwrap().starts_with("run=9 "));
    }

    #[test]
    fn a_database_that_is_no_folder_is_locked_beside() {
        let temporary = tempfile::tempdir().unwrap();
        let state = temporary.path().join("state/auto-backup");
        let take =
            |root: &str, run| Lock::acquire_in_state_folder(&state, root.as_ref(), "NAS", run);
        let first = take("s3:bucket/studio", 7).unwrap();
        let other = take("s3:bucket/other", 8).unwrap();
        let digest = Digest::of_bytes(b"s3:bucket/studio");
        let path = state.join("locks").join(format!("{digest}.lock"));
        let refused = take("s3:bucket/studio", 9).unwrap_err();
        assert_eq!(said(&refused), expected(7, &path));
        drop((first, other));
        take("s3:bucket/studio", 9).unwrap();
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&state), 0o700);
    }

    #[test]
    fn what_a_lock_file_does_not_say_is_left_out() {
        let words = |text| LockHolder::parse(text).description();
        let whole = "run=7 process=12 host=ws1 since=2026-11-22T04:28:55Z\n";
        let told = "run 7 of process 12 on `ws1`, since 2026-11-22T04:28:55Z";
        assert_eq!(words(whole).as_deref(), Some(told));
        for (text, told) in [
            ("", None),
            ("host=ws1 since=2026-11-22T04:28:55Z", None),
            ("run=7", Some("run 7")),
            ("run=x process=12 host=", Some("process 12")),
            ("run=7 host=ws\u{1b}[1m since=now", Some("run 7")),
            ("run=7 hosts=x\0host=ws1", Some("run 7")),
        ] {
            assert_eq!(words(text).as_deref(), told, "{text:?}");
        }
    }
}
