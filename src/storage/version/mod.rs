//! Keeping old versions: `ROOT/.auto-backup/versions/RUN/...` at the destination holds each replaced or removed file
//! (decision 6).
//!
//! `replace` gives a copy the name of the file it replaces. `move_aside` frees the name of an entry that the source no
//! longer has, or that a folder needs. `cross_device` copies an old version to another file system. `check` compares
//! entries with the plan.
//!
//! No report of success by a file system is trusted if the result can be checked.

mod check;
mod cross_device;
pub mod emptied;
mod move_aside;
pub mod put_back;
mod remote;
mod replace;
pub mod run_folder;

pub use self::remote::{MoveResult, RemoteMoves, delete_versions};

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::error::Result;
use crate::base::lease::WritePermit;
use crate::base::own_name::OWN_FOLDER;
use crate::base::timestamp::Timestamp;
use crate::index::RunId;
use crate::model::own_folder;
use crate::os::folder::Folder;
use crate::os::host;

/// Returns a new name for a folder of old versions: `TIME-HOST-RUN-RANDOM`. Its 96 random bits distinguish even two runs with
/// the same number in the same second. The nanoseconds before them sort the folders of one run by their time.
pub fn version_folder_name(run: RunId) -> Result<String> {
    let (now, host, random) = (Timestamp::now(), host::name(), host::random_id()?);
    let (time, order) = (now.to_file_name(), now.nanoseconds);
    Ok(format!("{time}-{host}-{run}-{order:08x}{}", &random[8..]))
}

/// Returns a new folder, below the root of a remote, for the old versions of one attempt of a run.
pub fn remote_version_folder(run: RunId) -> Result<PathBuf> {
    Ok([OWN_FOLDER, "versions", &version_folder_name(run)?]
        .iter()
        .collect())
}

/// The old versions of one run on one database.
#[derive(Debug)]
pub struct Versions<'a> {
    root: &'a Folder,
    run: RunId,
    state: Mutex<VersionsState>,
}

#[derive(Debug, Default)]
struct VersionsState {
    /// The run's own folder, once it has an old version: its name and its handle.
    run_folder: Option<(OsString, Arc<Folder>)>,
    /// The last used folder: its path below the run's folder, and its handle.
    last_folder: Option<(PathBuf, Arc<Folder>)>,
}

/// A name in an open folder.
type EntryRef<'a> = (&'a Folder, &'a OsStr);

/// A replica's folder below the root, and a path below that folder.
type PathInReplica<'a> = (&'a Path, &'a Path);

impl<'a> Versions<'a> {
    /// Prepares a run's old versions below this root. The folder is created for the first version.
    pub fn new(root: &'a Folder, run: RunId) -> Self {
        Self {
            root,
            run,
            state: Mutex::default(),
        }
    }

    /// Removes the run's folder with all old versions in it.
    pub fn erase(self) -> Result<()> {
        let permit = self.root.permit()?;
        let Some((name, run)) = self.state().run_folder.take() else {
            return Ok(());
        };
        drop(run);
        let own = own_folder::open(self.root)?;
        let versions = own.trusted_child(OsStr::new("versions"), self.root)?;
        versions.remove_tree(&name, &permit)?;
        versions.flush()
    }

    /// The run's folder below the root, if it has an old version.
    pub fn run_path(&self) -> Option<PathBuf> {
        let (name, _) = self.state().run_folder.clone()?;
        Some(Path::new(OWN_FOLDER).join("versions").join(name))
    }

    /// Opens or creates the folder for the old version of this path, with the permissions of the original folders.
    fn mirror_folder(
        &self,
        (replica, path): PathInReplica<'_>,
        permit: &WritePermit,
    ) -> Result<Arc<Folder>> {
        let relative = replica.join(path.parent().unwrap_or(Path::new("")));
        let mut state = self.state();
        if let Some((last, folder)) = &state.last_folder
            && *last == relative
        {
            return Ok(Arc::clone(folder));
        }
        let run = if let Some((_, run)) = &state.run_folder {
            Arc::clone(run)
        } else {
            let (name, run) = self.make_run_folder(permit)?;
            Arc::clone(&state.run_folder.insert((name, Arc::new(run))).1)
        };
        let mut kept = run.open_descendant(Path::new(""))?;
        let mut like = self.root.open_descendant(Path::new(""))?;
        for component in &relative {
            like = like.open_child(component)?;
            kept = kept.open_or_create_child(component, &like, permit)?;
        }
        let kept = Arc::new(kept);
        state.last_folder = Some((relative, Arc::clone(&kept)));
        Ok(kept)
    }

    /// Creates the run's folder, exclusively. Its handle stays open, so that no other process can replace the folder.
    fn make_run_folder(&self, permit: &WritePermit) -> Result<(OsString, Folder)> {
        let own = own_folder::open(self.root)?;
        let versions = own.trusted_child(OsStr::new("versions"), self.root)?;
        let name = OsString::from(version_folder_name(self.run)?);
        let mode = self.root.stat_self()?.mode;
        versions.create_folder(&name, mode, permit)?;
        let folder = versions.open_child(&name)?;
        folder.set_own_mode(mode | 0o700)?;
        versions.flush()?;
        Ok((name, folder))
    }

    fn state(&self) -> MutexGuard<'_, VersionsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Flushes a folder, unless a flush of the whole file system follows.
fn flush_if_needed(folder: &Folder) -> Result<()> {
    if folder.can_flush_file_system() {
        Ok(())
    } else {
        folder.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::error::Error;
    use crate::os::stat::EntryKind;
    use crate::snapshot::diff::DiffEntry;
    use crate::storage::copy_file::{Copier, TempCopy, copy_file};

    pub(super) const CLIP: &str = "clip.mov";
    const REPLICA: &str = "footage/acme/spot";

    /// A destination with a replica that holds an old `clip.mov`, and an empty folder of old versions.
    pub(super) struct Destination {
        pub(super) root: Folder,
        pub(super) replica: Arc<Folder>,
        pub(super) kept: Arc<Folder>,
        temporary: tempfile::TempDir,
    }

    impl Destination {
        pub(super) fn new() -> Self {
            let temporary = tempfile::tempdir().unwrap();
            let [root, _, kept] = ["root", "source", "root/kept"].map(|name| {
                fs::create_dir(temporary.path().join(name)).unwrap();
                Folder::open(&temporary.path().join(name)).unwrap()
            });
            fs::create_dir_all(root.path().join(REPLICA)).unwrap();
            let replica = Arc::new(root.open_descendant(REPLICA.as_ref()).unwrap());
            let destination = Self {
                root,
                replica,
                kept: Arc::new(kept),
                temporary,
            };
            destination.write("old");
            destination
        }

        pub(super) fn write(&self, content: &str) {
            fs::write(self.replica.path().join(CLIP), content).unwrap();
        }

        pub(super) fn versions(&self) -> Versions<'_> {
            Versions::new(&self.root, RunId(7))
        }

        pub(super) fn permit(&self) -> WritePermit {
            self.root.permit().unwrap()
        }

        pub(super) fn place(&self) -> EntryRef<'_> {
            (&self.replica, CLIP.as_ref())
        }

        pub(super) fn relative() -> PathInReplica<'static> {
            (REPLICA.as_ref(), CLIP.as_ref())
        }

        /// A complete copy in the replica's folder.
        pub(super) fn copy(&self, content: &str) -> TempCopy {
            let source = self.temporary.path().join("source");
            fs::write(source.join(CLIP), content).unwrap();
            let (source, mut copier) = (Folder::open(&source).unwrap(), Copier::default());
            copy_file(&source, CLIP.as_ref(), &self.replica, &mut copier, &|_| {}).unwrap()
        }

        /// Names and contents of the replica's folder.
        pub(super) fn contents(&self) -> Vec<(String, String)> {
            contents(&self.replica)
        }

        /// Names and contents of the run's folder of old versions.
        pub(super) fn old_versions(&self, versions: &Versions<'_>) -> Vec<(String, String)> {
            let path = versions.run_path().unwrap().join(REPLICA);
            contents(&self.root.open_descendant(&path).unwrap())
        }
    }

    /// Returns the names in a folder and their contents, sorted.
    pub(super) fn contents(folder: &Folder) -> Vec<(String, String)> {
        let mut names = folder.entry_names().unwrap();
        names.sort();
        let names = names.into_iter().map(|name| {
            let content = fs::read_to_string(folder.path().join(&name)).unwrap_or_default();
            (name.into_string().unwrap(), content)
        });
        names.collect()
    }

    /// `clip.mov` alone, with this content.
    pub(super) fn clip(content: &str) -> Vec<(String, String)> {
        vec![(CLIP.to_owned(), content.to_owned())]
    }

    /// The entry of a name as a plan sees it.
    pub(super) fn planned((folder, name): EntryRef<'_>) -> DiffEntry {
        let stat = folder.stat(name).unwrap();
        DiffEntry {
            kind: stat.kind,
            bytes: stat.bytes,
            modified: stat.modified,
        }
    }

    /// A file that differs from every file of the tests.
    pub(super) fn unplanned() -> DiffEntry {
        DiffEntry::of_kind(EntryKind::File)
    }

    pub(super) fn is_raced<T>(result: &Result<T>) -> bool {
        matches!(result, Err(Error::ConcurrentChange { .. }))
    }

    #[test]
    fn attempts_never_share_a_folder() {
        let (first, second) = (
            remote_version_folder(RunId(7)).unwrap(),
            remote_version_folder(RunId(7)).unwrap(),
        );
        assert_ne!(first, second);
        let name = first.file_name().unwrap().to_str().unwrap();
        let (before, random) = name.rsplit_once('-').unwrap();
        assert!(before.ends_with("-7"), "{name}");
        assert_eq!(random.len(), 32, "{name}");
        assert!(first.starts_with(".auto-backup/versions"));
    }

    #[test]
    fn versions_mirror_paths_and_modes() {
        let destination = Destination::new();
        let inner = destination.replica.path().join("shots");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o750)).unwrap();
        let versions = destination.versions();
        assert_eq!(versions.run_path(), None);
        for path in ["clip.mov", "shots/a.exr", "shots/b.exr"] {
            let kept =
                versions.mirror_folder((REPLICA.as_ref(), path.as_ref()), &destination.permit());
            fs::write(kept.unwrap().path().join("kept"), path).unwrap();
        }
        let run = destination.root.path().join(versions.run_path().unwrap());
        let replica = run.join(REPLICA);
        assert!(replica.join("kept").exists());
        assert!(replica.join("shots/kept").exists());
        let mode = fs::metadata(replica.join("shots")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o750);
        let runs = fs::read_dir(run.parent().unwrap()).unwrap();
        assert_eq!(runs.count(), 1);
    }

    #[test]
    fn version_is_never_replaced_by_another() {
        let destination = Destination::new();
        let versions = destination.versions();
        let replace = |versions: &Versions<'_>, content| {
            let old = planned(destination.place());
            let place = (&destination.replica, CLIP.as_ref());
            versions.replace(
                destination.copy(content),
                place,
                Destination::relative(),
                &old,
            )
        };
        replace(&versions, "new").unwrap();
        assert!(is_raced(&replace(&versions, "newer")));
        assert_eq!(destination.old_versions(&versions), clip("old"));
        assert_eq!(destination.contents(), clip("new"));
        let again = destination.versions();
        replace(&again, "newer").unwrap();
        assert_ne!(again.run_path(), versions.run_path());
        assert_eq!(destination.old_versions(&again), clip("new"));
        assert_eq!(destination.old_versions(&versions), clip("old"));
    }

    #[test]
    fn exchanged_run_folder_is_not_written_to() {
        let destination = Destination::new();
        let versions = destination.versions();
        versions
            .mirror_folder(Destination::relative(), &destination.permit())
            .unwrap();
        let run = destination.root.path().join(versions.run_path().unwrap());
        let moved = run.with_file_name("moved");
        fs::rename(&run, &moved).unwrap();
        fs::create_dir(&run).unwrap();
        let other = (REPLICA.as_ref(), "new folder/clip.mov".as_ref());
        fs::create_dir(destination.replica.path().join("new folder")).unwrap();
        versions
            .mirror_folder(other, &destination.permit())
            .unwrap();
        assert!(moved.join(REPLICA).join("new folder").exists());
        assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
    }
}
