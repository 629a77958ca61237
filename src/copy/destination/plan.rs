//! What a lane does first: it looks at its destination, tells the index what it saw, and plans.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Lane, News, Replica};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::unit;
use crate::copy::local::Job;
use crate::copy::name_rules;
use crate::copy::name_rules::Habits;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{LeftOut, Plan, Reason, plan};
use crate::copy::preflight;
use crate::model::project::{ProjectId, below};
use crate::model::registry::Database;
use crate::os::folder::Folder;
use crate::rclone;
use crate::snapshot::respelled;
use crate::snapshot::respelled::{Respelled, respell};
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{OffTimes, Record};
use crate::storage::observation::{Noting, Place};
use crate::storage::{DiskSide, Side};

impl Lane<'_> {
    /// Looks at every replica at the destination, and plans; what was seen is told to the index.
    pub(super) fn plan(&mut self, side: &DiskSide) -> Result<Vec<Job>> {
        let mut record = self.record(side)?;
        if !self.errand.dry_run {
            // An index that cannot be written stops no copy.
            self.rows(side).unwrap_or_default();
        }
        let replicas = self.errand.replicas.iter();
        let ids = replicas.map(|replica| side.spelled(&replica.category, &replica.project));
        let ids: Vec<ProjectId> = ids.collect();
        let mut noting = Noting::begin(&self.index, self.database)?;
        let jobs = self.plan_all(side, &ids, &mut noting, record.as_mut());
        // Also after a stop: what was read once is not read again.
        let recorded = record.map_or(Ok(()), Record::finish);
        let jobs = jobs?;
        let noted = noting.finish()?;
        let written = if self.errand.dry_run {
            Ok(())
        } else {
            noted.write(&mut self.index, Place::Disk(&side.root))
        };
        for error in [recorded, written].into_iter().filter_map(Result::err) {
            self.problem(error);
        }
        Ok(jobs)
    }

    fn plan_all<'r>(
        &self,
        side: &DiskSide,
        ids: &'r [ProjectId],
        noting: &mut Noting<'_, 'r>,
        mut record: Option<&mut Record>,
    ) -> Result<Vec<Job>>
    where
        Self: 'r,
    {
        let errand = self.errand;
        let mut jobs = Vec::new();
        let all: Vec<_> = errand.replicas.iter().map(Replica::relative).collect();
        let mixed = preflight::mixed(&side.root, &all)?;
        let mut off = OffTimes::default();
        let mut forms = Vec::new();
        for (replica, id) in errand.replicas.iter().zip(ids) {
            let relative = replica.relative();
            if let Err(why) = self.refuse_replica(side, &relative, &mixed) {
                self.refuse(&relative, why);
                continue;
            }
            let (category, project) = (&replica.category, &replica.project);
            let mut tree = side.tree(&errand.registry, &errand.exclusions, category, project)?;
            if let Err(error) = self.refuse_shared(side, replica, &tree) {
                self.refuse(&relative, error.line());
                continue;
            }
            // The index knows the names that the storage has.
            let is_noted = respelled::is_needed(&replica.tree, &tree);
            if is_noted {
                noting.add(category, id, &tree)?;
            }
            let respelled = respell(&replica.tree, &mut tree, &|folder, name| {
                side.finds(&relative.join(folder), name)
            });
            if id != project {
                forms.push(Name::from(below(&category.path, id).as_path()));
            }
            let contents = self.contents(side, replica, &tree, record.as_deref_mut())?;
            let found = record.as_deref_mut().map(|record| (record, &contents));
            off.add_shifts(&self.hold_times(side, replica, &mut tree, found)?);
            let plan = plan(&replica.tree, &tree, errand.rules, &contents);
            let mut plan = complete(plan, &tree, &side.root, &relative)?;
            if matches!(&*errand.source, Side::Remote(_)) {
                refuse_unfetched(&mut plan, &relative);
            }
            for Respelled {
                path,
                name,
                by_case,
            } in respelled
            {
                if by_case {
                    plan.renames.push((path, name));
                } else {
                    let folder = relative.join(path.parent().unwrap_or(Path::new("")));
                    forms.push(Name::from(folder.join(name.as_path()).as_path()));
                }
            }
            if !is_noted {
                noting.add(category, id, &tree)?;
            }
            jobs.push(Job {
                relative,
                plan,
                unfinished: false,
            });
        }
        if let Some(first) = forms.first() {
            let (names, database) = (
                unit::counted(forms.len() as u64, "name"),
                &self.database.name,
            );
            (self.tell)(News::Notice(format!(
                "{names} on `{database}` differ from those of the source only in their Unicode form, as `{first}`: they are the same"
            )));
        }
        off.notices(&self.database.name)
            .for_each(|text| (self.tell)(News::Notice(text)));
        Ok(jobs)
    }

    /// Reports a replica of which nothing is copied.
    pub(super) fn refuse(&self, relative: &Path, why: String) {
        let path = self.path(relative, Path::new(""));
        self.report().add(Outcome::Failed(why), || path);
    }

    /// Fails for a replica that would go into the source, or among the files of another; says why.
    fn refuse_replica(
        &self,
        side: &DiskSide,
        relative: &Path,
        mixed: &BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        let is_renamed = self.errand.bounds.renamed.contains(relative);
        if !is_renamed && let Some(why) = relative.ancestors().find_map(|path| mixed.get(path)) {
            return Err(why.clone());
        }
        let Some(source) = self.errand.source.folder() else {
            return Ok(());
        };
        preflight::refuse_same_folder(source, &side.root, relative).map_err(|error| error.line())
    }

    /// Fails for a replica of which a folder is one of the source too.
    fn refuse_shared(&self, side: &DiskSide, replica: &Replica, tree: &Tree) -> Result<()> {
        let Some(source) = self.errand.source.folder() else {
            return Ok(());
        };
        let pair = ((&**source, &replica.tree), (&*side.root, tree));
        preflight::refuse_shared_folder(pair.0, pair.1, &replica.relative())
    }

    /// Where contents are noted down, if content decides. Who asks a copy for that does not trust what was known before.
    fn record(&mut self, side: &DiskSide) -> Result<Option<Record>> {
        if !self.errand.rules.checksum {
            return Ok(None);
        }
        let rows = if self.errand.dry_run {
            [None; 2]
        } else {
            self.rows(side).unwrap_or_else(|error| {
                // An index that cannot be written stops no copy.
                self.problem(error);
                [None; 2]
            })
        };
        let record = Record::new(self.index.open_again()?, rows);
        Ok(Some(record.trusted(false)))
    }

    /// What there is to be known of contents, where content decides.
    fn contents(
        &self,
        side: &DiskSide,
        replica: &Replica,
        tree: &Tree,
        record: Option<&mut Record>,
    ) -> Result<content_compare::Found> {
        let relative = replica.relative();
        let Some(record) = record else {
            return self.known_contents(&side.database, &relative, [&replica.tree, tree]);
        };
        let Some(source) = self.errand.source.folder() else {
            return self.contents_from_afar(replica, tree);
        };
        let sides = [
            content_compare::Side {
                root: source,
                relative: &relative,
                tree: &replica.tree,
            },
            content_compare::Side {
                root: &side.root,
                relative: &relative,
                tree,
            },
        ];
        let (files, bytes) = content_compare::extent(&replica.tree, tree);
        (self.tell)(News::Comparing { files, bytes });
        let told = |bytes| self.compared.bytes(bytes);
        content_compare::compare(sides, record, self.workers(side), &told)
    }

    /// Files that an earlier comparison found to differ.
    pub(super) fn known_contents(
        &self,
        destination: &Database,
        relative: &Path,
        trees: [&Tree; 2],
    ) -> Result<content_compare::Found> {
        let source = &self.errand.source.database().root;
        let [a, b] = [source, &destination.root].map(|root| self.index.database_id(root));
        content_compare::Found::known(&self.index, [a?, b?], relative, trees)
    }

    /// The same where the source is behind rclone.
    fn contents_from_afar(&self, replica: &Replica, tree: &Tree) -> Result<content_compare::Found> {
        let Side::Remote(source) = &*self.errand.source else {
            return Ok(content_compare::Found::default());
        };
        let (files, bytes) = content_compare::extent(&replica.tree, tree);
        (self.tell)(News::Comparing { files, bytes });
        let told = |bytes| self.compared.bytes(bytes);
        let paths = content_compare::twin_paths(&replica.tree, tree);
        source.contents(self.database, None, paths, &replica.relative(), &told)
    }

    /// The rows of source and destination in the index.
    pub(super) fn rows(&mut self, side: &DiskSide) -> Result<[Option<i64>; 2]> {
        let source = self.errand.source.row(&mut self.index)?;
        Ok([source, side.row(&mut self.index)?])
    }

    /// Reports what a plan would do.
    pub(super) fn foresee(&self, job: Job) {
        let mut report = self.report();
        report.same(job.plan.same);
        for LeftOut { path, reason } in &job.plan.left_out {
            report.add(reason.clone().into(), || self.path(&job.relative, path));
        }
        report.planned_files += job.plan.files;
        let base = self.path(&job.relative, Path::new(""));
        report.planned.push((base, job.plan));
    }
}

/// Takes out of a plan what cannot be fetched from a remote: names that rclone would take for others.
fn refuse_unfetched(plan: &mut Plan, relative: &Path) {
    let refusal = |path: &Path| rclone::refusal(&relative.join(path)).map(str::to_owned);
    let refused = plan.paths().map(|(path, _)| path);
    let refused = refused.filter_map(|path| refusal(&path).map(|why| (path, why)));
    let refused: BTreeMap<_, _> = refused.collect();
    plan.refuse(&refused);
}

/// Adds to a plan what only the destination knows: names it cannot hold, and a replica's folder that cannot be made.
fn complete(mut plan: Plan, there: &Tree, root: &Folder, relative: &Path) -> Result<Plan> {
    if let Some(error) = there.failure() {
        // With nothing in it, nothing else would tell.
        if plan.left_out.is_empty() {
            plan.left_out.push(LeftOut {
                path: PathBuf::new(),
                reason: Reason::Fail(error.line()),
            });
        }
    } else if plan.has_work() {
        let folder = preflight::nearest(root, relative)?;
        let misfits = name_rules::misfits(&plan, there, &Habits::of(&folder));
        plan.refuse(&misfits);
    }
    Ok(plan)
}
