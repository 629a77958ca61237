//! Files that are missing at the source, at a destination behind rclone.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::changes::MissingFile;
use super::run::SyncRun;
use super::work::SyncWork;
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::report::Report;
use crate::index::{Index, SentRecord};
use crate::rclone::{TransferBatch, TransferEvent, TransferLimits};
use crate::storage::RemoteStorage;
use crate::storage::version;

impl SyncRun<'_> {
    /// Moves missing files to the old versions if that is requested, and reports them otherwise. Returns true if it is
    /// requested.
    pub(super) fn delete_remote(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<bool> {
        let count = work.missing.len() as u64;
        if interrupt::is_requested() || !self.is_deletion_confirmed(count) {
            self.report_missing(&work.missing, report);
            return Ok(false);
        }
        self.keep_changed(storage, work, report)?;
        let paths = missing_paths(work);
        if paths.is_empty() {
            return Ok(true);
        }
        let versions = version::remote_version_folder(self.run)?;
        let mut moves = VersionMoves::execute(storage, &paths, &versions)?;
        if !moves.moved.is_empty() {
            report.version_folders.push(storage.remote.path(&versions));
        }
        match moves.verify(storage, &paths, &versions) {
            Ok(()) => {}
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // Unverified files stay in the record. The next sync finds the moved ones missing and removes them from it.
            Err(error) => {
                for path in &paths {
                    report.add(Outcome::Failed(error.full_message()), || {
                        self.destination_path(path)
                    });
                }
                return Ok(true);
            }
        }
        let mut record = SentRecord::new();
        for (file, path) in work.missing.iter().zip(&paths) {
            let outcome = moves.outcome(path);
            if !matches!(outcome, Outcome::Failed(_)) {
                work.removed.push((file.replica.clone(), file.path.clone()));
                let changes = record.entry(file.replica.clone()).or_default();
                changes.remove(&file.path);
            }
            report.add(outcome, || self.destination_path(path));
        }
        let (source, destination) = self.roots();
        index.update_sent(destination, source, &record)?;
        Ok(true)
    }

    /// Removes the files from `missing` that another program changed at the destination since they were sent.
    fn keep_changed(
        &self,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<()> {
        let paths = missing_paths(work);
        if paths.is_empty() {
            return Ok(());
        }
        let listed = storage.list_files(&paths)?;
        work.missing.retain(|missing| {
            let (path, sent) = (missing.path_below_root(), &missing.sent);
            let is_changed = listed.file(&path).is_some_and(|file| {
                let is_same_version = sent.tag == 0 || file.tag == sent.tag;
                !is_same_version || file.bytes.is_some_and(|bytes| bytes != sent.bytes)
            });
            if is_changed {
                report.add(self.changed_outcome(), || self.destination_path(&path));
            }
            !is_changed
        });
        Ok(())
    }
}

fn missing_paths(work: &SyncWork) -> Vec<PathBuf> {
    let missing = work.missing.iter();
    missing.map(MissingFile::path_below_root).collect()
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
                TransferEvent::Failed(path, message) => {
                    moves.failed.insert(path.to_owned(), message.to_owned());
                }
                TransferEvent::Done(path) => {
                    moves.moved.insert(path.to_owned());
                }
                TransferEvent::Bytes(_) | TransferEvent::VersionKept => {}
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
