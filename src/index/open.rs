//! Opening the index: creates a missing one, and sets a damaged or outdated one aside.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::cache::VerifiedCache;
use super::checksum::store_roots_checksum;
use super::migration::bring_up_to_date;
use super::name_index::store_names_checksum;
use super::schema::{APPLICATION_ID, TABLES, VERSION, schema_version};
use super::sqlite_error::Explain as _;
use super::{Index, file_id};
use crate::base::error::{Error, IndexProblem, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::os::folder::is_not_found;
use crate::os::own_file::OwnFile;

/// Longest wait for another process that is writing.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Number of prepared statements that a connection keeps: all that a scan uses.
const CACHED_STATEMENTS: usize = 128;

/// Delay between two attempts to open the index.
const OPEN_RETRY_DELAY: Duration = Duration::from_millis(20);

/// Delay between two attempts of one statement.
const BUSY_RETRY_DELAY: Duration = Duration::from_millis(2);

/// Waits for another process that is writing; `false` ends the wait.
fn wait_for_writer(attempts: i32) -> bool {
    thread::sleep(BUSY_RETRY_DELAY);
    let waited = BUSY_RETRY_DELAY.saturating_mul(attempts.unsigned_abs());
    waited < LOCK_TIMEOUT && interrupt::check().is_ok()
}

/// An opened index.
#[derive(Debug)]
pub struct OpenedIndex {
    /// The index.
    pub index: Index,
    /// The previous file, if it could not be used.
    pub set_aside: Option<SetAside>,
}

/// The new path of an index file that could not be used.
#[derive(Debug)]
pub enum SetAside {
    /// The file was damaged.
    Damaged(PathBuf),
    /// The file was written by an older development version.
    Outdated(PathBuf),
}

impl Index {
    /// Opens the index. Creates it if it is missing; sets it aside and starts a new one if it is damaged or outdated.
    ///
    /// # Errors
    /// [`IndexProblem::TooNew`] or [`IndexProblem::NotAnIndex`].
    pub fn open(path: &Path) -> Result<OpenedIndex> {
        let opened = Self::open_strict(path);
        match opened.as_ref().err().and_then(Error::index_problem) {
            Some(IndexProblem::Damaged | IndexProblem::Outdated) => Self::replace(path),
            _ => Ok(OpenedIndex {
                index: opened?,
                set_aside: None,
            }),
        }
    }

    /// Sets an unusable index aside and starts a new one, unless another process has done so.
    fn replace(path: &Path) -> Result<OpenedIndex> {
        let own = OwnFile::find(path)?;
        let lock = acquire_lock(&own.sibling(".lock")?, path)?;
        let opened = Self::open_strict(path);
        let aside = match opened.as_ref().err().and_then(Error::index_problem) {
            Some(IndexProblem::Damaged) => SetAside::Damaged(set_aside(path, "damaged")?),
            Some(IndexProblem::Outdated) => SetAside::Outdated(set_aside(path, "outdated")?),
            _ => {
                return Ok(OpenedIndex {
                    index: opened?,
                    set_aside: None,
                });
            }
        };
        let index = Self::open_strict(path)?;
        drop(lock);
        Ok(OpenedIndex {
            index,
            set_aside: Some(aside),
        })
    }

    /// Opens the index. A damaged or outdated one is an error.
    pub(super) fn open_strict(path: &Path) -> Result<Self> {
        let own =
            OwnFile::find_or_make_folder(path).map_err(|error| as_index_error(error, path))?;
        create_private(&own, path)?;
        // `OwnFile` has followed the links that are trusted.
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
                // A change of the journal mode does not wait by itself.
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

    /// Configures the connection and creates the tables in an empty file.
    fn prepare(mut connection: Connection, path: &Path) -> Result<Self> {
        // Reading the version fails at once where locks do not work; only then is it safe to wait for one.
        connection
            .busy_timeout(Duration::ZERO)
            .explain("open", path)?;
        // Otherwise a statement is compiled again whenever its parameters change.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .explain("open", path)?;
        let version = schema_version(&connection, path);
        connection
            .busy_handler(Some(wait_for_writer))
            .explain("open", path)?;
        let read_only = connection.is_readonly("main").explain("open", path)?;
        let version = match version {
            // An index that cannot be set aside cannot be replaced either.
            Err(error) if read_only && error.index_problem() == Some(IndexProblem::Outdated) => {
                return Err(Error::index(IndexProblem::ReadOnly, path));
            }
            version => version?,
        };
        if read_only && version != VERSION {
            return Err(Error::index(IndexProblem::ReadOnly, path));
        }
        if !read_only {
            let settings =
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
            connection.execute_batch(settings).explain("open", path)?;
        }
        match version {
            VERSION => {}
            0 => create_tables(&mut connection, path)?,
            _ => bring_up_to_date(&mut connection, path)?,
        }
        Ok(Self::new(connection, path, read_only))
    }

    fn new(connection: Connection, path: &Path, read_only: bool) -> Self {
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        Self {
            connection,
            path: path.to_owned(),
            file_id: file_id(path),
            read_only,
            verified: VerifiedCache::default(),
        }
    }

    /// Opens an index on a read-only disk, where no other process can be writing it.
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
        sound.then(|| Self::new(connection, path, true))
    }

    /// Sets this index aside because it is damaged, starts an empty one, and returns the new path of the damaged file.
    pub fn rebuild(&mut self) -> Result<PathBuf> {
        self.require_writable()?;
        let path = self.path.clone();
        let set_aside = set_aside(&path, "damaged")?;
        *self = Self::open_strict(&path)?;
        Ok(set_aside)
    }
}

/// Creates the tables, unless another process has done so.
fn create_tables(connection: &mut Connection, path: &Path) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .explain("create", path)?;
    if schema_version(&transaction, path)? == VERSION {
        return Ok(());
    }
    let tables = TABLES.concat();
    let sql = format!(
        "{tables} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
    );
    transaction
        .execute_batch(&sql)
        .and_then(|()| store_roots_checksum(&transaction))
        .and_then(|()| store_names_checksum(&transaction))
        .and_then(|()| transaction.commit())
        .explain("create", path)
}

/// Names the index in an I/O error on its own path; errors on parent folders are unchanged.
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

/// Creates the file with private permissions: it lists the projects of a studio.
fn create_private(own: &OwnFile, path: &Path) -> Result<()> {
    let found = own
        .stat()
        .map_err(|error| as_index_error(error, &own.path()))?;
    if found.is_some() {
        return Ok(());
    }
    match own.create() {
        // Another process created it. SQLite refuses a file that is not an index.
        Err(_) if own.stat()?.is_some() => Ok(()),
        Err(Error::Io { source, .. }) => Err(source).at("create the index", path),
        created => created.map(|_| ()),
    }
}

/// Fails if the file system cannot lock files: `SQLite` would wait for a lock that no process holds.
fn require_locks(own: &OwnFile, path: &Path) -> Result<()> {
    own.probe_lock_support().map_err(|source| Error::Index {
        path: path.to_owned(),
        problem: IndexProblem::LockUnsupported,
        source: Some(source.into()),
    })
}

/// Waits for a lock.
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

/// Renames an index and its log files.
fn set_aside(path: &Path, word: &str) -> Result<PathBuf> {
    let own = OwnFile::find(path)?;
    let kept = unused_sibling(&own, word)?;
    own.rename_to(&kept)?;
    for suffix in ["-wal", "-shm"] {
        match own.sibling(suffix)?.rename_to(&kept.sibling(suffix)?) {
            Err(error) if is_not_found(&error) => {}
            renamed => renamed?,
        }
    }
    Ok(kept.path())
}

/// Returns an unused path: `index.sqlite.damaged-20261122T042855Z`, with a number if it is taken.
fn unused_sibling(own: &OwnFile, word: &str) -> Result<OwnFile> {
    const MAX_ATTEMPTS: u32 = 1000;
    let base = format!(".{word}-{}", Timestamp::now().to_file_name());
    for number in 1..=MAX_ATTEMPTS {
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
