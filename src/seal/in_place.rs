//! Histories of what lies on a storage: every replica of a scope, one after the other.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::report::SealReport;
use super::request::{SealRequest, SealScope};
use super::seal;
use crate::base::error::{Error, Result};
use crate::base::hash_format::HashFormat;
use crate::base::monitor::Monitor;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, RunId, RunState};
use crate::mhl::hash_list::Process;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Category, Database, Registry};
use crate::storage::observation;
use crate::storage::{Layout, LocalStorage, Storage};

/// A request to write the histories of what lies on a storage.
#[derive(Debug)]
pub struct InPlaceRequest<'a> {
    pub scope: Scope,
    pub categories: Vec<&'a Category>,
    pub database: &'a Database,
    /// The format of new files; `None` for that of each category.
    pub format: Option<HashFormat>,
    pub dry_run: bool,
}

/// The result of writing histories.
#[derive(Debug, Default)]
pub struct InPlaceReport {
    pub sealed: SealReport,
    /// Replicas and folders that could not be read or written, with the reason.
    pub failed: Vec<(PathBuf, String)>,
    pub is_interrupted: bool,
    pub elapsed: Duration,
}

impl InPlaceReport {
    /// Number of findings that are errors.
    pub fn failures(&self) -> u64 {
        self.sealed.failures() + self.failed.len() as u64
    }

    /// The state of the run.
    pub fn state(&self) -> RunState {
        if self.is_interrupted {
            RunState::Interrupted
        } else if self.failures() > 0 || self.sealed.is_unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }
}

/// Writes a generation for each replica of a scope on a storage that has something to record.
///
/// # Errors
/// The storage is a remote, offline or locked; it holds no replica of the scope.
pub fn seal_in_place(
    index: &mut Index,
    registry: &Registry,
    request: &InPlaceRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<InPlaceReport> {
    let start = (Instant::now(), Timestamp::now());
    let database = request.database;
    if database.is_remote() {
        let database = database.name.clone();
        return Err(Error::RemoteHistory { database });
    }
    let layout = Layout::new(registry)?;
    let storage = Storage::open(index, &layout, database)?;
    let mut report = InPlaceReport::default();
    let replicas = find_replicas(&storage, request, &mut report)?;
    let Storage::Local(storage) = &storage else {
        let database = database.name.clone();
        return Err(Error::RemoteHistory { database });
    };
    let _lock = if request.dry_run {
        None
    } else {
        Some(storage.lock(run)?)
    };
    for (category, project) in &replicas {
        if !seal_one(
            index,
            request,
            (storage, category, project),
            start.1,
            (&mut report, monitor),
        ) {
            report.is_interrupted = true;
            break;
        }
    }
    if !report.sealed.generations.is_empty() || !report.sealed.listed.is_empty() {
        let scanned = rescan(index, storage, &replicas, monitor);
        let path = || storage.root.path().to_owned();
        report
            .failed
            .extend(scanned.err().map(|error| (path(), error.full_message())));
    }
    report.elapsed = start.0.elapsed();
    Ok(report)
}

/// Writes a generation for one replica. Returns false after a cancellation.
fn seal_one(
    index: &mut Index,
    request: &InPlaceRequest<'_>,
    (storage, category, project): (&LocalStorage, &Category, &ProjectId),
    started: Timestamp,
    (report, monitor): (&mut InPlaceReport, &dyn Monitor),
) -> bool {
    let format = request
        .format
        .or_else(|| category.attributes.history_format());
    let one = SealRequest {
        storage,
        category,
        project,
        process: Process::InPlace,
        format: format.unwrap_or_default(),
        scope: SealScope::Whole,
        started,
        comment: None,
        dry_run: request.dry_run,
    };
    let path = storage.root.path().join(category.replica_path(project));
    match seal(index, &one, monitor) {
        Ok(mut sealed) => {
            let unwritten = std::mem::take(&mut sealed.unwritten).into_iter();
            let unwritten = unwritten.map(|error| (path.clone(), error.full_message()));
            report.failed.extend(unwritten);
            report.sealed.merge(sealed);
        }
        Err(Error::Interrupted) => return false,
        Err(error) => report.failed.push((path, error.full_message())),
    }
    true
}

/// Returns the replicas of the scope. Folders that could not be read are added to the report.
fn find_replicas<'a>(
    storage: &Storage,
    request: &InPlaceRequest<'a>,
    report: &mut InPlaceReport,
) -> Result<Vec<(&'a Category, ProjectId)>> {
    let mut replicas = Vec::new();
    for category in &request.categories {
        let listing = storage.list_projects(category, &request.scope)?;
        let projects = listing.projects.into_iter();
        replicas.extend(projects.map(|project| (*category, project)));
        for folder in listing.unread {
            let path = request.database.path(&folder.path);
            report.failed.push((path, folder.error.full_message()));
        }
    }
    if replicas.is_empty() && report.failed.is_empty() {
        let name = &request.database.name;
        return Err(storage.no_replica_error(&request.categories, &request.scope, name)?);
    }
    Ok(replicas)
}

/// Scans replicas again, so that the index shows their histories.
///
/// # Errors
/// The storage cannot be read; the index cannot be written.
pub fn rescan(
    index: &mut Index,
    storage: &LocalStorage,
    replicas: &[(&Category, ProjectId)],
    monitor: &dyn Monitor,
) -> Result<()> {
    let opened = Storage::Local(storage.clone());
    observation::record(
        index,
        &storage.database,
        storage.observed_root(),
        |builder| opened.observe(replicas, builder, monitor),
    )
}
