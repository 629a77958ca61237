//! Copies to a remote destination: lists it, plans, sends all files with one rclone process, and verifies them by listing.

use std::path::PathBuf;
use std::sync::PoisonError;

use super::{DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::copy::local::Job;
use crate::copy::name_rules;
use crate::copy::name_rules::NameRules;
use crate::copy::plan::{Plan, plan};
use crate::copy::remote;
use crate::copy::remote::{CANNOT_KEEP_VERSION, OutgoingFile, Upload, UploadEnd};
use crate::index::{SentFolder, SentRecord};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::os::stat::EntryKind;
use crate::rclone;
use crate::rclone::{RemoteListing, TransferLimits};
use crate::snapshot::respelled;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare::TimeReconciliation;
use crate::storage::lock::Lock;
use crate::storage::observation::{ObservationBuilder, ObservedRoot};
use crate::storage::{RemoteStorage, StorageRef};

impl DestinationCopy<'_> {
    pub(super) fn run_remote(&mut self, storage: &RemoteStorage) -> Result<()> {
        let _lock = if self.spec.dry_run {
            None
        } else {
            Some(Lock::acquire_remote(self.database, self.spec.run)?)
        };
        if !self.spec.dry_run {
            remote::settle_journal(&mut self.index, storage, &self.spec.source)?;
        }
        let (jobs, trees) = self.plan_remote(storage)?;
        self.lock_report().planned_bytes = jobs.iter().map(|job| job.plan.bytes).sum();
        if self.spec.dry_run {
            for job in jobs {
                self.report_dry_run(job);
            }
            return Ok(());
        }
        let writes = jobs.iter().any(|job| job.plan.has_work());
        let source = &self.spec.source;
        source.refuse_same_place(StorageRef::Remote(storage), writes)?;
        if self.spec.confirm_replacements {
            self.confirm_replacements(&jobs)?;
        }
        if writes {
            storage.ensure_identity()?;
        }
        self.report_planned(&jobs);
        for job in &jobs {
            self.report_uncopied(job);
        }
        self.send(storage, &jobs)?;
        interrupt::with_grace_period(|| self.record_sent(storage, &jobs, trees))
    }

    /// Plans every replica with one listing of the destination, which is recorded in the index. Returns each job with the
    /// destination's tree, unless that tree was respelled.
    fn plan_remote(&mut self, storage: &RemoteStorage) -> Result<(Vec<Job>, Vec<Option<Tree>>)> {
        let spec = self.spec;
        let mut categories: Vec<&Category> = Vec::new();
        for SourceReplica { category, .. } in &spec.replicas {
            if !categories.contains(&category) {
                categories.push(category);
                let inner = spec.registry.inner_categories(category);
                storage.list_projects(category, &spec.scope, &inner)?;
            }
        }
        if !spec.dry_run {
            let id = storage.database_id(&mut self.index);
            ignore(id, "an index that cannot be written stops no copy");
        }
        let (mut jobs, mut trees) = (Vec::new(), Vec::new());
        let replicas = spec.replicas.iter();
        let ids =
            replicas.map(|replica| storage.stored_spelling(&replica.category, &replica.project));
        let ids: Vec<ProjectId> = ids.collect();
        let mut builder = ObservationBuilder::start(&self.index, self.database)?;
        let mut shifts = TimeReconciliation::default();
        for replica in spec.replicas.iter().zip(&ids) {
            let relative = replica.0.relative();
            if let Some(why) = rclone::unsupported_reason(&relative) {
                self.report_refused(&relative, why.to_owned());
                continue;
            }
            let (plan, tree) =
                self.plan_remote_replica(storage, replica, &mut builder, &mut shifts)?;
            jobs.push(Job::new(relative, plan));
            trees.push(tree);
        }
        self.report_shifts(&shifts);
        let observation = builder.finish()?;
        if !spec.dry_run {
            let written =
                observation.write(&mut self.index, ObservedRoot::Remote(storage.identity()));
            let corrected = jobs
                .iter()
                .try_for_each(|job| storage.correct_record(&job.relative));
            for error in [written, corrected].into_iter().filter_map(Result::err) {
                self.report_problem(error);
            }
        }
        Ok((jobs, trees))
    }

    fn plan_remote_replica<'r>(
        &self,
        storage: &RemoteStorage,
        (replica, id): (&'r SourceReplica, &'r ProjectId),
        builder: &mut ObservationBuilder<'_, 'r>,
        shifts: &mut TimeReconciliation,
    ) -> Result<(Plan, Option<Tree>)> {
        let spec = self.spec;
        let (category, project) = (&replica.category, &replica.project);
        let (registry, exclusions) = (&spec.registry, &spec.exclusions);
        let mut tree = storage.destination_tree(registry, exclusions, category, project)?;
        // The index stores the names as the storage spells them, so the tree is added before it is respelled.
        let is_respelled = id != project || respelled::is_needed(&replica.tree, &tree);
        if is_respelled {
            builder.add(category, id, &tree)?;
        }
        let is_case_insensitive = storage.features.is_case_insensitive();
        respelled::respell(&replica.tree, &mut tree, &|_, _| is_case_insensitive);
        let mut record = if spec.rules.checksum {
            Some(self.open_record()?)
        } else {
            None
        };
        let contents =
            self.compare_contents(StorageRef::Remote(storage), replica, &tree, record.as_mut())?;
        let compared = record.as_mut().map(|record| (record, &contents));
        shifts.add_shifts(&self.reconcile_times(
            StorageRef::Remote(storage),
            replica,
            &mut tree,
            compared,
        )?);
        let plan = plan(&replica.tree, &tree, spec.rules, &contents);
        if !is_respelled {
            builder.add(category, id, &tree)?;
        }
        let plan = reject_unsupported(plan, &tree, storage);
        Ok((plan, (!is_respelled).then_some(tree)))
    }

    /// Sends the files of the plans and reports their outcomes.
    fn send(&mut self, storage: &RemoteStorage, jobs: &[Job]) -> Result<()> {
        let mut files = Vec::new();
        for job in jobs {
            files.extend(outgoing_files(job, &*storage.listing_of(&job.relative)?));
        }
        // Bytes count twice if they are verified; rclone reports progress for both passes at once.
        let (meter, passes) = (self.meter, if self.spec.verify { 2 } else { 1 });
        let upload = Upload {
            source: &self.spec.source,
            destination: storage,
            limits: &TransferLimits::default(),
            verify: self.spec.verify,
            run: self.spec.run,
            on_progress: &|files, bytes| {
                meter.add_files(files);
                meter.add_bytes(bytes * passes);
            },
        };
        let (report, database) = (self.report, self.database);
        let mut kept = Vec::new();
        let sent = upload.send(&mut self.index, &files, &mut kept, &mut |file, outcome| {
            let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
            report.add(outcome, || database.path(&file.path_below_root()));
        });
        let kept = kept.iter().map(|versions| storage.remote.path(versions));
        self.lock_report().version_folders.extend(kept);
        match sent? {
            // Every file is already reported as failed.
            UploadEnd::Lost(_) => Ok(()),
            UploadEnd::Answered => self.make_empty_folders(storage, jobs),
        }
    }

    /// Creates empty folders if the storage supports them, and adds them to the sync record.
    fn make_empty_folders(&mut self, storage: &RemoteStorage, jobs: &[Job]) -> Result<()> {
        if interrupt::is_requested() {
            return Ok(());
        }
        let paths = |job: &Job| {
            let folders = empty_folders(job).map(|path| job.relative.join(path));
            folders.collect::<Vec<_>>()
        };
        let folders: Vec<PathBuf> = jobs.iter().flat_map(paths).collect();
        if storage.features.keeps_empty_folders() {
            storage.remote.create_folders(&folders)?;
        }
        let (destination, source) = (&self.database.root, &self.spec.source.database().root);
        let mut made = SentRecord::new();
        for job in jobs {
            let changes = made.entry(job.relative.clone()).or_default();
            for folder in empty_folders(job) {
                changes.add_folder(&folder, SentFolder::new());
            }
        }
        self.index.update_sent(destination, source, &made)
    }

    /// Records the destination's files in the index: those listed before the copy, and those verified since.
    fn record_sent(
        &mut self,
        storage: &RemoteStorage,
        jobs: &[Job],
        trees: Vec<Option<Tree>>,
    ) -> Result<()> {
        let spec = self.spec;
        let mut builder = ObservationBuilder::start(&self.index, self.database)?;
        for (job, tree) in jobs.iter().zip(trees) {
            // A respelled tree was recorded before the copy, with the storage's own names.
            let Some(tree) = tree.filter(|_| job.plan.has_work()) else {
                continue;
            };
            let replica = spec
                .replicas
                .iter()
                .find(|replica| replica.relative() == job.relative);
            let Some(replica) = replica else { continue };
            let rows = self.index.sent_rows(&self.database.root, &job.relative)?;
            let made: Vec<PathBuf> = empty_folders(job).collect();
            let tree = storage.tree_after_upload(tree, &rows, &made, &spec.exclusions);
            builder.add(&replica.category, &replica.project, &tree)?;
        }
        let observation = builder.finish()?;
        observation.write(&mut self.index, ObservedRoot::Remote(storage.identity()))
    }
}

/// Rejects what the destination cannot hold: links, names that rclone or the storage would mistake for others, and entries
/// that would replace one of another kind.
fn reject_unsupported(mut plan: Plan, tree: &Tree, storage: &RemoteStorage) -> Plan {
    let rules = NameRules::for_remote(storage.features.is_case_insensitive());
    let mut refused = name_rules::unsupported_names(&plan, tree, &rules);
    for (path, _) in plan.paths() {
        if let Some(why) = rclone::unsupported_reason(&path) {
            refused.insert(path, why.to_owned());
        }
    }
    let other = "the destination has an entry of another kind with this name; move it away by hand";
    for folder in &plan.folders {
        if folder.displaced.is_some() {
            refused.insert(folder.path.clone(), other.to_owned());
        }
        let kinds = folder
            .replace
            .iter()
            .filter(|new| new.old.kind != EntryKind::File);
        refused.extend(kinds.map(|new| (folder.path.join(new.name.as_path()), other.to_owned())));
        if !storage.features.can_move() {
            let unkept = folder.replace.iter();
            let unkept = unkept.map(|new| folder.path.join(new.name.as_path()));
            refused.extend(unkept.map(|path| (path, CANNOT_KEEP_VERSION.to_owned())));
        }
    }
    plan.reject(&refused);
    plan.skip_links("it is a symbolic link, which remotes cannot store");
    plan
}

/// Returns the files of a plan to send.
fn outgoing_files(job: &Job, listed: &RemoteListing) -> Vec<OutgoingFile> {
    let mut files = Vec::new();
    for folder in &job.plan.folders {
        files.extend(folder.files().map(|file| {
            let path = folder.path.join(file.name.as_path());
            let previous = listed.file(&job.relative.join(&path));
            OutgoingFile {
                replica: job.relative.clone(),
                previous_tag: previous.map_or(0, |previous| previous.tag),
                path,
                bytes: file.bytes,
                modified: file.modified,
                replaces: file.replaced.is_some(),
            }
        }));
    }
    files
}

/// Returns the empty folders that a plan creates, relative to the replica.
fn empty_folders(job: &Job) -> impl Iterator<Item = PathBuf> + '_ {
    let folders = job.plan.folders.iter();
    let empty = folders.filter(|folder| !folder.exists && !folder.has_files());
    empty.map(|folder| folder.path.clone())
}
