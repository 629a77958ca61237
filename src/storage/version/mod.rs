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
mod move_aside;
mod replace;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::error::Result;
use crate::base::own_name::OWN_FOLDER;
use crate::base::timestamp::Timestamp;
use crate::index::RunId;
use crate::model::own_folder;
use crate::os::folder::Folder;
use crate::os::host;

/// Returns a new name for a folder of old versions: `TIME-HOST-RUN-RANDOM`. Its 128 random bits distinguish even two runs
/// with the same number in the same second.
pub fn version_folder_name(run: RunId) -> Result<String> {
    let (time, host) = (Timestamp::now().to_file_name(), host::name());
    Ok(format!("{time}-{host}-{run}-{}", host::random_id()?))
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

    /// The run's folder below the root, if it has an old version.
    pub fn run_path(&self) -> Option<PathBuf> {
        let (name, _) = self.state().run_folder.clone()?;
        Some(Path::new(OWN_FOLDER).join("versions").join(name))
    }

    /// Opens or creates the folder for the old version of this path, with the permissions of the original folders.
    fn mirror_folder(&self, (replica, path): PathInReplica<'_>) -> Result<Arc<Folder>> {
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
            let (name, run) = self.make_run_folder()?;
            Arc::clone(&state.run_folder.insert((name, Arc::new(run))).1)
        };
        let mut kept = run.open_descendant(Path::new(""))?;
        let mut like = self.root.open_descendant(Path::new(""))?;
        for component in &relative {
            like = like.open_child(component)?;
            kept = kept.open_or_create_child(component, &like)?;
        }
        let kept = Arc::new(kept);
        state.last_folder = Some((relative, Arc::clone(&kept)));
        Ok(kept)
    }

    /// Creates the run's folder, exclusively. Its handle stays open, so that no other process can replace the folder.
    fn make_run_folder(&self) -> Result<(OsString, Folder)> {
        let own = own_folder::open(self.root)?;
        let versions = own.trusted_child(OsStr::new("versions"), self.root)?;
        let name = OsString::from(version_folder_name(self.run)?);
        let mode = self.root.stat_self()?.mode;
        versions.create_folder(&name, mode)?;
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
    use super::*;

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
}
