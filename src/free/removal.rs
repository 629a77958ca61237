//! Moves the files of a judged replica to the old versions, each only if it is still the file that was proven.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::index::{Index, RunId};
use crate::model::address;
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::Category;
use crate::os::stat::EntryKind;
use crate::snapshot::diff::DiffEntry;
use crate::storage::observation;
use crate::storage::version::{MoveResult, RemoteMoves, Versions, remote_version_folder};
use crate::storage::{LocalStorage, RemoteStorage, Storage};

/// What was removed.
#[derive(Debug, Default)]
pub(super) struct Removed {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Number of entries that are still in the replica's folder.
    pub(super) left: u64,
    pub(super) failed: Vec<(PathBuf, String)>,
    pub(super) version_folder: Option<PathBuf>,
    pub(super) is_unrecorded: bool,
}

/// A file to remove, as it was proven.
struct ProvenFile {
    name: Name,
    entry: DiffEntry,
}

/// The files of one folder to remove.
struct ProvenFiles {
    /// The path below the replica's folder.
    folder: PathBuf,
    files: Vec<ProvenFile>,
}

/// Removes a replica that was judged safe, and scans what is left.
pub(super) fn remove(
    index: &mut Index,
    (storage, run): (&Storage, RunId),
    (category, project): (&Category, &ProjectId),
    erase: bool,
    monitor: &dyn Monitor,
) -> Result<Removed> {
    let project = storage.stored_spelling(category, project);
    let replica = category.replica_path(&project);
    let folders = proven_files(index, storage, category, &project)?;
    let mut removed = match storage {
        Storage::Local(local) => remove_local(local, run, &replica, &folders, erase)?,
        Storage::Remote(remote) => remove_remote(remote, run, &replica, &folders, erase)?,
    };
    let recorded = record(index, storage, (category, &project), &folders, &removed);
    if let Err(error) = recorded {
        monitor.on_event(&ProgressEvent::Problem(&error));
        removed.is_unrecorded = true;
    }
    interrupt::check()?;
    Ok(removed)
}

/// Returns the files of a replica as the scan that was judged found them, with the times that the storage reports.
fn proven_files(
    index: &Index,
    storage: &Storage,
    category: &Category,
    project: &ProjectId,
) -> Result<Vec<ProvenFiles>> {
    let mut folders = Vec::new();
    let _view = index.read_transaction()?;
    let Some(id) = index.database_id(&storage.database().root)? else {
        return Ok(folders);
    };
    let Some(replica) = index.present_replica(id, category.key(), project)? else {
        return Ok(folders);
    };
    let base = category.replica_path(project);
    index.visit_replica(&replica, &mut |folder| {
        let altered = index.altered_times_in(id, &path_within(&base, folder.path))?;
        let mut found = ProvenFiles {
            folder: folder.path.to_owned(),
            files: Vec::new(),
        };
        let mut files = folder.files();
        while let Some(file) = files.next() {
            let name = Name::from_bytes(file.name.to_vec());
            let kind = if file.target.is_some() {
                EntryKind::Link
            } else {
                EntryKind::File
            };
            let modified = altered
                .get(&name)
                .filter(|time| time.original == file.modified)
                .map_or(file.modified, |time| time.reported);
            let entry = DiffEntry {
                kind,
                bytes: file.bytes,
                modified,
            };
            found.files.push(ProvenFile { name, entry });
        }
        folders.push(found);
        Ok(true)
    })?;
    Ok(folders)
}

fn remove_local(
    storage: &LocalStorage,
    run: RunId,
    replica: &Path,
    folders: &[ProvenFiles],
    erase: bool,
) -> Result<Removed> {
    let mut removed = Removed::default();
    let versions = Versions::new(&storage.root, run);
    for found in folders.iter().filter(|found| !found.files.is_empty()) {
        if interrupt::is_requested() {
            break;
        }
        let place = path_within(replica, &found.folder);
        let folder = match storage.root.open_descendant(&place) {
            Ok(folder) => folder,
            Err(error) => {
                removed
                    .failed
                    .push((storage.root.path().join(&place), error.full_message()));
                continue;
            }
        };
        let mut kept = None;
        for file in &found.files {
            let name = file.name.as_os_str();
            let path = found.folder.join(name);
            match versions.move_unflushed((&folder, name), (replica, &path), &file.entry) {
                Ok(moved_to) => {
                    removed.files += 1;
                    removed.bytes = removed.bytes.saturating_add(file.entry.bytes);
                    kept = Some(moved_to);
                }
                Err(error) => {
                    removed
                        .failed
                        .push((folder.path().join(name), error.full_message()));
                }
            }
        }
        if let Some(kept) = kept {
            kept.flush()?;
            folder.flush()?;
        }
    }
    remove_folders(storage, replica, folders);
    removed.left = count_left(storage, replica);
    if let Some(path) = versions.run_path() {
        removed.version_folder = Some(storage.root.path().join(&path));
        if erase && removed.files > 0 {
            versions.erase()?;
            removed.version_folder = None;
        }
    }
    Ok(removed)
}

/// Removes the empty folders of a replica, those inside first, and the empty folder of its client.
fn remove_folders(storage: &LocalStorage, replica: &Path, folders: &[ProvenFiles]) {
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    for found in folders {
        let path: PathBuf = path_within(replica, &found.folder).components().collect();
        let own: PathBuf = replica.components().collect();
        let inside = path.ancestors().take_while(|above| above.starts_with(&own));
        paths.extend(inside.map(Path::to_owned));
        // The client's folder, which stays if it has other projects.
        paths.extend(
            own.parent()
                .map(Path::to_owned)
                .filter(|path| path.components().count() > 1),
        );
    }
    for path in paths.iter().rev() {
        if storage.missing_mount(path).is_some() {
            continue;
        }
        if let (Some(above), Some(name)) = (path.parent(), path.file_name())
            && let Ok(above) = storage.root.open_descendant(above)
        {
            // A folder that is not empty stays.
            let _stays = Versions::remove_emptied(&above, name);
        }
    }
}

/// Counts the entries that are left in a replica's folder.
fn count_left(storage: &LocalStorage, replica: &Path) -> u64 {
    let mut count = 0;
    let mut pending = vec![replica.components().collect::<PathBuf>()];
    while let Some(path) = pending.pop() {
        let Ok(folder) = storage.root.open_descendant(&path) else {
            continue;
        };
        for name in folder.entry_names().unwrap_or_default() {
            match folder.stat(&name).map(|stat| stat.kind) {
                Ok(EntryKind::Folder) => pending.push(path.join(&name)),
                _ => count += 1,
            }
        }
    }
    count
}

fn remove_remote(
    storage: &RemoteStorage,
    run: RunId,
    replica: &Path,
    folders: &[ProvenFiles],
    erase: bool,
) -> Result<Removed> {
    let mut removed = Removed::default();
    let files = folders.iter().flat_map(|found| {
        let place = path_within(replica, &found.folder);
        found
            .files
            .iter()
            .map(move |file| (place.join(file.name.as_path()), file.entry.bytes))
    });
    let files: Vec<(PathBuf, u64)> = files.collect();
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    if paths.is_empty() {
        return Ok(removed);
    }
    let versions = remote_version_folder(run)?;
    let moves = RemoteMoves::execute(storage, &paths, [Path::new(""), &versions])?;
    let moves = moves.verified(storage, &paths)?;
    let mut kept = Vec::new();
    for (path, bytes) in files {
        match moves.result(&path) {
            MoveResult::Moved => {
                removed.files += 1;
                removed.bytes = removed.bytes.saturating_add(bytes);
                kept.push(versions.join(path));
            }
            // It was there a moment ago, and is not among the old versions.
            MoveResult::Absent => removed.failed.push((
                storage.remote.path(&path),
                "it disappeared before it was moved".to_owned(),
            )),
            MoveResult::Failed(why) => removed.failed.push((storage.remote.path(&path), why)),
        }
    }
    if erase {
        storage.remote.delete_files(&kept)?;
    } else if removed.files > 0 {
        removed.version_folder = Some(storage.remote.path(&versions));
    }
    let mut inner: Vec<PathBuf> = folders
        .iter()
        .map(|found| path_within(replica, &found.folder).components().collect())
        .collect();
    inner.sort();
    inner.reverse();
    storage.remote.remove_empty_folders(&inner)?;
    Ok(removed)
}

/// Scans what is left, and forgets what was known of the removed files: a later sync must not take them for deletions.
fn record(
    index: &mut Index,
    storage: &Storage,
    (category, project): (&Category, &ProjectId),
    folders: &[ProvenFiles],
    removed: &Removed,
) -> Result<()> {
    let replica = category.replica_path(project);
    let kept = removed.version_folder.as_ref();
    let kept = kept.and_then(|path| address::strip(&storage.database().root, path));
    let failed: BTreeSet<&Path> = removed
        .failed
        .iter()
        .map(|(path, _)| path.as_path())
        .collect();
    interrupt::with_grace_period(|| {
        let database = storage.database();
        index.forget_sent_from(&database.root, &replica)?;
        observation::record(
            index,
            database,
            storage.observed_root(),
            |builder| match storage {
                Storage::Local(local) => {
                    builder.add(category, project, &local.tree(category, project)?)
                }
                Storage::Remote(remote) => {
                    builder.add(category, project, &remote.fresh_tree(category, project)?)
                }
            },
        )?;
        let Some(id) = index.database_id(&database.root)? else {
            return Ok(());
        };
        for found in folders {
            let place = path_within(&replica, &found.folder);
            let names = found.files.iter().map(|file| &file.name);
            let gone = names.filter(|name| {
                let path = database.path(&place.join(name.as_path()));
                !failed.contains(path.as_path())
            });
            match &kept {
                // `prune` asks for it.
                Some(kept) => index.move_evidence(id, [&place, &kept.join(&place)], gone)?,
                None => index.forget_evidence(id, &place, gone)?,
            }
        }
        Ok(())
    })
}
