//! Creates the folders of plans, and makes read-only folders writable until their files are copied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::context::TransferContext;
use super::folder_metadata::FolderMetadataWriter;
use crate::base::error::{Error, Result};
use crate::base::ignore::ignore;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Plan, PlannedFolder};
use crate::copy::source_root::SourceRoot;
use crate::model::path::split_path;
use crate::os::descent::FolderOpener;
use crate::os::folder::{Folder, is_not_found};

/// Permission bits that let the owner create files in a folder.
const OWNER_WRITE: u32 = 0o300;

/// State of the destination folders of all plans.
#[derive(Debug)]
pub(super) struct DestinationFolders {
    /// For each plan, the folders that could not be created, with the reasons.
    failed: Vec<BTreeMap<PathBuf, String>>,
    /// For each folder of each plan, true if an entry was created in it.
    touched: Vec<Vec<AtomicBool>>,
    /// For each plan, the indexes of read-only folders that are writable during the transfer.
    made_writable: Vec<BTreeSet<usize>>,
}

impl DestinationFolders {
    /// Creates the missing folders and reports those that cannot be created.
    pub(super) fn create(plans: &[&Plan], context: &TransferContext<'_>) -> Self {
        let untouched = |plan: &&Plan| plan.folders.iter().map(|_| AtomicBool::default()).collect();
        let mut folders = Self {
            failed: plans.iter().map(|_| BTreeMap::new()).collect(),
            touched: plans.iter().map(untouched).collect(),
            made_writable: plans.iter().map(|_| BTreeSet::new()).collect(),
        };
        for (number, plan) in plans.iter().enumerate() {
            if plan.has_work() && !context.must_stop() {
                folders.create_for_plan(number, plan, context);
            }
        }
        folders
    }

    /// Returns why a folder, or one above it, could not be created, if so.
    pub(super) fn failure(&self, plan: usize, path: &Path) -> Option<&str> {
        let failed = &self.failed[plan];
        if failed.is_empty() {
            return None;
        }
        let mut ancestors = path.ancestors();
        ancestors
            .find_map(|path| failed.get(path))
            .map(String::as_str)
    }

    /// Records that an entry was created in a folder.
    pub(super) fn mark_touched(&self, plan: usize, folder: usize) {
        self.touched[plan][folder].store(true, Ordering::Relaxed);
    }

    fn create_for_plan(&mut self, number: usize, plan: &Plan, context: &TransferContext<'_>) {
        if let Err(error) = make_replica_folder(&plan.replica, context) {
            self.fail(number, Path::new(""), &error, context);
        }
        let mut maker = FolderMaker {
            plan,
            context,
            opener: FolderOpener::new(context.destination),
            parent: None,
        };
        for (index, folder) in plan.folders.iter().enumerate() {
            if context.must_stop() {
                return;
            }
            if folder.has_files() {
                self.make_writable(number, index, &mut maker);
            }
            if folder.path == Path::new("") {
                self.mark_touched(number, index);
            } else if !folder.exists && self.failure(number, &folder.path).is_none() {
                let parent = parent_index(index, plan);
                if let Some(parent) = parent {
                    self.make_writable(number, parent, &mut maker);
                }
                match maker.make_folder(folder) {
                    Ok(()) => {
                        self.mark_touched(number, index);
                        parent.inspect(|parent| self.mark_touched(number, *parent));
                    }
                    Err(error) => self.fail(number, &folder.path, &error, context),
                }
            }
        }
    }

    /// Makes a read-only folder of the destination writable for its owner.
    fn make_writable(&mut self, plan: usize, index: usize, maker: &mut FolderMaker<'_>) {
        let folder = &maker.plan.folders[index];
        let is_read_only = folder
            .destination_mode
            .is_some_and(|mode| mode & OWNER_WRITE != OWNER_WRITE);
        if !is_read_only || !self.made_writable[plan].insert(index) {
            return;
        }
        let path = maker.plan.replica.join(&folder.path);
        let opened = maker.opener.open(&path);
        ignore(
            opened.and_then(|folder| folder.ensure_owner_can_write()),
            "each file that cannot be created in the folder reports its own failure",
        );
    }

    fn fail(&mut self, plan: usize, path: &Path, error: &Error, context: &TransferContext<'_>) {
        let (folder, name) = split_path(path);
        (context.on_outcome)(plan, folder, name, Outcome::Failed(error.full_message()));
        self.failed[plan].insert(path.to_owned(), error.full_message());
    }

    /// Sets the times of folders that the run created or wrote to, and the permissions of new ones.
    ///
    /// Folders that their owner cannot enter come last, the innermost first: the path to a folder leads through its
    /// parents.
    pub(super) fn finish(&mut self, plans: &[&Plan], context: &TransferContext<'_>) {
        const OWNER_SEARCH: u32 = 0o100;
        for (number, plan) in plans.iter().enumerate() {
            let mut writer = FolderMetadataWriter::new(plan, context);
            let all = plan.folders.iter().enumerate();
            let can_enter = |(_, folder): &(usize, &PlannedFolder)| folder.mode & OWNER_SEARCH != 0;
            let (open, closed): (Vec<_>, Vec<_>) = all.partition(can_enter);
            for (index, folder) in open.into_iter().chain(closed.into_iter().rev()) {
                self.finish_one((number, index), folder, &mut writer, context);
            }
        }
    }

    fn finish_one(
        &self,
        (plan, index): (usize, usize),
        folder: &PlannedFolder,
        writer: &mut FolderMetadataWriter<'_>,
        context: &TransferContext<'_>,
    ) {
        let is_touched = self.touched[plan][index].load(Ordering::Relaxed);
        let was_made_writable = self.made_writable[plan].contains(&index);
        if self.failure(plan, &folder.path).is_some() {
            return;
        }
        let why = match writer.finish_folder(folder, is_touched, was_made_writable) {
            Ok(None) => return,
            Ok(Some(warning)) => warning,
            Err(error) if is_not_found(&error) => return,
            Err(error) => error.full_message(),
        };
        let (parent, name) = split_path(&folder.path);
        (context.on_outcome)(plan, parent, name, Outcome::Failed(why));
    }
}

/// Returns the index of a planned folder's parent in the plan.
fn parent_index(index: usize, plan: &Plan) -> Option<usize> {
    let folders = &plan.folders;
    let (parent, _) = split_path(&folders[index].path);
    let found = folders.binary_search_by(|folder| folder.path.as_path().cmp(parent));
    found.ok()
}

/// Creates the missing folders down to the replica's own. Category folders get the mode of the root. Client and project
/// folders never get a wider mode than at the source, even if the run is killed.
fn make_replica_folder(relative: &Path, context: &TransferContext<'_>) -> Result<()> {
    const CLIENT_AND_PROJECT: usize = 2;
    let root = context.destination;
    let permit = root.permit()?;
    if context.source_root == SourceRoot::Replica {
        // The source has no such folders, so each gets the mode of the folder above it.
        let mut folder = root.open_descendant(Path::new(""))?;
        for name in relative {
            folder = folder.open_or_create_child(name, &folder, &permit)?;
        }
        return Ok(());
    }
    let shared = relative.iter().count().saturating_sub(CLIENT_AND_PROJECT);
    let mut source = context.source.open_descendant(Path::new(""))?;
    let mut folder = root.open_descendant(Path::new(""))?;
    for (level, name) in relative.iter().enumerate() {
        source = source.open_child(name)?;
        let like = if level < shared { root } else { &source };
        folder = folder.open_or_create_child(name, like, &permit)?;
    }
    Ok(())
}

/// Creates folders one by one. Siblings share one handle of their parent.
struct FolderMaker<'a> {
    plan: &'a Plan,
    context: &'a TransferContext<'a>,
    opener: FolderOpener,
    parent: Option<(&'a Path, Folder)>,
}

impl<'a> FolderMaker<'a> {
    /// Creates one folder. An entry of the same name is first kept as an old version.
    fn make_folder(&mut self, folder: &'a PlannedFolder) -> Result<()> {
        let (parent_path, name) = split_path(&folder.path);
        if self
            .parent
            .as_ref()
            .is_none_or(|(path, _)| path.as_os_str() != parent_path.as_os_str())
        {
            let path = self.plan.replica.join(parent_path);
            self.parent = Some((parent_path, self.opener.open(&path)?));
        }
        let Some((_, parent)) = &self.parent else {
            return Ok(());
        };
        let mode = folder.mode | 0o700;
        match &folder.displaced {
            None => parent.ensure_folder(name, mode, &parent.permit()?),
            Some(old) => {
                let relative = &self.plan.replica;
                let versions = self.context.versions;
                versions.replace_with_folder((parent, name), (relative, &folder.path), old, mode)
            }
        }
    }
}
