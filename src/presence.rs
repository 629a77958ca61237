//! Whether a database is there: a root that is missing, empty or another disk is offline, never an empty database.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::exclusions::is_own;
use crate::identity;
use crate::index::KnownDatabase;
use crate::interrupt;
use crate::os::deadline::within;
use crate::os::folder::{Folder, is_missing};
use crate::registry::Database;
use crate::units;

/// How long a storage may take to answer, where work depends on it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take where somebody only wants to know.
const GLANCE: Duration = Duration::from_secs(2);

/// Opens the root of a database that is there.
///
/// # Errors
/// [`Error::Offline`] with what was found instead.
pub fn open(database: &Database, known: &KnownDatabase) -> Result<Arc<Folder>> {
    open_within(PATIENCE, database, known).map(Arc::new)
}

/// What is wrong with a database's root, if anything is; for a list or a notice.
#[must_use]
pub fn why_offline(database: &Database, known: &KnownDatabase) -> Option<String> {
    match open_within(GLANCE, database, known) {
        Ok(_) => None,
        Err(Error::Offline { why, .. }) => Some(why),
        Err(error) => Some(error.line()),
    }
}

fn open_within(patience: Duration, database: &Database, known: &KnownDatabase) -> Result<Folder> {
    let expected = Expected {
        root: database.root.clone(),
        identity: known.identity.clone(),
        files: known.files,
        categories: known.categories.clone(),
    };
    let why = match within(patience, move || expected.look()) {
        Some(Ok(root)) => return Ok(root),
        Some(Err(why)) => why,
        None if interrupt::requested() => return Err(Error::Interrupted),
        None => format!("did not answer within {} s", patience.as_secs()),
    };
    Err(Error::Offline {
        database: database.name.clone(),
        root: database.root.clone(),
        why,
    })
}

/// What should be found at a root.
struct Expected {
    root: PathBuf,
    identity: Option<String>,
    files: u64,
    categories: Vec<PathBuf>,
}

impl Expected {
    /// The open root, or what is wrong with it.
    fn look(&self) -> Result<Folder, String> {
        let root = Folder::open(&self.root).map_err(|error| missing_or(&error))?;
        let entries = root.entries().map_err(|error| missing_or(&error))?;
        let found = identity::read(&root)
            .map_err(|error| format!("cannot be identified: {}", error.line()))?;
        if self.identity.is_some() && self.identity != found {
            return Err(match found {
                Some(_) => "is another database by its identity file".to_owned(),
                None => "has lost its identity file `.auto-backup/database.json`: it may be another disk or not mounted".to_owned(),
            });
        }
        if self.files == 0 {
            return Ok(root);
        }
        let files = units::counted(self.files, "file");
        let empty = entries
            .iter()
            .all(|name| is_own(name) || name == OsStr::new("lost+found"));
        if empty {
            return Err(format!(
                "is empty, though the index knows {files} there: is it mounted?"
            ));
        }
        if !self.categories.is_empty() && self.categories.iter().all(|path| is_absent(&root, path))
        {
            return Err(format!(
                "holds none of the category folders, though the index knows {files} there"
            ));
        }
        Ok(root)
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
