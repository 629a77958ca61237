//! A sync to a database behind rclone: what changed goes there in one process, what failed before first.

use std::path::PathBuf;

use super::SyncRun;
use super::respelled::RespelledFiles;
use super::source::SourceSnapshot;
use super::work::SyncWork;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{ProgressEvent, Task};
use crate::copy::outcome::Outcome;
use crate::copy::remote;
use crate::copy::remote::{OutgoingFile, Upload, UploadEnd};
use crate::copy::report::Report;
use crate::index::{Index, SentFolder, SentRecord};
use crate::storage::{RemoteStorage, StorageRef};

/// What came of sending.
#[derive(Default)]
struct SendResult {
    /// The folders of old versions in which something was kept.
    version_folders: Vec<PathBuf>,
    /// Why the destination did not answer to the end, if it did not.
    connection_error: Option<String>,
}

impl SyncRun<'_> {
    pub(super) fn sync_to_remote(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        snapshot: SourceSnapshot,
    ) -> Result<Report> {
        let mut report = Report::default();
        if !self.request.dry_run {
            remote::settle_journal(index, storage, &self.source)?;
        }
        // Before the record says that anything is there.
        self.refuse_same_place(StorageRef::Remote(storage), storage.identity().is_none())?;
        if self.request.retry_failed {
            self.retry_failed(index, storage, &mut report)?;
            return Ok(report);
        }
        self.monitor.on_event(&ProgressEvent::Started {
            task: Task::Compare,
            files: None,
            bytes: None,
        });
        let mut replicas = self.collect_replicas(index, snapshot, &mut report)?;
        self.adopt_existing(index, storage, &mut replicas)?;
        let mut work = self.collect_work(index, storage, &replicas, &mut report)?;
        self.monitor.on_event(&ProgressEvent::Finished);
        work.renames = self.find_renames(storage, &mut work, &replicas);
        work.respelled = RespelledFiles::extract(&replicas, &mut work.missing);
        self.check_mass_deletion(&work)?;
        if self.request.dry_run {
            self.report_dry_run(work, &mut report);
            return Ok(report);
        }
        let deletes = self.execute(index, storage, &mut work, &mut report)?;
        self.remove_empty_folders(index, storage, &replicas, deletes, &mut work)?;
        let noted = interrupt::with_grace_period(|| {
            self.record_destination(index, storage, &replicas, &work)
        });
        if let Err(error) = noted {
            self.monitor.on_event(&ProgressEvent::Problem(&error));
            report.unrecorded = true;
        }
        Ok(report)
    }

    /// Does it: renames, then what is to be sent, then what is to be deleted. Says whether that was done.
    pub(super) fn execute(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        work: &mut SyncWork,
        report: &mut Report,
    ) -> Result<bool> {
        let is_needed =
            !work.send.is_empty() || !work.new_folders.is_empty() || !work.renames.is_empty();
        let takes_away = self.request.delete && !work.missing.is_empty();
        self.refuse_same_place(StorageRef::Remote(storage), is_needed || takes_away)?;
        if is_needed {
            storage.ensure_identity()?;
        }
        self.rename(index, storage, work, report)?;
        let most = self.request.max_files.map_or(usize::MAX, |most| {
            usize::try_from(most).unwrap_or(usize::MAX)
        });
        let (now, later) = work.send.split_at(most.min(work.send.len()));
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
        let kept = sent
            .version_folders
            .iter()
            .map(|versions| storage.remote.path(versions));
        report.version_folders.extend(kept);
        let mut deletes = false;
        if sent.connection_error.is_none() {
            self.make_folders(index, storage, &work.new_folders, report)?;
            deletes = self.delete_remote(index, storage, work, report)?;
        }
        Ok(deletes)
    }

    /// Sends files, unless the destination was lost before.
    fn send(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        files: &[OutgoingFile],
        report: &mut Report,
        sent: &mut SendResult,
    ) -> Result<()> {
        if let Some(why) = &sent.connection_error {
            let failed = files
                .iter()
                .map(|file| (file.path_below_root(), why.clone()));
            return self.report_refused(index, &failed.collect::<Vec<_>>(), report);
        }
        let on_progress = |files, bytes| {
            self.monitor.on_event(&ProgressEvent::Files(files));
            self.monitor.on_event(&ProgressEvent::Bytes(bytes));
        };
        let sending = Upload {
            source: &self.source,
            destination: storage,
            limits: &self.request.limits,
            verify: self.request.verify,
            run: self.run,
            on_progress: &on_progress,
        };
        let (mut failed, mut good) = (Vec::new(), Vec::new());
        let is_bounded = self.request.limits.deadline.is_some();
        let end = sending.send(
            index,
            files,
            &mut sent.version_folders,
            &mut |file, outcome| {
                match &outcome {
                    Outcome::Failed(why) => failed.push((file.path_below_root(), why.clone())),
                    Outcome::Copied(_) | Outcome::Skipped(_) => good.push(file.path_below_root()),
                    Outcome::Unreached if is_bounded && !interrupt::is_requested() => {
                        report.left_files += 1;
                    }
                    _ => {}
                }
                report.add(outcome, || self.destination_path(&file.path_below_root()));
            },
        );
        let (source, destination) = self.roots();
        index.record_failures(self.run, source, destination, &failed)?;
        index.clear_failures(source, destination, &good)?;
        if let UploadEnd::Lost(why) = end? {
            sent.connection_error = Some(why);
        }
        Ok(())
    }

    /// Notes that files cannot be sent, and why.
    fn report_refused(
        &self,
        index: &mut Index,
        files: &[(PathBuf, String)],
        report: &mut Report,
    ) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        for (whole, why) in files {
            report.add(Outcome::Failed(why.clone()), || {
                self.destination_path(whole)
            });
        }
        let (source, destination) = self.roots();
        index.record_failures(self.run, source, destination, files)
    }

    fn make_folders(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        folders: &[(PathBuf, PathBuf)],
        report: &mut Report,
    ) -> Result<()> {
        if folders.is_empty() || interrupt::is_requested() {
            return Ok(());
        }
        let whole: Vec<PathBuf> = folders
            .iter()
            .map(|(replica, folder)| replica.join(folder))
            .collect();
        if storage.features.keeps_empty_folders()
            && let Err(error) = storage.remote.create_folders(&whole)
        {
            for path in &whole {
                report.add(Outcome::Failed(error.full_message()), || {
                    self.destination_path(path)
                });
            }
            return Ok(());
        }
        let (source, destination) = self.roots();
        let mut made = SentRecord::new();
        for (replica, folder) in folders {
            let changes = made.entry(replica.clone()).or_default();
            changes.add_folder(folder, SentFolder::new());
        }
        index.update_sent(destination, source, &made)
    }
}
