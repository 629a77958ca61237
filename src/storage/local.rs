//! A database on a disk of this machine or mounted there, opened once.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::availability;
use super::observation::ObservedRoot;
use crate::base::error::{Error, Result};
use crate::index::{DatabaseId, Index};
use crate::model::exclusion::Exclusions;
use crate::model::mount;
use crate::model::mount::MissingMount;
use crate::model::place::{overlap, resolve_root};
use crate::model::project::{ProjectId, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::feature::is_same_folder;
use crate::os::folder::{Folder, is_not_found};
use crate::snapshot::discovery;
use crate::snapshot::discovery::require_mounted;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree;
use crate::snapshot::tree::Tree;

/// A database that is there.
#[derive(Clone, Debug)]
pub struct LocalStorage {
    /// The database.
    pub database: Database,
    /// Its root.
    pub root: Arc<Folder>,
    /// Folders of categories, and in them, that were file systems of their own at the last look.
    pub known_mounts: BTreeSet<PathBuf>,
    /// The index by a handle of its own.
    index: Arc<Mutex<Index>>,
}

impl LocalStorage {
    /// Opens a database.
    ///
    /// # Errors
    /// [`Error::Offline`], or the index cannot be read.
    pub fn open(index: &Index, database: &Database) -> Result<Self> {
        let stored = index.database(&database.root)?;
        let root = availability::open_root(index, database, &stored)?;
        let mounted = stored
            .id
            .map_or(Ok(BTreeSet::new()), |id| index.mounted_folders(id))?;
        Ok(Self {
            database: database.clone(),
            root,
            known_mounts: mounted,
            index: Arc::new(Mutex::new(index.try_clone()?)),
        })
    }

    /// The times that the storage shows in the place of those that were set, of a replica's files; by folder below the
    /// replica's.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn altered_times(&self, relative: &Path) -> Result<AlteredTimesByFolder> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        super::stored_altered_times(&index, &self.database, relative)
    }

    /// Refuses to copy to a root that holds files of this one by now, through a mount or a link that came after `add`.
    ///
    /// # Errors
    /// [`Error::Overlap`].
    pub fn refuse_overlap(&self, destination: &Self) -> Result<()> {
        let (from, to) = (&self.database, &destination.database);
        let relation = if is_same_folder(&self.root, &destination.root) {
            Some("is already")
        } else {
            overlap(&resolve_root(&to.root), &resolve_root(&from.root))
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

    /// What it holds of a replica: nothing where there is none, and a problem where it cannot be read or its category is
    /// not mounted.
    ///
    /// # Errors
    /// An interruption, or the index cannot be read.
    pub fn tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        let relative = replica_path(&category.path, project);
        let inner = registry.inner_categories(category);
        let walked = require_mounted(&self.root, category, &self.known_mounts)
            .and_then(|()| tree::walk(&self.root, &relative, exclusions, &inner));
        let mut tree = match walked {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) if is_not_found(&error) => Tree::default(),
            Err(error) => Tree::unreadable(error),
            Ok(mut tree) => {
                tree.restore_original_times(&self.altered_times(&relative)?);
                tree
            }
        };
        for mount in self.missing_mounts(category, &relative, &inner) {
            let Ok(path) = mount.path.strip_prefix(&relative) else {
                // The project is on it, or its client.
                return Ok(Tree::unreadable(mount.error));
            };
            if path == Path::new("") {
                return Ok(Tree::unreadable(mount.error));
            }
            if !exclusions.excludes_folder(path) {
                tree.mark_unreadable(path, mount.error);
            }
        }
        Ok(tree)
    }

    /// Remembered mounts that concern a replica and are not there now.
    fn missing_mounts(
        &self,
        category: &Category,
        relative: &Path,
        inner: &[PathBuf],
    ) -> Vec<MissingMount> {
        let mounted = &self.known_mounts;
        mount::find_missing(&self.root, &category.path, relative, inner, mounted)
    }

    /// Says that something below the root lies on a remembered mount that is not there now, if it does.
    pub fn missing_mount(&self, path: &Path) -> Option<Error> {
        let mut above = self
            .known_mounts
            .iter()
            .filter(|mount| path.starts_with(mount));
        let missing = above.find_map(|mount| mount::check_missing(&self.root, mount));
        missing.map(|missing| missing.error)
    }

    /// A project as this database spells it: the folders of a client or project may be there in another Unicode normal
    /// form.
    pub fn stored_spelling(&self, category: &Category, project: &ProjectId) -> ProjectId {
        discovery::stored_spelling(&self.root, category, project)
    }

    /// Whether something is found in a folder by this name, whatever the folder lists.
    pub fn resolves_name(&self, folder: &Path, name: &OsStr) -> bool {
        let folder = self.root.open_descendant(folder);
        folder.is_ok_and(|folder| folder.stat(name).is_ok())
    }

    /// The path of something of a replica; the replica's own folder has no slash at its end.
    pub fn path(&self, replica: &Path, path: &Path) -> PathBuf {
        let base = self.root.path().join(replica);
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
        super::ensure_database_id(index, &self.database, ObservedRoot::Local(&self.root))
    }
}
