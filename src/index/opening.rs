//! Opening the index: creating it, bringing an older one up to date, setting a damaged one aside.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Row};

use super::failure::Explain as _;
use super::schema::{APPLICATION_ID, MIGRATIONS, VERSION};
use super::{Index, file_number};
use crate::error::{At as _, Error, Result};
use crate::interrupt;
use crate::moment::Moment;

/// How long a writer waits for another process that is writing.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long is waited between two tries to open it.
const PAUSE: Duration = Duration::from_millis(20);

/// How long is waited between two tries of one statement.
const BREATH: Duration = Duration::from_millis(2);

/// Whether to wait on for another process that is writing, after so many tries.
fn is_worth_waiting(tries: i32) -> bool {
    thread::sleep(BREATH);
    let waited = BREATH.saturating_mul(tries.unsigned_abs());
    waited < PATIENCE && interrupt::check().is_ok()
}

/// An index and, where the one before was damaged, where that was set aside.
#[derive(Debug)]
pub struct Opened {
    /// The index.
    pub index: Index,
    /// The damaged one.
    pub set_aside: Option<PathBuf>,
}

impl Index {
    /// Opens the index, creating it where there is none and setting a damaged one aside.
    ///
    /// # Errors
    /// [`Error::IndexTooNew`], [`Error::NotAnIndex`], or what the disk refused.
    pub fn open(path: &Path) -> Result<Opened> {
        refuse_special(path)?;
        match Self::open_sound(path) {
            Err(Error::IndexDamaged { .. }) => Self::replace_damaged(path),
            opened => Ok(Opened {
                index: opened?,
                set_aside: None,
            }),
        }
    }

    /// Sets a damaged index aside and begins a new one, unless another process has done so meanwhile.
    fn replace_damaged(path: &Path) -> Result<Opened> {
        let lock = lock(&suffixed(path, ".lock"))?;
        let opened = match Self::open_sound(path) {
            Err(Error::IndexDamaged { .. }) => {
                let set_aside = Some(set_aside(path)?);
                Ok(Opened {
                    index: Self::open_sound(path)?,
                    set_aside,
                })
            }
            opened => Ok(Opened {
                index: opened?,
                set_aside: None,
            }),
        };
        drop(lock);
        opened
    }

    /// Opens the index, or says that it is damaged.
    pub(super) fn open_sound(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            // A folder on a read-only or full disk may still hold an index that can be read.
            if !folder.exists() {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)
                    .at("create the folder", folder)?;
            }
        }
        create_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let start = Instant::now();
        loop {
            let opened = Connection::open_with_flags(path, flags).explain("open", path);
            match opened.and_then(|connection| Self::prepare(connection, path)) {
                // Changing the journal's kind does not wait for others by itself.
                Err(Error::IndexBusy { .. }) if start.elapsed() < PATIENCE => {
                    interrupt::check()?;
                    thread::sleep(PAUSE);
                }
                Err(error @ (Error::IndexReadOnly { .. } | Error::Index { .. })) => {
                    return Self::open_immutable(path).ok_or(error);
                }
                prepared => return prepared,
            }
        }
    }

    /// Sets the connection up and brings the schema up to date.
    fn prepare(mut connection: Connection, path: &Path) -> Result<Self> {
        connection
            .busy_handler(Some(is_worth_waiting))
            .explain("open", path)?;
        let version = version(&connection, path)?;
        let read_only = connection.is_readonly("main").explain("open", path)?;
        let mut index = Self {
            connection,
            path: path.to_owned(),
            file: file_number(path),
            read_only,
        };
        if read_only {
            return if version == VERSION {
                Ok(index)
            } else {
                Err(Error::IndexReadOnly {
                    path: path.to_owned(),
                })
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
            return self.apply();
        }
        // Not the one under which a damaged index is replaced, as that is held while one is opened.
        let name = suffixed(&self.path, ".upgrade-lock");
        let lock = lock(&name)?;
        if version(&self.connection, &self.path)? == found {
            self.back_up(found)?;
        }
        self.apply()?;
        // Whoever waits for it finds nothing left to do.
        fs::remove_file(&name).unwrap_or_default();
        drop(lock);
        Ok(())
    }

    /// Copies the index as it is; like it, the copy is readable by nobody else.
    fn back_up(&self, found: i64) -> Result<()> {
        let copy = sibling(&self.path, &format!("version-{found}"));
        create_private(&copy)?;
        let copied = self
            .connection
            .execute("VACUUM INTO ?1", [copy.to_string_lossy()]);
        if copied.is_err() {
            // Half a copy would only fill the disk.
            fs::remove_file(&copy).unwrap_or_default();
        }
        copied.map(|_| ()).explain("back up", &self.path)
    }

    /// Applies the missing migrations in one transaction.
    fn apply(&mut self) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        // Another process may have done it while we waited for the right to write.
        let found = version(&transaction, &path)?;
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
    fn open_immutable(path: &Path) -> Option<Self> {
        let log = fs::metadata(suffixed(path, "-wal"));
        if log.is_ok_and(|log| log.len() > 0) {
            return None;
        }
        let absolute = path.canonicalize().ok()?;
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
        let sound = version(&connection, path).is_ok_and(|version| version == VERSION);
        sound.then(|| Self {
            connection,
            path: path.to_owned(),
            file: file_number(path),
            read_only: true,
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
        *self = Self::open_sound(&path)?;
        Ok(set_aside)
    }
}

/// The schema version of an index; 0 for an empty file.
fn version(connection: &Connection, path: &Path) -> Result<i64> {
    // In one statement, so that what another process sets up meanwhile is seen whole or not at all.
    let sql = "SELECT user_version, application_id, schema_version
               FROM pragma_user_version, pragma_application_id, pragma_schema_version";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (version, application, tables): (i64, i64, i64) =
        connection.query_row(sql, [], read).explain("read", path)?;
    if tables != 0 && application != APPLICATION_ID {
        return Err(Error::NotAnIndex {
            path: path.to_owned(),
        });
    }
    if version > VERSION {
        return Err(Error::IndexTooNew {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    Ok(version)
}

/// Fails for a folder or device that was named by mistake: it must neither be written nor set aside as damaged.
fn refuse_special(path: &Path) -> Result<()> {
    let refused = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => io::Error::from(io::ErrorKind::IsADirectory),
        Ok(metadata) if !metadata.is_file() => io::Error::other("it is not a regular file"),
        _ => return Ok(()),
    };
    Err(refused).at("open the index", path)
}

/// Creates the file readable by nobody else: it lists what a studio works on.
fn create_private(path: &Path) -> Result<()> {
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if !path.exists() => Err(error).at("create the index", path),
        _ => Ok(()),
    }
}

/// Waits until no other process holds the lock of this name.
fn lock(name: &Path) -> Result<fs::File> {
    let lock = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(name);
    lock.and_then(|file| file.lock().map(|()| file))
        .at("lock", name)
}

/// Renames a damaged index and its log files.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let kept = sibling(path, "damaged");
    fs::rename(path, &kept).at("set aside the damaged index", path)?;
    for suffix in ["-wal", "-shm"] {
        let log = suffixed(path, suffix);
        if log.exists() {
            fs::rename(&log, suffixed(&kept, suffix)).at("set aside the damaged index", &log)?;
        }
    }
    Ok(kept)
}

/// `index.sqlite` -> `index.sqlite.damaged-20261122T042855Z`, or with a number where that is taken.
fn sibling(path: &Path, word: &str) -> PathBuf {
    let base = suffixed(path, &format!(".{word}-{}", Moment::now().file_name()));
    let numbered = (2..).map(|number| suffixed(&base, &format!("-{number}")));
    std::iter::once(base.clone())
        .chain(numbered)
        .find(|free| !free.exists())
        .unwrap_or(base)
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
