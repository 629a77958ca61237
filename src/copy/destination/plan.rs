//! What a lane does first: it looks at its destination, tells the index what it saw, and plans.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{CopyEvent, DestinationCopy, SourceReplica};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unit;
use crate::copy::local::Job;
use crate::copy::name_rules;
use crate::copy::name_rules::NameRules;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Omission, OmissionReason, Plan, plan};
use crate::copy::preflight;
use crate::index::DatabaseId;
use crate::model::project::{ProjectId, replica_path};
use crate::model::registry::Database;
use crate::os::folder::Folder;
use crate::rclone;
use crate::snapshot::respelled;
use crate::snapshot::respelled::{RespelledEntry, respell};
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{ContentRecord, TimeReconciliation};
use crate::storage::observation::{ObservationBuilder, ObservedRoot};
use crate::storage::{LocalStorage, Storage};

impl DestinationCopy<'_> {
    /// Looks at every replica at the destination, and plans; what was seen is told to the index.
    pub(super) fn plan_local(&mut self, storage: &LocalStorage) -> Result<Vec<Job>> {
        let mut record = self.open_content_record(storage)?;
        if !self.spec.dry_run {
            // An index that cannot be written stops no copy.
            self.database_ids(storage).unwrap_or_default();
        }
        let replicas = self.spec.replicas.iter();
        let ids =
            replicas.map(|replica| storage.stored_spelling(&replica.category, &replica.project));
        let ids: Vec<ProjectId> = ids.collect();
        let mut builder = ObservationBuilder::start(&self.index, self.database)?;
        let jobs = self.plan_jobs(storage, &ids, &mut builder, record.as_mut());
        // Also after a stop: what was read once is not read again.
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
        let mixed = preflight::find_clashing_projects(&storage.root, &all)?;
        let mut off = TimeReconciliation::default();
        let mut forms = Vec::new();
        for (replica, id) in spec.replicas.iter().zip(ids) {
            let relative = replica.relative();
            if let Err(why) = self.refuse_replica(storage, &relative, &mixed) {
                self.report_refused(&relative, why);
                continue;
            }
            let (category, project) = (&replica.category, &replica.project);
            let mut tree = storage.tree(&spec.registry, &spec.exclusions, category, project)?;
            if let Err(error) = self.refuse_shared_folder(storage, replica, &tree) {
                self.report_refused(&relative, error.full_message());
                continue;
            }
            // The index knows the names that the storage has.
            let is_noted = respelled::is_needed(&replica.tree, &tree);
            if is_noted {
                builder.add(category, id, &tree)?;
            }
            let respelled = respell(&replica.tree, &mut tree, &|folder, name| {
                storage.resolves_name(&relative.join(folder), name)
            });
            if id != project {
                forms.push(Name::from(replica_path(&category.path, id).as_path()));
            }
            let contents = self.compare_contents(storage, replica, &tree, record.as_deref_mut())?;
            let found = record.as_deref_mut().map(|record| (record, &contents));
            off.add_shifts(&self.reconcile_times(storage, replica, &mut tree, found)?);
            let plan = plan(&replica.tree, &tree, spec.rules, &contents);
            let mut plan = reject_unsupported_names(plan, &tree, &storage.root, &relative)?;
            if matches!(&*spec.source, Storage::Remote(_)) {
                reject_unfetchable(&mut plan, &relative);
            }
            for RespelledEntry {
                path,
                name,
                differs_in_case: by_case,
            } in respelled
            {
                if by_case {
                    plan.case_renames.push((path, name));
                } else {
                    let folder = relative.join(path.parent().unwrap_or(Path::new("")));
                    forms.push(Name::from(folder.join(name.as_path()).as_path()));
                }
            }
            if !is_noted {
                builder.add(category, id, &tree)?;
            }
            jobs.push(Job {
                relative,
                plan,
                unfinished: false,
            });
        }
        if let Some(first) = forms.first() {
            let (names, database) = (
                unit::format_counted(forms.len() as u64, "name"),
                &self.database.name,
            );
            (self.on_event)(CopyEvent::Notice(format!(
                "{names} on `{database}` differ from those of the source only in their Unicode form, as `{first}`: they are the same"
            )));
        }
        off.notices(&self.database.name)
            .for_each(|text| (self.on_event)(CopyEvent::Notice(text)));
        Ok(jobs)
    }

    /// Reports a replica of which nothing is copied.
    pub(super) fn report_refused(&self, relative: &Path, why: String) {
        let path = self.destination_path(relative, Path::new(""));
        self.lock_report().add(Outcome::Failed(why), || path);
    }

    /// Fails for a replica that would go into the source, or among the files of another; says why.
    fn refuse_replica(
        &self,
        storage: &LocalStorage,
        relative: &Path,
        mixed: &BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        let is_renamed = self.spec.limits.renamed_replicas.contains(relative);
        if !is_renamed && let Some(why) = relative.ancestors().find_map(|path| mixed.get(path)) {
            return Err(why.clone());
        }
        let Some(source) = self.spec.source.root_folder() else {
            return Ok(());
        };
        preflight::refuse_same_folder(source, &storage.root, relative)
            .map_err(|error| error.full_message())
    }

    /// Fails for a replica of which a folder is one of the source too.
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

    /// Where contents are noted down, if content decides. Who asks a copy for that does not trust what was known before.
    fn open_content_record(&mut self, storage: &LocalStorage) -> Result<Option<ContentRecord>> {
        if !self.spec.rules.checksum {
            return Ok(None);
        }
        let rows = if self.spec.dry_run {
            [None; 2]
        } else {
            self.database_ids(storage).unwrap_or_else(|error| {
                // An index that cannot be written stops no copy.
                self.report_problem(error);
                [None; 2]
            })
        };
        let record = ContentRecord::new(self.index.try_clone()?, rows);
        Ok(Some(record.with_known(false)))
    }

    /// What there is to be known of contents, where content decides.
    fn compare_contents(
        &self,
        storage: &LocalStorage,
        replica: &SourceReplica,
        tree: &Tree,
        record: Option<&mut ContentRecord>,
    ) -> Result<content_compare::ContentComparison> {
        let relative = replica.relative();
        let Some(record) = record else {
            return self.known_differences(&storage.database, &relative, [&replica.tree, tree]);
        };
        let Some(source) = self.spec.source.root_folder() else {
            return self.compare_with_remote_source(replica, tree);
        };
        let sides = [
            content_compare::ComparedReplica {
                root: source,
                relative: &relative,
                tree: &replica.tree,
            },
            content_compare::ComparedReplica {
                root: &storage.root,
                relative: &relative,
                tree,
            },
        ];
        let (files, bytes) = content_compare::comparison_size(&replica.tree, tree);
        (self.on_event)(CopyEvent::Comparing { files, bytes });
        let on_progress = |bytes| self.compare_meter.add_bytes(bytes);
        content_compare::compare(sides, record, self.worker_count(storage), &on_progress)
    }

    /// Files that an earlier comparison found to differ.
    pub(super) fn known_differences(
        &self,
        destination: &Database,
        relative: &Path,
        trees: [&Tree; 2],
    ) -> Result<content_compare::ContentComparison> {
        let source = &self.spec.source.database().root;
        let [a, b] = [source, &destination.root].map(|root| self.index.database_id(root));
        content_compare::ContentComparison::from_index(&self.index, [a?, b?], relative, trees)
    }

    /// The same where the source is behind rclone.
    fn compare_with_remote_source(
        &self,
        replica: &SourceReplica,
        tree: &Tree,
    ) -> Result<content_compare::ContentComparison> {
        let Storage::Remote(source) = &*self.spec.source else {
            return Ok(content_compare::ContentComparison::default());
        };
        let (files, bytes) = content_compare::comparison_size(&replica.tree, tree);
        (self.on_event)(CopyEvent::Comparing { files, bytes });
        let on_progress = |bytes| self.compare_meter.add_bytes(bytes);
        let paths = content_compare::same_size_paths(&replica.tree, tree);
        source.compare_contents(
            self.database,
            None,
            paths,
            &replica.relative(),
            &on_progress,
        )
    }

    /// The rows of source and destination in the index.
    pub(super) fn database_ids(
        &mut self,
        storage: &LocalStorage,
    ) -> Result<[Option<DatabaseId>; 2]> {
        let source = self.spec.source.database_id(&mut self.index)?;
        Ok([source, storage.database_id(&mut self.index)?])
    }

    /// Reports what a plan would do.
    pub(super) fn report_dry_run(&self, job: Job) {
        let mut report = self.lock_report();
        report.add_same(job.plan.same_files);
        for Omission { path, reason } in &job.plan.omissions {
            report.add(reason.clone().into(), || {
                self.destination_path(&job.relative, path)
            });
        }
        report.planned_files += job.plan.files;
        let base = self.destination_path(&job.relative, Path::new(""));
        report.dry_run_plans.push((base, job.plan));
    }
}

/// Takes out of a plan what cannot be fetched from a remote: names that rclone would take for others.
fn reject_unfetchable(plan: &mut Plan, relative: &Path) {
    let refusal = |path: &Path| rclone::unsupported_reason(&relative.join(path)).map(str::to_owned);
    let refused = plan.paths().map(|(path, _)| path);
    let refused = refused.filter_map(|path| refusal(&path).map(|why| (path, why)));
    let refused: BTreeMap<_, _> = refused.collect();
    plan.reject(&refused);
}

/// Adds to a plan what only the destination knows: names it cannot hold, and a replica's folder that cannot be made.
fn reject_unsupported_names(
    mut plan: Plan,
    there: &Tree,
    root: &Folder,
    relative: &Path,
) -> Result<Plan> {
    if let Some(error) = there.failure() {
        // With nothing in it, nothing else would tell.
        if plan.omissions.is_empty() {
            plan.omissions.push(Omission {
                path: PathBuf::new(),
                reason: OmissionReason::Failed(error.full_message()),
            });
        }
    } else if plan.has_work() {
        let folder = preflight::open_nearest(root, relative)?;
        let misfits = name_rules::unsupported_names(&plan, there, &NameRules::for_folder(&folder));
        plan.reject(&misfits);
    }
    Ok(plan)
}
