//! Renames at a remote of files that were renamed at the source since they were sent. Where a rename fails, the file is sent
//! again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::case_rename::respell_files;
use super::change::{RemoteChanges, renamed_file};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::destination::DestinationCopy;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Plan, Rename};
use crate::index::{SentChanges, SentFile};
use crate::rclone::RemoteListing;
use crate::storage::RemoteStorage;

/// A rename with its plan.
type PlannedRename<'p> = (&'p Plan, &'p Rename);

/// Renames the files of the plans, and respells those whose names differ only in case or Unicode form.
pub(super) fn rename_files(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    plans: &[Plan],
    changes: &mut RemoteChanges,
) -> Result<()> {
    let renames: Vec<PlannedRename<'_>> = plans
        .iter()
        .flat_map(|plan| plan.renames.iter().map(move |rename| (plan, rename)))
        .collect();
    let before = list_before(storage, &renames)?;
    let respelled = respell_files(copy, storage, plans, &renames, changes)?;
    if renames.is_empty() {
        return Ok(());
    }
    let moved = rename_remote(storage, renames, (&before, &respelled), changes)?;
    let new = moved
        .iter()
        .map(|(plan, rename)| plan.replica.join(&rename.path));
    let after = list_existing(storage, &new.collect::<Vec<_>>())?;
    for (plan, rename) in moved {
        record_rename(copy, storage, (plan, rename), &after, changes)?;
    }
    Ok(())
}

/// Records a rename that a listing confirms. A file whose rename it does not confirm is sent.
fn record_rename(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    (plan, rename): PlannedRename<'_>,
    after: &RemoteListing,
    changes: &mut RemoteChanges,
) -> Result<()> {
    let previous = &rename.previous;
    let listed = after
        .file(&plan.replica.join(&rename.path))
        .filter(|listed| {
            let is_same_version =
                !storage.has_reliable_mod_times() || listed.tag == previous.sent.tag;
            listed.bytes == Some(rename.bytes) && is_same_version
        });
    let mut removed = SentChanges::default();
    removed.remove(&previous.path);
    let mut update = |replica: &PathBuf, changes| {
        let source = &copy.spec.source.database().root;
        let record = [(replica.clone(), changes)].into();
        copy.index.update_sent(&copy.database.root, source, &record)
    };
    update(&previous.replica, removed)?;
    changes
        .removed
        .push((previous.replica.clone(), previous.path.clone()));
    let Some(listed) = listed else {
        changes.send.push(renamed_file(plan, rename));
        return Ok(());
    };
    let mut added = SentChanges::default();
    let sent = SentFile {
        tag: listed.tag,
        ..previous.sent
    };
    added.add(&rename.path, sent);
    update(&plan.replica, added)?;
    changes.renamed.push(plan.replica.clone());
    let outcome = Outcome::Moved(rename.reason());
    copy.report_outcome(&plan.replica, &rename.path, outcome);
    Ok(())
}

/// Lists the old and new paths of the files to rename.
fn list_before(storage: &RemoteStorage, renames: &[PlannedRename<'_>]) -> Result<RemoteListing> {
    let paths = |(plan, rename): &PlannedRename<'_>| {
        let new = plan.replica.join(&rename.path);
        [rename.previous.path_below_root(), new]
    };
    let paths: Vec<PathBuf> = renames.iter().flat_map(paths).collect();
    list_existing(storage, &paths)
}

/// Renames files and returns those that succeeded, together with the respelled ones, which have their new name already. All
/// others are sent, and their old files are missing at the source.
fn rename_remote<'p>(
    storage: &RemoteStorage,
    renames: Vec<PlannedRename<'p>>,
    (before, respelled): (&RemoteListing, &HashSet<PathBuf>),
    changes: &mut RemoteChanges,
) -> Result<Vec<PlannedRename<'p>>> {
    let new = renames
        .iter()
        .map(|(plan, rename)| plan.replica.join(&rename.path));
    let taken = storage.possibly_present(new.collect())?;
    let mut moved = Vec::new();
    for (plan, rename) in renames {
        let previous = &rename.previous;
        let (old, new) = (previous.path_below_root(), plan.replica.join(&rename.path));
        let sent = &previous.sent;
        let is_as_sent = before
            .file(&old)
            .is_some_and(|listed| listed.bytes == Some(sent.bytes) && listed.tag == sent.tag);
        let can_rename = is_as_sent && !taken.contains(&new) && !interrupt::is_requested();
        if respelled.contains(&old) {
            if is_as_sent {
                moved.push((plan, rename));
            } else {
                let mut file = renamed_file(plan, rename);
                file.replaces = true;
                changes.send.push(file);
                changes
                    .removed
                    .push((previous.replica.clone(), previous.path.clone()));
            }
        } else if can_rename && rename_file(storage, &old, &new) {
            moved.push((plan, rename));
        } else {
            changes.missing.push(previous.clone());
            changes.send.push(renamed_file(plan, rename));
        }
    }
    Ok(moved)
}

/// Renames one file. Returns true if rclone reports success.
fn rename_file(storage: &RemoteStorage, old: &Path, new: &Path) -> bool {
    let permit = storage.remote.permit();
    permit.is_ok_and(|permit| storage.remote.rename_file(old, new, &permit).is_ok())
}

/// Lists files. Returns an empty listing if that fails, so that nothing is renamed.
fn list_existing(storage: &RemoteStorage, files: &[PathBuf]) -> Result<RemoteListing> {
    match storage.list_files(files) {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        listed => Ok(listed.unwrap_or_default()),
    }
}
