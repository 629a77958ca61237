//! A load from beginning to end: all its databases side by side, but one at a time on each disk.

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

/// Looks at databases, as far as the extent goes, and writes what changed in each; the looks are in their order.
///
/// # Errors
/// What the first of them says that failed; the others were looked at all the same, unless it was an interruption.
pub fn scan_all(
    index: &mut Index,
    registry: &Registry,
    databases: &[&Database],
    extent: &ScanScope<'_>,
    monitor: &dyn Monitor,
) -> Result<Vec<ScanSummary>> {
    index.reopen_if_replaced()?;
    let mut files = 0;
    for database in databases {
        files += known_file_count(index, database, extent)?;
    }
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Scan,
        files: Some(files).filter(|files| *files > 0),
        bytes: None,
    });
    let turns = DiskLocks::default();
    let scan_one = |index: &mut Index, database: &Database| {
        monitor.on_event(&ProgressEvent::DatabaseStarted(&database.name));
        let seen = scan(index, registry, database, extent, &turns, monitor);
        monitor.on_event(&ProgressEvent::DatabaseFinished(&database.name));
        seen
    };
    let scans = run_in_parallel(index, databases, &scan_one);
    monitor.on_event(&ProgressEvent::Finished);
    let mut scans = scans?;
    if matches!(extent.scope, Scope::Client(_)) {
        for (database, scan) in databases.iter().zip(&mut scans) {
            if scan.state == ScanState::Complete {
                match record_absent_projects(index, registry, database, extent) {
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    Err(error) => {
                        monitor.on_event(&ProgressEvent::Problem(&error));
                        scan.state = ScanState::Partial;
                    }
                    Ok(()) => {}
                }
            }
        }
    }
    Ok(scans)
}

/// How many files the last look at this part of a database saw.
fn known_file_count(index: &Index, database: &Database, extent: &ScanScope<'_>) -> Result<u64> {
    let Some(id) = index.database(&database.root)?.id else {
        return Ok(0);
    };
    let mut files = 0;
    for category in &extent.categories {
        let replicas = index.replicas(id, &category.path)?.into_iter();
        let meant = replicas.filter(|replica| extent.scope.contains(&replica.project));
        files += meant.map(|replica| replica.aggregate.files).sum::<u64>();
    }
    Ok(files)
}

/// Looks for those of a client's projects that other databases hold and this one was not seen to, so that it is noted
/// that they are not there. A look at everything notes that by its listing.
fn record_absent_projects(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    extent: &ScanScope<'_>,
) -> Result<()> {
    let known = index.database(&database.root)?;
    let Some(id) = known.id else {
        return Ok(());
    };
    let mut rest = overview::projects(index, registry, registry.databases())?;
    rest.retain(|project| extent.scope.contains(project));
    let mut replicas = Vec::new();
    for category in &extent.categories {
        let stored = index.replicas(id, &category.path)?.into_iter();
        let stored: BTreeSet<_> = stored.map(|replica| replica.project).collect();
        let is_new = |project: &&ProjectId| !stored.contains(*project);
        replicas.extend(
            rest.iter()
                .filter(is_new)
                .map(|project| (*category, project.clone())),
        );
    }
    if replicas.is_empty() {
        return Ok(());
    }
    let storage = Storage::open(index, database)?;
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    // Of a remote, so that one listing tells of all.
    for category in &extent.categories {
        storage.list_projects(registry, category, &extent.scope)?;
    }
    let mut builder = ObservationBuilder::start(index, database)?;
    for (category, project) in &replicas {
        let tree = storage.tree(registry, &exclusions, category, project)?;
        builder.add(category, project, &tree)?;
    }
    let observation = builder.finish()?;
    storage.record_observation(&observation, index)
}

/// Each in a thread, with the index opened once more: what one waits for holds up none of the others, and what a look
/// kept in temporary files goes with it.
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
            // Where the system gives no thread for it, it is done here, before the next.
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
        // All of them, before the first failure is told.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}
