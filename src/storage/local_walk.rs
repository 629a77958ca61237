//! The walk of replicas on a disk: every folder is packed and added to the observation.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::local::LocalStorage;
use super::observation::ObservationBuilder;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::TimePrecision;
use crate::model::mount::MissingMount;
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::ScannedFolder;
use crate::snapshot::walk;
use crate::snapshot::walk::{FolderContents, VisitOutcome, Walk, WalkTarget};

/// One folder, as a walker thread returns it.
enum VisitedFolder {
    Read(Box<ReadFolder>),
    Unreadable(PathBuf, Error),
    /// Missing; `true` for the replica's own folder.
    Missing(bool),
}

/// A folder that was read.
struct ReadFolder {
    folder: ScannedFolder,
    /// Errors of entries that could not be read.
    errors: Vec<Error>,
    precision: Option<TimePrecision>,
    has_content: bool,
}

/// Walks replicas of a database and adds every folder to the observation. Unreadable folders are counted and reported to
/// the monitor.
pub(super) fn observe(
    storage: &LocalStorage,
    replicas: &[(&Category, ProjectId)],
    builder: &mut ObservationBuilder<'_>,
    monitor: &dyn Monitor,
) -> Result<()> {
    let targets = replicas.iter().map(|(category, project)| WalkTarget {
        path: category.replica_path(project),
        inner_folders: Arc::clone(&category.inner),
    });
    let targets: Vec<WalkTarget> = targets.collect();
    for (category, project) in replicas {
        builder.add_place(category, project);
    }
    let mut stager = ReplicaStager {
        replicas,
        missing_mounts: missing_mounts(storage, replicas, &targets),
        open: BTreeMap::new(),
        builder,
        monitor,
    };
    let mut walk = Walk::begin(
        &storage.root,
        targets,
        &storage.layout.exclusions,
        storage.walk_pace(),
        VisitedFolder::from_visit,
    );
    while let Some(batch) = walk.next()? {
        for (replica, visited) in batch.folders {
            stager.stage(replica, visited)?;
        }
        for replica in batch.complete {
            stager.end(replica)?;
        }
    }
    Ok(())
}

/// Returns the remembered mounts that are missing now, by the number of their replica and with their paths below it.
/// Everything below them stays as the index knows it.
fn missing_mounts(
    storage: &LocalStorage,
    replicas: &[(&Category, ProjectId)],
    targets: &[WalkTarget],
) -> BTreeMap<usize, Vec<MissingMount>> {
    let mut missing = BTreeMap::new();
    if storage.known_mounts.is_empty() {
        return missing;
    }
    for (number, ((category, _), target)) in replicas.iter().zip(targets).enumerate() {
        let mounts = storage.missing_mounts(category, &target.path);
        let below = mounts.into_iter().map(|mount| {
            // A mount at the replica's folder or above it covers the whole replica.
            let path = mount.path.strip_prefix(&target.path);
            MissingMount {
                path: path.unwrap_or(Path::new("")).to_owned(),
                error: mount.error,
            }
        });
        let relevant: Vec<MissingMount> = below
            .filter(|mount| !storage.layout.exclusions.excludes_folder(&mount.path))
            .collect();
        if !relevant.is_empty() {
            missing.insert(number, relevant);
        }
    }
    missing
}

/// A replica with folders in the staging table that is not complete yet.
struct OpenReplica {
    /// Its number in the staging table.
    staged: usize,
    altered_times: AlteredTimesByFolder,
}

/// Moves visited folders to the staging table. Replicas are identified by their position in `replicas`.
struct ReplicaStager<'w, 'i> {
    replicas: &'w [(&'w Category, ProjectId)],
    missing_mounts: BTreeMap<usize, Vec<MissingMount>>,
    open: BTreeMap<usize, OpenReplica>,
    builder: &'w mut ObservationBuilder<'i>,
    monitor: &'w dyn Monitor,
}

impl ReplicaStager<'_, '_> {
    /// Stages one folder, unless it lies below a missing mount.
    fn stage(&mut self, replica: usize, mut visited: VisitedFolder) -> Result<()> {
        let mounts = self.missing_mounts.get(&replica);
        if mounts.is_some_and(|mounts| visited.is_below(mounts)) {
            return Ok(());
        }
        if matches!(visited, VisitedFolder::Missing(true)) && mounts.is_none() {
            let (category, project) = &self.replicas[replica];
            self.builder.add_missing(category, project);
            return Ok(());
        }
        let open = self.open(replica)?;
        if let VisitedFolder::Read(read) = &mut visited
            && let Some(times) = open.altered_times.get(&read.folder.path)
        {
            read.folder.restore_original_times(times);
        }
        let staged = open.staged;
        self.stage_folder(staged, visited)
    }

    /// Completes a replica. Its missing mounts are staged as unreadable.
    fn end(&mut self, replica: usize) -> Result<()> {
        for mount in self.missing_mounts.remove(&replica).into_iter().flatten() {
            let staged = self.open(replica)?.staged;
            self.stage_folder(staged, VisitedFolder::Unreadable(mount.path, mount.error))?;
        }
        match self.open.remove(&replica) {
            Some(open) => self.builder.staging.end_replica(open.staged),
            None => Ok(()),
        }
    }

    fn open(&mut self, replica: usize) -> Result<&OpenReplica> {
        match self.open.entry(replica) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let (category, project) = &self.replicas[replica];
                let staging = &mut self.builder.staging;
                Ok(entry.insert(OpenReplica {
                    staged: staging.begin_replica(category.key(), project)?,
                    altered_times: staging.altered_times(category.key(), project)?,
                }))
            }
        }
    }

    fn stage_folder(&mut self, staged: usize, visited: VisitedFolder) -> Result<()> {
        let (seen, staging) = (&mut self.builder.seen, &mut self.builder.staging);
        match visited {
            VisitedFolder::Missing(_) => Ok(()),
            VisitedFolder::Unreadable(path, error) => {
                seen.unreadable += 1;
                self.monitor.on_event(&ProgressEvent::Problem(&error));
                staging.add_unreadable_folder(staged, &path)
            }
            VisitedFolder::Read(read) => {
                seen.unreadable += read.errors.len() as u64;
                seen.has_content |= read.has_content;
                for error in &read.errors {
                    self.monitor.on_event(&ProgressEvent::Problem(error));
                }
                if let Some(precision) = read.precision {
                    staging.add_precision(staged, precision);
                }
                let files = read.folder.totals.files;
                self.monitor.on_event(&ProgressEvent::Folders(1));
                self.monitor.on_event(&ProgressEvent::Files(files));
                staging.add_folder(staged, read.folder)
            }
        }
    }
}

impl VisitedFolder {
    /// True if the folder is one of these mounts or lies below one.
    fn is_below(&self, mounts: &[MissingMount]) -> bool {
        let path = match self {
            Self::Read(read) => &read.folder.path,
            Self::Unreadable(path, _) => path,
            Self::Missing(_) => return false,
        };
        mounts.iter().any(|mount| path.starts_with(&mount.path))
    }

    /// Packs a folder. Runs on the walker threads, because packing takes most of the time outside system calls.
    fn from_visit(visited: walk::FolderVisit<'_>) -> Self {
        match visited.outcome {
            VisitOutcome::Missing => Self::Missing(visited.path == Path::new("")),
            VisitOutcome::Unreadable(error) => Self::Unreadable(visited.path.to_owned(), error),
            VisitOutcome::Read(contents, stat) => Self::Read(Box::new(ReadFolder::from_contents(
                visited.path,
                contents,
                stat,
            ))),
        }
    }
}

impl ReadFolder {
    fn from_contents(path: &Path, contents: &mut FolderContents, stat: Option<Stat>) -> Self {
        let mut children = contents.entries();
        let has_content =
            contents.excluded_count > 0 || children.any(|child| child.kind != EntryKind::Folder);
        drop(children);
        let own = stat.map(|stat| stat.status_changed.coarsest_precision());
        let precision = contents.precision.into_iter().chain(own).min();
        let (folder, errors) = ScannedFolder::of(path, contents);
        Self {
            folder,
            errors,
            precision,
            has_content,
        }
    }
}
