//! One opened database: a local folder or a remote behind rclone.
//!
//! A database of the registry comes in; out comes a [`Storage`] that is online and is proven to be that database. Through
//! it the layers above list projects, read trees, compare contents, hold the lock and record their observations in the
//! index. A root that is missing, empty or replaced is offline, never an empty database.

pub mod availability;
pub mod concurrent;
pub mod content_compare;
pub mod copy_file;
mod discovery;
pub mod ensure_identity;
mod entry_probe;
mod folder_totals;
pub mod intent_file;
pub mod known_tree;
mod layout;
mod local;
mod local_walk;
pub mod lock;
pub mod name_rules;
pub mod observation;
mod remote;
mod remote_list;
mod remote_tree;
mod same_place;
mod upload_record;
pub mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::discovery::Discovery;
pub use self::entry_probe::{EntryProbe, EntryState};
pub use self::folder_totals::FolderTotals;
pub use self::layout::Layout;
pub use self::local::LocalStorage;
pub use self::remote::RemoteStorage;

use self::name_rules::NameRules;
use self::observation::{ObservationBuilder, ObservedRoot};
use crate::base::error::Result;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::index::{DatabaseId, Index};
use crate::model::address;
use crate::model::project::{ProjectId, Scope, path_within};
use crate::model::registry::{Category, Database};
use crate::os::folder::Folder;
use crate::rclone::{RemoteFeatures, RemoteListing};
use crate::snapshot::discovery::ProjectListing;
use crate::snapshot::discovery::no_replica_error;
use crate::snapshot::tree::Tree;

/// A database that is online.
#[derive(Debug)]
pub enum Storage {
    /// A folder of this machine, or mounted there.
    Local(LocalStorage),
    /// A remote behind rclone.
    Remote(Box<RemoteStorage>),
}

impl Storage {
    /// Opens a database.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Offline`] or [`crate::base::error::Error::StorageUnreachable`].
    pub fn open(index: &Index, layout: &Arc<Layout>, database: &Database) -> Result<Self> {
        Ok(if database.is_remote() {
            Self::Remote(Box::new(RemoteStorage::open(index, layout, database)?))
        } else {
            Self::Local(LocalStorage::open(index, layout, database)?)
        })
    }

    pub const fn layout(&self) -> &Arc<Layout> {
        match self {
            Self::Local(storage) => &storage.layout,
            Self::Remote(storage) => &storage.layout,
        }
    }

    pub const fn database(&self) -> &Database {
        match self {
            Self::Local(storage) => &storage.database,
            Self::Remote(storage) => &storage.database,
        }
    }

    /// The root; `None` for a remote.
    pub const fn root_folder(&self) -> Option<&Arc<Folder>> {
        match self {
            Self::Local(storage) => Some(&storage.root),
            Self::Remote(_) => None,
        }
    }

    /// The root for messages. That of an offloaded folder is not the root of its database.
    pub fn shown_root(&self) -> PathBuf {
        match self {
            Self::Local(storage) => storage.root.path().to_owned(),
            Self::Remote(storage) => storage.database.root.clone(),
        }
    }

    /// The features of a remote; `None` for a folder.
    pub const fn features(&self) -> Option<&RemoteFeatures> {
        match self {
            Self::Local(_) => None,
            Self::Remote(storage) => Some(&storage.features),
        }
    }

    /// The project with its names in the Unicode form that this database stores.
    pub fn stored_spelling(&self, category: &Category, project: &ProjectId) -> ProjectId {
        match self {
            Self::Local(storage) => storage.stored_spelling(category, project),
            Self::Remote(storage) => storage.stored_spelling(category, project),
        }
    }

    /// True if a folder resolves this name, even if its listing spells the name otherwise.
    pub fn resolves_name(&self, folder: &Path, name: &std::ffi::OsStr) -> bool {
        match self {
            Self::Local(storage) => storage.resolves_name(folder, name),
            Self::Remote(storage) => storage.features.is_case_insensitive(),
        }
    }

    /// Lists the projects of a scope in a category, and the folders that could not be read.
    ///
    /// # Errors
    /// A remote could not be listed at all; [`crate::base::error::Error::Interrupted`].
    pub fn list_projects<'a>(
        &self,
        category: &'a Category,
        scope: &Scope,
    ) -> Result<ProjectListing<'a>> {
        self.discovery().list_projects(category, scope)
    }

    /// Starts a discovery, which lists each folder at most once.
    pub fn discovery(&self) -> Discovery<'_> {
        Discovery::new(self)
    }

    /// Reads the tree of a replica. The tree is empty if the replica does not exist, and has a problem if it cannot be
    /// read.
    ///
    /// # Errors
    /// A remote could not be listed at all; [`crate::base::error::Error::Interrupted`].
    pub fn tree(&self, category: &Category, project: &ProjectId) -> Result<Tree> {
        match self {
            Self::Local(storage) => storage.tree(category, project),
            Self::Remote(storage) => storage.tree(category, project),
        }
    }

    /// Reads the tree of a replica that is a destination. Files that an interrupted run may have sent only in part count as
    /// older than any version, so that a copy replaces them and keeps them as old versions.
    ///
    /// # Errors
    /// A remote could not be listed at all; [`crate::base::error::Error::Interrupted`].
    pub fn destination_tree(&self, category: &Category, project: &ProjectId) -> Result<Tree> {
        match self {
            Self::Local(storage) => storage.tree(category, project),
            Self::Remote(storage) => storage.destination_tree(category, project),
        }
    }

    /// Returns the rules for names in a replica's folder, or in its nearest existing ancestor.
    pub fn name_rules(&self, replica: &Path) -> Result<NameRules> {
        Ok(match self {
            Self::Local(storage) => NameRules::for_folder(storage.root.open_nearest(replica)?),
            Self::Remote(storage) => NameRules::for_remote(storage.features.is_case_insensitive()),
        })
    }

    /// True for a remote: its paths pass through rclone.
    pub const fn uses_rclone(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// True if the storage holds symbolic links, and replaces an entry by one of another kind.
    pub const fn holds_every_kind(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// True if a copy renames entries whose names differ from the source in case.
    pub const fn renames_case(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// Removes from the record of sent files those that a listing shows changed or not at all. Returns false for a folder,
    /// which has no listing: a scan corrects its record by the index.
    pub fn correct_record(&self, replica: &Path) -> Result<bool> {
        match self {
            Self::Local(_) => Ok(false),
            Self::Remote(storage) => storage.correct_record(replica).map(|()| true),
        }
    }

    /// Returns the listing that shows a replica, and the replica's listed path; `None` for a folder, which is walked.
    pub fn listing_of_replica(
        &self,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Option<(Arc<RemoteListing>, PathBuf)>> {
        let Self::Remote(storage) = self else {
            return Ok(None);
        };
        let project = storage.stored_spelling(category, project);
        let path = category.replica_path(&project);
        Ok(Some((storage.listing_of(&path)?, path)))
    }

    /// True if the old version of a replaced file can be kept.
    pub const fn keeps_versions(&self) -> bool {
        match self {
            Self::Local(_) => true,
            Self::Remote(storage) => storage.features.can_move(),
        }
    }

    /// True if files are renamed without sending them again.
    pub fn can_rename_files(&self) -> bool {
        match self {
            Self::Local(_) => false,
            Self::Remote(storage) => {
                storage.features.can_move() && storage.remote.can_rename_by_daemon()
            }
        }
    }

    /// Lists these categories if they are behind rclone, where one listing then serves all replicas of a category.
    pub fn prefetch<'a>(
        &self,
        categories: impl IntoIterator<Item = &'a Category>,
        scope: &Scope,
    ) -> Result<()> {
        let Self::Remote(storage) = self else {
            return Ok(());
        };
        let mut listed: Vec<&Category> = Vec::new();
        for category in categories {
            if !listed.contains(&category) {
                listed.push(category);
                storage.list_projects(category, scope)?;
            }
        }
        Ok(())
    }

    /// The full path of an entry of a replica; the replica's own folder has no slash at its end.
    pub fn path(&self, replica: &Path, path: &Path) -> PathBuf {
        address::join(&self.database().root, &path_within(replica, path))
    }

    /// The database's row in the index, which is created if it is missing; `None` if it is missing and the index is
    /// read-only.
    pub fn database_id(&self, index: &mut Index) -> Result<Option<DatabaseId>> {
        observation::ensure_database_id(index, self.database(), self.observed_root())
    }

    /// Reads replicas and adds them to an observation. What cannot be read is counted and reported to the monitor.
    pub fn observe(
        &self,
        replicas: &[(&Category, ProjectId)],
        builder: &mut ObservationBuilder<'_>,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        let storage = match self {
            Self::Local(storage) => {
                return local_walk::observe(storage, replicas, builder, monitor);
            }
            Self::Remote(storage) => storage,
        };
        for (category, project) in replicas {
            let tree = storage.tree(category, project)?;
            for problem in &tree.problems {
                monitor.on_event(&ProgressEvent::Problem(&problem.error));
            }
            if tree.failure().is_some() {
                builder.add_unreadable(category, project)?;
            } else {
                builder.add(category, project, &tree)?;
            }
            monitor.on_event(&ProgressEvent::Folders(tree.folders.len() as u64));
            monitor.on_event(&ProgressEvent::Files(tree.file_count()));
        }
        Ok(())
    }

    /// The root of observations of this database.
    pub fn observed_root(&self) -> ObservedRoot {
        match self {
            Self::Local(storage) => storage.observed_root(),
            Self::Remote(storage) => storage.observed_root(),
        }
    }

    /// Builds the error for a scope that no category contains, with similar names as suggestions.
    pub fn no_replica_error(
        &self,
        categories: &[&Category],
        scope: &Scope,
        database: &str,
    ) -> Result<crate::base::error::Error> {
        let list = |category| self.list_projects(category, &Scope::All);
        no_replica_error(&list, categories, scope, database)
    }

    /// Fails if a destination holds files of this database, because of a mount or link that changed since `add`.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Overlap`].
    pub fn refuse_overlap(&self, destination: &Self) -> Result<()> {
        match (self, destination) {
            (Self::Local(source), Self::Local(destination)) => source.refuse_overlap(destination),
            _ => Ok(()),
        }
    }
}
