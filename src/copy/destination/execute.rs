//! Executes the plans for a local destination: checks space, takes the lock, transfers, and rescans what it wrote.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::record::{VerificationRecorder, written_replicas};
use super::{CopyEvent, DestinationCopy};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::local::{Job, TransferContext, transfer};
use crate::copy::outcome::Outcome;
use crate::copy::preflight;
use crate::model::identity;
use crate::model::mount::require_category_mounted;
use crate::os::folder::Folder;
use crate::storage::LocalStorage;
use crate::storage::lock::Lock;
use crate::storage::version::Versions;

impl DestinationCopy<'_> {
    /// Executes the plans.
    pub(super) fn execute(
        &mut self,
        storage: &LocalStorage,
        mut jobs: Vec<Job>,
        lock: Option<Lock>,
    ) -> Result<()> {
        self.require_space(storage, &jobs)?;
        let lock = self.prepare(storage, &mut jobs, lock)?;
        self.report_planned(&jobs);
        self.begin_writing(&jobs);
        for job in &jobs {
            self.apply_case_renames(storage, job);
        }
        match self.spec.source.root_folder() {
            Some(source) => self.transfer_jobs(source, false, storage, &jobs),
            None => self.fetch(storage, &mut jobs)?,
        }
        // After cancellation too: the index must know the copied files.
        interrupt::with_grace_period(|| {
            self.record_copied(storage, &jobs);
            self.rescan_written(storage, &jobs);
        });
        drop(lock);
        Ok(())
    }

    /// Takes the lock, removes leftovers of interrupted runs, and writes the identity file.
    fn prepare(
        &mut self,
        storage: &LocalStorage,
        jobs: &mut [Job],
        lock: Option<Lock>,
    ) -> Result<Option<Lock>> {
        let has_work = jobs.iter().any(|job| job.plan.has_work());
        let has_leftovers = jobs.iter().any(|job| !job.plan.leftovers.is_empty());
        let lock = match lock {
            None if has_work || has_leftovers => self.create_lock(storage)?,
            None if jobs.iter().any(|job| job.plan.has_metadata_updates()) => {
                self.lock_if_writable(storage)?
            }
            lock => lock,
        };
        if lock.is_some() {
            if let Err(error) = self.remove_leftovers(storage, jobs) {
                self.report_problem(error);
            }
        } else {
            for job in jobs.iter_mut() {
                // Without the lock, temporary files may belong to another run.
                job.plan.leftovers.clear();
                job.plan.skip_metadata_updates();
            }
        }
        if has_work
            && lock.is_some()
            && let Err(error) = identity::read_or_create(&storage.root, &self.database.name)
        {
            self.report_problem(error);
        }
        self.reject_unmounted(storage, jobs);
        Ok(lock)
    }

    /// Records in the index which replicas the run writes to.
    fn begin_writing(&mut self, jobs: &[Job]) {
        let run = self.spec.run;
        let written: Vec<_> = written_replicas(jobs).collect();
        if let Err(error) = self
            .index
            .mark_in_progress(run, &self.database.root, &written)
        {
            self.report_problem(error);
        }
    }

    /// Takes the lock, and creates its folder at the first copy. If that folder cannot be created the copy goes on without
    /// a lock, because the folders of projects may be writable.
    fn create_lock(&self, storage: &LocalStorage) -> Result<Option<Lock>> {
        match Lock::create_and_acquire(&storage.root, &self.database.name, self.spec.run) {
            Err(error @ (Error::Locked { .. } | Error::Untrusted { .. })) => Err(error),
            Err(error) => {
                self.report_problem(error);
                Ok(None)
            }
            Ok(lock) => Ok(Some(lock)),
        }
    }

    /// Takes the lock for work that is skipped on a read-only storage.
    fn lock_if_writable(&self, storage: &LocalStorage) -> Result<Option<Lock>> {
        match Lock::create_and_acquire(&storage.root, &self.database.name, self.spec.run) {
            Err(error @ Error::Locked { .. }) => Err(error),
            taken => Ok(taken.ok()),
        }
    }

    pub(super) fn require_space(&self, storage: &LocalStorage, jobs: &[Job]) -> Result<()> {
        let plans = jobs.iter().map(|job| (job.relative.as_path(), &job.plan));
        let plans: Vec<_> = plans.collect();
        let source = self.spec.source.root_folder();
        preflight::require_space(&self.database.name, source, &storage.root, &plans)
    }

    pub(super) fn report_planned(&self, jobs: &[Job]) {
        let files = jobs.iter().map(|job| job.plan.files).sum();
        let bytes = jobs.iter().map(|job| job.plan.bytes).sum();
        (self.on_event)(CopyEvent::Planned { files, bytes });
    }

    /// Rejects the replicas of categories that were unmounted after the scan.
    fn reject_unmounted(&self, storage: &LocalStorage, jobs: &mut [Job]) {
        for replica in &self.spec.replicas {
            let category = &replica.category;
            let Err(error) =
                require_category_mounted(&storage.root, &category.path, &storage.known_mounts)
            else {
                continue;
            };
            let relative = replica.relative();
            let refused = [(PathBuf::new(), error.full_message())].into();
            for job in jobs.iter_mut().filter(|job| job.relative == relative) {
                job.plan.reject(&refused);
            }
        }
    }

    /// Copies from a root and records the results in the report and the index. With `move_source` files are moved instead.
    pub(super) fn transfer_jobs(
        &mut self,
        source: &Arc<Folder>,
        move_source: bool,
        storage: &LocalStorage,
        jobs: &[Job],
    ) {
        for job in jobs {
            self.lock_report().add_same(job.plan.same_files);
        }
        let ids = self.database_ids(storage).unwrap_or_default();
        self.forget_replaced_digests(ids[1], jobs);
        let versions = Versions::new(&storage.root, self.spec.run);
        let (report, workers) = (self.report, self.worker_count(storage));
        let on_outcome = |job: usize, folder: &Path, name: &OsStr, outcome: Outcome| {
            let relative = &jobs[job].relative;
            let path = || storage.path(relative, &folder.join(name));
            report
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(outcome, path);
        };
        let recorder = VerificationRecorder::new(&mut self.index, ids, jobs, &self.spec.replicas);
        let context = TransferContext {
            source,
            move_source,
            destination: &storage.root,
            versions: &versions,
            verify: self.spec.verify,
            deadline: self.spec.limits.deadline,
            workers,
            meter: self.meter,
            on_outcome: &on_outcome,
            on_verified: &|files| recorder.record_verified(files),
            on_time_mismatch: &|times| recorder.record_times(times),
        };
        transfer(jobs, &context);
        if let Some(error) = recorder.finish() {
            self.report_problem(error);
        }
        let path = versions
            .run_path()
            .map(|path| storage.root.path().join(path));
        self.lock_report().version_folders.extend(path);
    }
}
