//! The removal of versions for good.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::candidate::Candidate;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::index::OutcomeKind;
use crate::storage::version::delete_versions;
use crate::storage::version::put_back::{remove_empty_version_folders, remove_versions};
use crate::storage::version::run_folder::VersionFolder;
use crate::storage::{LocalStorage, RemoteStorage, Storage};
use crate::versions::report::{VersionItem, VersionReport};

/// Removes versions. One that cannot be removed is reported, and the others are removed.
pub(super) fn remove(
    storage: &Storage,
    removable: &[Candidate],
    report: &mut VersionReport,
) -> Result<()> {
    match storage {
        Storage::Local(local) => {
            remove_on_disk(local, storage, removable, report);
            Ok(())
        }
        Storage::Remote(remote) => remove_at_remote(remote, storage, removable, report),
    }
}

fn remove_on_disk(
    local: &LocalStorage,
    storage: &Storage,
    removable: &[Candidate],
    report: &mut VersionReport,
) {
    let mut folders: BTreeMap<(&VersionFolder, &Path), Vec<&Candidate>> = BTreeMap::new();
    for candidate in removable {
        let key = (&candidate.folder, candidate.place.as_path());
        folders.entry(key).or_default().push(candidate);
    }
    let mut emptied: BTreeMap<&VersionFolder, Vec<PathBuf>> = BTreeMap::new();
    for ((folder, place), candidates) in folders {
        if interrupt::is_requested() {
            break;
        }
        let names: Vec<OsString> = candidates
            .iter()
            .map(|one| one.name.as_os_str().to_owned())
            .collect();
        let failed = remove_versions(&local.root, folder, place, &names);
        let failed: HashMap<OsString, String> = failed.into_iter().collect();
        for candidate in candidates {
            let why = failed.get(candidate.name.as_os_str());
            report.add_removed(storage, candidate, why.cloned());
        }
        emptied.entry(folder).or_default().push(place.to_owned());
    }
    for (folder, places) in emptied {
        remove_empty_version_folders(local, folder, &places);
    }
}

fn remove_at_remote(
    remote: &RemoteStorage,
    storage: &Storage,
    removable: &[Candidate],
    report: &mut VersionReport,
) -> Result<()> {
    let paths: Vec<PathBuf> = removable.iter().map(Candidate::path).collect();
    let left = delete_versions(remote, &paths)?;
    for (candidate, path) in removable.iter().zip(&paths) {
        let is_left = left.contains(path);
        let why = "the storage still lists it, or does not list its folder";
        report.add_removed(storage, candidate, is_left.then(|| why.to_owned()));
    }
    Ok(())
}

impl VersionReport {
    /// Adds a version that was removed, or that could not be, with the reason.
    fn add_removed(&mut self, storage: &Storage, candidate: &Candidate, failed: Option<String>) {
        let outcome = match failed {
            None => OutcomeKind::Removed,
            Some(_) => OutcomeKind::Failed,
        };
        self.add_version(storage, candidate, outcome, failed);
    }

    /// Adds a version to the report.
    pub(super) fn add_version(
        &mut self,
        storage: &Storage,
        candidate: &Candidate,
        outcome: OutcomeKind,
        reason: Option<String>,
    ) {
        if matches!(outcome, OutcomeKind::Removed | OutcomeKind::Planned) {
            self.bytes = self.bytes.saturating_add(candidate.bytes);
        }
        self.items.push(VersionItem {
            path: storage.database().path(&candidate.path()),
            outcome,
            bytes: candidate.bytes,
            reason,
        });
    }
}
