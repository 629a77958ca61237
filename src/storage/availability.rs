//! Checks that a database is online and is the expected one. A root that is missing, empty or on another disk is offline,
//! never an empty database (decision 11).

use std::cell::Cell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::base::error;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::is_own;
use crate::base::unit;
use crate::index::{Index, KnownDatabase};
use crate::model::address;
use crate::model::identity;
use crate::model::registry::Database;
use crate::os::folder::{Folder, is_not_found};
use crate::os::timeout::call_with_timeout;
use crate::rclone::{ConnectionCheck, Remote};

/// Timeout for a storage that an operation needs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(error::STORAGE_TIMEOUT_SECONDS);

/// Timeout for a local storage in a list or notice.
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);

/// Timeout for a remote in a list or notice: rclone must start and connect.
const REMOTE_STATUS_TIMEOUT: Duration = Duration::from_secs(6);

/// Opens the root of a local database.
///
/// # Errors
/// [`Error::Offline`] with the reason.
pub fn open_root(index: &Index, database: &Database, known: &KnownDatabase) -> Result<Arc<Folder>> {
    open_within(CONNECT_TIMEOUT, index, database, known).map(Arc::new)
}

/// Connects to a remote and checks that it is the expected database.
///
/// # Errors
/// [`Error::StorageUnreachable`] with the cause; [`Error::Offline`] if it is another database, or rclone is not installed.
pub fn connect(
    index: &Index,
    database: &Database,
    known: &KnownDatabase,
) -> Result<(Remote, ConnectionCheck)> {
    connect_within(CONNECT_TIMEOUT, true, index, database, known)
}

/// The reason why a database is offline, for a list or notice; `None` if it is online.
pub fn offline_reason(index: &Index, database: &Database, known: &KnownDatabase) -> Option<String> {
    let opened = if database.is_remote() {
        connect_within(REMOTE_STATUS_TIMEOUT, false, index, database, known).map(|_| ())
    } else {
        open_within(STATUS_TIMEOUT, index, database, known).map(|_| ())
    };
    match opened {
        Ok(()) => None,
        Err(Error::Offline { why, .. }) => Some(why),
        Err(Error::StorageUnreachable { cause, .. }) => Some(cause.to_string()),
        Err(error) => Some(error.full_message()),
    }
}

/// Checks all databases at the same time, as each that does not answer takes its timeout. Returns true for those online.
///
/// # Errors
/// The index cannot be read.
pub fn online_databases(index: &Index, databases: &[Database]) -> Result<Vec<bool>> {
    thread::scope(|scope| {
        let checks = databases.iter().map(|database| {
            let check = move |index: &Index| -> Result<bool> {
                let known = index.database(&database.root)?;
                Ok(offline_reason(index, database, &known).is_none())
            };
            let own_index = index.try_clone();
            let spawned = thread::Builder::new().spawn_scoped(scope, move || check(&own_index?));
            // Without another thread, the check runs on this one.
            spawned.map_err(|_| check(index))
        });
        let checks: Vec<_> = checks.collect();
        let results = checks.into_iter().map(|check| match check {
            Ok(thread) => thread.join().unwrap_or(Ok(false)),
            Err(result) => result,
        });
        results.collect()
    })
}

/// Builds the error for a database that has the identity of another registered one, as a cloned drive has.
pub fn shared_identity_error(
    index: &Index,
    databases: &[Database],
    database: &Database,
) -> Result<Option<Error>> {
    let Some(identity) = current_identity(index, database)? else {
        return Ok(None);
    };
    for other in databases.iter().filter(|other| *other != database) {
        if index.identity(&other.root)?.as_ref() == Some(&identity) {
            return Ok(Some(Error::SameIdentity {
                database: database.name.clone(),
                file: address::join(&database.root, &identity::relative_path()),
                other: other.name.clone(),
            }));
        }
    }
    Ok(None)
}

/// The identity that a folder has now, or that a remote had last.
fn current_identity(index: &Index, database: &Database) -> Result<Option<String>> {
    if database.is_remote() {
        return index.identity(&database.root);
    }
    let root = database.root.clone();
    let read = move || {
        let folder = Folder::open(&root).ok()?;
        identity::read(&folder).ok()?
    };
    Ok(call_with_timeout(STATUS_TIMEOUT, read).flatten())
}

/// Connects to a remote within this time; keeps the connection open if more requests follow.
fn connect_within(
    timeout: Duration,
    keep_connection: bool,
    index: &Index,
    database: &Database,
    known: &KnownDatabase,
) -> Result<(Remote, ConnectionCheck)> {
    let remembered = Cell::new(false);
    let lookup = |fingerprint: &str| {
        let version = index.program_version(fingerprint);
        remembered.set(version.is_some());
        version
    };
    let remote = Remote::open(&database.root, &database.access, &lookup)?;
    if !remembered.get() && !index.is_read_only() {
        index.store_program_version(&remote.program_fingerprint(), remote.version())?;
    }
    if keep_connection {
        remote.keep_connected();
    }
    let connection = remote.check_connection(known.identity.as_deref(), timeout)?;
    let connection = connection.map_err(|cause| Error::StorageUnreachable {
        database: database.name.clone(),
        root: database.root.clone(),
        cause,
    })?;
    check_remote(known, &connection).map_err(|problem| problem.into_error(database))?;
    Ok((remote, connection))
}

fn check_remote(known: &KnownDatabase, connection: &ConnectionCheck) -> Result<(), RootProblem> {
    if known.identity.is_some() {
        return check_identity(
            known.identity.as_deref(),
            connection.identity.as_deref(),
            "it may be another bucket or folder",
        );
    }
    let names = connection.names.as_deref().unwrap_or_default();
    let first = |path: &PathBuf| path.iter().next().map(Name::from);
    let is_present = |path: &PathBuf| first(path).is_none_or(|name| names.contains(&name));
    if known.files > 0 && !known.categories.iter().any(is_present) {
        return Err(RootProblem::no_categories(known.files));
    }
    Ok(())
}

/// Fails if the identity of a root is not the known one; `suspicion` is added if it has none.
fn check_identity(
    known: Option<&str>,
    found: Option<&str>,
    suspicion: &str,
) -> Result<(), RootProblem> {
    match found {
        _ if known.is_none() || known == found => Ok(()),
        Some(_) => Err(RootProblem::unexpected(
            "is another database by its identity file",
        )),
        None => Err(RootProblem::unexpected(format!(
            "has lost its identity file `.auto-backup/database.json`: {suspicion}"
        ))),
    }
}

fn open_within(
    timeout: Duration,
    index: &Index,
    database: &Database,
    known: &KnownDatabase,
) -> Result<Folder> {
    let expected = ExpectedRoot::load(index, database, known)?;
    let problem = match call_with_timeout(timeout, move || expected.open_and_check()) {
        Some(Ok(root)) => return Ok(root),
        Some(Err(wrong)) => wrong,
        None if interrupt::is_requested() => return Err(Error::Interrupted),
        None => RootProblem::missing(format!("did not answer within {} s", timeout.as_secs())),
    };
    Err(problem.into_error(database))
}

/// The values that identify a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootIds {
    /// The identity, which the first copy creates.
    pub identity: Option<String>,
    /// Ids of the root's file system and folder, and its creation time; `None` if the file system does not store that.
    pub root_id: Option<String>,
}

impl RootIds {
    /// The values of an open root. An identity file that became unreadable counts as none.
    pub fn of_folder(root: &Folder) -> Self {
        Self {
            identity: identity::read(root).ok().flatten(),
            root_id: root.root_id(),
        }
    }

    /// The values of a remote, which has an identity only.
    pub fn of_remote(identity: Option<&str>) -> Self {
        Self {
            identity: identity.map(str::to_owned),
            root_id: None,
        }
    }
}

/// The reason why a root is not the expected one.
struct RootProblem {
    why: String,
    /// True if another root was found at this path, so that `load --forget` may accept it.
    is_other_root: bool,
}

impl RootProblem {
    /// No root was found that could be the database.
    const fn missing(why: String) -> Self {
        Self {
            why,
            is_other_root: false,
        }
    }

    /// Another root was found.
    fn unexpected(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_other_root: true,
        }
    }

    /// The root contains no category folder, although the index knows files there.
    fn no_categories(known_files: u64) -> Self {
        let files = unit::format_counted(known_files, "file");
        Self::unexpected(format!(
            "holds none of the category folders, though the index knows {files} there"
        ))
    }

    fn into_error(self, database: &Database) -> Error {
        Error::Offline {
            database: database.name.clone(),
            root: database.root.clone(),
            why: self.why,
            may_be_right_disk: self.is_other_root,
        }
    }
}

/// The facts that a root must match.
struct ExpectedRoot {
    root: PathBuf,
    ids: RootIds,
    files: u64,
    categories: Vec<PathBuf>,
    /// Folders of projects with files; empty if an identity is known, which proves more.
    projects: Vec<PathBuf>,
}

impl ExpectedRoot {
    fn load(index: &Index, database: &Database, known: &KnownDatabase) -> Result<Self> {
        let projects = match (known.id, &known.identity) {
            (Some(id), None) => index.project_folders(id)?,
            _ => Vec::new(),
        };
        Ok(Self {
            root: database.root.clone(),
            ids: RootIds {
                identity: known.identity.clone(),
                root_id: known.root_id.clone(),
            },
            files: known.files,
            categories: known.categories.clone(),
            projects,
        })
    }

    /// Opens the root and checks it.
    fn open_and_check(&self) -> Result<Folder, RootProblem> {
        let absent = |error| RootProblem::missing(open_failure(&error));
        let root = Folder::open(&self.root).map_err(absent)?;
        let entries = root.entry_names().map_err(absent)?;
        self.check_identity(&root)?;
        if self.files == 0 {
            return Ok(root);
        }
        let files = unit::format_counted(self.files, "file");
        let empty = entries
            .iter()
            .all(|name| is_own(name) || name == OsStr::new("lost+found"));
        if empty {
            return Err(RootProblem::unexpected(format!(
                "is empty, though the index knows {files} there: is it mounted?"
            )));
        }
        if !self.categories.is_empty()
            && self
                .categories
                .iter()
                .all(|path| is_folder_missing(&root, path))
        {
            return Err(RootProblem::no_categories(self.files));
        }
        self.check_root_id(&root)?;
        Ok(root)
    }

    /// Fails if the identity is not the known one.
    fn check_identity(&self, root: &Folder) -> Result<(), RootProblem> {
        let found = identity::read(root).map_err(|error| {
            RootProblem::unexpected(format!("cannot be identified: {}", error.full_message()))
        })?;
        check_identity(
            self.ids.identity.as_deref(),
            found.as_deref(),
            "it may be another disk or not mounted",
        )
    }

    /// Fails if nothing proves that a root without a known identity is the database. The known root id proves it. With
    /// another root id, as after moving to a larger disk, half of the known projects must exist; without one, a single
    /// project.
    fn check_root_id(&self, root: &Folder) -> Result<(), RootProblem> {
        let (known, found) = (&self.ids.root_id, root.root_id());
        let needed = match found {
            Some(_) if found == *known => return Ok(()),
            Some(_) if known.is_some() => self.projects.len().div_ceil(2),
            _ => self.projects.len().min(1),
        };
        let present = self
            .projects
            .iter()
            .filter(|path| !is_folder_missing(root, path));
        match present.take(needed).count() {
            count if count == needed => Ok(()),
            0 => Err(RootProblem::unexpected(
                "contains none of the projects in the index: it may be another disk",
            )),
            count => Err(RootProblem::unexpected(format!(
                "contains only {count} of {} project folders in the index: it may be another disk",
                self.projects.len()
            ))),
        }
    }
}

/// True if a folder does not exist; false if that cannot be decided.
fn is_folder_missing(root: &Folder, path: &Path) -> bool {
    root.open_descendant(path)
        .is_err_and(|error| is_not_found(&error))
}

/// The reason why a root could not be opened.
fn open_failure(error: &Error) -> String {
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotADirectory => {
            "is not a folder".to_owned()
        }
        error if is_not_found(error) => "does not exist".to_owned(),
        Error::Io { source, .. } => format!("cannot be read: {source}"),
        error => error.to_string(),
    }
}
