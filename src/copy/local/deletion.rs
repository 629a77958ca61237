//! Files and folders that are missing at the source: they are moved to the old versions, or removed if they are empty.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::own_name::OWN_FOLDER;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::copy::destination::DestinationCopy;
use crate::copy::destination::find_replica;
use crate::copy::emptied::emptied_client;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{MissingFile, Plan};
use crate::index::{SentFile, SentRecord, link_digest};
use crate::model::path::split_path;
use crate::os::folder::{Folder, is_not_found};
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::storage::LocalStorage;
use crate::storage::lock::Lock;
use crate::storage::version::Versions;

/// Knowledge of a replica's times at the destination.
struct ReplicaTimes {
    precision: TimePrecision,
    altered: AlteredTimesByFolder,
}

/// Moves missing files to the old versions, or reports them. Then removes the folders that this left empty. Returns the
/// replicas that changed.
///
/// # Errors
/// Nothing was deleted: the run does not hold the database's lock, or the index cannot be written.
pub(super) fn delete_missing(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
    lock: Option<&Lock>,
) -> Result<BTreeSet<PathBuf>> {
    let missing: Vec<&MissingFile> = missing_files(storage, plans).collect();
    let is_stopped = interrupt::is_requested() || storage.root.write_guard().is_lost();
    if is_stopped || !copy.confirm_deletion(missing.iter().copied())? {
        copy.report_gone(missing);
        return Ok(BTreeSet::new());
    }
    let has_emptied = plans.iter().any(|plan| !plan.emptied_folders.is_empty());
    if missing.is_empty() && !has_emptied {
        return Ok(BTreeSet::new());
    }
    let _lock = match lock.filter(|lock| lock.has_file()) {
        Some(_) => None,
        None => Some(storage.lock(copy.spec.run)?),
    };
    delete_files(copy, storage, plans, &missing)?;
    let removed = remove_emptied(copy, storage, plans)?;
    copy.index
        .forget_sent_folders(&copy.database.root, &removed)?;
    let changed = missing.into_iter().map(|file| file.replica.clone());
    Ok(changed
        .chain(removed.into_iter().map(|(replica, _)| replica))
        .collect())
}

/// Returns the files to delete. A file that the source holds under another spelling is one of them only if the destination
/// lists both spellings: then the old one is a file of its own.
fn missing_files<'p>(
    storage: &'p LocalStorage,
    plans: &'p [&Plan],
) -> impl Iterator<Item = &'p MissingFile> {
    let mut names = ListedNames {
        root: &storage.root,
        folders: BTreeMap::new(),
    };
    let missing = plans.iter().flat_map(|plan| &plan.missing);
    missing.filter(move |file| {
        file.respelled
            .as_ref()
            .is_none_or(|current| names.contain(&file.path_below_root()) && names.contain(current))
    })
}

/// The names in folders of a destination, listed once for each folder.
struct ListedNames<'a> {
    root: &'a Folder,
    folders: BTreeMap<PathBuf, HashSet<OsString>>,
}

impl ListedNames<'_> {
    /// True if the folders list every name of a path in this very spelling.
    fn contain(&mut self, path: &Path) -> bool {
        path.ancestors().all(|path| {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                return true;
            };
            let root = self.root;
            let names = self.folders.entry(folder.to_owned()).or_insert_with(|| {
                let entries = root
                    .open_descendant(folder)
                    .and_then(|folder| folder.entry_names());
                // No names for an unreadable folder, so that nothing in it is deleted.
                entries.unwrap_or_default().into_iter().collect()
            });
            names.contains(name)
        })
    }
}

/// Moves files to the old versions and removes them from the record.
fn delete_files(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
    missing: &[&MissingFile],
) -> Result<()> {
    let versions = Versions::new(&storage.root, copy.spec.run);
    let mut record = SentRecord::new();
    let mut times: BTreeMap<&Path, ReplicaTimes> = BTreeMap::new();
    for file in missing {
        let times = match times.entry(&file.replica) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(ReplicaTimes {
                precision: time_precision(copy, plans, &file.replica)?,
                altered: storage.altered_times(&file.replica)?,
            }),
        };
        let outcome =
            move_to_versions(copy, storage, &versions, file, times).unwrap_or_else(|error| {
                match error {
                    Error::LeaseLost { .. } => Outcome::Unreached,
                    error => Outcome::Failed(error.full_message()),
                }
            });
        if matches!(outcome, Outcome::Deleted | Outcome::Skipped(_)) {
            let changes = record.entry(file.replica.clone()).or_default();
            changes.remove(&file.path);
        }
        copy.report_outcome(&file.replica, &file.path, outcome);
    }
    let source = &copy.spec.source.database().root;
    copy.index
        .update_sent(&copy.database.root, source, &record)?;
    let path = versions.run_path();
    let path = path.map(|path| storage.root.path().join(path));
    copy.lock_report().version_folders.extend(path);
    Ok(())
}

/// Moves one file or link to the old versions if it is still as it was sent.
fn move_to_versions(
    copy: &DestinationCopy<'_>,
    storage: &LocalStorage,
    versions: &Versions<'_>,
    file: &MissingFile,
    times: &ReplicaTimes,
) -> Result<Outcome> {
    let path = file.path_below_root();
    let (folder, name) = split_path(&path);
    debug_assert!(!path.starts_with(OWN_FOLDER));
    if let Some(error) = storage.missing_mount(&path) {
        return Err(error);
    }
    let absent = || Outcome::Skipped("already missing at the destination".to_owned());
    let folder = match storage.root.open_descendant(folder) {
        Err(error) if is_not_found(&error) => return Ok(absent()),
        folder => Arc::new(folder?),
    };
    let stat = match folder.stat(name) {
        Err(error) if is_not_found(&error) => return Ok(absent()),
        stat => stat?,
    };
    let above = file.path.parent().unwrap_or(Path::new(""));
    let altered = times
        .altered
        .get(above)
        .and_then(|files| files.get(&Name::from(name)))
        .filter(|time| (time.bytes, time.reported) == (stat.bytes, stat.modified));
    let modified = altered.map_or(stat.modified, |time| time.original);
    let time = (modified, times.precision);
    if !is_as_sent(&folder, name, &stat, &file.sent, time) {
        return Ok(copy.changed_outcome());
    }
    let old = DiffEntry {
        kind: stat.kind,
        bytes: stat.bytes,
        modified: stat.modified,
    };
    versions.move_to_versions((&folder, name), (&file.replica, &file.path), &old)?;
    Ok(Outcome::Deleted)
}

/// Returns the time precision of a replica at the destination; the coarsest if the index does not know it.
fn time_precision(
    copy: &DestinationCopy<'_>,
    plans: &[&Plan],
    replica: &Path,
) -> Result<TimePrecision> {
    let id = copy.index.database_id(&copy.database.root)?;
    let plan = plans.iter().find(|plan| plan.replica == replica);
    let known = plan.and_then(|plan| find_replica(&copy.spec.replicas, plan));
    let Some((id, known)) = id.zip(known) else {
        return Ok(TimePrecision::TwoSeconds);
    };
    let known = copy
        .index
        .replica(id, known.category.key(), &known.project)?;
    Ok(known.map_or(TimePrecision::TwoSeconds, |known| known.aggregate.precision))
}

/// True if an entry at the destination is the one that was sent: a file by size and mtime, a link by its target.
fn is_as_sent(
    folder: &Folder,
    name: &OsStr,
    stat: &Stat,
    sent: &SentFile,
    (modified, precision): (Timestamp, TimePrecision),
) -> bool {
    match stat.kind {
        EntryKind::File => {
            let is_same_time = modified.equals_at(sent.modified, precision);
            sent.link_digest == 0 && stat.bytes == sent.bytes && is_same_time
        }
        EntryKind::Link => {
            let target = folder.read_link(name);
            target.is_ok_and(|target| link_digest(target.as_bytes()) == sent.link_digest)
        }
        EntryKind::Folder | EntryKind::Special => false,
    }
}

/// Removes the empty folders, and the empty folders of their clients. Returns those that no longer exist: replica, and path
/// below it.
fn remove_emptied(
    copy: &DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut removed = Vec::new();
    for plan in plans {
        for path in &plan.emptied_folders {
            if !remove_if_empty(storage, &plan.replica.join(path)) {
                continue;
            }
            if let Some(client) = emptied_client(&copy.spec.source, &plan.replica, path)? {
                // A client's folder with another project is not empty and is kept.
                remove_if_empty(storage, &client);
            }
            removed.push((plan.replica.clone(), path.clone()));
        }
    }
    Ok(removed)
}

/// Removes a folder if it is empty. Returns true if it no longer exists.
fn remove_if_empty(storage: &LocalStorage, path: &Path) -> bool {
    // Without the trailing slash of a replica's own folder.
    let path: PathBuf = path.components().collect();
    let (above, name) = split_path(&path);
    if storage.missing_mount(&path).is_some() {
        return false;
    }
    let removed = storage
        .root
        .open_descendant(above)
        .and_then(|above| above.remove_empty_folder(name, &above.permit()?));
    match removed {
        Ok(()) => true,
        Err(error) => is_not_found(&error),
    }
}
