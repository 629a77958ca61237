//! Files that are missing at the source, at a destination behind rclone.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::change::RemoteChanges;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::destination::DestinationCopy;
use crate::copy::outcome::Outcome;
use crate::copy::plan::MissingFile;
use crate::index::SentRecord;
use crate::rclone::{TransferBatch, TransferEvent, TransferLimits};
use crate::storage::RemoteStorage;
use crate::storage::version;

/// Moves missing files to the old versions if that is requested, and reports them otherwise.
pub(super) fn delete_missing(
    copy: &mut DestinationCopy<'_>,
    storage: &RemoteStorage,
    changes: &mut RemoteChanges,
) -> Result<()> {
    let mut missing = std::mem::take(&mut changes.missing);
    if interrupt::is_requested() || !copy.confirm_deletion(&missing)? {
        copy.report_gone(&missing);
        return Ok(());
    }
    keep_changed(copy, storage, &mut missing)?;
    let paths: Vec<PathBuf> = missing.iter().map(MissingFile::path_below_root).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let versions = version::remote_version_folder(copy.spec.run)?;
    let mut moves = VersionMoves::execute(storage, &paths, &versions)?;
    if !moves.moved.is_empty() {
        let path = storage.remote.path(&versions);
        copy.lock_report().version_folders.push(path);
    }
    match moves.verify(storage, &paths, &versions) {
        Ok(()) => {}
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        // Unverified files stay in the record. The next sync finds the moved ones missing and removes them from it.
        Err(error) => {
            for file in &missing {
                let outcome = Outcome::Failed(error.full_message());
                copy.report_outcome(&file.replica, &file.path, outcome);
            }
            return Ok(());
        }
    }
    let mut record = SentRecord::new();
    for (file, path) in missing.into_iter().zip(&paths) {
        let outcome = moves.outcome(path);
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

/// Results of moves to the old versions.
#[derive(Default)]
struct VersionMoves {
    /// Files that rclone reported as moved.
    moved: HashSet<PathBuf>,
    /// Files that rclone reported as failed, with its messages.
    failed: HashMap<PathBuf, String>,
    /// rclone's error that names none of the files.
    message: Option<String>,
    /// Files that may still be at their old paths, whatever rclone reported.
    remaining: HashSet<PathBuf>,
    /// Files that rclone reported as moved and that are not among the old versions.
    lost: HashSet<PathBuf>,
}

impl VersionMoves {
    fn execute(storage: &RemoteStorage, files: &[PathBuf], versions: &Path) -> Result<Self> {
        let limits = TransferLimits::default();
        let mut moves = Self::default();
        let batch = TransferBatch::move_to_versions(&storage.remote, files, versions, &limits);
        moves.message = batch
            .run(&mut |event| match event {
                TransferEvent::Failed(path, message) | TransferEvent::Changing(path, message) => {
                    moves.failed.insert(path.to_owned(), message.to_owned());
                }
                TransferEvent::Done(path) => {
                    moves.moved.insert(path.to_owned());
                }
                TransferEvent::Bytes(_)
                | TransferEvent::VersionKept
                | TransferEvent::Repeated(_) => {}
            })?
            .error;
        Ok(moves)
    }

    /// Lists the old and the new paths, because rclone's report alone does not prove a move.
    fn verify(
        &mut self,
        storage: &RemoteStorage,
        files: &[PathBuf],
        versions: &Path,
    ) -> Result<()> {
        self.remaining = remaining_files(storage, files, &self.moved)?;
        self.lost = missing_versions(storage, &self.moved, versions)?;
        Ok(())
    }

    fn outcome(&self, path: &Path) -> Outcome {
        let failed = self.failed.get(path);
        if failed.is_some() || self.remaining.contains(path) {
            let message = failed.or(self.message.as_ref());
            let reason = message.map_or("the storage still lists it", String::as_str);
            return Outcome::Failed(format!("could not be moved to the old versions: {reason}"));
        }
        if self.lost.contains(path) {
            let reason =
                "rclone reported the move to the old versions, but the file is not among them";
            Outcome::Failed(reason.to_owned())
        } else if self.moved.contains(path) {
            Outcome::Deleted
        } else {
            Outcome::Skipped("already missing at the destination".to_owned())
        }
    }
}

/// Returns the moved files that a listing of the old versions does not contain.
fn missing_versions(
    storage: &RemoteStorage,
    moved: &HashSet<PathBuf>,
    versions: &Path,
) -> Result<HashSet<PathBuf>> {
    let kept: Vec<PathBuf> = moved.iter().map(|path| versions.join(path)).collect();
    if kept.is_empty() {
        return Ok(HashSet::new());
    }
    let listed = storage.list_files(&kept)?;
    let lost = moved.iter().zip(&kept);
    let lost = lost.filter(|(_, kept)| listed.file(kept).is_none());
    Ok(lost.map(|(path, _)| path.clone()).collect())
}

/// Returns the files that are not proven to be absent from their old paths.
fn remaining_files(
    storage: &RemoteStorage,
    files: &[PathBuf],
    moved: &HashSet<PathBuf>,
) -> Result<HashSet<PathBuf>> {
    let listed = storage.list_files(files)?;
    let unmoved = files.iter().filter(|path| !moved.contains(*path));
    let mut remaining = storage.possibly_present(unmoved.cloned().collect())?;
    let listed = files
        .iter()
        .filter(|path| listed.file(path).is_some() || listed.is_unread(path));
    remaining.extend(listed.cloned());
    Ok(remaining)
}
