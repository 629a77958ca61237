//! Renames of entries whose names differ from the source only in case, on a case-insensitive destination. Each rename goes
//! through a temporary name. If it is refused nothing is lost, because the storage finds the entry under either name.

use std::ffi::OsStr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::base::lease::WritePermit;
use crate::base::own_name;
use crate::base::unicode::fold_case;
use crate::copy::destination::find_replica;
use crate::copy::destination::{DestinationCopy, SourceReplica};
use crate::copy::plan::Plan;
use crate::model::path::split_path;
use crate::os::folder::Folder;
use crate::storage::LocalStorage;

/// Maximum time for which a system caches a name after its rename.
const NAME_CACHE_TIMEOUT: Duration = Duration::from_secs(3);

/// Time between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Renames entries that differ in case: first the client and project folders, then those in the replica.
pub(super) fn apply_case_renames(copy: &DestinationCopy<'_>, storage: &LocalStorage, plan: &Plan) {
    if plan.renames_project {
        let replica = find_replica(&copy.spec.replicas, plan);
        for path in replica.map_or_else(Vec::new, SourceReplica::named_folders) {
            rename_project_folder(copy, storage, &path);
        }
    }
    for (path, old) in &plan.case_renames {
        let (parent, name) = split_path(path);
        if let Ok(folder) = storage.root.open_descendant(&plan.replica.join(parent)) {
            rename_via_temporary(copy, &folder, old.as_os_str(), name);
        }
    }
}

/// Renames a client or project folder, unless the source has both names.
fn rename_project_folder(copy: &DestinationCopy<'_>, storage: &LocalStorage, path: &Path) {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let Ok(folder) = storage.root.open_descendant(parent) else {
        return;
    };
    if folder.stat(name).is_err() {
        return;
    }
    let names = folder.entry_names().unwrap_or_default();
    let key = fold_case(name.as_encoded_bytes());
    let mut others = names.iter();
    let other = others.find(|other| fold_case(other.as_encoded_bytes()) == key);
    let Some(other) = other.filter(|_| !names.iter().any(|other| other == name)) else {
        return;
    };
    let source = copy.spec.source.root_folder();
    let source = source.and_then(|root| root.open_descendant(parent).ok());
    let source_names = source.and_then(|folder| folder.entry_names().ok());
    if source_names.is_some_and(|names| !names.contains(other)) {
        rename_via_temporary(copy, &folder, other, name);
    }
}

/// Renames an entry through a temporary name that no run mistakes for a leftover of its own.
fn rename_via_temporary(copy: &DestinationCopy<'_>, folder: &Folder, old: &OsStr, new: &OsStr) {
    let Ok(permit) = folder.permit() else {
        return;
    };
    let interim = own_name::interim(new);
    let rename = |from: &OsStr, to: &OsStr| folder.rename_no_replace(from, folder, to, &permit);
    let is_stuck = rename(old, &interim).is_ok()
        && !rename_when_free(folder, &interim, new, &permit)
        && rename(&interim, old).is_err();
    if is_stuck {
        let reason = "the file system refused the new name";
        let notice = own_name::interim_notice(&folder.path().join(&interim), reason);
        copy.notify(notice);
    }
}

/// Renames an entry once the new name is free. The system caches the old entry under either case for about a second.
fn rename_when_free(folder: &Folder, old: &OsStr, new: &OsStr, permit: &WritePermit) -> bool {
    let is_cached = || match (folder.stat(old), folder.stat(new)) {
        (Ok(old), Ok(new)) => new.is_unchanged_since(&old),
        _ => false,
    };
    let start = Instant::now();
    loop {
        if folder.rename_no_replace(old, folder, new, permit).is_ok() {
            return true;
        }
        if start.elapsed() > NAME_CACHE_TIMEOUT || !is_cached() {
            return false;
        }
        thread::sleep(RETRY_INTERVAL);
    }
}
