//! Checks that a database is online and is the expected one. A root that is missing, empty or on another disk is offline,
//! never an empty database (decision 11).

mod expected_root;
mod relocation;
mod root_problem;

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use self::expected_root::RootIds;
use self::expected_root::{ExpectedRoot, check_remote};
pub use self::relocation::{Reach, adopt_moved};
use self::root_problem::RootProblem;
use crate::base::error;
use crate::base::error::{Error, OfflineCause, Result};
use crate::base::interrupt;
use crate::index::{Index, KnownDatabase};
use crate::model::address;
use crate::model::identity;
use crate::model::registry::Database;
use crate::os::folder::Folder;
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

/// Availability of a database, for a list or notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    Online,
    /// A shelf storage, and nothing answers where it is expected. Contains the reason.
    Away(String),
    /// Offline, with the reason.
    Offline(String),
}

/// A database in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedDatabase {
    pub availability: Availability,
    /// Bytes that this user may still write, and bytes in total, of a local database that is online and reports them.
    pub space: Option<(u64, u64)>,
}

/// Checks a database.
pub fn check(index: &Index, database: &Database, known: &KnownDatabase) -> Availability {
    let opened = if database.is_remote() {
        connect_within(REMOTE_STATUS_TIMEOUT, false, index, database, known).map(|_| ())
    } else {
        open_within(STATUS_TIMEOUT, index, database, known).map(|_| ())
    };
    availability(database, opened)
}

/// Returns the availability of a database after an attempt to open it.
fn availability(database: &Database, opened: Result<()>) -> Availability {
    let Err(error) = opened else {
        return Availability::Online;
    };
    let is_away = database.attributes.is_shelf && error.is_absent_storage();
    let why = match error {
        Error::Offline { why, .. } => why,
        Error::StorageUnreachable { cause, .. } => cause.to_string(),
        error => error.full_message(),
    };
    if is_away {
        Availability::Away(why)
    } else {
        Availability::Offline(why)
    }
}

/// Checks a database, and reads the free space of a local one.
fn check_with_space(index: &Index, database: &Database) -> Result<CheckedDatabase> {
    let known = index.database(&database.root)?;
    if database.is_remote() {
        return Ok(CheckedDatabase {
            availability: check(index, database, &known),
            space: None,
        });
    }
    let opened = open_within(STATUS_TIMEOUT, index, database, &known);
    let (opened, folder) = match opened {
        Ok(folder) => (Ok(()), Some(folder)),
        Err(error) => (Err(error), None),
    };
    let space = folder.and_then(|folder| {
        let read = move || folder.free_space().ok();
        let space = call_with_timeout(STATUS_TIMEOUT, read).flatten()?;
        Some((space.free_bytes, space.total_bytes?))
    });
    Ok(CheckedDatabase {
        availability: availability(database, opened),
        space,
    })
}

/// Checks all databases at the same time, as each that does not answer takes its timeout.
///
/// # Errors
/// The index cannot be read.
pub fn check_all(index: &Index, databases: &[Database]) -> Result<Vec<CheckedDatabase>> {
    thread::scope(|scope| {
        let checks = databases.iter().map(|database| {
            let check_one = move |index: &Index| check_with_space(index, database);
            let own_index = index.try_clone();
            let spawned =
                thread::Builder::new().spawn_scoped(scope, move || check_one(&own_index?));
            // Without another thread, the check runs on this one.
            spawned.map_err(|_| check_one(index))
        });
        let checks: Vec<_> = checks.collect();
        let results = checks.into_iter().map(|check| match check {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
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
    Ok(folder_identity(database, STATUS_TIMEOUT))
}

/// The identity that a folder has now, unless it cannot be read in time.
pub fn folder_identity(database: &Database, timeout: Duration) -> Option<String> {
    let root = database.root.clone();
    let read = move || {
        let folder = Folder::open(&root).ok()?;
        identity::read(&folder).ok()?
    };
    call_with_timeout(timeout, read).flatten()
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
    let remote = Remote::open(&database.root, &database.access, &lookup)
        .map_err(|error| name_database(error, database))?;
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
    let (identity, names) = (connection.identity.as_ref(), connection.names.as_deref());
    check_remote(database, known, identity, names)
        .map_err(|problem| problem.into_error(database))?;
    Ok((remote, connection))
}

/// Names the database that needs a missing program: others work without it.
fn name_database(error: Error, database: &Database) -> Error {
    match error {
        Error::RcloneNotFound { why } => Error::Offline {
            database: database.name.clone(),
            root: database.root.clone(),
            why: format!("needs the program rclone: {why}"),
            cause: OfflineCause::NoProgram,
        },
        error => error,
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
        None => RootProblem::absent(format!("did not answer within {} s", timeout.as_secs())),
    };
    Err(problem.into_error(database))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::model::registry::Registry;

    /// An index, and the databases `A` and `B` in folders of a temporary folder.
    fn two_databases() -> (tempfile::TempDir, Index, Vec<Database>) {
        let temporary = tempfile::tempdir().unwrap();
        let index = Index::open(&temporary.path().join("index")).unwrap().index;
        let mut registry = Registry::default();
        for name in ["A", "B"] {
            let root = temporary.path().join(name);
            fs::create_dir(&root).unwrap();
            registry.add_database(name, &root, false).unwrap();
        }
        (temporary, index, registry.databases().to_vec())
    }

    fn record_identity(index: &mut Index, database: &Database, identity: &str) {
        let known = index.database(&database.root).unwrap();
        let writer = index.write_scan(&database.root, &known).unwrap();
        writer.record_root(Some(identity), None).unwrap();
        writer.finish(false).unwrap();
    }

    #[test]
    fn lost_identity_makes_a_database_offline() {
        let (_temporary, mut index, databases) = two_databases();
        record_identity(&mut index, &databases[1], "abc");
        let checked = check_all(&index, &databases).unwrap();
        let checked: Vec<_> = checked.into_iter().map(|one| one.availability).collect();
        let [Availability::Online, Availability::Offline(reason)] = checked.as_slice() else {
            panic!("{checked:?}");
        };
        let known = index.database(&databases[1].root).unwrap();
        assert!(reason.contains("is not the drive that was `B`"), "{reason}");
        let opened = open_root(&index, &databases[1], &known);
        assert!(matches!(opened, Err(Error::Offline { why, .. }) if why == *reason));
    }

    #[test]
    fn shared_identity_names_the_other_database() {
        let (_temporary, mut index, databases) = two_databases();
        let shared = |index: &Index| shared_identity_error(index, &databases, &databases[0]);
        let root = Folder::open(&databases[0].root).unwrap();
        assert!(shared(&index).unwrap().is_none());
        let identity = identity::read_or_create(&root, "A").unwrap();
        record_identity(&mut index, &databases[0], &identity);
        record_identity(&mut index, &databases[1], "other");
        assert!(shared(&index).unwrap().is_none());
        record_identity(&mut index, &databases[1], &identity);
        let error = shared(&index).unwrap();
        assert!(matches!(error, Some(Error::SameIdentity { other, .. }) if other == "B"));
    }
}
