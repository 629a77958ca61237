//! A database in a folder of this machine, or on a file system mounted there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::availability;
use super::layout::Layout;
use super::observation;
use super::observation::ObservedRoot;
use crate::base::error::{Error, Result};
use crate::base::noun::Noun;
use crate::index::{DatabaseId, Index, Proof};
use crate::model::mount;
use crate::model::mount::MissingMount;
use crate::model::path::split_path;
use crate::model::place::{overlap, resolve_root};
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::{Category, Database};
use crate::os::disk::{Disk, WalkPace};
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
    pub layout: Arc<Layout>,
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
    pub fn open(index: &Index, layout: &Arc<Layout>, database: &Database) -> Result<Self> {
        let stored = index.database(&database.root)?;
        let root = availability::open_root(index, database, &stored)?;
        let mounted = stored
            .id
            .map_or(Ok(BTreeSet::new()), |id| index.mounted_folders(id))?;
        Ok(Self {
            database: database.clone(),
            layout: Arc::clone(layout),
            root,
            known_mounts: mounted,
            index: Arc::new(Mutex::new(index.try_clone()?)),
        })
    }

    /// Returns the storage that a folder is for an offload. No registry has it: `database` has a root for the index alone.
    pub fn of_folder(
        index: &Index,
        layout: &Arc<Layout>,
        database: Database,
        root: Arc<Folder>,
    ) -> Result<Self> {
        Ok(Self {
            database,
            layout: Arc::clone(layout),
            root,
            known_mounts: BTreeSet::new(),
            index: Arc::new(Mutex::new(index.try_clone()?)),
        })
    }

    /// True if a file is as it was when its content was proven.
    pub fn is_as_proven(&self, path: &Path, proof: &Proof) -> bool {
        let (folder, name) = split_path(path);
        let Ok(folder) = self.root.open_descendant(folder) else {
            return false;
        };
        let has_stable_ids = folder.has_reliable_file_system();
        let stat = folder.stat(&folder.existing_name(name));
        stat.is_ok_and(|stat| proof.is_of_state(&stat, has_stable_ids))
    }

    /// Returns the number of threads that walk this database.
    pub fn walk_pace(&self) -> WalkPace {
        self.database.access.walk_pace(&Disk::of(&self.root))
    }

    /// Returns the number of threads that read files of this database.
    pub fn read_threads(&self) -> usize {
        self.database.access.read_threads(&Disk::of(&self.root))
    }

    /// The times that the storage reports instead of the original ones for the files of a replica, by folder below the
    /// replica's.
    pub fn altered_times(&self, relative: &Path) -> Result<AlteredTimesByFolder> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.altered_times(index.database_id(&self.database.root)?, relative)
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
    pub fn tree(&self, category: &Category, project: &ProjectId) -> Result<Tree> {
        let relative = category.replica_path(project);
        let inner = &category.inner;
        let exclusions = &self.layout.exclusions;
        let walked =
            mount::require_category_mounted(&self.root, &category.base(), &self.known_mounts)
                .and_then(|()| {
                    tree_walk::walk(&self.root, &relative, exclusions, inner, self.walk_pace())
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
        for mount in self.missing_mounts(category, &relative) {
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
    pub(super) fn missing_mounts(&self, category: &Category, relative: &Path) -> Vec<MissingMount> {
        let (base, inner, mounted) = (category.base(), &category.inner, &self.known_mounts);
        mount::find_missing(&self.root, &base, relative, inner, mounted)
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

    /// The root of observations of this database.
    pub fn observed_root(&self) -> ObservedRoot {
        ObservedRoot::Local(Arc::clone(&self.root))
    }

    /// The database's row in the index, which is created if it is missing; `None` if it is missing and the index is
    /// read-only.
    pub fn database_id(&self, index: &mut Index) -> Result<Option<DatabaseId>> {
        observation::ensure_database_id(index, &self.database, self.observed_root())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::model::registry::Registry;
    use crate::snapshot::time_alias::AlteredTime;

    const REPLICA: &str = "footage/acme/spot";

    /// A database `NAS` with the files `a.mov` and `shots/b.mov` in the replica of `acme/spot`.
    struct Studio {
        index: Index,
        registry: Registry,
        storage: LocalStorage,
        temporary: tempfile::TempDir,
    }

    impl Studio {
        fn new() -> Self {
            let temporary = tempfile::tempdir().unwrap();
            let root = temporary.path().join("nas");
            fs::create_dir_all(root.join(REPLICA).join("shots")).unwrap();
            for file in ["a.mov", "shots/b.mov"] {
                fs::write(root.join(REPLICA).join(file), "bytes").unwrap();
            }
            let index = Index::open(&temporary.path().join("index")).unwrap().index;
            let mut registry = Registry::default();
            registry
                .add_category("footage", "footage".as_ref(), false)
                .unwrap();
            let storage = open(&index, &root).unwrap();
            Self {
                index,
                registry,
                storage,
                temporary,
            }
        }

        /// Reads the tree while these mounts are remembered.
        fn tree(&mut self, mounts: &[&str]) -> Tree {
            self.storage.known_mounts = mounts.iter().map(PathBuf::from).collect();
            self.storage.layout = Layout::new(&self.registry).unwrap();
            let category = &self.registry.categories()[0];
            self.storage.tree(category, &project("spot")).unwrap()
        }
    }

    fn project(name: &str) -> ProjectId {
        ProjectId {
            client: "acme".into(),
            project: name.into(),
        }
    }

    fn open(index: &Index, root: &Path) -> Result<LocalStorage> {
        let mut registry = Registry::default();
        registry.add_database("NAS", root, false).unwrap();
        LocalStorage::open(index, &Layout::new(&registry)?, &registry.databases()[0])
    }

    fn holds(tree: &Tree, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = tree.folders.get(Path::new(folder));
        folder.is_some_and(|folder| folder.file(name.as_bytes()).is_some())
    }

    #[test]
    fn missing_root_is_offline() {
        let studio = Studio::new();
        let opened = open(&studio.index, &studio.temporary.path().join("gone"));
        assert!(matches!(opened, Err(Error::Offline { .. })));
    }

    #[test]
    fn missing_replica_is_empty_and_unreadable_one_unknown() {
        let mut studio = Studio::new();
        let tree = studio.tree(&[]);
        assert!(holds(&tree, "a.mov") && holds(&tree, "shots/b.mov"));
        fs::remove_dir_all(studio.storage.root.path().join(REPLICA)).unwrap();
        let missing = studio.tree(&[]);
        assert!(missing.folders.is_empty() && missing.problems.is_empty());
        fs::write(studio.storage.root.path().join(REPLICA), "no folder").unwrap();
        assert!(studio.tree(&[]).failure().is_some());
    }

    #[test]
    fn missing_mount_makes_a_replica_unknown() {
        for mount in ["footage", "footage/acme", REPLICA] {
            let mut studio = Studio::new();
            let tree = studio.tree(&[mount]);
            assert!(
                tree.failure().is_some() && tree.folders.is_empty(),
                "{mount}"
            );
            // A missing folder at the mount is no proof of a deletion either.
            fs::remove_dir_all(studio.storage.root.path().join(mount)).unwrap();
            assert!(studio.tree(&[mount]).failure().is_some(), "{mount}");
        }
        assert!(
            Studio::new()
                .tree(&["grades", "footage/other"])
                .problems
                .is_empty()
        );
    }

    #[test]
    fn missing_mount_inside_leaves_only_its_folder_unknown() {
        let mut studio = Studio::new();
        let mount = "footage/acme/spot/shots";
        let tree = studio.tree(&[mount]);
        assert!(tree.failure().is_none() && holds(&tree, "a.mov"));
        assert!(tree.is_unread("shots/b.mov".as_ref()));
        let missing = |path: &str| studio.storage.missing_mount(path.as_ref()).is_some();
        assert!(missing(mount) && missing("footage/acme/spot/shots/b.mov"));
        assert!(!missing(REPLICA) && !missing("footage/acme/spot/shots 2"));
        studio.registry.add_exclusion("shots/");
        assert!(studio.tree(&[mount]).problems.is_empty());
    }

    #[test]
    fn altered_times_are_restored() {
        let mut studio = Studio::new();
        let time = |seconds| Timestamp {
            seconds,
            nanoseconds: 0,
        };
        let replica = studio
            .storage
            .root
            .open_descendant(REPLICA.as_ref())
            .unwrap();
        replica.set_modified("a.mov".as_ref(), time(1000)).unwrap();
        let id = studio
            .storage
            .database_id(&mut studio.index)
            .unwrap()
            .unwrap();
        let altered = AlteredTime {
            bytes: 5,
            reported: time(1000),
            original: time(1001),
        };
        let times = [("a.mov".into(), altered)].into();
        let altered = [(REPLICA.into(), times)].into();
        studio.index.add_altered_times(id, &altered).unwrap();
        let time_of = |tree: &Tree| tree.folders[Path::new("")].file(b"a.mov").unwrap().modified;
        assert_eq!(time_of(&studio.tree(&[])), time(1001));
        replica.set_modified("a.mov".as_ref(), time(1002)).unwrap();
        assert_eq!(time_of(&studio.tree(&[])), time(1002));
    }

    #[test]
    fn same_files_by_another_path_are_refused() {
        let studio = Studio::new();
        let base = studio.temporary.path();
        symlink(studio.storage.root.path(), base.join("link")).unwrap();
        fs::create_dir(base.join("other")).unwrap();
        let relation = |path: &str| {
            let other = open(&studio.index, &base.join(path)).unwrap();
            match studio.storage.refuse_overlap(&other) {
                Err(Error::Overlap { relation, .. }) => relation,
                refused => refused.map(|()| "is apart").unwrap(),
            }
        };
        for (path, expected) in [
            ("link", "is already"),
            ("link/footage", "lies inside"),
            ("", "contains"),
            ("other", "is apart"),
        ] {
            assert_eq!(relation(path), expected, "{path}");
        }
    }
}
