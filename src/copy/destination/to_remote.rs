//! What a lane does where its destination is behind rclone: one listing, a plan, one process for all files, and one
//! listing that proves them.

use std::path::PathBuf;
use std::sync::PoisonError;

use super::{Lane, News, Replica};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::copy::local::Job;
use crate::copy::name_rules;
use crate::copy::name_rules::Habits;
use crate::copy::plan::{LeftOut, Plan, plan};
use crate::copy::remote;
use crate::copy::remote::{CANNOT_KEEP, End, Outgoing, Sending};
use crate::index::{SentFolder, SentRecord};
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::os::stat::Kind;
use crate::rclone;
use crate::rclone::{Limits, Listed};
use crate::snapshot::manifest::Files;
use crate::snapshot::respelled;
use crate::snapshot::tree::Tree;
use crate::storage::content_compare;
use crate::storage::content_compare::{Found, OffTimes};
use crate::storage::lock::Lock;
use crate::storage::observation::{Noting, Place};
use crate::storage::{Opened, RemoteSide};

impl Lane<'_> {
    pub(super) fn run_to_remote(&mut self, side: &RemoteSide) -> Result<()> {
        let _lock = if self.errand.dry_run {
            None
        } else {
            Some(Lock::of_remote(self.database, self.errand.run)?)
        };
        if !self.errand.dry_run {
            remote::settle(&mut self.index, side, &self.errand.source)?;
        }
        let (jobs, trees) = self.plan_remote(side)?;
        self.report().planned_bytes = jobs.iter().map(|job| job.plan.bytes).sum();
        if self.errand.dry_run {
            for job in jobs {
                self.foresee(job);
            }
            return Ok(());
        }
        let writes = jobs.iter().any(|job| job.plan.has_work());
        let source = &self.errand.source;
        source.refuse_same_place(Opened::Remote(side), writes)?;
        if self.errand.asks {
            self.ask(&jobs)?;
        }
        if writes {
            side.ensure_identity()?;
        }
        self.tell_planned(&jobs);
        for job in &jobs {
            self.report().same(job.plan.same);
            for LeftOut { path, reason } in &job.plan.left_out {
                self.report()
                    .add(reason.clone().into(), || self.path(&job.relative, path));
            }
        }
        self.send(side, &jobs)?;
        interrupt::shielded(|| self.note_sent(side, &jobs, trees))
    }

    /// Plans every replica by one listing of the destination; what it showed is told to the index.
    fn plan_remote(&mut self, side: &RemoteSide) -> Result<(Vec<Job>, Vec<Option<Tree>>)> {
        let errand = self.errand;
        for category in self.categories() {
            let inner = errand.registry.inner_categories(category);
            side.listing(category, &errand.scope, &inner)?;
        }
        if !errand.dry_run {
            // An index that cannot be written stops no copy.
            side.row(&mut self.index).unwrap_or_default();
        }
        let (mut jobs, mut trees) = (Vec::new(), Vec::new());
        let replicas = errand.replicas.iter();
        let ids = replicas.map(|replica| side.spelled(&replica.category, &replica.project));
        let ids: Vec<ProjectId> = ids.collect();
        let mut noting = Noting::begin(&self.index, self.database)?;
        let mut off = OffTimes::default();
        for (replica, id) in errand.replicas.iter().zip(&ids) {
            let (category, project) = (&replica.category, &replica.project);
            let relative = replica.relative();
            if let Some(why) = rclone::refusal(&relative) {
                self.refuse(&relative, why.to_owned());
                continue;
            }
            let (registry, exclusions) = (&errand.registry, &errand.exclusions);
            let mut tree = side.destination_tree(registry, exclusions, category, project)?;
            // The index knows the names that the storage has.
            let is_respelled = id != project || respelled::is_needed(&replica.tree, &tree);
            if is_respelled {
                noting.add(category, id, &tree)?;
            }
            let folds = side.abilities.folds_case();
            respelled::respell(&replica.tree, &mut tree, &|_, _| folds);
            let compared = errand.rules.checksum;
            let contents = if compared {
                self.compare_remote(side, replica, &tree)?
            } else {
                let trees = [&replica.tree, &tree];
                self.known_contents(&side.database, &relative, trees)?
            };
            let found = compared.then_some(&contents);
            off.add_shifts(&self.hold_times_of_remote(side, replica, &mut tree, found)?);
            let plan = plan(&replica.tree, &tree, errand.rules, &contents);
            if !is_respelled {
                noting.add(category, id, &tree)?;
            }
            jobs.push(Job {
                plan: fitted(plan, &tree, side),
                relative,
                unfinished: false,
            });
            trees.push((!is_respelled).then_some(tree));
        }
        off.notices(&self.database.name)
            .for_each(|text| (self.tell)(News::Notice(text)));
        let noted = noting.finish()?;
        if !errand.dry_run {
            let written = noted.write(&mut self.index, Place::Remote(side.identity()));
            let corrected = jobs
                .iter()
                .try_for_each(|job| side.correct_record(&job.relative));
            for error in [written, corrected].into_iter().filter_map(Result::err) {
                self.problem(error);
            }
        }
        Ok((jobs, trees))
    }

    /// The categories of the replicas, each once.
    fn categories(&self) -> Vec<&Category> {
        let mut categories = Vec::new();
        for replica in &self.errand.replicas {
            if !categories.contains(&&replica.category) {
                categories.push(&replica.category);
            }
        }
        categories
    }

    fn compare_remote(&self, side: &RemoteSide, replica: &Replica, tree: &Tree) -> Result<Found> {
        let source = &self.errand.source;
        let (files, bytes) = content_compare::extent(&replica.tree, tree);
        (self.tell)(News::Comparing { files, bytes });
        let told = |bytes| self.compared.bytes(bytes);
        let paths = content_compare::twin_paths(&replica.tree, tree);
        let (database, abilities) = (source.database(), source.abilities());
        side.contents(database, abilities, paths, &replica.relative(), &told)
    }

    /// Sends what the plans say, and tells the report.
    fn send(&mut self, side: &RemoteSide, jobs: &[Job]) -> Result<()> {
        let mut files = Vec::new();
        for job in jobs {
            files.extend(outgoing(job, &*side.listed(&job.relative)?));
        }
        // Bytes are counted twice where they are read back too, and rclone says only when all of it is done.
        let (meter, passes) = (self.meter, if self.errand.verify { 2 } else { 1 });
        let sending = Sending {
            source: &self.errand.source,
            destination: side,
            limits: &Limits::default(),
            verify: self.errand.verify,
            run: self.errand.run,
            told: &|files, bytes| {
                meter.files(files);
                meter.bytes(bytes * passes);
            },
        };
        let (report, database) = (self.report, self.database);
        let mut kept = Vec::new();
        let sent = sending.send(&mut self.index, &files, &mut kept, &mut |file, outcome| {
            let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
            report.add(outcome, || database.path(&file.whole()));
        });
        let kept = kept.iter().map(|versions| side.remote.path(versions));
        self.report().versions.extend(kept);
        match sent? {
            // Where nothing answers any more, every file was told so.
            End::Lost(_) => Ok(()),
            End::Answered => self.make_empty_folders(side, jobs),
        }
    }

    /// Makes folders in which there is nothing, where the storage holds such, and notes them down.
    fn make_empty_folders(&mut self, side: &RemoteSide, jobs: &[Job]) -> Result<()> {
        if interrupt::requested() {
            return Ok(());
        }
        let of = |job: &Job| {
            let folders = empty_folders(job).map(|path| job.relative.join(path));
            folders.collect::<Vec<_>>()
        };
        let folders: Vec<PathBuf> = jobs.iter().flat_map(of).collect();
        if side.abilities.holds_empty_folders() {
            side.remote.make_folders(&folders)?;
        }
        let (destination, source) = (&self.database.root, &self.errand.source.database().root);
        let mut made = SentRecord::new();
        for job in jobs {
            let changes = made.entry(job.relative.clone()).or_default();
            for folder in empty_folders(job) {
                changes.folder(&folder, SentFolder::new());
            }
        }
        self.index.keep_sent(destination, source, &made)
    }

    /// Tells the index what is at the destination now: what was there, and what was proven since.
    fn note_sent(
        &mut self,
        side: &RemoteSide,
        jobs: &[Job],
        trees: Vec<Option<Tree>>,
    ) -> Result<()> {
        let errand = self.errand;
        let mut noting = Noting::begin(&self.index, self.database)?;
        for (job, tree) in jobs.iter().zip(trees) {
            // What has other names there was noted as it has them.
            let Some(tree) = tree.filter(|_| job.plan.has_work()) else {
                continue;
            };
            let replica = errand
                .replicas
                .iter()
                .find(|replica| replica.relative() == job.relative);
            let Some(replica) = replica else { continue };
            let rows = self.index.sent(&self.database.root, &job.relative)?;
            let made: Vec<PathBuf> = empty_folders(job).collect();
            let tree = side.with_record(tree, &rows, &made, &errand.exclusions);
            noting.add(&replica.category, &replica.project, &tree)?;
        }
        let noted = noting.finish()?;
        noted.write(&mut self.index, Place::Remote(side.identity()))
    }
}

/// A plan without what the destination cannot hold: links, names that rclone would take for others, names that the storage
/// would take for one, and files in the place of folders.
fn fitted(mut plan: Plan, there: &Tree, side: &RemoteSide) -> Plan {
    let habits = Habits::of_remote(side.abilities.folds_case());
    let mut refused = name_rules::misfits(&plan, there, &habits);
    for (path, _) in plan.paths() {
        if let Some(why) = rclone::refusal(&path) {
            refused.insert(path, why.to_owned());
        }
    }
    let other = "something of another kind has its name there; move that away by hand";
    for folder in &plan.folders {
        if folder.displaces.is_some() {
            refused.insert(folder.path.clone(), other.to_owned());
        }
        let kinds = folder
            .replace
            .iter()
            .filter(|new| new.old.kind != Kind::File);
        refused.extend(kinds.map(|new| (folder.path.join(new.name.as_path()), other.to_owned())));
        if !side.abilities.can_move() {
            let unkept = folder.replace.iter();
            let unkept = unkept.map(|new| folder.path.join(new.name.as_path()));
            refused.extend(unkept.map(|path| (path, CANNOT_KEEP.to_owned())));
        }
    }
    plan.refuse(&refused);
    plan.skip_links("it is a symbolic link, which remotes do not hold");
    plan
}

/// The files of a plan, as they are sent.
fn outgoing(job: &Job, listed: &Listed) -> Vec<Outgoing> {
    let mut files = Vec::new();
    for folder in &job.plan.folders {
        let file = |name: &Name, bytes, modified, replaces| {
            let path = folder.path.join(name.as_path());
            let before = listed.file(&job.relative.join(&path));
            Outgoing {
                replica: job.relative.clone(),
                mark_before: before.map_or(0, |before| before.mark),
                path,
                bytes,
                modified,
                replaces,
            }
        };
        let mut packed: Files<'_> = folder.add.files();
        while let Ok(Some(add)) = packed.next() {
            let name = Name::from_bytes(add.name.to_vec());
            files.push(file(&name, add.bytes, add.modified, false));
        }
        let replaced = folder.replace.iter();
        files.extend(replaced.map(|new| file(&new.name, new.new.bytes, new.new.modified, true)));
    }
    files
}

/// The folders of a plan that are to be made with nothing in them, below the replica's.
fn empty_folders(job: &Job) -> impl Iterator<Item = PathBuf> + '_ {
    let empty = job.plan.folders.iter().filter(|folder| {
        !folder.exists && folder.add.packed().is_empty() && folder.replace.is_empty()
    });
    empty.map(|folder| folder.path.clone())
}
