//! Moves the files of a judged replica to the old versions, each only if it is still the file that was proven.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::index::{Index, RunId};
use crate::model::address;
use crate::model::project::{ProjectId, path_within};
use crate::model::registry::Category;
use crate::os::folder::is_not_found;
use crate::os::stat::EntryKind;
use crate::snapshot::diff::DiffEntry;
use crate::storage::observation;
use crate::storage::version::emptied::remove_emptied;
use crate::storage::version::{
    MoveResult, RemoteMoves, Versions, delete_versions, remote_version_folder,
};
use crate::storage::{LocalStorage, RemoteStorage, Storage};

/// What was removed.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// The names of the moved files, by folder below the root.
    moved: BTreeMap<PathBuf, Vec<Name>>,
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

impl Removed {
    fn add(&mut self, folder: &Path, file: &ProvenFile) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(file.entry.bytes);
        let names = self.moved.entry(folder.to_owned()).or_default();
        names.push(file.name.clone());
    }
}

/// Removes a replica that was judged safe, and scans what is left. What was moved before an error or an interruption is
/// recorded and counted too.
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
    let mut removed = Removed::default();
    let done = match storage {
        Storage::Local(local) => {
            let done = remove_local(local, run, &replica, &folders, erase, &mut removed);
            remove_folders(local, &category.base(), &replica, &folders);
            removed.left = count_left(local, &replica);
            // Folders that are left after the loss of the lease are no failure of their own.
            done.and_then(|()| local.root.permit().map(drop))
        }
        Storage::Remote(remote) => {
            remove_remote(remote, run, &replica, &folders, erase, &mut removed)
        }
    };
    match done {
        Ok(()) | Err(Error::Interrupted) => {}
        Err(error) => {
            let path = storage.path(&replica, "".as_ref());
            removed.failed.push((path, error.full_message()));
        }
    }
    let recorded = record(index, storage, (category, &project), &removed);
    if let Err(error) = recorded {
        monitor.on_event(&ProgressEvent::Problem(&error));
        removed.is_unrecorded = true;
    }
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
    removed: &mut Removed,
) -> Result<()> {
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
        let (mut kept, mut is_lost) = (None, false);
        for file in &found.files {
            let name = file.name.as_os_str();
            let path = found.folder.join(name);
            match versions.move_unflushed((&folder, name), (replica, &path), &file.entry) {
                Ok(moved_to) => {
                    removed.add(&place, file);
                    kept = Some(moved_to);
                }
                Err(Error::LeaseLost { .. }) => {
                    is_lost = true;
                    break;
                }
                Err(error) => {
                    removed
                        .failed
                        .push((folder.path().join(name), error.full_message()));
                }
            }
        }
        if let Some(kept) = kept {
            let path = versions.run_path();
            removed.version_folder = path.map(|path| storage.root.path().join(path));
            kept.flush()?;
            folder.flush()?;
        }
        if is_lost {
            storage.root.permit()?;
        }
    }
    if erase && removed.files > 0 {
        versions.erase()?;
        removed.version_folder = None;
    }
    Ok(())
}

/// Removes the empty folders of a replica, those inside first, and the empty folder of its client. The folder of the category
/// stays.
fn remove_folders(storage: &LocalStorage, base: &Path, replica: &Path, folders: &[ProvenFiles]) {
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    for found in folders {
        let path: PathBuf = path_within(replica, &found.folder).components().collect();
        let own: PathBuf = replica.components().collect();
        let inside = path.ancestors().take_while(|above| above.starts_with(&own));
        paths.extend(inside.map(Path::to_owned));
        // The client's folder, which stays if it has other projects.
        let client = own.parent().filter(|above| *above != base);
        paths.extend(client.map(Path::to_owned));
    }
    remove_emptied(storage, &paths);
}

/// Counts the entries that are left in a replica's folder. A folder that cannot be read is one.
fn count_left(storage: &LocalStorage, replica: &Path) -> u64 {
    let mut count = 0;
    let mut pending = vec![replica.components().collect::<PathBuf>()];
    while let Some(path) = pending.pop() {
        let opened = storage.root.open_descendant(&path);
        let listed = opened.and_then(|folder| Ok((folder.entry_names()?, folder)));
        let (names, folder) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                count += u64::from(!is_not_found(&error));
                continue;
            }
        };
        for name in names {
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
    removed: &mut Removed,
) -> Result<()> {
    let place = |found: &ProvenFiles| path_within(replica, &found.folder);
    let paths: Vec<PathBuf> = folders
        .iter()
        .flat_map(|found| {
            let place = place(found);
            let names = found.files.iter().map(|file| file.name.as_path());
            names.map(|name| place.join(name)).collect::<Vec<_>>()
        })
        .collect();
    if paths.is_empty() {
        return Ok(());
    }
    let versions = remote_version_folder(run)?;
    removed.version_folder = Some(storage.remote.path(&versions));
    let moves = RemoteMoves::execute(storage, &paths, [Path::new(""), &versions])?;
    let moves = moves.verified(storage, &paths)?;
    let mut kept = Vec::new();
    for found in folders {
        let place = place(found);
        for file in &found.files {
            let path = place.join(file.name.as_path());
            let why = match moves.result(&path) {
                MoveResult::Moved => {
                    removed.add(&place, file);
                    kept.push(versions.join(path));
                    continue;
                }
                // It was there a moment ago, and is not among the old versions.
                MoveResult::Absent => "it disappeared before it was moved".to_owned(),
                MoveResult::Failed(why) => why,
            };
            removed.failed.push((storage.remote.path(&path), why));
        }
    }
    if kept.is_empty() {
        removed.version_folder = None;
    } else if erase {
        let left = delete_versions(storage, &kept)?;
        let why = "it is among the old versions, and the storage does not show that it was erased";
        for path in &left {
            let path = storage.remote.path(path);
            removed.failed.push((path, why.to_owned()));
        }
        if left.is_empty() {
            removed.version_folder = None;
        }
    }
    let mut inner: Vec<PathBuf> = folders
        .iter()
        .map(|found| place(found).components().collect())
        .collect();
    inner.sort();
    inner.reverse();
    storage.remote.remove_empty_folders(&inner).map(drop)
}

/// Scans what is left, and forgets what was known of the removed files: a later sync must not take them for deletions.
fn record(
    index: &mut Index,
    storage: &Storage,
    (category, project): (&Category, &ProjectId),
    removed: &Removed,
) -> Result<()> {
    let replica = category.replica_path(project);
    let kept = removed.version_folder.as_ref();
    let kept = kept.and_then(|path| address::strip(&storage.database().root, path));
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
        for (place, names) in &removed.moved {
            match &kept {
                // `prune` asks for it.
                Some(kept) => index.move_evidence(id, [place, &kept.join(place)], names)?,
                None => index.forget_evidence(id, place, names)?,
            }
        }
        Ok(())
    })
}
