//! Files that are put back or moved away on one storage: folder by folder, flushed after each.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{VersionItem, VersionReport};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::index::{Index, OutcomeKind, RunId};
use crate::model::address;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::Registry;
use crate::os::folder::{Folder, is_not_found};
use crate::scan::discover::ScanScope;
use crate::scan::load::scan_all;
use crate::snapshot::diff::DiffEntry;
use crate::storage::version::put_back::{entry_at, remove_empty_version_folders};
use crate::storage::version::run_folder::VersionFolder;
use crate::storage::version::{MoveResult, RemoteMoves, Versions, remote_version_folder};
use crate::storage::{LocalStorage, Storage};

/// The change of one file.
#[derive(Clone, Debug)]
pub(super) struct FileChange {
    /// The original folder below the root.
    pub(super) folder: PathBuf,
    pub(super) name: Name,
    pub(super) bytes: u64,
    /// The old version that is put back; `None` if the file is only moved away.
    pub(super) version: Option<VersionFolder>,
    /// The entry that must be there; `None` if there must be none.
    pub(super) expected: Option<DiffEntry>,
}

impl FileChange {
    fn path(&self) -> PathBuf {
        self.folder.join(self.name.as_path())
    }
}

/// Returns the entry of a local file; `None` if there is none.
pub(super) fn current_entry(
    storage: &Storage,
    folder: &Path,
    name: &OsStr,
) -> Result<Option<DiffEntry>> {
    let Storage::Local(local) = storage else {
        return Ok(None);
    };
    match local.root.open_descendant(folder) {
        Ok(folder) => entry_at(&folder, name),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the changes. What was there becomes a version of this run. Then the projects are scanned again.
pub(super) fn make_changes(
    index: &mut Index,
    registry: &Registry,
    (storage, run): (&Storage, RunId),
    changes: &[FileChange],
    monitor: &dyn Monitor,
    report: &mut VersionReport,
) -> Result<()> {
    match storage {
        Storage::Local(_) => change_local(storage, run, changes, report),
        Storage::Remote(_) => change_remote(storage, run, changes, report)?,
    }
    let recorded = interrupt::with_grace_period(|| {
        move_evidence(index, storage, changes, report)?;
        scan_again(index, registry, storage, changes, monitor)
    });
    if let Err(error) = recorded {
        monitor.on_event(&ProgressEvent::Problem(&error));
        report.is_unrecorded = true;
    }
    report.is_interrupted = interrupt::is_requested();
    Ok(())
}

fn change_local(storage: &Storage, run: RunId, changes: &[FileChange], report: &mut VersionReport) {
    let Storage::Local(local) = storage else {
        return;
    };
    let versions = Versions::new(&local.root, run);
    let mut folders: BTreeMap<(&Path, Option<&VersionFolder>), Vec<&FileChange>> = BTreeMap::new();
    for change in changes {
        let key = (change.folder.as_path(), change.version.as_ref());
        folders.entry(key).or_default().push(change);
    }
    let mut emptied: BTreeMap<&VersionFolder, Vec<PathBuf>> = BTreeMap::new();
    let mut left = BTreeSet::new();
    for ((folder, version), changes) in folders {
        if interrupt::is_requested() {
            break;
        }
        let results = if let Some(version) = version {
            emptied.entry(version).or_default().push(folder.to_owned());
            put_folder_back(&versions, &local.root, (folder, version), &changes)
        } else {
            left.insert(folder.to_owned());
            move_folder_away(&versions, &local.root, folder, &changes)
        };
        for (change, result) in changes.iter().zip(results) {
            report.add(storage, change, result);
        }
    }
    for (version, folders) in emptied {
        remove_empty_version_folders(&local.root, version, &folders);
    }
    remove_emptied_folders(local, &left);
    let path = versions.run_path().map(|path| local.root.path().join(path));
    report.version_folders.extend(path);
}

fn put_folder_back(
    versions: &Versions<'_>,
    root: &Folder,
    (folder, version): (&Path, &VersionFolder),
    changes: &[&FileChange],
) -> Vec<Result<()>> {
    let opened = match Versions::open_to_put_back(root, version, folder) {
        Ok(opened) => opened,
        Err(error) => {
            let why = error.full_message();
            return changes
                .iter()
                .map(|_| Err(not_opened(root, folder, &why)))
                .collect();
        }
    };
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        let name = change.name.as_os_str();
        let put = versions.put_back(&opened, (folder, name), change.expected.as_ref());
        results.push(put.map(drop));
    }
    if let Err(error) = Versions::flush_put_back(&opened) {
        let why = error.full_message();
        return changes
            .iter()
            .map(|_| Err(not_opened(root, folder, &why)))
            .collect();
    }
    results
}

fn move_folder_away(
    versions: &Versions<'_>,
    root: &Folder,
    folder: &Path,
    changes: &[&FileChange],
) -> Vec<Result<()>> {
    let opened = match root.open_descendant(folder) {
        Ok(opened) => opened,
        Err(error) => {
            let why = error.full_message();
            return changes
                .iter()
                .map(|_| Err(not_opened(root, folder, &why)))
                .collect();
        }
    };
    let mut results = Vec::with_capacity(changes.len());
    let mut kept = None;
    for change in changes {
        let name = change.name.as_os_str();
        let path = change.path();
        let moved = match &change.expected {
            Some(old) => versions.move_unflushed((&opened, name), (Path::new(""), &path), old),
            None => Err(Error::ConcurrentChange {
                path: opened.path().join(name),
            }),
        };
        results.push(moved.map(|folder| kept = Some(folder)));
    }
    if let Some(kept) = kept
        && let Err(error) = kept.flush().and_then(|()| opened.flush())
    {
        let why = error.full_message();
        return changes
            .iter()
            .map(|_| Err(not_opened(root, folder, &why)))
            .collect();
    }
    results
}

fn not_opened(root: &Folder, folder: &Path, why: &str) -> Error {
    Error::Io {
        action: "change",
        path: root.path().join(folder),
        source: std::io::Error::other(why.to_owned()),
    }
}

/// Removes the folders that are empty now, up to the root.
fn remove_emptied_folders(local: &LocalStorage, folders: &BTreeSet<PathBuf>) {
    let all: BTreeSet<PathBuf> = folders
        .iter()
        .flat_map(|folder| folder.ancestors())
        .filter(|folder| folder.components().count() > 1)
        .map(Path::to_owned)
        .collect();
    for path in all.iter().rev() {
        if local.missing_mount(path).is_none()
            && let (Some(above), Some(name)) = (path.parent(), path.file_name())
            && let Ok(above) = local.root.open_descendant(above)
        {
            // A folder that is not empty stays.
            let _stays = Versions::remove_emptied(&above, name);
        }
    }
}

fn change_remote(
    storage: &Storage,
    run: RunId,
    changes: &[FileChange],
    report: &mut VersionReport,
) -> Result<()> {
    let Storage::Remote(remote) = storage else {
        return Ok(());
    };
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

impl VersionReport {
    fn add(&mut self, storage: &Storage, change: &FileChange, result: Result<()>) {
        let path = storage.database().path(&change.path());
        let outcome = match (&result, &change.version) {
            (Err(_), _) => OutcomeKind::Failed,
            (Ok(()), Some(_)) => OutcomeKind::Restored,
            (Ok(()), None) => OutcomeKind::Deleted,
        };
        if result.is_ok() {
            self.bytes = self.bytes.saturating_add(change.bytes);
        }
        self.items.push(VersionItem {
            path,
            outcome,
            bytes: change.bytes,
            reason: result.err().map(|error| error.full_message()),
        });
    }
}

/// Moves what is known of the contents with the files: of what was there to the versions of this run, and of the versions to
/// their original folders.
fn move_evidence(
    index: &mut Index,
    storage: &Storage,
    changes: &[FileChange],
    report: &VersionReport,
) -> Result<()> {
    let database = storage.database();
    let Some(id) = index.database_id(&database.root)? else {
        return Ok(());
    };
    let failed = report
        .items
        .iter()
        .filter(|item| item.outcome == OutcomeKind::Failed);
    let failed: BTreeSet<&Path> = failed.map(|item| item.path.as_path()).collect();
    let kept = report.version_folders.last();
    let kept = kept.and_then(|path| address::strip(&database.root, path));
    let mut folders: BTreeMap<(&Path, Option<&VersionFolder>), Vec<&Name>> = BTreeMap::new();
    for change in changes {
        if !failed.contains(database.path(&change.path()).as_path()) {
            let key = (change.folder.as_path(), change.version.as_ref());
            folders.entry(key).or_default().push(&change.name);
        }
    }
    for ((folder, version), names) in folders {
        let names = || names.iter().copied();
        match &kept {
            Some(kept) => index.move_evidence(id, [folder, &kept.join(folder)], names())?,
            None => index.forget_evidence(id, folder, names())?,
        }
        if let Some(version) = version {
            index.move_evidence(id, [&version.path().join(folder), folder], names())?;
        }
    }
    Ok(())
}

/// Scans the projects again.
fn scan_again(
    index: &mut Index,
    registry: &Registry,
    storage: &Storage,
    changes: &[FileChange],
    monitor: &dyn Monitor,
) -> Result<()> {
    let database = storage.database();
    let projects: BTreeSet<ProjectId> = changes
        .iter()
        .filter_map(|change| {
            let mut categories = registry.categories().iter();
            categories.find_map(|category| category.locate(&change.folder))
        })
        .map(|(project, _)| project)
        .collect();
    if projects.is_empty() {
        return Ok(());
    }
    let scope =
        ScanScope::all_categories(registry, Scope::Projects(projects.into_iter().collect()));
    scan_all(index, registry, &[database], &scope, monitor).map(drop)
}
