//! What one look at a database sees: its replicas walked, every folder packed and set beside the index.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::TimePrecision;
use crate::index::ScanStaging;
use crate::model::exclusion::Exclusions;
use crate::model::mount;
use crate::model::mount::MissingMount;
use crate::model::project::{ProjectId, replica_path};
use crate::model::registry::{Category, Registry};
use crate::os::disk::Disk;
use crate::os::folder::Folder;
use crate::os::stat::{EntryKind, Stat};
use crate::snapshot::tree::ScannedFolder;
use crate::snapshot::walk;
use crate::snapshot::walk::{FolderContents, VisitOutcome, Walk, WalkTarget};

/// What was seen beside what the draft holds.
#[derive(Debug, Default)]
pub struct WalkSummary<'a> {
    /// Replicas that were looked for and are not there.
    pub missing: Vec<(&'a Category, ProjectId)>,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
    /// Whether there was anything but folders, or anything that is left alone.
    pub has_content: bool,
}

/// What a walker makes of a folder.
enum VisitedFolder {
    /// It was read.
    Read(Box<ReadFolder>),
    /// It could not be read.
    Unreadable(PathBuf, Error),
    /// It is not there; `true` for a replica's own folder.
    Missing(bool),
}

/// A folder that was read.
struct ReadFolder {
    folder: ScannedFolder,
    /// Why names in it could not be looked at.
    errors: Vec<Error>,
    precision: Option<TimePrecision>,
    has_content: bool,
}

/// Walks replicas of a database and tells the draft of every folder.
///
/// # Errors
/// The index cannot be read, or the look was interrupted; what cannot be read on the disk is counted and told to the
/// monitor.
pub fn walk_replicas<'a>(
    root: &Arc<Folder>,
    registry: &Registry,
    exclusions: &Arc<Exclusions>,
    replicas: &[(&'a Category, ProjectId)],
    mounted: &BTreeSet<PathBuf>,
    staging: &mut ScanStaging<'_>,
    monitor: &dyn Monitor,
) -> Result<WalkSummary<'a>> {
    let mut inner: BTreeMap<&Path, Arc<[PathBuf]>> = BTreeMap::new();
    let starts = replicas.iter().map(|(category, project)| WalkTarget {
        path: replica_path(&category.path, project),
        inner_categories: Arc::clone(
            inner
                .entry(&category.path)
                .or_insert_with(|| registry.inner_categories(category).into()),
        ),
    });
    let starts: Vec<WalkTarget> = starts.collect();
    let mut closed = missing_mounts(root, exclusions, replicas, &starts, mounted);
    let walkers = Disk::of(root).walk_threads();
    let mut walk = Walk::begin(root, starts, exclusions, walkers, VisitedFolder::from_visit);
    let mut walked = WalkSummary::default();
    let mut places = BTreeMap::new();
    let mut held = BTreeMap::new();
    while let Some(batch) = walk.next()? {
        for (replica, mut visited) in batch.folders {
            let (category, project) = &replicas[replica];
            if closed
                .get(&replica)
                .is_some_and(|closed| visited.is_below(closed))
            {
                continue;
            }
            if matches!(visited, VisitedFolder::Missing(true)) && !closed.contains_key(&replica) {
                walked.missing.push((category, project.clone()));
                continue;
            }
            let place = match places.get(&replica) {
                Some(place) => *place,
                None => staging.begin_replica(&category.path, project)?,
            };
            if places.insert(replica, place).is_none() {
                held.insert(replica, staging.altered_times(&category.path, project)?);
            }
            if let VisitedFolder::Read(read) = &mut visited
                && let Some(times) = held
                    .get(&replica)
                    .and_then(|held| held.get(&read.folder.path))
            {
                read.folder.restore_original_times(times);
            }
            walked.stage(visited, staging, place, monitor)?;
        }
        for replica in batch.complete {
            held.remove(&replica);
            for mount in closed.remove(&replica).into_iter().flatten() {
                let (category, project) = &replicas[replica];
                let place = match places.get(&replica) {
                    Some(place) => *place,
                    None => staging.begin_replica(&category.path, project)?,
                };
                places.insert(replica, place);
                let unread = VisitedFolder::Unreadable(mount.path, mount.error);
                walked.stage(unread, staging, place, monitor)?;
            }
            if let Some(place) = places.remove(&replica) {
                staging.end_replica(place)?;
            }
        }
    }
    Ok(walked)
}

/// Remembered mounts that are not there now, by the places of their replicas and with their paths below these: nothing is
/// known of them.
fn missing_mounts(
    root: &Folder,
    exclusions: &Exclusions,
    replicas: &[(&Category, ProjectId)],
    starts: &[WalkTarget],
    mounted: &BTreeSet<PathBuf>,
) -> BTreeMap<usize, Vec<MissingMount>> {
    let mut closed = BTreeMap::new();
    if mounted.is_empty() {
        return closed;
    }
    for (place, ((category, _), start)) in replicas.iter().zip(starts).enumerate() {
        let category = &category.path;
        let missing = mount::find_missing(
            root,
            category,
            &start.path,
            &start.inner_categories,
            mounted,
        );
        let below = missing.into_iter().map(|mount| MissingMount {
            // The whole of it, where the mount is its folder or one above that.
            path: mount
                .path
                .strip_prefix(&start.path)
                .unwrap_or(Path::new(""))
                .to_owned(),
            error: mount.error,
        });
        let meant: Vec<MissingMount> = below
            .filter(|mount| !exclusions.excludes_folder(&mount.path))
            .collect();
        if !meant.is_empty() {
            closed.insert(place, meant);
        }
    }
    closed
}

impl WalkSummary<'_> {
    /// Takes in one folder of the replica with this place in the draft.
    fn stage(
        &mut self,
        visited: VisitedFolder,
        staging: &mut ScanStaging<'_>,
        place: usize,
        monitor: &dyn Monitor,
    ) -> Result<()> {
        match visited {
            VisitedFolder::Missing(_) => Ok(()),
            VisitedFolder::Unreadable(path, error) => {
                self.report_problem(&error, monitor);
                staging.add_unreadable_folder(place, &path)
            }
            VisitedFolder::Read(read) => {
                for error in &read.errors {
                    self.report_problem(error, monitor);
                }
                self.has_content |= read.has_content;
                if let Some(step) = read.precision {
                    staging.add_precision(place, step);
                }
                monitor.on_event(&ProgressEvent::Folders(1));
                monitor.on_event(&ProgressEvent::Files(read.folder.totals.files));
                staging.add_folder(place, read.folder)
            }
        }
    }

    fn report_problem(&mut self, error: &Error, monitor: &dyn Monitor) {
        self.unreadable += 1;
        monitor.on_event(&ProgressEvent::Problem(error));
    }
}

impl VisitedFolder {
    /// Whether it is of one of these folders, or of something below it.
    fn is_below(&self, closed: &[MissingMount]) -> bool {
        let path = match self {
            Self::Read(read) => &read.folder.path,
            Self::Unreadable(path, _) => path,
            Self::Missing(_) => return false,
        };
        closed.iter().any(|mount| path.starts_with(&mount.path))
    }

    /// Runs on the walkers' threads: packing is most of the work that is not the system's.
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
        let holds_something =
            contents.excluded_count > 0 || children.any(|child| child.kind != EntryKind::Folder);
        drop(children);
        let own = stat.map(|stat| stat.status_changed.coarsest_precision());
        let step = contents.precision.into_iter().chain(own).min();
        let (folder, errors) = ScannedFolder::of(path, contents);
        Self {
            folder,
            errors,
            precision: step,
            has_content: holds_something,
        }
    }
}
