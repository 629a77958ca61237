//! The walk of a database's replicas: every folder is packed and added to the staging table.

use std::collections::btree_map::Entry;
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
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::ScannedFolder;
use crate::snapshot::walk;
use crate::snapshot::walk::{FolderContents, VisitOutcome, Walk, WalkTarget};

/// Results of a walk besides the staging table.
#[derive(Debug, Default)]
pub(super) struct WalkSummary<'a> {
    /// Expected replicas whose folders do not exist.
    pub(super) missing: Vec<(&'a Category, ProjectId)>,
    /// Number of files and folders that could not be read.
    pub(super) unreadable: u64,
    /// True if any replica holds something besides folders, or an excluded entry.
    pub(super) has_content: bool,
}

impl WalkSummary<'_> {
    pub(super) fn report_problem(&mut self, error: &Error, monitor: &dyn Monitor) {
        self.unreadable += 1;
        monitor.on_event(&ProgressEvent::Problem(error));
    }
}

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

/// Walks replicas of a database and stages every folder. Unreadable folders are counted and reported to the monitor.
pub(super) fn walk_replicas<'a>(
    root: &Arc<Folder>,
    registry: &Registry,
    exclusions: &Arc<Exclusions>,
    replicas: &[(&'a Category, ProjectId)],
    mounted: &BTreeSet<PathBuf>,
    staging: &mut ScanStaging<'_>,
    monitor: &dyn Monitor,
) -> Result<WalkSummary<'a>> {
    let mut inner: BTreeMap<&Path, Arc<[PathBuf]>> = BTreeMap::new();
    let targets = replicas.iter().map(|(category, project)| WalkTarget {
        path: replica_path(&category.path, project),
        inner_categories: Arc::clone(
            inner
                .entry(&category.path)
                .or_insert_with(|| registry.inner_categories(category).into()),
        ),
    });
    let targets: Vec<WalkTarget> = targets.collect();
    let mut stager = ReplicaStager {
        replicas,
        missing_mounts: missing_mounts(root, exclusions, replicas, &targets, mounted),
        open: BTreeMap::new(),
        staging,
        monitor,
        summary: WalkSummary::default(),
    };
    let threads = registry.access().walk_threads(&Disk::of(root));
    let mut walk = Walk::begin(
        root,
        targets,
        exclusions,
        threads,
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
    Ok(stager.summary)
}

/// Returns the remembered mounts that are missing now, by the number of their replica and with their paths below it. The
/// scan leaves everything below them as the index knows it.
fn missing_mounts(
    root: &Folder,
    exclusions: &Exclusions,
    replicas: &[(&Category, ProjectId)],
    targets: &[WalkTarget],
    mounted: &BTreeSet<PathBuf>,
) -> BTreeMap<usize, Vec<MissingMount>> {
    let mut missing = BTreeMap::new();
    if mounted.is_empty() {
        return missing;
    }
    for (number, ((category, _), target)) in replicas.iter().zip(targets).enumerate() {
        let (category, inner) = (&category.path, &target.inner_categories);
        let mounts = mount::find_missing(root, category, &target.path, inner, mounted);
        let below = mounts.into_iter().map(|mount| {
            // A mount at the replica's folder or above it covers the whole replica.
            let path = mount.path.strip_prefix(&target.path);
            MissingMount {
                path: path.unwrap_or(Path::new("")).to_owned(),
                error: mount.error,
            }
        });
        let relevant: Vec<MissingMount> = below
            .filter(|mount| !exclusions.excludes_folder(&mount.path))
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
struct ReplicaStager<'w, 's, 'a> {
    replicas: &'w [(&'a Category, ProjectId)],
    missing_mounts: BTreeMap<usize, Vec<MissingMount>>,
    open: BTreeMap<usize, OpenReplica>,
    staging: &'w mut ScanStaging<'s>,
    monitor: &'w dyn Monitor,
    summary: WalkSummary<'a>,
}

impl ReplicaStager<'_, '_, '_> {
    /// Stages one folder, unless it lies below a missing mount.
    fn stage(&mut self, replica: usize, mut visited: VisitedFolder) -> Result<()> {
        let mounts = self.missing_mounts.get(&replica);
        if mounts.is_some_and(|mounts| visited.is_below(mounts)) {
            return Ok(());
        }
        if matches!(visited, VisitedFolder::Missing(true)) && mounts.is_none() {
            let (category, project) = &self.replicas[replica];
            self.summary.missing.push((category, project.clone()));
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
            Some(open) => self.staging.end_replica(open.staged),
            None => Ok(()),
        }
    }

    fn open(&mut self, replica: usize) -> Result<&OpenReplica> {
        match self.open.entry(replica) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let (category, project) = &self.replicas[replica];
                Ok(entry.insert(OpenReplica {
                    staged: self.staging.begin_replica(&category.path, project)?,
                    altered_times: self.staging.altered_times(&category.path, project)?,
                }))
            }
        }
    }

    fn stage_folder(&mut self, staged: usize, visited: VisitedFolder) -> Result<()> {
        match visited {
            VisitedFolder::Missing(_) => Ok(()),
            VisitedFolder::Unreadable(path, error) => {
                self.summary.report_problem(&error, self.monitor);
                self.staging.add_unreadable_folder(staged, &path)
            }
            VisitedFolder::Read(read) => {
                for error in &read.errors {
                    self.summary.report_problem(error, self.monitor);
                }
                self.summary.has_content |= read.has_content;
                if let Some(precision) = read.precision {
                    self.staging.add_precision(staged, precision);
                }
                let files = read.folder.totals.files;
                self.monitor.on_event(&ProgressEvent::Folders(1));
                self.monitor.on_event(&ProgressEvent::Files(files));
                self.staging.add_folder(staged, read.folder)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::model::project::Scope;
    use crate::scan::ScanState;
    use crate::scan::local::scan_local;
    use crate::scan::tests::{Studio, project};
    use crate::snapshot::time_alias::AlteredTime;

    const SHOTS: &str = "footage/acme/spot/shots";

    /// A scanned studio in which the files of this folder are gone.
    fn studio_without(folder: &str) -> Studio {
        let mut studio = Studio::new(&[
            "footage/acme/spot/a",
            "footage/acme/spot/shots/b",
            "footage/zoo/film/c",
        ]);
        studio.scan_all();
        studio.remove(folder);
        studio
    }

    /// Walks `NAS` without writing, and returns a part of the result.
    fn scanned<T>(studio: &Studio, part: fn(&WalkSummary<'_>) -> T) -> T {
        let (database, scope) = (studio.database(), studio.scope(Scope::All));
        let (index, registry) = (&studio.index, &studio.registry);
        let scanned = scan_local(index, registry, &database, &scope, &studio.messages);
        part(&scanned.unwrap().walked)
    }

    #[test]
    fn missing_mount_in_a_replica_keeps_its_files() {
        for is_folder in [true, false] {
            let mut studio = studio_without(SHOTS);
            studio.record_mount(SHOTS);
            if is_folder {
                studio.write("footage/acme/spot/shots/unrelated");
            }
            let summary = studio.scan_all();
            assert_eq!(summary.state, ScanState::Partial);
            assert_eq!(summary.changes, crate::index::ScanChanges::default());
            assert_eq!(studio.stored("footage"), ["acme/spot 2?", "zoo/film 1"]);
            assert!(studio.messages.text().contains("is not mounted now"));
        }
    }

    #[test]
    fn missing_mount_of_a_replica_is_no_deletion() {
        for mount in ["footage/acme/spot", "footage/acme", "footage"] {
            let mut studio = studio_without("footage/acme/spot");
            studio.record_mount(mount);
            assert!(scanned(&studio, |walked| walked.missing.is_empty()));
            let summary = studio.scan_all();
            assert_eq!(
                (summary.state, summary.changes.missing),
                (ScanState::Partial, 0)
            );
            assert_eq!(studio.stored("footage")[0], "acme/spot 2?", "{mount}");
        }
    }

    #[test]
    fn excluded_mount_is_not_missed() {
        let mut studio = studio_without(SHOTS);
        studio.registry.add_exclusion("shots/");
        studio.record_mount(SHOTS);
        assert_eq!(studio.scan_all().state, ScanState::Complete);
        assert_eq!(studio.stored("footage"), ["acme/spot 1", "zoo/film 1"]);
    }

    #[test]
    fn deleted_folder_without_mount_is_missing() {
        let mut studio = studio_without(SHOTS);
        assert_eq!(studio.scan_all().changes.missing, 1);
        assert_eq!(studio.stored("footage"), ["acme/spot 1", "zoo/film 1"]);
        studio.remove("footage/acme/spot");
        studio.scan(Scope::Project(project("acme", "spot")));
        assert_eq!(studio.stored("footage"), ["acme/spot -", "zoo/film 1"]);
    }

    #[test]
    fn folders_alone_are_no_content() {
        let mut studio = Studio::new(&[]);
        let has_content = |studio: &Studio| scanned(studio, |walked| walked.has_content);
        fs::create_dir_all(studio.path(SHOTS)).unwrap();
        assert!(!has_content(&studio));
        studio.write("footage/acme/spot/shots/a.tmp");
        assert!(has_content(&studio));
        studio.registry.add_exclusion("*.tmp");
        assert!(has_content(&studio));
    }

    #[test]
    fn altered_time_is_no_change() {
        let mut studio = Studio::new(&["footage/acme/spot/a"]);
        let folder = Folder::open(&studio.path("footage/acme/spot")).unwrap();
        let [original, reported] = [1001, 1000].map(|seconds| Timestamp {
            seconds,
            nanoseconds: 0,
        });
        folder.set_modified("a".as_ref(), original).unwrap();
        studio.scan_all();
        let id = studio.index.database_id(&studio.database().root).unwrap();
        let time = AlteredTime {
            bytes: 5,
            reported,
            original,
        };
        let times = [("footage/acme/spot".into(), [("a".into(), time)].into())].into();
        studio.index.add_altered_times(id.unwrap(), &times).unwrap();
        folder.set_modified("a".as_ref(), reported).unwrap();
        assert_eq!(studio.scan_all().changes.changed, 0);
        folder
            .set_modified("a".as_ref(), Timestamp::default())
            .unwrap();
        assert_eq!(studio.scan_all().changes.changed, 1);
    }
}
