//! A database in a folder of this machine, or on a file system mounted there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::availability;
use super::observation::ObservedRoot;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::index::{DatabaseId, Index};
use crate::model::exclusion::Exclusions;
use crate::model::mount;
use crate::model::mount::MissingMount;
use crate::model::place::{overlap, resolve_root};
use crate::model::project::{ProjectId, path_within, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::disk::Disk;
use crate::os::feature::is_same_folder;
use crate::os::folder::{Folder, is_not_found};
use crate::snapshot::discovery;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::Tree;
use crate::snapshot::tree_walk;

/// A local database that is online.
#[derive(Clone, Debug)]
pub struct LocalStorage {
    pub database: Database,
    pub root: Arc<Folder>,
    /// Remembered mount points below the root, at categories or inside them.
    pub known_mounts: BTreeSet<PathBuf>,
    /// An index handle of its own, so that any thread can query it.
    index: Arc<Mutex<Index>>,
}

impl LocalStorage {
    /// Opens a database.
    ///
    /// # Errors
    /// [`Error::Offline`].
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

    /// Returns the number of threads that walk this database.
    pub fn walk_threads(&self) -> usize {
        self.database.access.walk_threads(&Disk::of(&self.root))
    }

    /// The times that the storage reports instead of the original ones for the files of a replica, by folder below the
    /// replica's.
    pub fn altered_times(&self, relative: &Path) -> Result<AlteredTimesByFolder> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        super::stored_altered_times(&index, &self.database, relative)
    }

    /// Fails if a destination holds files of this database, because of a mount or link that changed since `add`.
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
                noun: Noun::Database,
                path: to.root.clone(),
                relation,
                other: from.name.clone(),
                existing: from.root.clone(),
            })
        })
    }

    /// Reads the tree of a replica. The tree is empty if the replica does not exist, and has a problem if the replica
    /// cannot be read or a mount is missing.
    pub fn tree(
        &self,
        registry: &Registry,
        exclusions: &Arc<Exclusions>,
        category: &Category,
        project: &ProjectId,
    ) -> Result<Tree> {
        let relative = replica_path(&category.path, project);
        let inner = registry.inner_categories(category);
        let walked =
            mount::require_category_mounted(&self.root, &category.path, &self.known_mounts)
                .and_then(|()| {
                    tree_walk::walk(
                        &self.root,
                        &relative,
                        exclusions,
                        &inner,
                        self.walk_threads(),
                    )
                });
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
                // The mount is at the project's folder or above it.
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

    /// The remembered mounts that affect a replica and are not mounted now.
    fn missing_mounts(
        &self,
        category: &Category,
        relative: &Path,
        inner: &[PathBuf],
    ) -> Vec<MissingMount> {
        let mounted = &self.known_mounts;
        mount::find_missing(&self.root, &category.path, relative, inner, mounted)
    }

    /// The error for a path below a remembered mount that is not mounted now.
    pub fn missing_mount(&self, path: &Path) -> Option<Error> {
        let mut above = self
            .known_mounts
            .iter()
            .filter(|mount| path.starts_with(mount));
        let missing = above.find_map(|mount| mount::check_missing(&self.root, mount));
        missing.map(|missing| missing.error)
    }

    /// The project with its names in the Unicode form that this database stores.
    pub fn stored_spelling(&self, category: &Category, project: &ProjectId) -> ProjectId {
        discovery::stored_spelling(&self.root, category, project)
    }

    /// True if a folder resolves this name, even if its listing spells the name otherwise.
    pub fn resolves_name(&self, folder: &Path, name: &OsStr) -> bool {
        let folder = self.root.open_descendant(folder);
        folder.is_ok_and(|folder| folder.stat(name).is_ok())
    }

    /// The full path of an entry of a replica; the replica's own folder has no slash at its end.
    pub fn path(&self, replica: &Path, path: &Path) -> PathBuf {
        self.root.path().join(path_within(replica, path))
    }

    /// The database's row in the index, which is created if it is missing; `None` if it is missing and the index is
    /// read-only.
    pub fn database_id(&self, index: &mut Index) -> Result<Option<DatabaseId>> {
        super::ensure_database_id(index, &self.database, ObservedRoot::Local(&self.root))
    }
}
