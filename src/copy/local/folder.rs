//! Making the folders of plans, and letting the owner write into those that are read-only until everything is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::folder_metadata::Stamper;
use super::{Job, Route, split};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Plan, PlannedFolder};
use crate::os::descent::Descent;
use crate::os::folder::{Folder, is_missing};

/// The permissions by which an owner makes files in a folder.
const WRITABLE: u32 = 0o300;

/// What became of the folders.
#[derive(Debug)]
pub(super) struct Folders {
    /// For each job those that could not be made, and why.
    failed: Vec<BTreeMap<PathBuf, String>>,
    /// For each folder of each job whether something was made in it.
    touched: Vec<Vec<AtomicBool>>,
    /// For each job the places of the read-only folders that the owner may write into for now.
    opened: Vec<BTreeSet<usize>>,
}

impl Folders {
    /// Makes all folders that are not there; those that cannot be made are told of.
    pub(super) fn make(jobs: &[Job], route: &Route<'_>) -> Self {
        let untouched = |plan: &Plan| plan.folders.iter().map(|_| AtomicBool::default()).collect();
        let mut folders = Self {
            failed: jobs.iter().map(|_| BTreeMap::new()).collect(),
            touched: jobs.iter().map(|job| untouched(&job.plan)).collect(),
            opened: jobs.iter().map(|_| BTreeSet::new()).collect(),
        };
        for (number, job) in jobs.iter().enumerate() {
            if job.plan.has_work() {
                folders.make_all(number, job, route);
            }
        }
        folders
    }

    /// Why nothing can be written into a folder, if it or one above it could not be made.
    pub(super) fn failure(&self, job: usize, path: &Path) -> Option<&str> {
        let failed = &self.failed[job];
        if failed.is_empty() {
            return None;
        }
        let mut above = path.ancestors();
        above.find_map(|path| failed.get(path)).map(String::as_str)
    }

    /// Notes that something was made in a folder.
    pub(super) fn touch(&self, job: usize, folder: usize) {
        self.touched[job][folder].store(true, Ordering::Relaxed);
    }

    fn make_all(&mut self, number: usize, job: &Job, route: &Route<'_>) {
        if let Err(error) = make_replica_folder(&job.relative, route) {
            self.fail(number, Path::new(""), &error, route);
        }
        let mut maker = Maker {
            job,
            route,
            descent: Descent::from(route.destination),
            parent: None,
        };
        for (place, folder) in job.plan.folders.iter().enumerate() {
            if interrupt::check().is_err() {
                return;
            }
            if folder.has_files() {
                self.open_up(number, place, &mut maker);
            }
            if folder.path == Path::new("") {
                self.touch(number, place);
            } else if !folder.exists && self.failure(number, &folder.path).is_none() {
                let parent = parent_of(place, job);
                if let Some(parent) = parent {
                    self.open_up(number, parent, &mut maker);
                }
                match maker.make(folder) {
                    Ok(()) => {
                        self.touch(number, place);
                        parent.inspect(|parent| self.touch(number, *parent));
                    }
                    Err(error) => self.fail(number, &folder.path, &error, route),
                }
            }
        }
    }

    /// Lets the owner write into a folder of the destination that is read-only.
    fn open_up(&mut self, job: usize, place: usize, maker: &mut Maker<'_>) {
        let folder = &maker.job.plan.folders[place];
        let is_closed = folder
            .mode_there
            .is_some_and(|mode| mode & WRITABLE != WRITABLE);
        if !is_closed || !self.opened[job].insert(place) {
            return;
        }
        let path = maker.job.relative.join(&folder.path);
        let opened = maker.descent.open(&path);
        // Where it cannot be opened up, what is to be written there says why.
        opened
            .and_then(|folder| folder.let_owner_write())
            .unwrap_or_default();
    }

    fn fail(&mut self, job: usize, path: &Path, error: &Error, route: &Route<'_>) {
        let (folder, name) = split(path);
        (route.tell)(job, folder, name, Outcome::Failed(error.line()));
        self.failed[job].insert(path.to_owned(), error.line());
    }

    /// Gives folders that were made or written into their times, and the new ones their permissions.
    ///
    /// Folders are reached through those above them: one that its owner cannot enter comes after what is in it.
    pub(super) fn finish(&mut self, jobs: &[Job], route: &Route<'_>) {
        const ENTERED: u32 = 0o100;
        for (number, job) in jobs.iter().enumerate() {
            let mut stamper = Stamper::new(job, route);
            let all = || job.plan.folders.iter().enumerate();
            let enters = |(_, folder): &(usize, &PlannedFolder)| folder.mode & ENTERED != 0;
            let (open, closed): (Vec<_>, Vec<_>) = all().partition(enters);
            for (place, folder) in open.into_iter().chain(closed.into_iter().rev()) {
                self.finish_one((number, place), folder, &mut stamper, route);
            }
        }
    }

    fn finish_one(
        &self,
        (job, place): (usize, usize),
        folder: &PlannedFolder,
        stamper: &mut Stamper<'_>,
        route: &Route<'_>,
    ) {
        let is_touched = self.touched[job][place].load(Ordering::Relaxed);
        let was_opened = self.opened[job].contains(&place);
        if self.failure(job, &folder.path).is_some() {
            return;
        }
        let finished = stamper.finish(folder, is_touched, was_opened);
        let why = match finished {
            Ok(None) => return,
            Ok(Some(lost)) => lost,
            Err(error) if is_missing(&error) => return,
            Err(error) => error.line(),
        };
        let (above, name) = split(&folder.path);
        (route.tell)(job, above, name, Outcome::Failed(why));
    }
}

/// The place of the folder that a folder of a plan is in.
fn parent_of(place: usize, job: &Job) -> Option<usize> {
    let folders = &job.plan.folders;
    let parent = folders[place].path.parent().unwrap_or(Path::new(""));
    let found = folders.binary_search_by(|folder| folder.path.as_path().cmp(parent));
    found.ok()
}

/// Makes the folders down to the replica's own where they are not there. Those of the category are everybody's, as the
/// root is; the client's and the project's are never wider than at the source, also if the run is killed.
fn make_replica_folder(relative: &Path, route: &Route<'_>) -> Result<()> {
    const CLIENT_AND_PROJECT: usize = 2;
    let root = route.destination;
    let shared = relative.iter().count().saturating_sub(CLIENT_AND_PROJECT);
    let mut source = route.source.beneath(Path::new(""))?;
    let mut folder = root.beneath(Path::new(""))?;
    for (level, name) in relative.iter().enumerate() {
        source = source.child(name)?;
        folder = folder.child_like(name, if level < shared { root } else { &source })?;
    }
    Ok(())
}

/// Makes folders one after the other; neighbours are made through one handle of the folder they are in.
struct Maker<'a> {
    job: &'a Job,
    route: &'a Route<'a>,
    descent: Descent,
    parent: Option<(&'a Path, Folder)>,
}

impl<'a> Maker<'a> {
    /// Makes one folder, after keeping what has its name.
    fn make(&mut self, folder: &'a PlannedFolder) -> Result<()> {
        let (above, name) = split(&folder.path);
        if self
            .parent
            .as_ref()
            .is_none_or(|(path, _)| path.as_os_str() != above.as_os_str())
        {
            let path = self.job.relative.join(above);
            self.parent = Some((above, self.descent.open(&path)?));
        }
        let Some((_, parent)) = &self.parent else {
            return Ok(());
        };
        let mode = folder.mode | 0o700;
        match &folder.displaces {
            None => parent.make(name, mode),
            Some(old) => {
                let relative = &self.job.relative;
                let versions = self.route.versions;
                versions.replace_by_folder((parent, name), (relative, &folder.path), old, mode)
            }
        }
    }
}
