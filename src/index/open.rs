//! Opening the index: creating it, bringing an older one up to date, setting a damaged one aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Row};

use super::checksum::VerifiedCache;
use super::schema::{APPLICATION_ID, MIGRATIONS, VERSION};
use super::sqlite_error::Explain as _;
use super::{Index, file_id};
use crate::base::error::{Error, IndexProblem, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::os::folder::is_not_found;
use crate::os::own_file::OwnFile;

/// How long a writer waits for another process that is writing.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// How long is waited between two tries to open it.
const OPEN_RETRY_DELAY: Duration = Duration::from_millis(20);

/// How long is waited between two tries of one statement.
const BUSY_RETRY_DELAY: Duration = Duration::from_millis(2);

/// Whether to wait on for another process that is writing, after so many tries.
fn wait_for_writer(tries: i32) -> bool {
    thread::sleep(BUSY_RETRY_DELAY);
    let waited = BUSY_RETRY_DELAY.saturating_mul(tries.unsigned_abs());
    waited < LOCK_TIMEOUT && interrupt::check().is_ok()
}

/// An index and, where the one before was damaged, where that was set aside.
#[derive(Debug)]
pub struct OpenedIndex {
    /// The index.
    pub index: Index,
    /// The damaged one.
    pub set_aside: Option<PathBuf>,
}

impl Index {
    /// Opens the index, creating it where there is none and setting a damaged one aside.
    ///
    /// # Errors
    /// [`IndexProblem::TooNew`], [`IndexProblem::NotAnIndex`], or what the disk refused.
    pub fn open(path: &Path) -> Result<OpenedIndex> {
        match Self::open_strict(path) {
            Err(error) if error.index_problem() == Some(IndexProblem::Damaged) => {
                Self::replace_damaged(path)
            }
            opened => Ok(OpenedIndex {
                index: opened?,
                set_aside: None,
            }),
        }
    }

    /// Sets a damaged index aside and begins a new one, unless another process has done so meanwhile.
    fn replace_damaged(path: &Path) -> Result<OpenedIndex> {
        let own = OwnFile::find(path)?;
        let lock = acquire_lock(&own.sibling(".lock")?, path)?;
        let opened = match Self::open_strict(path) {
            Err(error) if error.index_problem() == Some(IndexProblem::Damaged) => {
                let set_aside = Some(set_aside(path)?);
                Ok(OpenedIndex {
                    index: Self::open_strict(path)?,
                    set_aside,
                })
            }
            opened => Ok(OpenedIndex {
                index: opened?,
                set_aside: None,
            }),
        };
        drop(lock);
        opened
    }

    /// Opens the index, or says that it is damaged.
    pub(super) fn open_strict(path: &Path) -> Result<Self> {
        let own =
            OwnFile::find_or_make_folder(path).map_err(|error| as_index_error(error, path))?;
        create_private(&own, path)?;
        // Its links were followed, as far as they are to be.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let start = Instant::now();
        let mut is_lockable = false;
        loop {
            let opened = Connection::open_with_flags(own.path(), flags).explain("open", path);
            let opened = opened.and_then(|connection| Self::prepare(connection, path));
            let problem = opened.as_ref().err().and_then(Error::index_problem);
            let is_busy = problem == Some(IndexProblem::Busy);
            let is_failed = matches!(problem, Some(IndexProblem::Failed { .. }));
            if (is_busy || is_failed) && !is_lockable {
                require_locks(&own, path)?;
                is_lockable = true;
            }
            match opened {
                // Changing the journal's kind does not wait for others by itself.
                Err(_) if is_busy && start.elapsed() < LOCK_TIMEOUT => {
                    interrupt::check()?;
                    thread::sleep(OPEN_RETRY_DELAY);
                }
                Err(error) if is_failed || problem == Some(IndexProblem::ReadOnly) => {
                    return Self::open_immutable(&own, path).ok_or(error);
                }
                prepared => return prepared,
            }
        }
    }

    /// Sets the connection up and brings the schema up to date.
    fn prepare(mut connection: Connection, path: &Path) -> Result<Self> {
        // Where locks are not known to work nobody waits for one.
        connection
            .busy_timeout(Duration::ZERO)
            .explain("open", path)?;
        let version = schema_version(&connection, path)?;
        connection
            .busy_handler(Some(wait_for_writer))
            .explain("open", path)?;
        let read_only = connection.is_readonly("main").explain("open", path)?;
        let mut index = Self {
            connection,
            path: path.to_owned(),
            file_id: file_id(path),
            read_only,
            verified: VerifiedCache::default(),
        };
        if read_only {
            return if version == VERSION {
                Ok(index)
            } else {
                Err(Error::index(IndexProblem::ReadOnly, path.to_owned()))
            };
        }
        let settings =
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
        index
            .connection
            .execute_batch(settings)
            .explain("open", path)?;
        if version < VERSION {
            index.migrate(version)?;
        }
        Ok(index)
    }

    /// Brings an index up to date, after a copy of one that holds something; of several processes one does it.
    fn migrate(&mut self, found: i64) -> Result<()> {
        if found == 0 {
            return self.apply_migrations();
        }
        // Not the one under which a damaged index is replaced, as that is held while one is opened.
        let name = OwnFile::find(&self.path)?.sibling(".upgrade-lock")?;
        let lock = acquire_lock(&name, &self.path)?;
        if schema_version(&self.connection, &self.path)? == found {
            self.back_up(found)?;
        }
        self.apply_migrations()?;
        // Whoever waits for it finds nothing left to do.
        name.remove().unwrap_or_default();
        drop(lock);
        Ok(())
    }

    /// Copies the index as it is; like it, the copy is readable by nobody else.
    fn back_up(&self, found: i64) -> Result<()> {
        let own = OwnFile::find(&self.path)?;
        let copy = unused_sibling(&own, &format!("version-{found}"))?;
        copy.create()?;
        let path = copy.path();
        let copied = self
            .connection
            .execute("VACUUM INTO ?1", [path.to_string_lossy()]);
        if copied.is_err() {
            // Half a copy would only fill the disk.
            copy.remove().unwrap_or_default();
        }
        copied.map(|_| ()).explain("back up", &self.path)
    }

    /// Applies the missing migrations in one transaction.
    fn apply_migrations(&mut self) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        // Another process may have done it while we waited for the right to write.
        let found = schema_version(&transaction, &path)?;
        for migration in &MIGRATIONS[usize::try_from(found).unwrap_or_default()..] {
            migration
                .apply(&transaction)
                .explain("bring up to date", &path)?;
        }
        let stamp =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};");
        transaction
            .execute_batch(&stamp)
            .explain("bring up to date", &path)?;
        transaction.commit().explain("bring up to date", &path)
    }

    /// Opens an index whose disk can only be read, where no other process can be writing it.
    fn open_immutable(own: &OwnFile, path: &Path) -> Option<Self> {
        let log = own.sibling("-wal").ok()?.stat().ok()?;
        if log.is_some_and(|log| log.bytes > 0) {
            return None;
        }
        let absolute = own.path().canonicalize().ok()?;
        let escaped = absolute
            .to_str()?
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).ok()?;
        let sound = schema_version(&connection, path).is_ok_and(|version| version == VERSION);
        sound.then(|| Self {
            connection,
            path: path.to_owned(),
            file_id: file_id(path),
            read_only: true,
            verified: VerifiedCache::default(),
        })
    }

    /// Starts an empty index because this one turned out to be damaged, and sets this one aside.
    ///
    /// # Errors
    /// The file cannot be renamed, no new one be made, or this one can only be read.
    pub fn rebuild(&mut self) -> Result<PathBuf> {
        self.require_writable()?;
        let path = self.path.clone();
        let set_aside = set_aside(&path)?;
        *self = Self::open_strict(&path)?;
        Ok(set_aside)
    }
}

/// The schema version of an index; 0 for an empty file.
fn schema_version(connection: &Connection, path: &Path) -> Result<i64> {
    // In one statement, so that what another process sets up meanwhile is seen whole or not at all.
    let sql = "SELECT user_version, application_id, schema_version
               FROM pragma_user_version, pragma_application_id, pragma_schema_version";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (version, application, tables): (i64, i64, i64) =
        connection.query_row(sql, [], read).explain("read", path)?;
    if tables != 0 && application != APPLICATION_ID {
        return Err(Error::index(IndexProblem::NotAnIndex, path.to_owned()));
    }
    if version > VERSION {
        return Err(Error::index(
            IndexProblem::TooNew {
                found: version,
                known: VERSION,
            },
            path.to_owned(),
        ));
    }
    Ok(version)
}

/// Says of a failure on the index itself, and not on a folder above it, that it is about the index.
fn as_index_error(error: Error, index: &Path) -> Error {
    match error {
        Error::Io { path, source, .. } if path == index => Error::Io {
            action: "open the index",
            path,
            source,
        },
        error => error,
    }
}

/// Creates the file readable by nobody else, as it lists what a studio works on; refuses what is no file of ours.
fn create_private(own: &OwnFile, path: &Path) -> Result<()> {
    let found = own
        .stat()
        .map_err(|error| as_index_error(error, &own.path()))?;
    if found.is_some() {
        return Ok(());
    }
    match own.create() {
        // Another process did so meanwhile, or there is something that is none of ours.
        Err(_) if own.stat()?.is_some() => Ok(()),
        Err(Error::Io { source, .. }) => Err(source).at("create the index", path),
        created => created.map(|_| ()),
    }
}

/// Fails where the file system of the index cannot lock files: `SQLite` would wait for a lock that nobody holds.
fn require_locks(own: &OwnFile, path: &Path) -> Result<()> {
    own.probe_lock_support().map_err(|source| Error::Index {
        path: path.to_owned(),
        problem: IndexProblem::LockUnsupported,
        source: Some(source.into()),
    })
}

/// Waits until no other process holds the lock of this name.
fn acquire_lock(own: &OwnFile, index: &Path) -> Result<fs::File> {
    let file = own.open_to_lock()?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if start.elapsed() < LOCK_TIMEOUT => {
                interrupt::check()?;
                thread::sleep(OPEN_RETRY_DELAY);
            }
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::Index {
                    path: index.to_owned(),
                    problem: IndexProblem::Busy,
                    source: Some("another process keeps it locked".into()),
                });
            }
            Err(fs::TryLockError::Error(source)) => return Err(source).at("lock", own.path()),
        }
    }
}

/// Renames a damaged index and its log files.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let own = OwnFile::find(path)?;
    let kept = unused_sibling(&own, "damaged")?;
    own.rename_to(&kept)?;
    for suffix in ["-wal", "-shm"] {
        match own.sibling(suffix)?.rename_to(&kept.sibling(suffix)?) {
            Err(error) if is_not_found(&error) => {}
            renamed => renamed?,
        }
    }
    Ok(kept.path())
}

/// `index.sqlite` -> `index.sqlite.damaged-20261122T042855Z`, or with a number where that is taken.
fn unused_sibling(own: &OwnFile, word: &str) -> Result<OwnFile> {
    /// Number of names that are tried.
    const MAX_TRIES: u32 = 1000;
    let base = format!(".{word}-{}", Timestamp::now().to_file_name());
    for number in 1..=MAX_TRIES {
        let other = match number {
            1 => own.sibling(&base)?,
            number => own.sibling(&format!("{base}-{number}"))?,
        };
        if matches!(other.stat(), Ok(None)) {
            return Ok(other);
        }
    }
    own.sibling(&base)
}
