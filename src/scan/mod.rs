//! Looking at the disks and bringing the index up to date.

pub mod discover;
pub mod load;
mod remote;
mod sync_record;
pub mod walk;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::discover::{Baseline, Discovery, ScanScope};
use self::walk::{WalkSummary, walk_replicas};
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{Index, KnownDatabase, ScanChanges, ScanWriter, StagedScan};
use crate::model::exclusion::Exclusions;
use crate::model::mount;
use crate::model::project::{ProjectId, Scope, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::os::disk::{Disk, DiskLocks};
use crate::os::folder::Folder;
use crate::snapshot::discovery::{ProjectListing, list};
use crate::storage::RemoteStorage;
use crate::storage::availability;
use crate::storage::availability::RootIds;

/// What a look at a database came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanState {
    /// Everything was seen.
    Complete,
    /// Some of it could not be read.
    Partial,
    /// It was not there; the last look stays.
    Offline,
    /// The last look was recent enough.
    Fresh,
}

impl ScanState {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Offline => "offline",
            Self::Fresh => "fresh",
        }
    }
}

/// A look at one database: what the index knows of it now, and what was different from before.
#[derive(Debug)]
pub struct ScanSummary {
    /// How it went.
    pub state: ScanState,
    /// Files and links in all tracked categories.
    pub files: u64,
    /// Their apparent bytes.
    pub bytes: u64,
    /// Projects.
    pub projects: u64,
    /// What changed since the look before.
    pub changes: ScanChanges,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Looks at a database, as far as the extent goes, once it is its disk's turn, and writes what changed.
///
/// # Errors
/// The index cannot be written, or the look was interrupted; the index then holds the look before, whole.
pub fn scan(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    extent: &ScanScope<'_>,
    turns: &DiskLocks,
    monitor: &dyn Monitor,
) -> Result<ScanSummary> {
    let mut start = Instant::now();
    index.require_writable()?;
    let seen = if database.is_remote() {
        remote::scan_remote(index, registry, database, extent, monitor)
    } else {
        with_disk_turn(index, database, turns, monitor, &mut || {
            start = Instant::now();
            scan_local(index, registry, database, extent, monitor)
        })
    };
    let (changes, state, unreadable) = match seen {
        Ok(seen) => {
            let state = if seen.unreadable() > 0 {
                ScanState::Partial
            } else {
                ScanState::Complete
            };
            let changes = seen.write(index, registry, database, extent)?;
            match &seen.remote {
                Some(storage) => sync_record::correct_remote_record(index, storage, extent)?,
                None => sync_record::correct_local_record(index, registry, database, extent)?,
            }
            if let Some(shared) =
                availability::shared_identity_error(index, registry.databases(), database)?
            {
                monitor.on_event(&ProgressEvent::Problem(&shared));
            }
            (changes, state, seen.unreadable())
        }
        Err(
            error @ (Error::Offline { .. }
            | Error::StorageUnreachable { .. }
            | Error::RcloneNotFound { .. }
            | Error::RcloneTooOld { .. }),
        ) => {
            monitor.on_event(&ProgressEvent::Problem(&error));
            let known = index.database(&database.root)?;
            index.write_scan(&database.root, &known)?.finish_offline()?;
            (ScanChanges::default(), ScanState::Offline, 0)
        }
        // A question that failed says nothing: the index keeps what it knew, and other databases are scanned all the same.
        Err(error @ Error::Rclone { .. }) => {
            monitor.on_event(&ProgressEvent::Problem(&error));
            (ScanChanges::default(), ScanState::Partial, 1)
        }
        Err(error) => return Err(error),
    };
    let known = stored_summary(index, registry, database)?;
    Ok(ScanSummary {
        state,
        changes,
        unreadable,
        elapsed: start.elapsed(),
        ..known
    })
}

/// Does something with a database that is there, once nobody else has its disk.
fn with_disk_turn<T>(
    index: &Index,
    database: &Database,
    turns: &DiskLocks,
    monitor: &dyn Monitor,
    work: &mut dyn FnMut() -> Result<T>,
) -> Result<T> {
    let root = availability::open_root(index, database, &index.database(&database.root)?)?;
    monitor.on_event(&ProgressEvent::DatabaseFinished(&database.name));
    let _turn = turns.lock(Disk::of(&root))?;
    monitor.on_event(&ProgressEvent::DatabaseStarted(&database.name));
    work()
}

/// Everything that a look saw, ready to be written.
struct CompletedScan<'a> {
    /// What was known of the database when the look began.
    previous: KnownDatabase,
    started: Timestamp,
    root_ids: RootIds,
    discovery: Discovery<'a>,
    walked: WalkSummary<'a>,
    staged: StagedScan,
    /// The database, where it is behind rclone.
    remote: Option<RemoteStorage>,
}

/// Looks at everything in an extent, without writing. What is known, and whether the database is there, is asked only
/// now: others may have written, or exchanged the disk, while it waited for its turn.
fn scan_local<'a>(
    index: &Index,
    registry: &Registry,
    database: &Database,
    extent: &ScanScope<'a>,
    monitor: &dyn Monitor,
) -> Result<CompletedScan<'a>> {
    let began = Timestamp::now();
    let known = index.database(&database.root)?;
    let root = availability::open_root(index, database, &known)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let before = Baseline {
        expected: expected_projects(index, &known, extent)?,
        mounted: known_mounts(index, &known)?,
    };
    let mounted = before.mounted.clone();
    let mut discovery = Discovery::discover(&root, registry, extent, before, monitor)?;
    let replicas: Vec<_> = discovery
        .replicas()
        .map(|(category, project)| (category, project.clone()))
        .collect();
    let mut staging = index
        .stage_scan(&known)?
        .with_exclusions(Arc::clone(&exclusions));
    let walked = walk_replicas(
        &root,
        registry,
        &exclusions,
        &replicas,
        &mounted,
        &mut staging,
        monitor,
    )?;
    let inner = find_mounts(&root, &replicas, &exclusions);
    discovery.mounts.extend(inner);
    let seen = CompletedScan {
        staged: staging.finish()?,
        root_ids: RootIds::of_folder(&root),
        previous: known,
        started: began,
        discovery,
        walked,
        remote: None,
    };
    refuse_emptied_database(database, registry, &root, &seen)?;
    Ok(seen)
}

impl CompletedScan<'_> {
    fn unreadable(&self) -> u64 {
        self.discovery.unreadable + self.walked.unreadable
    }

    /// Writes what was seen. The disk is no longer asked anything, for others wait meanwhile.
    fn write(
        &self,
        index: &mut Index,
        registry: &Registry,
        database: &Database,
        extent: &ScanScope<'_>,
    ) -> Result<ScanChanges> {
        // With nothing but closed folders in sight, nothing is known to be gone.
        let blind = self.unreadable() > 0 && !self.walked.has_content;
        let listed = extent.scope == Scope::All && !blind;
        let writer = index
            .write_scan(&database.root, &self.previous)?
            .started_at(self.started);
        let mut changes = write_replicas(&writer, &self.root_ids, &self.walked, &self.staged)?;
        for category in &self.discovery.mounts {
            writer.record_mount(category)?;
        }
        for listing in &self.discovery.listings {
            changes += write_listing(&writer, listing, listed)?;
        }
        writer.finish(listed && self.unreadable() == 0 && extent.is_whole(registry))?;
        Ok(changes)
    }
}

/// A database in which not even a client's folder is left, though files are known there, is taken for another disk or a
/// mount point with nothing but categories in it: offline, never empty. One that its identity file proves to be itself
/// was emptied by somebody.
fn refuse_emptied_database(
    database: &Database,
    registry: &Registry,
    root: &Folder,
    seen: &CompletedScan<'_>,
) -> Result<()> {
    let known = &seen.previous;
    let is_known = |category: &&Category| known.categories.contains(&category.path);
    let tracked: Vec<_> = registry.categories().iter().filter(is_known).collect();
    if tracked.is_empty()
        || known.identity.is_some()
        || seen.unreadable() > 0
        || seen.walked.has_content
    {
        return Ok(());
    }
    for category in tracked {
        let inner = registry.inner_categories(category);
        let listing = list(root, category, &Scope::All, &inner, &BTreeSet::new())?;
        if listing.is_unreadable || listing.client_count > 0 {
            return Ok(());
        }
    }
    Err(emptied_error(database, known))
}

/// Says that a database that holds no client is taken for another.
fn emptied_error(database: &Database, known: &KnownDatabase) -> Error {
    let files = unit::format_counted(known.files, "file");
    Error::Offline {
        database: database.name.clone(),
        root: database.root.clone(),
        why: format!("holds no client in any category, though the index knows {files} there"),
        may_be_right_disk: true,
    }
}

/// What the index knows of a database, without looking.
///
/// # Errors
/// The index cannot be read.
pub fn stored_summary(
    index: &Index,
    registry: &Registry,
    database: &Database,
) -> Result<ScanSummary> {
    let mut projects = BTreeSet::new();
    let (mut files, mut bytes, mut unreadable) = (0, 0, 0);
    if let Some(id) = index.database(&database.root)?.id {
        for category in registry.categories() {
            for replica in index
                .replicas(id, &category.path)?
                .into_iter()
                .filter(|replica| replica.present)
            {
                files += replica.aggregate.files;
                bytes = u64::saturating_add(bytes, replica.aggregate.bytes);
                unreadable += replica.aggregate.unreadable;
                projects.insert(replica.project);
            }
        }
    }
    let (changes, elapsed) = (ScanChanges::default(), Duration::ZERO);
    let projects = projects.len() as u64;
    Ok(ScanSummary {
        state: ScanState::Fresh,
        files,
        bytes,
        projects,
        changes,
        unreadable,
        elapsed,
    })
}

/// The categories of a database whose folders were file systems of their own at the last look.
fn known_mounts(index: &Index, known: &KnownDatabase) -> Result<BTreeSet<PathBuf>> {
    known
        .id
        .map_or(Ok(BTreeSet::new()), |id| index.mounted_folders(id))
}

/// The mounts in these replicas, and above them in their categories.
fn find_mounts(
    root: &Folder,
    replicas: &[(&Category, ProjectId)],
    exclusions: &Exclusions,
) -> Vec<PathBuf> {
    let mut found = mount::list_below(root.path());
    found.retain(|mount| {
        replicas.iter().any(|(category, project)| {
            let replica = replica_path(&category.path, project);
            mount::affects(mount, &category.path, &replica)
                && !mount
                    .strip_prefix(&replica)
                    .is_ok_and(|path| exclusions.excludes_folder(path))
        })
    });
    found.retain(|mount| mount::is_mounted(root, mount));
    found.into_iter().collect()
}

/// The projects that are looked for on a database whether they are listed or not. Of a client all that were there, so
/// that it is noted where they are gone; a look at everything notes that by the whole listing, and one at a project asks
/// for that one alone.
fn expected_projects(
    index: &Index,
    known: &KnownDatabase,
    extent: &ScanScope<'_>,
) -> Result<BTreeSet<ProjectId>> {
    let mut expected = BTreeSet::new();
    if let (Some(id), Scope::Client(_)) = (known.id, &extent.scope) {
        for category in &extent.categories {
            expected.extend(index.projects(id, &category.path)?);
        }
        expected.retain(|project| extent.scope.contains(project));
    }
    Ok(expected)
}

/// Writes the replicas that were looked at, and whose they are.
fn write_replicas(
    writer: &ScanWriter<'_>,
    marks: &RootIds,
    walked: &WalkSummary<'_>,
    drafted: &StagedScan,
) -> Result<ScanChanges> {
    writer.record_root(marks.identity.as_deref(), marks.root_id.as_deref())?;
    let mut changes = writer.write_replicas(drafted)?;
    for (category, project) in &walked.missing {
        changes += writer.record_missing(&category.path, project)?;
    }
    Ok(changes)
}

/// Writes what was found in a category.
fn write_listing(
    writer: &ScanWriter<'_>,
    listing: &ProjectListing<'_>,
    whole: bool,
) -> Result<ScanChanges> {
    let category = &listing.category.path;
    if listing.is_unreadable {
        writer.record_unreadable(category, None)?;
        return Ok(ScanChanges::default());
    }
    let unread = |project: &ProjectId| listing.unreadable_clients.contains(&project.client);
    let there = |project: &ProjectId| listing.projects.contains(project) || unread(project);
    let changes = if whole {
        writer.delete_unlisted_replicas(category, &there)?
    } else {
        ScanChanges::default()
    };
    if whole && listing.unreadable_clients.is_empty() {
        writer.record_category_scan(category)?;
    }
    for client in &listing.unreadable_clients {
        writer.record_unreadable(category, Some(client))?;
    }
    Ok(changes)
}
