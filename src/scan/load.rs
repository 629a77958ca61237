//! The scan of several databases at once, but of one at a time on each disk.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::thread;

use super::discover::ScanScope;
use super::{ScanState, ScanSummary, scan};
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::index::Index;
use crate::index::overview;
use crate::model::project::{ProjectId, Scope};
use crate::model::registry::{Database, Registry};
use crate::os::disk::DiskLocks;
use crate::storage::observation;
use crate::storage::{Layout, Storage};

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
    report_incomplete_names(index.complete_names(), monitor)?;
    Ok(scans)
}

/// Reports that the name index could not be completed. The scans are written, so that this is no failure of `load`.
///
/// # Errors
/// [`Error::Interrupted`].
fn report_incomplete_names(completed: Result<()>, monitor: &dyn Monitor) -> Result<()> {
    match completed {
        Err(error) if !matches!(error, Error::Interrupted) => {
            let warning = format!(
                "the index of names could not be completed, so `find` reads every name until the next `load`: {}",
                error.full_message()
            );
            monitor.on_event(&ProgressEvent::Warning(&warning));
            Ok(())
        }
        completed => completed,
    }
}

/// Returns the number of files in scope at the previous scan.
fn known_file_count(index: &Index, database: &Database, scan_scope: &ScanScope<'_>) -> Result<u64> {
    let Some(id) = index.database(&database.root)?.id else {
        return Ok(0);
    };
    let mut files = 0;
    for category in &scan_scope.categories {
        let replicas = index.replicas(id, category.key())?.into_iter();
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
        let stored = index.replicas(id, category.key())?.into_iter();
        let stored: BTreeSet<ProjectId> = stored.map(|replica| replica.project).collect();
        let new = projects.iter().filter(|project| !stored.contains(*project));
        replicas.extend(new.map(|project| (*category, project.clone())));
    }
    if replicas.is_empty() {
        return Ok(());
    }
    let storage = Storage::open(index, &Layout::new(registry)?, database)?;
    // Prefetch: on a remote, one listing then serves all projects of a category.
    let categories = scan_scope.categories.iter().copied();
    storage.prefetch(categories, &scan_scope.scope)?;
    observation::record(index, database, storage.observed_root(), |builder| {
        for (category, project) in &replicas {
            builder.add(category, project, &storage.tree(category, project)?)?;
        }
        Ok(())
    })
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::*;
    use crate::base::error::IndexProblem;
    use crate::base::fixture::RecordedMessages;
    use crate::scan::tests::Studio;

    /// The databases `NAS`, which holds two projects, and `B`, which holds one in `footage`.
    fn studio() -> Studio {
        let mut studio = Studio::new(&["footage/acme/film/a", "footage/acme/spot/a"]);
        studio.add_database("B");
        let other = studio.path("../B/footage/acme/film");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("a"), "bytes").unwrap();
        studio
    }

    fn load(studio: &mut Studio, scope: Scope) -> Result<Vec<ScanState>> {
        let (index, registry) = (&mut studio.index, &studio.registry);
        let databases: Vec<_> = registry.databases().iter().collect();
        let scan_scope = ScanScope::all_categories(registry, scope);
        let scans = scan_all(index, registry, &databases, &scan_scope, &studio.messages)?;
        Ok(scans.into_iter().map(|scan| scan.state).collect())
    }

    #[test]
    fn offline_database_stops_no_other_scan() {
        let mut studio = studio();
        studio.remove("");
        let states = load(&mut studio, Scope::All).unwrap();
        assert_eq!(states, [ScanState::Offline, ScanState::Complete]);
        let other = &studio.registry.databases()[1];
        assert_eq!(studio.stored_in(other, "footage"), ["acme/film 1"]);
    }

    #[test]
    fn client_scan_records_projects_of_other_databases() {
        let mut studio = studio();
        load(&mut studio, Scope::All).unwrap();
        let stored = |studio: &Studio, category: &str| {
            studio.stored_in(&studio.registry.databases()[1], category)
        };
        assert_eq!(stored(&studio, "footage"), ["acme/film 1"]);
        load(&mut studio, Scope::Client("acme".into())).unwrap();
        assert_eq!(stored(&studio, "footage"), ["acme/film 1", "acme/spot -"]);
        assert_eq!(stored(&studio, "grades"), ["acme/film -", "acme/spot -"]);
    }

    #[test]
    fn known_files_are_counted_in_scope() {
        let mut studio = studio();
        let count = |studio: &Studio, scope: Scope| {
            known_file_count(&studio.index, &studio.database(), &studio.scope(scope)).unwrap()
        };
        assert_eq!(count(&studio, Scope::All), 0);
        studio.write("grades/zoo/spot/b");
        load(&mut studio, Scope::All).unwrap();
        assert_eq!(count(&studio, Scope::All), 3);
        assert_eq!(count(&studio, Scope::Client("acme".into())), 2);
    }

    #[test]
    fn incomplete_name_index_is_only_reported() {
        let messages = RecordedMessages::default();
        let read_only = || Error::index(IndexProblem::ReadOnly, "index");
        report_incomplete_names(Err(read_only()), &messages).unwrap();
        let text = messages.text();
        assert!(text.contains("`find` reads every name until"), "{text}");
        assert!(text.ends_with(&read_only().full_message()), "{text}");
        let interrupted = report_incomplete_names(Err(Error::Interrupted), &messages);
        assert!(matches!(interrupted, Err(Error::Interrupted)));
    }

    #[test]
    fn failure_is_returned_after_all_scans() {
        let studio = studio();
        let ended = Mutex::new(Vec::new());
        let databases: Vec<_> = studio.registry.databases().iter().collect();
        let scanned = run_in_parallel(&studio.index, &databases, &|_, database| {
            ended.lock().unwrap().push(database.name.clone());
            Err(Error::SourceChanged {
                path: database.root.clone(),
            })
        });
        let first = scanned.unwrap_err().to_string();
        assert!(first.contains("NAS"), "{first}");
        let mut ended = ended.into_inner().unwrap();
        ended.sort();
        assert_eq!(ended, ["B", "NAS"]);
    }
}
