//! The databases of a copy: opened once, before anything is compared.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::naming::{overlap, resolved};
use crate::os::folder::Folder;
use crate::presence;
use crate::registry::Database;

/// A database that is there.
#[derive(Debug)]
pub struct Side<'a> {
    /// The database.
    pub database: &'a Database,
    /// Its root.
    pub root: Arc<Folder>,
    /// Its categories whose folders were file systems of their own at the last look.
    pub mounted: BTreeSet<PathBuf>,
}

impl<'a> Side<'a> {
    /// Opens a database.
    ///
    /// # Errors
    /// [`Error::Offline`], or the index cannot be read.
    pub fn open(index: &Index, database: &'a Database) -> Result<Self> {
        let known = index.database(&database.root)?;
        let root = presence::open(index, database, &known)?;
        let mounted = known
            .id
            .map_or(Ok(BTreeSet::new()), |id| index.mounted(id))?;
        Ok(Self {
            database,
            root,
            mounted,
        })
    }

    /// Refuses to copy to a root that holds files of this one by now, through a mount or a link that came after `add`.
    fn refuse_overlap(&self, destination: &Side<'_>) -> Result<()> {
        let (from, to) = (self.database, destination.database);
        let (a, b) = (self.root.stat_self()?, destination.root.stat_self()?);
        let relation = if (a.device, a.inode) == (b.device, b.inode) {
            Some("is already")
        } else {
            overlap(&resolved(&to.root), &resolved(&from.root))
        };
        relation.map_or(Ok(()), |relation| {
            Err(Error::Overlap {
                noun: "database",
                path: to.root.clone(),
                relation,
                other: from.name.clone(),
                existing: from.root.clone(),
            })
        })
    }
}

/// The destinations of a copy.
#[derive(Debug)]
pub struct Destinations<'a> {
    /// Those that are there.
    pub sides: Vec<Side<'a>>,
    /// Those that are not, and why.
    pub offline: Vec<(&'a Database, Error)>,
}

/// Opens the destinations of a copy. One of several that is offline holds nobody up: it comes back with its failure.
///
/// # Errors
/// None of them can be written to.
pub fn open_destinations<'a>(
    index: &Index,
    source: &Side<'_>,
    databases: &[&'a Database],
) -> Result<Destinations<'a>> {
    let (mut sides, mut offline) = (Vec::new(), Vec::new());
    for database in databases {
        match Side::open(index, database) {
            Ok(side) => {
                source.refuse_overlap(&side)?;
                sides.push(side);
            }
            Err(error) => offline.push((*database, error)),
        }
    }
    if sides.is_empty() && !offline.is_empty() {
        return Err(offline.swap_remove(0).1);
    }
    Ok(Destinations { sides, offline })
}
