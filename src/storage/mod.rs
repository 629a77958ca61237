//! One database of a copy, a comparison or a sync, opened once: on a disk or behind rclone.

mod absence;
pub mod availability;
pub mod content_compare;
pub mod copy_file;
mod local;
pub mod lock;
pub mod observation;
mod remote;
mod remote_tree;
mod same_place;
pub mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::local::DiskSide;
pub use self::remote::RemoteSide;
pub use self::same_place::Opened;

use self::observation::{Noted, Noting, Place};
use crate::base::error::Result;
use crate::index::Index;
use crate::model::address;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, below};
use crate::model::registry::{Category, Database, Registry};
use crate::os::folder::{Folder, is_missing};
use crate::rclone::Abilities;
use crate::snapshot::discovery;
use crate::snapshot::discovery::Listing;
use crate::snapshot::time_alias::Held;
use crate::snapshot::tree::Tree;

/// A database that is there.
#[derive(Debug)]
pub enum Side {
    /// On a disk.
    Disk(DiskSide),
    /// Behind rclone.
    Remote(Box<RemoteSide>),
}

impl Side {
    /// Opens a database.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Offline`] or [`crate::base::error::Error::Unreachable`], or the index cannot be read.
    pub fn open(index: &Index, database: &Database) -> Result<Self> {
        Ok(if database.is_remote() {
            Self::Remote(Box::new(RemoteSide::open(index, database)?))
        } else {
            Self::Disk(DiskSide::open(index, database)?)
        })
    }

    /// The database.
    pub const fn database(&self) -> &Database {
        match self {
            Self::Disk(side) => &side.database,
            Self::Remote(side) => &side.database,
        }
    }

    /// Its root, where that is a folder.
    pub const fn folder(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Disk(side) => Some(&side.root),
            Self::Remote(_) => None,
        }
    }

    /// What it can do, where that is not what every disk can.
    pub const fn abilities(&self) -> Option<&Abilities> {
        match self {
            Self::Disk(_) => None,
            Self::Remote(side) => Some(&side.abilities),
        }
    }

    /// A project as it is spelled here.
    pub fn spelled(&self, category: &Category, project: &ProjectId) -> ProjectId {
        match self {
            Self::Disk(side) => side.spelled(category, project),
            Self::Remote(side) => side.spelled(category, project),
        }
    }

    /// Whether something is found in a folder by this name, whatever the folder lists.
    pub fn finds(&self, folder: &Path, name: &std::ffi::OsStr) -> bool {
        match self {
            Self::Disk(side) => side.finds(folder, name),
            Self::Remote(side) => side.abilities.folds_case(),
        }
    }

    /// The projects of a scope in a category that are there, and what could not be listed.
    ///
    /// # Errors
    /// An interruption; a remote could not be listed at all.
    pub fn listing<'a>(
        &self,
        registry: &Registry,
        category: &'a Category,
        scope: &Scope,
    ) -> Result<Listing<'a>> {
        let inner = registry.inner_categories(category);
        match self {
            Self::Disk(side) => {
                let (root, mounted) = (&side.root, &side.mounted);
                let mut listing = discovery::list(root, category, scope, &inner, mounted)?;
                listing.projects.retain(|project| {
                    let opened = root.beneath(&below(&category.path, project));
                    !opened.is_err_and(|error| is_missing(&error))
                });
                Ok(listing)
            }
            Self::Remote(side) => side.listing(category, scope, &inner),
        }
    }

    /// What it holds of a replica: nothing where there is none, and a problem where it cannot be read.
    ///
    /// # Errors
    /// An interruption; a remote could not be listed at all.
    pub fn tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        match self {
            Self::Disk(side) => side.tree(registry, exclusions, category, project),
            Self::Remote(side) => side.tree(registry, exclusions, category, project),
        }
    }

    /// The path of something of a replica; the replica's own folder has no slash at its end.
    pub fn path(&self, replica: &Path, path: &Path) -> PathBuf {
        let base = address::join(&self.database().root, replica);
        if path == Path::new("") {
            base
        } else {
            base.join(path)
        }
    }

    /// Its row in the index, made where it was never looked at; none there where the index can only be read.
    ///
    /// # Errors
    /// The index cannot be read or written.
    pub fn row(&self, index: &mut Index) -> Result<Option<i64>> {
        row(index, self.database(), self.place())
    }

    /// Tells the index of replicas that were seen there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn note(&self, seen: &Noted<'_>, index: &mut Index) -> Result<()> {
        seen.write(index, self.place())
    }

    /// Where what is seen there is.
    pub fn place(&self) -> Place<'_> {
        match self {
            Self::Disk(side) => Place::Disk(&side.root),
            Self::Remote(side) => Place::Remote(side.identity()),
        }
    }

    /// Says that nothing of a scope is in these categories, and what comes near.
    ///
    /// # Errors
    /// An interruption; a remote could not be listed.
    pub fn no_replica(
        &self,
        registry: &Registry,
        categories: &[&Category],
        scope: &Scope,
        database: &str,
    ) -> Result<crate::base::error::Error> {
        let list = |category| self.listing(registry, category, &Scope::All);
        discovery::no_replica(&list, categories, scope, database)
    }

    /// Refuses to copy to a root that holds files of this one by now, through a mount or a link that came after `add`.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Overlap`].
    pub fn refuse_overlap(&self, destination: &DiskSide) -> Result<()> {
        match self {
            Self::Disk(side) => side.refuse_overlap(destination),
            Self::Remote(_) => Ok(()),
        }
    }
}

/// The row of a database in the index, made where it was never looked at.
fn row(index: &mut Index, database: &Database, place: Place<'_>) -> Result<Option<i64>> {
    let known = index.database_id(&database.root)?;
    if known.is_some() || index.is_read_only() {
        return Ok(known);
    }
    let seen = Noting::begin(index, database)?.finish()?;
    seen.write(index, place)?;
    index.database_id(&database.root)
}

/// The times that a storage shows in the place of those that were set, of a replica's files; by folder below the
/// replica's.
fn held(index: &Index, database: &Database, relative: &Path) -> Result<Held> {
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(Held::new());
    };
    let held = index.held(id, relative)?.into_iter();
    let below = held.filter_map(|(folder, times)| {
        let folder = folder.strip_prefix(relative).ok()?.to_owned();
        Some((folder, times))
    });
    Ok(below.collect())
}
