//! A sync to a database behind rclone.

use super::request::SyncRequest;
use super::respelled::RespelledFiles;
use super::run::SyncRun;
use super::source::SourceSnapshot;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::ProgressEvent;
use crate::copy::COMPARING_STARTED;
use crate::copy::remote;
use crate::copy::report::Report;
use crate::index::Index;
use crate::storage::{RemoteStorage, StorageRef};

impl SyncRun<'_> {
    pub(super) fn sync_to_remote(
        &self,
        index: &mut Index,
        storage: &RemoteStorage,
        snapshot: SourceSnapshot,
    ) -> Result<Report> {
        let mut report = Report::default();
        let SyncRequest {
            dry_run,
            retry_failed,
            ..
        } = *self.request;
        if !dry_run {
            remote::settle_journal(index, storage, &self.source)?;
        }
        // Before anything is recorded about the destination.
        self.refuse_same_place(StorageRef::Remote(storage), storage.identity().is_none())?;
        if retry_failed {
            self.retry_failed(index, storage, &mut report)?;
            return Ok(report);
        }
        self.monitor.on_event(&COMPARING_STARTED);
        let mut replicas = self.collect_replicas(index, snapshot, &mut report)?;
        self.adopt_existing(index, storage, &mut replicas)?;
        let mut work = self.collect_work(index, storage, &replicas, &mut report)?;
        self.monitor.on_event(&ProgressEvent::Finished);
        self.find_renames(storage, &mut work, &replicas);
        work.respelled = RespelledFiles::extract(&replicas, &mut work.missing);
        self.refuse_mass_deletion(&work.missing, work.sent_files)?;
        if dry_run {
            self.report_dry_run(work, &mut report);
            return Ok(report);
        }
        let deletes = self.execute(index, storage, &mut work, &mut report)?;
        self.remove_empty_folders(index, storage, &replicas, deletes, &mut work)?;
        let recorded = interrupt::with_grace_period(|| {
            self.record_destination(index, storage, &replicas, &work)
        });
        if let Err(error) = recorded {
            self.monitor.on_event(&ProgressEvent::Problem(&error));
            report.unrecorded = true;
        }
        Ok(report)
    }
}
