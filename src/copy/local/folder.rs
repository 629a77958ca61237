//! Making the folders of plans, and letting the owner write into those that are read-only until everything is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::folder_metadata::FolderMetadataWriter;
use super::{Job, TransferContext, split_path};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Plan, PlannedFolder};
use crate::os::descent::FolderOpener;
use crate::os::folder::{Folder, is_not_found};

/// The permissions by which an owner makes files in a folder.
const OWNER_WRITE: u32 = 0o300;

/// What became of the folders.
#[derive(Debug)]
pub(super) struct DestinationFolders {
    /// For each job those that could not be made, and why.
    failed: Vec<BTreeMap<PathBuf, String>>,
    /// For each folder of each job whether something was made in it.
    touched: Vec<Vec<AtomicBool>>,
    /// For each job the places of the read-only folders that the owner may write into for now.
    made_writable: Vec<BTreeSet<usize>>,
}

impl DestinationFolders {
    /// Makes all folders that are not there; those that cannot be made are told of.
    pub(super) fn create(jobs: &[Job], context: &TransferContext<'_>) -> Self {
        let untouched = |plan: &Plan| plan.folders.iter().map(|_| AtomicBool::default()).collect();
        let mut folders = Self {
            failed: jobs.iter().map(|_| BTreeMap::new()).collect(),
            touched: jobs.iter().map(|job| untouched(&job.plan)).collect(),
            made_writable: jobs.iter().map(|_| BTreeSet::new()).collect(),
        };
        for (number, job) in jobs.iter().enumerate() {
            if job.plan.has_work() {
                folders.create_for_job(number, job, context);
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
    pub(super) fn mark_touched(&self, job: usize, folder: usize) {
        self.touched[job][folder].store(true, Ordering::Relaxed);
    }

    fn create_for_job(&mut self, number: usize, job: &Job, context: &TransferContext<'_>) {
        if let Err(error) = make_replica_folder(&job.relative, context) {
            self.fail(number, Path::new(""), &error, context);
        }
        let mut maker = FolderMaker {
            job,
            context,
            descent: FolderOpener::new(context.destination),
            parent: None,
        };
        for (place, folder) in job.plan.folders.iter().enumerate() {
            if interrupt::check().is_err() {
                return;
            }
            if folder.has_files() {
                self.make_writable(number, place, &mut maker);
            }
            if folder.path == Path::new("") {
                self.mark_touched(number, place);
            } else if !folder.exists && self.failure(number, &folder.path).is_none() {
                let parent = parent_of(place, job);
                if let Some(parent) = parent {
                    self.make_writable(number, parent, &mut maker);
                }
                match maker.make_folder(folder) {
                    Ok(()) => {
                        self.mark_touched(number, place);
                        parent.inspect(|parent| self.mark_touched(number, *parent));
                    }
                    Err(error) => self.fail(number, &folder.path, &error, context),
                }
            }
        }
    }

    /// Lets the owner write into a folder of the destination that is read-only.
    fn make_writable(&mut self, job: usize, place: usize, maker: &mut FolderMaker<'_>) {
        let folder = &maker.job.plan.folders[place];
        let is_closed = folder
            .destination_mode
            .is_some_and(|mode| mode & OWNER_WRITE != OWNER_WRITE);
        if !is_closed || !self.made_writable[job].insert(place) {
            return;
        }
        let path = maker.job.relative.join(&folder.path);
        let opened = maker.descent.open(&path);
        // Where it cannot be opened up, what is to be written there says why.
        opened
            .and_then(|folder| folder.ensure_owner_can_write())
            .unwrap_or_default();
    }

    fn fail(&mut self, job: usize, path: &Path, error: &Error, context: &TransferContext<'_>) {
        let (folder, name) = split_path(path);
        (context.on_outcome)(job, folder, name, Outcome::Failed(error.full_message()));
        self.failed[job].insert(path.to_owned(), error.full_message());
    }

    /// Gives folders that were made or written into their times, and the new ones their permissions.
    ///
    /// Folders are reached through those above them: one that its owner cannot enter comes after what is in it.
    pub(super) fn finish(&mut self, jobs: &[Job], context: &TransferContext<'_>) {
        const OWNER_SEARCH: u32 = 0o100;
        for (number, job) in jobs.iter().enumerate() {
            let mut stamper = FolderMetadataWriter::new(job, context);
            let all = || job.plan.folders.iter().enumerate();
            let enters = |(_, folder): &(usize, &PlannedFolder)| folder.mode & OWNER_SEARCH != 0;
            let (open, closed): (Vec<_>, Vec<_>) = all().partition(enters);
            for (place, folder) in open.into_iter().chain(closed.into_iter().rev()) {
                self.finish_one((number, place), folder, &mut stamper, context);
            }
        }
    }

    fn finish_one(
        &self,
        (job, place): (usize, usize),
        folder: &PlannedFolder,
        stamper: &mut FolderMetadataWriter<'_>,
        context: &TransferContext<'_>,
    ) {
        let is_touched = self.touched[job][place].load(Ordering::Relaxed);
        let was_opened = self.made_writable[job].contains(&place);
        if self.failure(job, &folder.path).is_some() {
            return;
        }
        let finished = stamper.finish_folder(folder, is_touched, was_opened);
        let why = match finished {
            Ok(None) => return,
            Ok(Some(lost)) => lost,
            Err(error) if is_not_found(&error) => return,
            Err(error) => error.full_message(),
        };
        let (above, name) = split_path(&folder.path);
        (context.on_outcome)(job, above, name, Outcome::Failed(why));
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
fn make_replica_folder(relative: &Path, context: &TransferContext<'_>) -> Result<()> {
    const CLIENT_AND_PROJECT: usize = 2;
    let root = context.destination;
    let shared = relative.iter().count().saturating_sub(CLIENT_AND_PROJECT);
    let mut source = context.source.open_descendant(Path::new(""))?;
    let mut folder = root.open_descendant(Path::new(""))?;
    for (level, name) in relative.iter().enumerate() {
        source = source.open_child(name)?;
        folder = folder.open_or_create_child(name, if level < shared { root } else { &source })?;
    }
    Ok(())
}

/// Makes folders one after the other; neighbours are made through one handle of the folder they are in.
struct FolderMaker<'a> {
    job: &'a Job,
    context: &'a TransferContext<'a>,
    descent: FolderOpener,
    parent: Option<(&'a Path, Folder)>,
}

impl<'a> FolderMaker<'a> {
    /// Makes one folder, after keeping what has its name.
    fn make_folder(&mut self, folder: &'a PlannedFolder) -> Result<()> {
        let (above, name) = split_path(&folder.path);
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
        match &folder.displaced {
            None => parent.ensure_folder(name, mode),
            Some(old) => {
                let relative = &self.job.relative;
                let versions = self.context.versions;
                versions.replace_with_folder((parent, name), (relative, &folder.path), old, mode)
            }
        }
    }
}
