//! The scan of several databases at once, but of one at a time on each disk.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::discover::ScanScope;
use super::{ScanState, ScanSummary, scan};
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::index::Index;
use crate::index::overview;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Database, Registry};
use crate::os::disk::DiskLocks;
use crate::storage::Storage;
use crate::storage::observation::ObservationBuilder;

/// Scans databases and returns the summaries in the order of the databases.
///
/// # Errors
/// Returns the first database's failure after all databases were scanned; a cancellation stops all scans.
pub fn scan_all(
    index: &mut Index,
    registry: &Registry,
    databases: &[&Database],
    scan_scope: &ScanScope<'_>,
    monitor: &dyn Monitor,
) -> Result<Vec<ScanSummary>> {
    index.reopen_if_replaced()?;
    let mut files = 0;
    for database in databases {
        files += known_file_count(index, database, scan_scope)?;
    }
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Scan,
        files: Some(files).filter(|files| *files > 0),
        bytes: None,
    });
    let disk_locks = DiskLocks::default();
    let scan_one = |index: &mut Index, database: &Database| {
        monitor.on_event(&ProgressEvent::DatabaseStarted(&database.name));
        let summary = scan(index, registry, database, scan_scope, &disk_locks, monitor);
        monitor.on_event(&ProgressEvent::DatabaseFinished(&database.name));
        summary
    };
    let scans = run_in_parallel(index, databases, &scan_one);
    monitor.on_event(&ProgressEvent::Finished);
    let mut scans = scans?;
    if matches!(scan_scope.scope, Scope::Client(_)) {
        for (database, scan) in databases.iter().zip(&mut scans) {
            if scan.state != ScanState::Complete {
                continue;
            }
            match record_absent_projects(index, registry, database, scan_scope) {
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => {
                    monitor.on_event(&ProgressEvent::Problem(&error));
                    scan.state = ScanState::Partial;
                }
                Ok(()) => {}
            }
        }
    }
    Ok(scans)
}

/// Returns the number of files in scope at the previous scan.
fn known_file_count(index: &Index, database: &Database, scan_scope: &ScanScope<'_>) -> Result<u64> {
    let Some(id) = index.database(&database.root)?.id else {
        return Ok(0);
    };
    let mut files = 0;
    for category in &scan_scope.categories {
        let replicas = index.replicas(id, &category.path)?.into_iter();
        let selected = replicas.filter(|replica| scan_scope.scope.contains(&replica.project));
        files += selected.map(|replica| replica.aggregate.files).sum::<u64>();
    }
    Ok(files)
}

/// Reads the projects of a client that only other databases hold, so that the index records them as missing here. A scan
/// of everything records that by its listings.
fn record_absent_projects(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'_>,
) -> Result<()> {
    let Some(id) = index.database(&database.root)?.id else {
        return Ok(());
    };
    let mut projects = overview::projects(index, registry, registry.databases())?;
    projects.retain(|project| scan_scope.scope.contains(project));
    let mut replicas = Vec::new();
    for category in &scan_scope.categories {
        let stored = index.replicas(id, &category.path)?.into_iter();
        let stored: BTreeSet<ProjectId> = stored.map(|replica| replica.project).collect();
        let new = projects.iter().filter(|project| !stored.contains(*project));
        replicas.extend(new.map(|project| (*category, project.clone())));
    }
    if replicas.is_empty() {
        return Ok(());
    }
    let storage = Storage::open(index, database)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    // Prefetch: on a remote, one listing then serves all projects of a category.
    for category in &scan_scope.categories {
        storage.list_projects(registry, category, &scan_scope.scope)?;
    }
    let mut builder = ObservationBuilder::start(index, database)?;
    for (category, project) in &replicas {
        let tree = storage.tree(registry, &exclusions, category, project)?;
        builder.add(category, project, &tree)?;
    }
    let observation = builder.finish()?;
    storage.record_observation(&observation, index)
}

/// Scans each database in a thread with its own handle of the index: a slow storage then delays no other scan, and each
/// scan has its own staging table.
fn run_in_parallel(
    index: &Index,
    databases: &[&Database],
    scan_one: &(dyn Fn(&mut Index, &Database) -> Result<ScanSummary> + Sync),
) -> Result<Vec<ScanSummary>> {
    thread::scope(|scope| {
        let begin = |database| {
            let own = index.try_clone();
            let begun =
                thread::Builder::new().spawn_scoped(scope, move || scan_one(&mut own?, database));
            // If the system refuses another thread, this thread scans the database before it starts the next.
            begun.map_err(|_| {
                let own = index.try_clone();
                own.and_then(|mut own| scan_one(&mut own, database))
            })
        };
        let started: Vec<_> = databases.iter().copied().map(begin).collect();
        let ended = started.into_iter().map(|started| match started {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(done) => done,
        });
        // All threads end before the first failure is returned.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}
