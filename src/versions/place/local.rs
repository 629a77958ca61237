//! Files on a disk: put back or moved away folder by folder, flushed after each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::change::FileChange;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::index::RunId;
use crate::model::registry::{Category, Registry};
use crate::os::folder::Folder;
use crate::storage::version::Versions;
use crate::storage::version::emptied::remove_emptied;
use crate::storage::version::put_back::remove_empty_version_folders;
use crate::storage::version::run_folder::VersionFolder;
use crate::storage::{LocalStorage, Storage};
use crate::versions::report::VersionReport;

/// Changes the files on a disk, folder by folder. After each folder, an interruption ends it.
pub(super) fn change(
    local: &LocalStorage,
    registry: &Registry,
    (storage, run): (&Storage, RunId),
    changes: &[FileChange],
    report: &mut VersionReport,
) {
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
        let results = if let Some(missing) = local.missing_mount(folder) {
            fail_all(&local.root, folder, &missing, &changes)
        } else if let Some(version) = version {
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
        remove_empty_version_folders(local, version, &folders);
    }
    remove_emptied_folders(local, registry, &left);
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
            return fail_all(root, folder, &error, changes);
        }
    };
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        let name = change.name.as_os_str();
        let put = versions.put_back(&opened, (folder, name), change.expected.as_ref());
        results.push(put.map(drop));
    }
    if let Err(error) = Versions::flush_put_back(&opened) {
        return fail_all(root, folder, &error, changes);
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
            return fail_all(root, folder, &error, changes);
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
        return fail_all(root, folder, &error, changes);
    }
    results
}

/// The results of changes in a folder that all failed for one reason.
fn fail_all(
    root: &Folder,
    folder: &Path,
    error: &Error,
    changes: &[&FileChange],
) -> Vec<Result<()>> {
    let why = error.full_message();
    let failed = changes.iter().map(|_| {
        Err(Error::Io {
            action: "change",
            path: root.path().join(folder),
            source: std::io::Error::other(why.clone()),
        })
    });
    failed.collect()
}

/// Removes the folders that are empty now, up to the one of the category, which stays.
fn remove_emptied_folders(local: &LocalStorage, registry: &Registry, left: &BTreeSet<PathBuf>) {
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    for folder in left {
        let mut categories = registry.categories().iter();
        let category = categories.find(|category| category.locate(folder).is_some());
        if let Some(base) = category.map(Category::base) {
            let below = folder
                .ancestors()
                .take_while(|above| above.starts_with(&base) && **above != base);
            paths.extend(below.map(Path::to_owned));
        }
    }
    remove_emptied(local, &paths);
}
