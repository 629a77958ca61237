//! The execution of a sync to a remote: renames, then uploads, then deletions.

use std::path::PathBuf;

use super::run::SyncRun;
use super::work::{ReplicaPath, SyncWork};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{ProgressEvent, Task};
use crate::copy::outcome::Outcome;
use crate::copy::remote::{OutgoingFile, Upload, UploadEnd};
use crate::copy::report::Report;
use crate::index::{Index, SentFolder, SentRecord};
use crate::storage::{RemoteStorage, StorageRef};

/// Results of the uploads besides the report.
#[derive(Default)]
struct SendResult {
    /// Version folders that received replaced files.
    version_folders: Vec<PathBuf>,
    /// The connection error that ended the uploads, if any.
    connection_error: Option<String>,
}

impl SyncRun<'_> {
    /// Executes the work. Returns true if missing files were deleted.
    pub(super) fn execute(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<bool> {
        let adds_files =
            !work.send.is_empty() || !work.new_folders.is_empty() || !work.renames.is_empty();
        let deletes_files = self.request.delete && !work.missing.is_empty();
        self.refuse_same_place(StorageRef::Remote(storage), adds_files || deletes_files)?;
        if adds_files {
            storage.ensure_identity()?;
        }
        self.rename(index, storage, work, report)?;
        let max_files = self.request.max_files.map_or(usize::MAX, |max_files| {
            usize::try_from(max_files).unwrap_or(usize::MAX)
        });
        let (now, later) = work.send.split_at(max_files.min(work.send.len()));
        let bytes: u64 = now.iter().map(|file| file.bytes).sum();
        report.planned_bytes = bytes;
        self.monitor.on_event(&ProgressEvent::Started {
            task: Task::Sync,
            files: Some(now.len() as u64),
            bytes: Some(bytes),
        });
        let (first, rest) = now.split_at(work.failed_before.min(now.len()));
        self.report_refused(index, &work.refused, report)?;
        let mut sent = SendResult::default();
        for files in [first, rest] {
            self.send(index, storage, files, report, &mut sent)?;
        }
        self.monitor.on_event(&ProgressEvent::Finished);
        for file in later {
            report.left_files += 1;
            report.add(Outcome::Unreached, || {
                self.destination_path(&file.path_below_root())
            });
        }
        let versions = sent.version_folders.iter();
        let versions = versions.map(|versions| storage.remote.path(versions));
        report.version_folders.extend(versions);
        if sent.connection_error.is_some() {
            return Ok(false);
        }
        self.make_folders(index, storage, &work.new_folders, report)?;
        self.delete_remote(index, storage, work, report)
    }

    /// Sends files. After a lost connection they all fail with its error.
    fn send(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        files: &[OutgoingFile],
        report: &mut Report,
        sent: &mut SendResult,
    ) -> Result<()> {
        if let Some(error) = &sent.connection_error {
            let failed = files.iter();
            let failed = failed.map(|file| (file.path_below_root(), error.clone()));
            return self.report_refused(index, &failed.collect::<Vec<_>>(), report);
        }
        let on_progress = |files, bytes| {
            self.monitor.on_event(&ProgressEvent::Files(files));
            self.monitor.on_event(&ProgressEvent::Bytes(bytes));
        };
        let upload = Upload {
            source: &self.source,
            destination: storage,
            limits: &self.request.limits,
            verify: self.request.verify,
            run: self.run,
            on_progress: &on_progress,
        };
        let (mut failed, mut good) = (Vec::new(), Vec::new());
        let has_deadline = self.request.limits.deadline.is_some();
        let end = upload.send(
            index,
            files,
            &mut sent.version_folders,
            &mut |file, outcome| {
                let path = file.path_below_root();
                match &outcome {
                    Outcome::Failed(reason) => failed.push((path.clone(), reason.clone())),
                    Outcome::Copied(_) | Outcome::Skipped(_) => good.push(path.clone()),
                    Outcome::Unreached if has_deadline && !interrupt::is_requested() => {
                        report.left_files += 1;
                    }
                    _ => {}
                }
                report.add(outcome, || self.destination_path(&path));
            },
        );
        let (source, destination) = self.roots();
        index.record_failures(self.run, source, destination, &failed)?;
        index.clear_failures(source, destination, &good)?;
        if let UploadEnd::Lost(error) = end? {
            sent.connection_error = Some(error);
        }
        Ok(())
    }

    /// Reports files that cannot be sent, and records their failures.
    fn report_refused(
        &self,
        index: &mut Index,
        files: &[(PathBuf, String)],
        report: &mut Report,
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        for (path, reason) in files {
            report.add(Outcome::Failed(reason.clone()), || {
                self.destination_path(path)
            });
        }
        let (source, destination) = self.roots();
        index.record_failures(self.run, source, destination, files)
    }

    fn make_folders(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        folders: &[ReplicaPath],
        report: &mut Report,
    ) -> Result<()> {
        if folders.is_empty() || interrupt::is_requested() {
            return Ok(());
        }
        let paths = folders.iter().map(|(replica, path)| replica.join(path));
        let paths: Vec<PathBuf> = paths.collect();
        if storage.features.keeps_empty_folders()
            && let Err(error) = storage.remote.create_folders(&paths)
        {
            for path in &paths {
                report.add(Outcome::Failed(error.full_message()), || {
                    self.destination_path(path)
                });
            }
            return Ok(());
        }
        let (source, destination) = self.roots();
        let mut record = SentRecord::new();
        for (replica, path) in folders {
            let changes = record.entry(replica.clone()).or_default();
            changes.add_folder(path, SentFolder::new());
        }
        index.update_sent(destination, source, &record)
    }
}
