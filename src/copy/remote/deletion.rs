//! Files that are missing at the source, at a destination behind rclone.

use std::path::{Path, PathBuf};

use super::change::RemoteChanges;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::destination::DestinationCopy;
use crate::copy::outcome::Outcome;
use crate::copy::plan::MissingFile;
use crate::index::SentRecord;
use crate::storage::RemoteStorage;
use crate::storage::version;
use crate::storage::version::{MoveResult, RemoteMoves};

/// Moves missing files to the old versions if that is requested, and reports them otherwise.
pub(super) fn delete_missing(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    changes: &mut RemoteChanges,
) -> Result<()> {
    let mut missing = std::mem::take(&mut changes.missing);
    let is_stopped = interrupt::is_requested() || storage.remote.write_guard().is_lost();
    if is_stopped || !copy.confirm_deletion(&missing)? {
        copy.report_gone(&missing);
        return Ok(());
    }
    keep_changed(copy, storage, &mut missing)?;
    let paths: Vec<PathBuf> = missing.iter().map(MissingFile::path_below_root).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let versions = version::remote_version_folder(copy.spec.run)?;
    let moves = match RemoteMoves::execute(storage, &paths, [Path::new(""), &versions]) {
        // They stay in the record. The next sync finds the moved ones missing.
        Err(Error::LeaseLost { .. }) => {
            for file in &missing {
                copy.report_outcome(&file.replica, &file.path, Outcome::Unreached);
            }
            return Ok(());
        }
        moves => moves?,
    };
    if moves.has_moved() {
        let path = storage.remote.path(&versions);
        copy.lock_report().version_folders.push(path);
    }
    let moves = match moves.verified(storage, &paths) {
        Ok(moves) => moves,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        // Unverified files stay in the record. The next sync finds the moved ones missing and removes them from it.
        Err(error) => {
            for file in &missing {
                let outcome = Outcome::Failed(error.full_message());
                copy.report_outcome(&file.replica, &file.path, outcome);
            }
            return Ok(());
        }
    };
    let mut record = SentRecord::new();
    for (file, path) in missing.into_iter().zip(&paths) {
        let outcome = match moves.result(path) {
            MoveResult::Moved => Outcome::Deleted,
            MoveResult::Absent => Outcome::Skipped("already missing at the destination".to_owned()),
            MoveResult::Failed(why) => Outcome::Failed(why),
        };
        let is_gone = !matches!(outcome, Outcome::Failed(_));
        copy.report_outcome(&file.replica, &file.path, outcome);
        if is_gone {
            let removed = record.entry(file.replica.clone()).or_default();
            removed.remove(&file.path);
            changes.removed.push((file.replica, file.path));
        }
    }
    let source = &copy.spec.source.database().root;
    copy.index.update_sent(&copy.database.root, source, &record)
}

/// Removes the files from `missing` that another program changed at the destination since they were sent.
fn keep_changed(
    copy: &DestinationCopy<'_>,
    storage: &RemoteStorage,
    missing: &mut Vec<MissingFile>,
) -> Result<()> {
    let paths: Vec<PathBuf> = missing.iter().map(MissingFile::path_below_root).collect();
    let listed = storage.list_files(&paths)?;
    missing.retain(|file| {
        let sent = &file.sent;
        let is_changed = listed.file(&file.path_below_root()).is_some_and(|file| {
            let is_same_version = sent.tag == 0 || file.tag == sent.tag;
            !is_same_version || file.bytes.is_some_and(|bytes| bytes != sent.bytes)
        });
        if is_changed {
            copy.report_outcome(&file.replica, &file.path, copy.changed_outcome());
        }
        !is_changed
    });
    Ok(())
}
