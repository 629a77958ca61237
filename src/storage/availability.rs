//! Whether a database is there: a root that is missing, empty or another disk is offline, never an empty database.

use std::cell::Cell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
use crate::os::folder::{Folder, is_missing};
use crate::os::timeout::within;
use crate::rclone::{Reached, Remote};

/// How long a storage may take to answer, where work depends on it.
const PATIENCE: Duration = Duration::from_secs(error::PATIENCE);

/// How long it may take where somebody only wants to know.
const GLANCE: Duration = Duration::from_secs(2);

/// How long a storage behind rclone may take there: it is a program and a connection.
const GLANCE_FAR: Duration = Duration::from_secs(6);

/// Opens the root of a database that is there.
///
/// # Errors
/// [`Error::Offline`] with what was found instead.
pub fn open(index: &Index, database: &Database, known: &KnownDatabase) -> Result<Arc<Folder>> {
    open_within(PATIENCE, index, database, known).map(Arc::new)
}

/// Reaches a database behind rclone that answers, and is the one it should be.
///
/// # Errors
/// [`Error::Unreachable`] with what is in the way, [`Error::Offline`] where it is another or was emptied, or there is no
/// rclone.
pub fn reach(
    index: &Index,
    database: &Database,
    known: &KnownDatabase,
) -> Result<(Remote, Reached)> {
    reach_within(PATIENCE, true, index, database, known)
}

/// What is wrong with a database's root, if anything is; for a list or a notice.
pub fn why_offline(index: &Index, database: &Database, known: &KnownDatabase) -> Option<String> {
    let opened = if database.is_remote() {
        reach_within(GLANCE_FAR, false, index, database, known).map(|_| ())
    } else {
        open_within(GLANCE, index, database, known).map(|_| ())
    };
    match opened {
        Ok(()) => None,
        Err(Error::Offline { why, .. }) => Some(why),
        Err(Error::Unreachable { trouble, .. }) => Some(trouble.to_string()),
        Err(error) => Some(error.line()),
    }
}

/// Says that a database shows the identity of another one that is tracked, as a cloned drive does, if it does.
///
/// # Errors
/// The index cannot be read.
pub fn shared_identity(
    index: &Index,
    databases: &[Database],
    database: &Database,
) -> Result<Option<Error>> {
    let Some(identity) = shown_identity(index, database)? else {
        return Ok(None);
    };
    for other in databases.iter().filter(|other| *other != database) {
        if index.identity(&other.root)?.as_ref() == Some(&identity) {
            return Ok(Some(Error::SameIdentity {
                database: database.name.clone(),
                file: address::join(&database.root, &identity::path()),
                other: other.name.clone(),
            }));
        }
    }
    Ok(None)
}

/// The identity that a folder shows now; of a remote the one that it showed last.
fn shown_identity(index: &Index, database: &Database) -> Result<Option<String>> {
    if database.is_remote() {
        return index.identity(&database.root);
    }
    let root = database.root.clone();
    let read = move || {
        let folder = Folder::open(&root).ok()?;
        identity::read(&folder).ok()?
    };
    Ok(within(GLANCE, read).flatten())
}

/// `stays`: whether more will be asked of it.
fn reach_within(
    patience: Duration,
    stays: bool,
    index: &Index,
    database: &Database,
    known: &KnownDatabase,
) -> Result<(Remote, Reached)> {
    let remembered = Cell::new(false);
    let recall = |stamp: &str| {
        let version = index.program_version(stamp);
        remembered.set(version.is_some());
        version
    };
    let remote = Remote::at(&database.root, &recall)?;
    if !remembered.get() && !index.is_read_only() {
        index.keep_program_version(&remote.program_stamp(), remote.version())?;
    }
    if stays {
        remote.keep_connected();
    }
    let reached = remote.reach(known.identity.as_deref(), patience)?;
    let reached = reached.map_err(|trouble| Error::Unreachable {
        database: database.name.clone(),
        root: database.root.clone(),
        trouble,
    })?;
    let wrong = |why: String| {
        Err(Error::Offline {
            database: database.name.clone(),
            root: database.root.clone(),
            why,
            may_be_meant: true,
        })
    };
    match (&known.identity, &reached.identity) {
        (Some(known), Some(found)) if known == found => return Ok((remote, reached)),
        (Some(_), Some(_)) => return wrong("is another database by its identity file".to_owned()),
        (Some(_), None) => {
            return wrong("has lost its identity file `.auto-backup/database.json`: it may be another bucket or folder".to_owned());
        }
        (None, _) => {}
    }
    let names = reached.names.as_deref().unwrap_or_default();
    let first = |path: &PathBuf| path.iter().next().map(Name::from);
    let holds = |path: &PathBuf| first(path).is_none_or(|name| names.contains(&name));
    if known.files > 0 && !known.categories.iter().any(holds) {
        let files = unit::counted(known.files, "file");
        return wrong(format!(
            "holds none of the category folders, though the index knows {files} there"
        ));
    }
    Ok((remote, reached))
}

fn open_within(
    patience: Duration,
    index: &Index,
    database: &Database,
    known: &KnownDatabase,
) -> Result<Folder> {
    let expected = Expected::of(index, database, known)?;
    let wrong = match within(patience, move || expected.look()) {
        Some(Ok(root)) => return Ok(root),
        Some(Err(wrong)) => wrong,
        None if interrupt::requested() => return Err(Error::Interrupted),
        None => Wrong::absent(format!("did not answer within {} s", patience.as_secs())),
    };
    Err(Error::Offline {
        database: database.name.clone(),
        root: database.root.clone(),
        why: wrong.why,
        may_be_meant: wrong.may_be_meant,
    })
}

/// What a root is recognised by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its identity, once a copy went there.
    pub identity: Option<String>,
    /// When and where its folder was made, as far as its file system keeps that.
    pub birth: Option<String>,
}

impl Marks {
    /// Of a root that was opened as that of its database. An identity file that became unreadable since then says
    /// nothing.
    pub fn of(root: &Folder) -> Self {
        Self {
            identity: identity::read(root).ok().flatten(),
            birth: root.birth(),
        }
    }
}

impl Marks {
    /// Of a remote, which has nothing but its identity.
    pub fn of_remote(identity: Option<&str>) -> Self {
        Self {
            identity: identity.map(str::to_owned),
            birth: None,
        }
    }
}

/// What is wrong with a root.
struct Wrong {
    why: String,
    /// Whether there is something that may be meant.
    may_be_meant: bool,
}

impl Wrong {
    /// There is nothing that could be the database.
    const fn absent(why: String) -> Self {
        Self {
            why,
            may_be_meant: false,
        }
    }

    /// There is something else.
    fn other(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            may_be_meant: true,
        }
    }
}

/// What should be found at a root.
struct Expected {
    root: PathBuf,
    marks: Marks,
    files: u64,
    categories: Vec<PathBuf>,
    /// Where files of projects are known; empty where the identity says more.
    projects: Vec<PathBuf>,
}

impl Expected {
    fn of(index: &Index, database: &Database, known: &KnownDatabase) -> Result<Self> {
        let projects = match (known.id, &known.identity) {
            (Some(id), None) => index.project_folders(id)?,
            _ => Vec::new(),
        };
        Ok(Self {
            root: database.root.clone(),
            marks: Marks {
                identity: known.identity.clone(),
                birth: known.birth.clone(),
            },
            files: known.files,
            categories: known.categories.clone(),
            projects,
        })
    }

    /// The open root, or what is wrong with it.
    fn look(&self) -> Result<Folder, Wrong> {
        let absent = |error| Wrong::absent(missing_or(&error));
        let root = Folder::open(&self.root).map_err(absent)?;
        let entries = root.entries().map_err(absent)?;
        self.identify(&root)?;
        if self.files == 0 {
            return Ok(root);
        }
        let files = unit::counted(self.files, "file");
        let empty = entries
            .iter()
            .all(|name| is_own(name) || name == OsStr::new("lost+found"));
        if empty {
            return Err(Wrong::other(format!(
                "is empty, though the index knows {files} there: is it mounted?"
            )));
        }
        if !self.categories.is_empty() && self.categories.iter().all(|path| is_absent(&root, path))
        {
            return Err(Wrong::other(format!(
                "holds none of the category folders, though the index knows {files} there"
            )));
        }
        self.recognise(&root)?;
        Ok(root)
    }

    /// Fails where the identity file is not the one that is known.
    fn identify(&self, root: &Folder) -> Result<(), Wrong> {
        let found = identity::read(root)
            .map_err(|error| Wrong::other(format!("cannot be identified: {}", error.line())))?;
        if self.marks.identity.is_none() || self.marks.identity == found {
            return Ok(());
        }
        Err(Wrong::other(match found {
            Some(_) => "is another database by its identity file",
            None => {
                "has lost its identity file `.auto-backup/database.json`: it may be another disk or not mounted"
            }
        }))
    }

    /// Fails where nothing proves a root without a known identity to be the database. The folder that was there at the
    /// last look does; one that was made elsewhere must hold half of the projects, as after moving to a larger disk; and
    /// where the file system does not say, one of them will do.
    fn recognise(&self, root: &Folder) -> Result<(), Wrong> {
        let (known, found) = (&self.marks.birth, root.birth());
        let enough = match found {
            Some(_) if found == *known => return Ok(()),
            Some(_) if known.is_some() => self.projects.len().div_ceil(2),
            _ => self.projects.len().min(1),
        };
        let there = self.projects.iter().filter(|path| !is_absent(root, path));
        match there.take(enough).count() {
            count if count == enough => Ok(()),
            0 => Err(Wrong::other(
                "holds no project that the index knows there: it may be another disk",
            )),
            count => Err(Wrong::other(format!(
                "holds only {count} of {} project folders that the index knows there: it may be another disk",
                self.projects.len()
            ))),
        }
    }
}

/// Whether a folder is surely not there; one that cannot be read may be.
fn is_absent(root: &Folder, path: &Path) -> bool {
    root.beneath(path).is_err_and(|error| is_missing(&error))
}

/// `is not there`, or the cause.
fn missing_or(error: &Error) -> String {
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotADirectory => {
            "is not a folder".to_owned()
        }
        error if is_missing(error) => "is not there".to_owned(),
        Error::Io { source, .. } => format!("cannot be read: {source}"),
        error => error.to_string(),
    }
}
