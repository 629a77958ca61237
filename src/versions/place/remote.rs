//! Files at a remote: put back or moved away by moves that a listing proves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::change::FileChange;
use crate::base::error::{Error, Result};
use crate::index::RunId;
use crate::storage::version::run_folder::VersionFolder;
use crate::storage::version::{MoveResult, RemoteMoves, remote_version_folder};
use crate::storage::{RemoteStorage, Storage};
use crate::versions::report::VersionReport;

/// Moves the files at a remote. What is there goes to the versions first.
///
/// # Errors
/// The storage refused, and what it did is not known.
pub(super) fn change(
    remote: &RemoteStorage,
    (storage, run): (&Storage, RunId),
    changes: &[FileChange],
    report: &mut VersionReport,
) -> Result<()> {
    let own = remote_version_folder(run)?;
    let full: Vec<PathBuf> = changes.iter().map(FileChange::path).collect();
    let listed = remote.list_files(&full)?;
    // What is there goes first; a file whose place is not free stays among the versions.
    let present: Vec<PathBuf> = full
        .iter()
        .filter(|path| listed.file(path).is_some())
        .cloned()
        .collect();
    let unread = full.iter().filter(|path| listed.is_unread(path));
    let why = "the storage does not list its folder, so that what is there cannot be kept";
    let mut blocked: BTreeMap<&Path, String> = unread
        .map(|path| (path.as_path(), why.to_owned()))
        .collect();
    if !present.is_empty() {
        let moves = RemoteMoves::execute(remote, &present, [Path::new(""), &own])?;
        let moves = moves.verified(remote, &present)?;
        for path in &present {
            if let MoveResult::Failed(why) = moves.result(path) {
                blocked.insert(path, why);
            }
        }
        report.version_folders.push(remote.remote.path(&own));
    }
    let mut folders: BTreeMap<&VersionFolder, Vec<(&FileChange, PathBuf)>> = BTreeMap::new();
    for (change, path) in changes.iter().zip(&full) {
        if let Some(why) = blocked.get(path.as_path()) {
            let error = Error::Rclone {
                action: "move",
                path: remote.remote.path(path),
                why: why.clone(),
            };
            report.add(storage, change, Err(error));
        } else if let Some(version) = &change.version {
            folders
                .entry(version)
                .or_default()
                .push((change, path.clone()));
        } else {
            report.add(storage, change, Ok(()));
        }
    }
    for (version, changes) in folders {
        let paths: Vec<PathBuf> = changes.iter().map(|(_, path)| path.clone()).collect();
        let moves = RemoteMoves::execute(remote, &paths, [&version.path(), Path::new("")])?;
        let moves = moves.verified(remote, &paths)?;
        for (change, path) in changes {
            let result = match moves.result(&path) {
                MoveResult::Moved => Ok(()),
                MoveResult::Absent => Err("the version is not there".to_owned()),
                MoveResult::Failed(why) => Err(why),
            };
            let result = result.map_err(|why| Error::Rclone {
                action: "put back",
                path: remote.remote.path(&path),
                why,
            });
            report.add(storage, change, result);
        }
    }
    Ok(())
}
