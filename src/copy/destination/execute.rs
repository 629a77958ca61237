//! What a lane does with its plans: preflight, lock, transfer, and a look at what was written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{CopyEvent, DestinationCopy, SourceReplica};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::copy::local::{Job, TimeMismatch, TransferContext, VerifiedFile, transfer};
use crate::copy::outcome::Outcome;
use crate::copy::preflight;
use crate::copy::report::ReportedItem;
use crate::index::{DatabaseId, FileDigest, FileDigests, Index, SentFile, SentFolder, SentRecord};
use crate::model::identity;
use crate::os::folder::Folder;
use crate::snapshot::discovery::require_mounted;
use crate::snapshot::manifest::Manifest;
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes, AlteredTimesByFolder};
use crate::storage::LocalStorage;
use crate::storage::lock::Lock;
use crate::storage::observation::{ObservationBuilder, ObservedRoot};
use crate::storage::version::Versions;

impl DestinationCopy<'_> {
    /// Carries out the plans.
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
        // Also after a stop: `fetch` must not call missing what is there.
        interrupt::with_grace_period(|| {
            self.record_copied(storage, &jobs);
            self.rescan_written(storage, &jobs);
        });
        drop(lock);
        Ok(())
    }

    /// Makes the destination ready: the lock, what runs that died left behind, the identity file.
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
                // Without the lock they may be another run's.
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

    /// Tells the index's journal what will be written to.
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

    /// Takes the lock of a database to which nothing was copied yet. Where our own folder cannot be made, there is no
    /// lock, but the folders of projects may be writable all the same.
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

    /// Takes the lock for work that is left undone where nothing can be written.
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

    /// Fails everything of a category that was unmounted after it was looked at.
    fn reject_unmounted(&self, storage: &LocalStorage, jobs: &mut [Job]) {
        for replica in &self.spec.replicas {
            let category = &replica.category;
            let Err(error) = require_mounted(&storage.root, category, &storage.known_mounts) else {
                continue;
            };
            let relative = replica.relative();
            let refused = [(PathBuf::new(), error.full_message())].into();
            for job in jobs.iter_mut().filter(|job| job.relative == relative) {
                job.plan.reject(&refused);
            }
        }
    }

    /// Copies from a root, and tells the report and the index. Where files are taken they are moved from there, not
    /// copied.
    pub(super) fn transfer_jobs(
        &mut self,
        source: &Arc<Folder>,
        takes: bool,
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
        let tell = |job: usize, folder: &Path, name: &OsStr, outcome: Outcome| {
            let relative = &jobs[job].relative;
            let path = || storage.path(relative, &folder.join(name));
            report
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(outcome, path);
        };
        let index = Mutex::new((&mut self.index, None));
        let keep = |proofs: &[VerifiedFile]| {
            let mut kept = index.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = record_digests(kept.0, ids, jobs, proofs) {
                kept.1.get_or_insert(error);
            }
        };
        let hold = |times: &[TimeMismatch]| {
            let mut kept = index.lock().unwrap_or_else(PoisonError::into_inner);
            let replicas = &self.spec.replicas;
            if let Some(id) = ids[1]
                && let Err(error) = kept
                    .0
                    .add_altered_times(id, &held_times(jobs, replicas, times))
            {
                kept.1.get_or_insert(error);
            }
        };
        let context = TransferContext {
            source,
            move_source: takes,
            destination: &storage.root,
            versions: &versions,
            verify: self.spec.verify,
            deadline: self.spec.limits.deadline,
            workers,
            meter: self.meter,
            on_outcome: &tell,
            on_verified: &keep,
            on_time_mismatch: &hold,
        };
        transfer(jobs, &context);
        let (_, failed) = index.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failed {
            self.report_problem(error);
        }
        let path = versions
            .run_path()
            .map(|path| storage.root.path().join(path));
        self.lock_report().version_folders.extend(path);
    }

    /// Tells the journal what was copied: all that was planned but what the report says something else of. It counts as
    /// sent, as what a sync sends.
    fn record_copied(&mut self, storage: &LocalStorage, jobs: &[Job]) {
        let report = self.report;
        let copied = {
            let report = report.lock().unwrap_or_else(PoisonError::into_inner);
            copied_files(storage, jobs, &report.items)
        };
        let (run, root) = (self.spec.run, &self.database.root);
        let kept = self.index.add_run_files(run, root, &copied);
        let source = &self.spec.source.database().root;
        let record = sent_record(jobs, &copied);
        let recorded = self.index.update_sent(root, source, &record);
        for error in [kept, recorded].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
    }

    /// Forgets the digests of folders in which files may be replaced by others of their size and time.
    fn forget_replaced_digests(&mut self, id: Option<DatabaseId>, jobs: &[Job]) {
        let Some(id) = id.filter(|_| self.spec.rules.checksum) else {
            return;
        };
        for job in jobs {
            let replaced = job.plan.folders.iter();
            for folder in replaced.filter(|folder| !folder.replace.is_empty()) {
                let path = job.relative.join(&folder.path);
                if let Err(error) = self.index.forget_digests(id, &path) {
                    self.report_problem(error);
                }
            }
        }
    }

    /// Looks again at what was written to, so that the index knows it.
    fn rescan_written(&mut self, storage: &LocalStorage, jobs: &[Job]) {
        let (run, written) = (self.spec.run, written_replicas(jobs).collect::<Vec<_>>());
        let observed = self.observe_written(storage, &written);
        let root = &self.database.root;
        match observed.and_then(|()| self.index.clear_in_progress(run, root, &written)) {
            // The folders stay noted as being written to: the next run looks at them.
            Err(Error::Interrupted) | Ok(()) => {}
            Err(error) => self.report_problem(error),
        }
    }

    fn observe_written(&mut self, storage: &LocalStorage, written: &[&Path]) -> Result<()> {
        let spec = self.spec;
        let replicas = spec.replicas.iter();
        let written = replicas.filter(|replica| written.contains(&replica.relative().as_path()));
        let written = written.map(|replica| {
            let id = storage.stored_spelling(&replica.category, &replica.project);
            (&replica.category, id)
        });
        let written: Vec<_> = written.collect();
        let mut builder = ObservationBuilder::start(&self.index, self.database)?;
        let mut any = false;
        for (category, project) in &written {
            let tree = storage.tree(&spec.registry, &spec.exclusions, category, project)?;
            builder.add(category, project, &tree)?;
            any = true;
        }
        let observation = builder.finish()?;
        if any {
            observation.write(&mut self.index, ObservedRoot::Local(&storage.root))?;
        }
        Ok(())
    }
}

/// The replicas' folders that are written to.
fn written_replicas(jobs: &[Job]) -> impl Iterator<Item = &Path> {
    let written = jobs
        .iter()
        .filter(|job| job.plan.has_work() || job.unfinished);
    written.map(|job| job.relative.as_path())
}

/// What was copied, by folders below the root.
fn copied_files(
    storage: &LocalStorage,
    jobs: &[Job],
    items: &[ReportedItem],
) -> Vec<(PathBuf, Manifest)> {
    let mut others: HashMap<&Path, BTreeSet<&OsStr>> = HashMap::new();
    for item in items {
        if let (Some(folder), Some(name)) = (item.path.parent(), item.path.file_name()) {
            others.entry(folder).or_default().insert(name);
        }
    }
    let none = BTreeSet::new();
    let folders = jobs.iter().flat_map(|job| {
        let folders = job.plan.folders.iter();
        folders.map(move |folder| (&job.relative, folder))
    });
    let copied = folders.map(|(relative, folder)| {
        let others = others.get(&*storage.path(relative, &folder.path));
        let path = relative.join(&folder.path);
        // Without a slash at the end of the replica's own folder.
        (
            path.components().collect(),
            folder.manifest_without(others.unwrap_or(&none)),
        )
    });
    copied
        .filter(|(_, manifest)| !manifest.packed().is_empty())
        .collect()
}

/// The times that the destination shows, by folder below the root. A source may itself show other times than were set.
fn held_times(
    jobs: &[Job],
    replicas: &[SourceReplica],
    times: &[TimeMismatch],
) -> AlteredTimesByFolder {
    let mut held = AlteredTimesByFolder::new();
    for time in times {
        let relative = &jobs[time.job].relative;
        let replica = replicas
            .iter()
            .find(|replica| replica.relative() == *relative);
        let meant = replica.and_then(|replica| {
            let meant = replica.tree.altered_time(&time.folder, &time.name)?;
            (time.modified == meant.1).then_some(meant.0)
        });
        let file = AlteredTime {
            bytes: time.bytes,
            reported: time.shown,
            original: meant.unwrap_or(time.modified),
        };
        // Without a slash at the end of the replica's own folder.
        let folder = relative.join(&time.folder).components().collect();
        let folder: &mut AlteredTimes = held.entry(folder).or_default();
        folder.insert(time.name.clone(), file);
    }
    held
}

/// The record of what was copied, by replica.
fn sent_record(jobs: &[Job], copied: &[(PathBuf, Manifest)]) -> SentRecord {
    let mut record = SentRecord::new();
    for (folder, manifest) in copied {
        let Some(job) = jobs.iter().find(|job| folder.starts_with(&job.relative)) else {
            continue;
        };
        let below = folder.strip_prefix(&job.relative).unwrap_or(folder);
        let mut files = SentFolder::new();
        let mut packed = manifest.files();
        while let Ok(Some(file)) = packed.next() {
            let name = Name::from_bytes(file.name.to_vec());
            files.insert(name, SentFile::of(&file));
        }
        let changes = record.entry(job.relative.clone()).or_default();
        changes.add_folder(below, files);
    }
    record
}

/// Keeps what was proven, for source and destination alike: their content is the same.
fn record_digests(
    index: &mut Index,
    ids: [Option<DatabaseId>; 2],
    jobs: &[Job],
    proofs: &[VerifiedFile],
) -> Result<()> {
    let mut folders: BTreeMap<(usize, &Path), FileDigests> = BTreeMap::new();
    for proof in proofs {
        let content = FileDigest {
            bytes: proof.bytes,
            modified: proof.modified,
            digest: proof.digest,
        };
        let folder = folders.entry((proof.job, &proof.folder)).or_default();
        folder.insert(proof.name.clone(), content);
    }
    let folders: Vec<_> = folders
        .into_iter()
        .map(|((job, folder), contents)| (jobs[job].relative.join(folder), contents))
        .collect();
    let rows: Vec<_> = ids
        .into_iter()
        .flatten()
        .flat_map(|id| {
            folders
                .iter()
                .map(move |(folder, contents)| (id, folder.as_path(), contents))
        })
        .collect();
    index.add_digests(&rows)
}
