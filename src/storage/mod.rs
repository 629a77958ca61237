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

pub use self::local::LocalStorage;
pub use self::remote::RemoteStorage;
pub use self::same_place::StorageRef;

use self::observation::{Observation, ObservationBuilder, ObservedRoot};
use crate::base::error::Result;
use crate::index::{DatabaseId, Index};
use crate::model::address;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::folder::{Folder, is_not_found};
use crate::rclone::RemoteFeatures;
use crate::snapshot::discovery;
use crate::snapshot::discovery::ProjectListing;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::Tree;

/// A database that is there.
#[derive(Debug)]
pub enum Storage {
    /// On a disk.
    Local(LocalStorage),
    /// Behind rclone.
    Remote(Box<RemoteStorage>),
}

impl Storage {
    /// Opens a database.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Offline`] or [`crate::base::error::Error::StorageUnreachable`], or the index cannot be read.
    pub fn open(index: &Index, database: &Database) -> Result<Self> {
        Ok(if database.is_remote() {
            Self::Remote(Box::new(RemoteStorage::open(index, database)?))
        } else {
            Self::Local(LocalStorage::open(index, database)?)
        })
    }

    /// The database.
    pub const fn database(&self) -> &Database {
        match self {
            Self::Local(storage) => &storage.database,
            Self::Remote(storage) => &storage.database,
        }
    }

    /// Its root, where that is a folder.
    pub const fn root_folder(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Local(storage) => Some(&storage.root),
            Self::Remote(_) => None,
        }
    }

    /// What it can do, where that is not what every disk can.
    pub const fn features(&self) -> Option<&RemoteFeatures> {
        match self {
            Self::Local(_) => None,
            Self::Remote(storage) => Some(&storage.features),
        }
    }

    /// A project as it is spelled here.
    pub fn stored_spelling(&self, category: &Category, project: &ProjectId) -> ProjectId {
        match self {
            Self::Local(storage) => storage.stored_spelling(category, project),
            Self::Remote(storage) => storage.stored_spelling(category, project),
        }
    }

    /// Whether something is found in a folder by this name, whatever the folder lists.
    pub fn resolves_name(&self, folder: &Path, name: &std::ffi::OsStr) -> bool {
        match self {
            Self::Local(storage) => storage.resolves_name(folder, name),
            Self::Remote(storage) => storage.features.is_case_insensitive(),
        }
    }

    /// The projects of a scope in a category that are there, and what could not be listed.
    ///
    /// # Errors
    /// An interruption; a remote could not be listed at all.
    pub fn list_projects<'a>(
        &self,
        registry: &Registry,
        category: &'a Category,
        scope: &Scope,
    ) -> Result<ProjectListing<'a>> {
        let inner = registry.inner_categories(category);
        match self {
            Self::Local(storage) => {
                let (root, mounted) = (&storage.root, &storage.known_mounts);
                let mut listing = discovery::list(root, category, scope, &inner, mounted)?;
                listing.projects.retain(|project| {
                    let opened = root.open_descendant(&replica_path(&category.path, project));
                    !opened.is_err_and(|error| is_not_found(&error))
                });
                Ok(listing)
            }
            Self::Remote(storage) => storage.list_projects(category, scope, &inner),
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
            Self::Local(storage) => storage.tree(registry, exclusions, category, project),
            Self::Remote(storage) => storage.tree(registry, exclusions, category, project),
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
    pub fn database_id(&self, index: &mut Index) -> Result<Option<DatabaseId>> {
        ensure_database_id(index, self.database(), self.observed_root())
    }

    /// Tells the index of replicas that were seen there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_observation(&self, seen: &Observation<'_>, index: &mut Index) -> Result<()> {
        seen.write(index, self.observed_root())
    }

    /// Where what is seen there is.
    pub fn observed_root(&self) -> ObservedRoot<'_> {
        match self {
            Self::Local(storage) => ObservedRoot::Local(&storage.root),
            Self::Remote(storage) => ObservedRoot::Remote(storage.identity()),
        }
    }

    /// Says that nothing of a scope is in these categories, and what comes near.
    ///
    /// # Errors
    /// An interruption; a remote could not be listed.
    pub fn no_replica_error(
        &self,
        registry: &Registry,
        categories: &[&Category],
        scope: &Scope,
        database: &str,
    ) -> Result<crate::base::error::Error> {
        let list = |category| self.list_projects(registry, category, &Scope::All);
        discovery::no_replica_error(&list, categories, scope, database)
    }

    /// Refuses to copy to a root that holds files of this one by now, through a mount or a link that came after `add`.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Overlap`].
    pub fn refuse_overlap(&self, destination: &LocalStorage) -> Result<()> {
        match self {
            Self::Local(storage) => storage.refuse_overlap(destination),
            Self::Remote(_) => Ok(()),
        }
    }
}

/// The row of a database in the index, made where it was never looked at.
fn ensure_database_id(
    index: &mut Index,
    database: &Database,
    observed_root: ObservedRoot<'_>,
) -> Result<Option<DatabaseId>> {
    let known = index.database_id(&database.root)?;
    if known.is_some() || index.is_read_only() {
        return Ok(known);
    }
    let seen = ObservationBuilder::start(index, database)?.finish()?;
    seen.write(index, observed_root)?;
    index.database_id(&database.root)
}

/// The times that a storage shows in the place of those that were set, of a replica's files; by folder below the
/// replica's.
fn stored_altered_times(
    index: &Index,
    database: &Database,
    relative: &Path,
) -> Result<AlteredTimesByFolder> {
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(AlteredTimesByFolder::new());
    };
    let held = index.altered_times(id, relative)?.into_iter();
    let below = held.filter_map(|(folder, times)| {
        let folder = folder.strip_prefix(relative).ok()?.to_owned();
        Some((folder, times))
    });
    Ok(below.collect())
}
