//! A copy to one destination, from looking at it to looking again: each destination has a thread of its own, so that a
//! slow or dead one holds up none of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::content;
use crate::copy_file::sweep;
use crate::error::{Error, Result};
use crate::exclusions::{Exclusions, OWN_FOLDER, is_temporary};
use crate::fit::{self, Habits};
use crate::identity;
use crate::index::{Content, Contents, Index};
use crate::interrupt;
use crate::listing::require_mounted;
use crate::lock::Lock;
use crate::monitor::Meter;
use crate::noting::Noting;
use crate::os::disk::Disk;
use crate::os::folder::Folder;
use crate::outcome::Outcome;
use crate::plan::{LeftOut, Plan, Reason, Rules, plan};
use crate::preflight;
use crate::project::{ProjectId, below};
use crate::registry::{Category, Database, Registry};
use crate::report::Report;
use crate::sides::Side;
use crate::transfer::{Job, Proof, Route, transfer};
use crate::tree::{self, Tree};
use crate::versions::Versions;

/// What all destinations of a copy have in common.
#[derive(Debug)]
pub struct Errand {
    /// What is tracked.
    pub registry: Registry,
    /// What is left alone.
    pub exclusions: Arc<Exclusions>,
    /// The database that is copied from.
    pub source: Side,
    /// The replicas that are copied, as the source holds them.
    pub replicas: Vec<Replica>,
    /// How differing files are handled.
    pub rules: Rules,
    /// Whether copies are read back.
    pub verify: bool,
    /// Only plan.
    pub dry_run: bool,
    /// The run's number.
    pub run: i64,
}

/// One replica as the source holds it.
#[derive(Debug)]
pub struct Replica {
    /// Its category.
    pub category: Category,
    /// Its project.
    pub project: ProjectId,
    /// What is there.
    pub tree: Tree,
}

impl Replica {
    /// Its folder below the root.
    #[must_use]
    pub fn relative(&self) -> PathBuf {
        below(&self.category.path, &self.project)
    }
}

/// What a lane tells while it works.
#[derive(Debug)]
pub enum News {
    /// So many more files and bytes will be copied.
    Planned {
        /// Files and links.
        files: u64,
        /// Bytes, counted twice where they are read back too.
        bytes: u64,
    },
    /// Something went wrong that holds up no file.
    Problem(Error),
    /// The lane of this place among the destinations has ended.
    Ended(usize, Result<()>),
}

/// The copy to one destination.
pub struct Lane<'a> {
    /// What is to be done.
    pub errand: &'a Errand,
    /// The destination.
    pub database: &'a Database,
    /// The index by a handle of its own.
    pub index: Index,
    /// What it came to.
    pub report: &'a Mutex<Report>,
    /// Counts files and bytes.
    pub meter: &'a Meter,
    /// Takes what is told.
    pub tell: &'a dyn Fn(News),
}

impl std::fmt::Debug for Lane<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Lane")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Lane<'_> {
    /// Copies. Replicas and files that fail are in the report; the rest is copied all the same.
    ///
    /// # Errors
    /// Nothing could be begun: the database is offline, locked or has no room.
    pub fn run(mut self) -> Result<()> {
        let side = Side::open(&self.index, self.database)?;
        self.errand.source.refuse_overlap(&side)?;
        let lock = if self.errand.dry_run {
            None
        } else {
            Lock::take(&side.root, &self.database.name)?
        };
        let jobs = self.plan(&side)?;
        let bytes = jobs.iter().map(|job| job.plan.bytes).sum();
        self.report().planned_bytes = bytes;
        if self.errand.dry_run {
            for job in &jobs {
                self.foresee(&side, job);
            }
            return Ok(());
        }
        self.carry_out(&side, jobs, lock)
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problem(&self, error: Error) {
        self.report().unrecorded = true;
        (self.tell)(News::Problem(error));
    }

    /// Looks at every replica at the destination, and plans; what was seen is told to the index.
    fn plan(&mut self, side: &Side) -> Result<Vec<Job>> {
        let errand = self.errand;
        let mut noting = Noting::begin(&self.index, self.database)?;
        let (mut jobs, mut read) = (Vec::new(), Vec::new());
        let all: Vec<_> = errand.replicas.iter().map(Replica::relative).collect();
        let mixed = preflight::mixed(&side.root, &all)?;
        for replica in &errand.replicas {
            let relative = replica.relative();
            if let Err(why) = self.refuse_replica(side, &relative, &mixed) {
                let path = side.path(&relative, Path::new(""));
                self.report().add(Outcome::Failed(why), || path);
                continue;
            }
            let (category, project) = (&replica.category, &replica.project);
            let tree = side.tree(&errand.registry, &errand.exclusions, category, project)?;
            let contents = self.contents(side, replica, &tree)?;
            let plan = plan(&replica.tree, &tree, errand.rules, &contents);
            let plan = complete(plan, &tree, &side.root, &relative)?;
            noting.add(category, project, &tree)?;
            read.push((relative.clone(), contents.read));
            jobs.push(Job { relative, plan });
        }
        let noted = noting.finish()?;
        if !errand.dry_run {
            let written = noted
                .write(&mut self.index, &side.root)
                .and_then(|()| self.keep_contents(side, &read));
            if let Err(error) = written {
                self.problem(error);
            }
        }
        Ok(jobs)
    }

    /// Fails for a replica that would go into the source, or among the files of another; says why.
    fn refuse_replica(
        &self,
        side: &Side,
        relative: &Path,
        mixed: &BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        if let Some(why) = relative.ancestors().find_map(|path| mixed.get(path)) {
            return Err(why.clone());
        }
        let source = &self.errand.source.root;
        preflight::refuse_same_folder(source, &side.root, relative).map_err(|error| error.line())
    }

    /// What there is to be known of contents, where content decides.
    fn contents(&self, side: &Side, replica: &Replica, tree: &Tree) -> Result<content::Found> {
        if !self.errand.rules.checksum {
            return Ok(content::Found::default());
        }
        let relative = replica.relative();
        let sides = [
            content::Side {
                root: &self.errand.source.root,
                relative: &relative,
                tree: &replica.tree,
            },
            content::Side {
                root: &side.root,
                relative: &relative,
                tree,
            },
        ];
        let ids = self.rows(side)?;
        let known = |folder: &Path| {
            let folder = relative.join(folder);
            let known = |id: Option<i64>| match id {
                Some(id) => self.index.digests(id, &folder),
                None => Ok(Contents::new()),
            };
            Ok([known(ids[0])?, known(ids[1])?])
        };
        content::compare(sides, &known, self.workers(side), &Meter::default())
    }

    /// The rows of source and destination in the index, once they were looked at.
    fn rows(&self, side: &Side) -> Result<[Option<i64>; 2]> {
        let row = |root: &Path| Ok(self.index.database(root)?.id);
        Ok([
            row(&self.errand.source.database.root)?,
            row(&side.database.root)?,
        ])
    }

    /// Keeps the digests of what was read to plan.
    fn keep_contents(
        &mut self,
        side: &Side,
        read: &[(PathBuf, BTreeMap<PathBuf, [Contents; 2]>)],
    ) -> Result<()> {
        let ids = self.rows(side)?;
        let mut rows = Vec::new();
        for (relative, folders) in read {
            for (folder, contents) in folders {
                for (id, contents) in ids.into_iter().zip(contents) {
                    if let (Some(id), false) = (id, contents.is_empty()) {
                        rows.push((id, relative.join(folder), contents));
                    }
                }
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = rows
            .iter()
            .map(|(id, folder, contents)| (*id, folder.as_path(), *contents))
            .collect();
        self.index.keep_digests(&rows)
    }

    /// How many threads copy between the two disks.
    fn workers(&self, side: &Side) -> usize {
        Disk::of(&self.errand.source.root).copiers(&Disk::of(&side.root))
    }

    /// Reports what a plan would do.
    fn foresee(&self, side: &Side, job: &Job) {
        let mut report = self.report();
        report.same(job.plan.same);
        for LeftOut { path, reason } in &job.plan.left_out {
            let outcome = match reason.clone() {
                Reason::Conflict(why) => Outcome::Conflict(why),
                Reason::Skip(why) => Outcome::Skipped(why),
                Reason::Fail(why) => Outcome::Failed(why),
            };
            report.add(outcome, || side.path(&job.relative, path));
        }
        report.planned_files += job.plan.files;
        for (path, replaces) in job.plan.paths() {
            report
                .to_copy
                .push((side.path(&job.relative, &path), replaces));
        }
    }

    /// Carries out the plans.
    fn carry_out(&mut self, side: &Side, mut jobs: Vec<Job>, lock: Option<Lock>) -> Result<()> {
        let (source, root) = (&self.errand.source.root, &side.root);
        let plans: Vec<_> = jobs
            .iter()
            .map(|job| (job.relative.as_path(), &job.plan))
            .collect();
        preflight::require_room(&self.database.name, source, root, &plans)?;
        let has_work = jobs.iter().any(|job| job.plan.has_work());
        let has_leftovers = jobs.iter().any(|job| !job.plan.leftovers.is_empty());
        let lock = match lock {
            None if has_work || has_leftovers => self.make_lock(side)?,
            lock => lock,
        };
        if lock.is_some() {
            self.sweep(side, &jobs);
        } else {
            // Without the lock they may be another run's.
            for job in &mut jobs {
                job.plan.leftovers.clear();
            }
        }
        if has_work && let Err(error) = identity::ensure(root, &self.database.name) {
            self.problem(error);
        }
        self.refuse_unmounted(side, &mut jobs);
        self.tell_planned(&jobs);
        let written: Vec<_> = jobs
            .iter()
            .filter(|job| job.plan.has_work())
            .map(|job| job.relative.as_path())
            .collect();
        let run = self.errand.run;
        if let Err(error) = self.index.begin_writing(run, &self.database.root, &written) {
            self.problem(error);
        }
        self.transfer(side, &jobs);
        // Also after a stop: `fetch` must not call missing what is there.
        interrupt::shielded(|| self.look_again(side, &jobs));
        drop(lock);
        Ok(())
    }

    /// Takes the lock of a database to which nothing was copied yet. Where our own folder cannot be made, there is no
    /// lock, but the folders of projects may be writable all the same.
    fn make_lock(&self, side: &Side) -> Result<Option<Lock>> {
        match Lock::make_and_take(&side.root, &self.database.name) {
            Err(error @ Error::Locked { .. }) => Err(error),
            Err(error) => {
                self.problem(error);
                Ok(None)
            }
            Ok(lock) => Ok(Some(lock)),
        }
    }

    fn tell_planned(&self, jobs: &[Job]) {
        let files = jobs.iter().map(|job| job.plan.files).sum();
        let bytes: u64 = jobs.iter().map(|job| job.plan.bytes).sum();
        let passes = if self.errand.verify { 2 } else { 1 };
        (self.tell)(News::Planned {
            files,
            bytes: bytes.saturating_mul(passes),
        });
    }

    /// Removes what runs that died left in our own folder, in those above replicas, where names are tried out before a
    /// replica is there, and in replicas that are not this run's.
    fn sweep(&self, side: &Side, jobs: &[Job]) {
        sweep_folder(&side.root, Path::new(OWN_FOLDER));
        let above = jobs.iter().flat_map(|job| job.relative.ancestors().skip(1));
        for folder in above.collect::<BTreeSet<_>>() {
            sweep_folder(&side.root, folder);
        }
        let run = self.errand.run;
        let left = self.index.left_unfinished(run, &self.database.root);
        for relative in left.unwrap_or_default() {
            if jobs.iter().any(|job| job.relative == relative) {
                continue;
            }
            let walked = tree::walk(&side.root, &relative, &self.errand.exclusions, &[]);
            for path in walked.map(|tree| tree.leftovers).unwrap_or_default() {
                let (above, name) = (path.parent(), path.file_name());
                let above = relative.join(above.unwrap_or(Path::new("")));
                let folder = side.root.beneath(&above);
                // One that cannot be removed stays for a later run.
                let _swept = folder.is_ok_and(|folder| sweep(&folder, name.unwrap_or_default()));
            }
        }
    }

    /// Fails everything of a category that was unmounted after it was looked at.
    fn refuse_unmounted(&self, side: &Side, jobs: &mut [Job]) {
        for (job, replica) in jobs.iter_mut().zip(&self.errand.replicas) {
            let category = &replica.category;
            if let Err(error) = require_mounted(&side.root, category, &side.mounted) {
                let refused = [(PathBuf::new(), error.line())].into();
                job.plan.refuse(&refused);
            }
        }
    }

    /// Copies, and tells the report and the index.
    fn transfer(&mut self, side: &Side, jobs: &[Job]) {
        for job in jobs {
            self.report().same(job.plan.same);
        }
        let ids = self.rows(side).unwrap_or_default();
        self.forget_replaced(ids[1], jobs);
        let versions = Versions::new(&side.root, self.errand.run);
        let (report, workers) = (self.report, self.workers(side));
        let tell = |job: usize, folder: &Path, name: &OsStr, outcome: Outcome| {
            let relative = &jobs[job].relative;
            let path = || side.path(relative, &folder.join(name));
            report
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(outcome, path);
        };
        let index = Mutex::new((&mut self.index, None));
        let keep = |proofs: &[Proof]| {
            let mut kept = index.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = keep(kept.0, ids, jobs, proofs) {
                kept.1.get_or_insert(error);
            }
        };
        let route = Route {
            source: &self.errand.source.root,
            destination: &side.root,
            versions: &versions,
            verify: self.errand.verify,
            workers,
            meter: self.meter,
            tell: &tell,
            keep: &keep,
        };
        transfer(jobs, &route);
        let (_, failed) = index.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failed {
            self.problem(error);
        }
        let path = versions.path().map(|path| side.root.path().join(path));
        self.report().versions.extend(path);
    }

    /// Forgets the digests of folders in which files may be replaced by others of their size and time.
    fn forget_replaced(&mut self, id: Option<i64>, jobs: &[Job]) {
        let Some(id) = id.filter(|_| self.errand.rules.checksum) else {
            return;
        };
        for job in jobs {
            let replaced = job.plan.folders.iter();
            for folder in replaced.filter(|folder| !folder.replace.is_empty()) {
                let path = job.relative.join(&folder.path);
                if let Err(error) = self.index.forget_digests(id, &path) {
                    self.problem(error);
                }
            }
        }
    }

    /// Looks again at what was written to, so that the index knows it.
    fn look_again(&mut self, side: &Side, jobs: &[Job]) {
        let looked = self.look_at_written(side, jobs);
        if let Err(error) = looked.and_then(|()| self.index.end_writing(&self.database.root)) {
            self.problem(error);
        }
    }

    fn look_at_written(&mut self, side: &Side, jobs: &[Job]) -> Result<()> {
        let errand = self.errand;
        let mut noting = Noting::begin(&self.index, self.database)?;
        let written = errand.replicas.iter().filter(|replica| {
            let relative = replica.relative();
            let mut jobs = jobs.iter();
            jobs.any(|job| job.relative == relative && job.plan.has_work())
        });
        let mut any = false;
        for replica in written {
            let (category, project) = (&replica.category, &replica.project);
            let tree = side.tree(&errand.registry, &errand.exclusions, category, project)?;
            noting.add(category, project, &tree)?;
            any = true;
        }
        let noted = noting.finish()?;
        if any {
            noted.write(&mut self.index, &side.root)?;
        }
        Ok(())
    }
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
        let misfits = fit::misfits(&plan, there, &Habits::of(&folder));
        plan.refuse(&misfits);
    }
    Ok(plan)
}

/// Removes the temporary files in one folder below a root.
fn sweep_folder(root: &Folder, relative: &Path) {
    let Ok(folder) = root.beneath(relative) else {
        return;
    };
    let names = folder.entries().unwrap_or_default();
    for name in names.iter().filter(|name| is_temporary(name)) {
        // One that cannot be removed stays for a later run.
        let _swept = sweep(&folder, name);
    }
}

/// Keeps what was proven, for source and destination alike: their content is the same.
fn keep(index: &mut Index, ids: [Option<i64>; 2], jobs: &[Job], proofs: &[Proof]) -> Result<()> {
    let mut folders: BTreeMap<(usize, &Path), Contents> = BTreeMap::new();
    for proof in proofs {
        let content = Content {
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
    index.keep_digests(&rows)
}
