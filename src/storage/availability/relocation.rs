//! A database that is mounted elsewhere than before: its identity leads to what the index knows of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::expected_root::is_folder_missing;
use super::{
    CONNECT_TIMEOUT, REMOTE_STATUS_TIMEOUT, STATUS_TIMEOUT, connect_within, folder_identity,
};
use crate::base::error::Result;
use crate::index::{Index, KnownDatabase};
use crate::model::registry::Database;
use crate::os::folder::Folder;
use crate::os::timeout::call_with_timeout;

/// The databases whose identity is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those in folders: reading a file there takes no time.
    Local,
    /// All: connecting to a remote takes a second.
    All,
}

/// Finds databases at roots that the index does not know, whose identity it knows from a root that is no longer tracked, and
/// moves what it knows to the new root. Returns the old root and the new database of each.
///
/// A root with another identity, or none, stays unknown. So does a root without most of the known projects, and an identity that
/// two roots have, as a drive and its clone do: which of them was scanned cannot be told.
pub fn adopt_moved(
    index: &mut Index,
    databases: &[Database],
    reach: Reach,
) -> Result<Vec<(PathBuf, Database)>> {
    let tracked: BTreeSet<&Path> = databases.iter().map(|database| &*database.root).collect();
    let known = index.identified_roots()?;
    let is_tracked = |root: &PathBuf| tracked.contains(root.as_path());
    if index.is_read_only() || known.iter().all(|(root, _)| is_tracked(root)) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for database in databases {
        let is_read = reach == Reach::All || !database.is_remote();
        if is_read
            && index.is_unknown_root(&database.root)?
            && let Some(identity) = read_identity(index, database)
        {
            found.push((database, identity));
        }
    }
    let mut moved = Vec::new();
    for (database, identity) in &found {
        let is_same = |other: &String| other == identity;
        let same_now = found.iter().filter(|(_, other)| is_same(other));
        let same_before: Vec<&PathBuf> = known
            .iter()
            .filter_map(|(root, other)| is_same(other).then_some(root))
            .collect();
        if let (1, &[from]) = (same_now.count(), same_before.as_slice())
            && !is_tracked(from)
            && holds_known_projects(index, from, database)?
            && index.move_database(from, &database.root)?
        {
            moved.push((from.clone(), (*database).clone()));
        }
    }
    Ok(moved)
}

/// True if a root holds at least half of the projects that the index knows at another root: a copy of the identity file
/// alone is not the database. A remote is not listed; its identity decides.
fn holds_known_projects(index: &Index, from: &Path, database: &Database) -> Result<bool> {
    let Some(id) = index.database_id(from)? else {
        return Ok(false);
    };
    if database.is_remote() {
        return Ok(true);
    }
    let (root, projects) = (database.root.clone(), index.project_folders(id)?);
    let check = move || {
        let needed = projects.len().div_ceil(2);
        let root = Folder::open(&root).ok()?;
        let found = projects
            .iter()
            .filter(|path| !is_folder_missing(&root, path));
        Some(found.take(needed).count() == needed)
    };
    Ok(call_with_timeout(CONNECT_TIMEOUT, check).flatten() == Some(true))
}

/// The identity at the root now; `None` also if it cannot be read, which the next scan reports.
fn read_identity(index: &Index, database: &Database) -> Option<String> {
    if !database.is_remote() {
        return folder_identity(database, STATUS_TIMEOUT);
    }
    let nothing = KnownDatabase::default();
    let (_, connection) =
        connect_within(REMOTE_STATUS_TIMEOUT, true, index, database, &nothing).ok()?;
    connection.identity.map(|identity| identity.id)
}
