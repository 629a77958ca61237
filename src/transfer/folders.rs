//! Making the folders of plans, and giving them their times and permissions once everything is in them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Job, Route, split};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::os::attributes::{self, Attributes};
use crate::os::folder::{Folder, is_missing};
use crate::outcome::Outcome;
use crate::plan::{Plan, PlannedFolder};

/// What systems say of a folder whose time cannot be set by us.
const NOT_OURS: [ErrorKind; 2] = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];

/// What became of the folders.
#[derive(Debug)]
pub(super) struct Folders {
    /// For each job those that could not be made, and why.
    failed: Vec<BTreeMap<PathBuf, String>>,
    /// For each folder of each job whether something was made in it.
    touched: Vec<Vec<AtomicBool>>,
}

impl Folders {
    /// Makes all folders that are not there; those that cannot be made are told of.
    pub(super) fn make(jobs: &[Job], route: &Route<'_>) -> Self {
        let untouched = |plan: &Plan| plan.folders.iter().map(|_| AtomicBool::default()).collect();
        let mut folders = Self {
            failed: jobs.iter().map(|_| BTreeMap::new()).collect(),
            touched: jobs.iter().map(|job| untouched(&job.plan)).collect(),
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
            parent: None,
        };
        for (place, folder) in job.plan.folders.iter().enumerate() {
            if interrupt::check().is_err() {
                return;
            }
            if folder.path == Path::new("") {
                self.touch(number, place);
            } else if !folder.exists && self.failure(number, &folder.path).is_none() {
                match maker.make(folder) {
                    Ok(()) => self.touch_with_parent(number, place, job),
                    Err(error) => self.fail(number, &folder.path, &error, route),
                }
            }
        }
    }

    fn touch_with_parent(&self, job: usize, place: usize, planned: &Job) {
        self.touch(job, place);
        let folders = &planned.plan.folders;
        let parent = folders[place].path.parent().unwrap_or(Path::new(""));
        if let Ok(parent) = folders.binary_search_by(|folder| folder.path.as_path().cmp(parent)) {
            self.touch(job, parent);
        }
    }

    fn fail(&mut self, job: usize, path: &Path, error: &Error, route: &Route<'_>) {
        let (folder, name) = split(path);
        (route.tell)(job, folder, name, Outcome::Failed(error.line()));
        self.failed[job].insert(path.to_owned(), error.line());
    }

    /// Gives folders that were made or written into their times, and the new ones their permissions, deepest first.
    pub(super) fn finish(&mut self, jobs: &[Job], route: &Route<'_>) {
        let mut attributes = Attributes::default();
        for (number, job) in jobs.iter().enumerate() {
            for (place, folder) in job.plan.folders.iter().enumerate().rev() {
                let touched = &self.touched[number][place];
                let is_due = job.unfinished || touched.load(Ordering::Relaxed);
                if !is_due || self.failure(number, &folder.path).is_some() {
                    continue;
                }
                if let Err(error) = finish(job, folder, route, &mut attributes)
                    && !is_missing(&error)
                {
                    let (above, name) = split(&folder.path);
                    (route.tell)(number, above, name, Outcome::Failed(error.line()));
                }
            }
        }
    }
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
    parent: Option<(&'a Path, Folder)>,
}

impl<'a> Maker<'a> {
    /// Makes one folder, after keeping what has its name.
    fn make(&mut self, folder: &'a PlannedFolder) -> Result<()> {
        let (above, name) = split(&folder.path);
        if self.parent.as_ref().is_none_or(|(path, _)| *path != above) {
            let path = self.job.relative.join(above);
            self.parent = Some((above, self.route.destination.beneath(&path)?));
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

fn finish(
    job: &Job,
    folder: &PlannedFolder,
    route: &Route<'_>,
    keeper: &mut Attributes,
) -> Result<()> {
    let path = job.relative.join(&folder.path);
    let (above, name): (&Path, &OsStr) = split(&path);
    let parent = route.destination.beneath(above)?;
    if !folder.exists || job.unfinished {
        let made = parent.child(name)?;
        made.set_own_mode(folder.mode)?;
        if let Ok(source) = route.source.beneath(&path) {
            // A folder without them is still the folder, but its group must not get what the list gave to others.
            if keeper.copy(&source, &made) != attributes::Outcome::Kept
                && let Some(group) = attributes::group_mode(&source)
            {
                made.set_own_mode(folder.mode & !0o070 | folder.mode & group)?;
            }
        }
    }
    match parent.set_modified(name, folder.modified) {
        // The time of a folder that was there before is its owner's to set, and where nothing can be written it is what
        // it was.
        Err(Error::Io { source, .. }) if folder.exists && NOT_OURS.contains(&source.kind()) => {
            Ok(())
        }
        set => set,
    }
}
