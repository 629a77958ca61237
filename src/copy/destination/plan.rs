//! Scans a local destination, records what it finds in the index, and plans the copy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{CopyEvent, DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::base::name::Name;
use crate::base::unit;
use crate::copy::local::Job;
use crate::copy::name_rules;
use crate::copy::name_rules::NameRules;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Omission, OmissionReason, Plan, plan};
use crate::copy::preflight;
use crate::model::path::split_path;
use crate::model::project::{ProjectId, replica_path};
use crate::os::folder::Folder;
use crate::rclone;
use crate::snapshot::respelled;
use crate::snapshot::respelled::{RespelledEntry, respell};
use crate::snapshot::tree::Tree;
use crate::storage::content_compare::{ContentRecord, TimeReconciliation};
use crate::storage::observation::{ObservationBuilder, ObservedRoot};
use crate::storage::{LocalStorage, Storage, StorageRef};

impl DestinationCopy<'_> {
    /// Scans every replica at the destination and plans it. The scan is recorded in the index.
    pub(super) fn plan_local(&mut self, storage: &LocalStorage) -> Result<Vec<Job>> {
        let mut record = self.open_fresh_record(storage)?;
        if !self.spec.dry_run {
            let ids = self.database_ids(storage);
            ignore(ids, "an index that cannot be written stops no copy");
        }
        let replicas = self.spec.replicas.iter();
        let ids =
            replicas.map(|replica| storage.stored_spelling(&replica.category, &replica.project));
        let ids: Vec<ProjectId> = ids.collect();
        let mut builder = ObservationBuilder::start(&self.index, self.database)?;
        let jobs = self.plan_jobs(storage, &ids, &mut builder, record.as_mut());
        // After cancellation too, so that no content is read a second time.
        let recorded = record.map_or(Ok(()), ContentRecord::finish);
        let jobs = jobs?;
        let observation = builder.finish()?;
        let written = if self.spec.dry_run {
            Ok(())
        } else {
            observation.write(&mut self.index, ObservedRoot::Local(&storage.root))
        };
        for error in [recorded, written].into_iter().filter_map(Result::err) {
            self.report_problem(error);
        }
        Ok(jobs)
    }

    fn plan_jobs<'r>(
        &self,
        storage: &LocalStorage,
        ids: &'r [ProjectId],
        builder: &mut ObservationBuilder<'_, 'r>,
        mut record: Option<&mut ContentRecord>,
    ) -> Result<Vec<Job>>
    where
        Self: 'r,
    {
        let spec = self.spec;
        let mut jobs = Vec::new();
        let all: Vec<_> = spec.replicas.iter().map(SourceReplica::relative).collect();
        let clashing = preflight::find_clashing_projects(&storage.root, &all)?;
        let mut notes = PlanNotes::default();
        for (replica, id) in spec.replicas.iter().zip(ids) {
            let relative = replica.relative();
            if let Err(why) = self.refuse_replica(storage, &relative, &clashing) {
                self.report_refused(&relative, why);
                continue;
            }
            let (category, project) = (&replica.category, &replica.project);
            let tree = storage.tree(&spec.registry, &spec.exclusions, category, project)?;
            if let Err(error) = self.refuse_shared_folder(storage, replica, &tree) {
                self.report_refused(&relative, error.full_message());
                continue;
            }
            let record = record.as_deref_mut();
            let plan =
                self.plan_replica(storage, (replica, id), tree, builder, record, &mut notes)?;
            jobs.push(Job::new(relative, plan));
        }
        self.report_notes(&notes);
        Ok(jobs)
    }

    fn plan_replica<'r>(
        &self,
        storage: &LocalStorage,
        (replica, id): (&'r SourceReplica, &'r ProjectId),
        mut tree: Tree,
        builder: &mut ObservationBuilder<'_, 'r>,
        mut record: Option<&mut ContentRecord>,
        notes: &mut PlanNotes,
    ) -> Result<Plan> {
        let relative = replica.relative();
        let category = &replica.category;
        // The index stores the names as the storage spells them, so the tree is added before it is respelled.
        let is_respelled = respelled::is_needed(&replica.tree, &tree);
        if is_respelled {
            builder.add(category, id, &tree)?;
        }
        let respelled = respell(&replica.tree, &mut tree, &|folder, name| {
            storage.resolves_name(&relative.join(folder), name)
        });
        if *id != replica.project {
            let path = replica_path(&category.path, id);
            notes.unicode_variants.push(Name::from(path.as_path()));
        }
        let contents = self.compare_contents(
            StorageRef::Local(storage),
            replica,
            &tree,
            record.as_deref_mut(),
        )?;
        let compared = record.map(|record| (record, &contents));
        let shifts =
            self.reconcile_times(StorageRef::Local(storage), replica, &mut tree, compared)?;
        notes.shifts.add_shifts(&shifts);
        let plan = plan(&replica.tree, &tree, self.spec.rules, &contents);
        let mut plan = reject_unsupported_names(plan, &tree, &storage.root, &relative)?;
        if matches!(&*self.spec.source, Storage::Remote(_)) {
            reject_unfetchable(&mut plan, &relative);
        }
        for RespelledEntry {
            path,
            name,
            differs_in_case,
        } in respelled
        {
            if differs_in_case {
                plan.case_renames.push((path, name));
            } else {
                let path = relative.join(split_path(&path).0).join(name.as_path());
                notes.unicode_variants.push(Name::from(path.as_path()));
            }
        }
        if !is_respelled {
            builder.add(category, id, &tree)?;
        }
        Ok(plan)
    }

    /// Shows the notices about names and times at the destination.
    fn report_notes(&self, notes: &PlanNotes) {
        let database = &self.database.name;
        if let Some(first) = notes.unicode_variants.first() {
            let names = unit::format_counted(notes.unicode_variants.len() as u64, "name");
            (self.on_event)(CopyEvent::Notice(format!(
                "{names} on `{database}` differ from the source only in Unicode form, for example `{first}`: they count as the same"
            )));
        }
        self.report_shifts(&notes.shifts);
    }

    /// Shows the notices about shifted times.
    pub(super) fn report_shifts(&self, shifts: &TimeReconciliation) {
        shifts
            .notices(&self.database.name)
            .for_each(|text| (self.on_event)(CopyEvent::Notice(text)));
    }

    /// Reports a replica that is not copied at all.
    pub(super) fn report_refused(&self, relative: &Path, why: String) {
        let path = self.destination_path(relative, Path::new(""));
        self.lock_report().add(Outcome::Failed(why), || path);
    }

    /// Fails for a replica that would be written into the source or into another project.
    fn refuse_replica(
        &self,
        storage: &LocalStorage,
        relative: &Path,
        clashing: &BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        let is_renamed = self.spec.limits.renamed_replicas.contains(relative);
        if !is_renamed && let Some(why) = relative.ancestors().find_map(|path| clashing.get(path)) {
            return Err(why.clone());
        }
        let Some(source) = self.spec.source.root_folder() else {
            return Ok(());
        };
        preflight::refuse_same_folder(source, &storage.root, relative)
            .map_err(|error| error.full_message())
    }

    /// Fails for a replica that shares a folder with the source.
    fn refuse_shared_folder(
        &self,
        storage: &LocalStorage,
        replica: &SourceReplica,
        tree: &Tree,
    ) -> Result<()> {
        let Some(source) = self.spec.source.root_folder() else {
            return Ok(());
        };
        let pair = ((&**source, &replica.tree), (&*storage.root, tree));
        preflight::refuse_shared_folder(pair.0, pair.1, &replica.relative())
    }

    /// Reports the items of a plan that are not copied.
    pub(super) fn report_uncopied(&self, job: &Job) {
        let mut report = self.lock_report();
        report.add_same(job.plan.same_files);
        for Omission { path, reason } in &job.plan.omissions {
            report.add(reason.clone().into(), || {
                self.destination_path(&job.relative, path)
            });
        }
    }

    /// Reports the plan of a dry run.
    pub(super) fn report_dry_run(&self, job: Job) {
        self.report_uncopied(&job);
        let mut report = self.lock_report();
        report.planned_files += job.plan.files;
        let base = self.destination_path(&job.relative, Path::new(""));
        report.dry_run_plans.push((base, job.plan));
    }
}

/// Notices about the destination, collected while its replicas are planned.
#[derive(Debug, Default)]
struct PlanNotes {
    /// Times that the destination shifted.
    shifts: TimeReconciliation,
    /// Paths at the destination that differ from the source only in Unicode form.
    unicode_variants: Vec<Name>,
}

/// Rejects the files whose names rclone cannot fetch without mistaking them for others.
fn reject_unfetchable(plan: &mut Plan, relative: &Path) {
    let refusal = |path: &Path| rclone::unsupported_reason(&relative.join(path)).map(str::to_owned);
    let refused = plan.paths().map(|(path, _)| path);
    let refused = refused.filter_map(|path| refusal(&path).map(|why| (path, why)));
    let refused: BTreeMap<_, _> = refused.collect();
    plan.reject(&refused);
}

/// Rejects the names that the destination cannot hold. If the replica's own folder cannot be read, adds that failure.
fn reject_unsupported_names(
    mut plan: Plan,
    tree: &Tree,
    root: &Folder,
    relative: &Path,
) -> Result<Plan> {
    if let Some(error) = tree.failure() {
        // Without any other omission the failure would not be reported.
        if plan.omissions.is_empty() {
            plan.omissions.push(Omission {
                path: PathBuf::new(),
                reason: OmissionReason::Failed(error.full_message()),
            });
        }
    } else if plan.has_work() {
        let folder = preflight::open_nearest(root, relative)?;
        let unsupported =
            name_rules::unsupported_names(&plan, tree, &NameRules::for_folder(&folder));
        plan.reject(&unsupported);
    }
    Ok(plan)
}
