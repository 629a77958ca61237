//! A scan: one database is compared with the index, and the differences are written.
//!
//! `discover` lists the categories and their projects, and the storage observes their replicas. Only when everything is
//! read, in a `CompletedScan`, are the differences written, in one transaction. `sync_record` then removes files from the
//! record of syncs that the scan found changed or missing. `load` scans several databases at once.
//!
//! Rule: an unreachable disk, an unmounted folder or an unreadable folder is never taken for a deletion. The index keeps
//! its previous entries for everything that a scan could not read.

mod absent;
mod completed;
pub mod discover;
mod emptied;
pub mod load;
mod summary;
mod sync_record;

use std::sync::Arc;
use std::time::Instant;

pub use self::absent::AbsentCategory;
pub use self::summary::{ScanState, ScanSummary, stored_summary};

use self::completed::CompletedScan;
use self::discover::ScanScope;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::index::{Index, ScanChanges};
use crate::model::registry::{Database, Registry};
use crate::os::disk::{Disk, DiskLocks};
use crate::storage::{Layout, Storage, availability};

/// Scans a database and writes the differences to the index. Waits for other scans of the same disk.
///
/// # Errors
/// After a failure or a cancellation the index still holds the previous scan as a whole.
pub fn scan(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'_>,
    disk_locks: &DiskLocks,
    monitor: &dyn Monitor,
) -> Result<ScanSummary> {
    let mut start = Instant::now();
    index.require_writable()?;
    let layout = Layout::new(registry)?;
    let scanned = read_in_turn(index, &layout, database, disk_locks, monitor, &|storage| {
        CompletedScan::read(index, registry, storage, scan_scope, monitor)
    });
    let mut absent = Vec::new();
    let (changes, state, unreadable) = match scanned {
        Ok(scan) => {
            start = scan.start;
            absent.clone_from(&scan.absent);
            write_scan(index, registry, scan_scope, &scan, monitor)?
        }
        Err(
            error @ (Error::Offline { .. }
            | Error::StorageUnreachable { .. }
            | Error::RcloneTooOld { .. }),
        ) => {
            let state = if database.attributes.is_shelf && error.is_absent_storage() {
                ScanState::Away
            } else {
                monitor.on_event(&ProgressEvent::Problem(&error));
                ScanState::Offline
            };
            let known = index.database(&database.root)?;
            index.write_scan(&database.root, &known)?.finish_offline()?;
            (ScanChanges::default(), state, 0)
        }
        // A failed rclone request proves nothing: the index keeps its entries, and the other databases are scanned.
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
        absent,
        elapsed: start.elapsed(),
        ..known
    })
}

/// Writes a scan to the index and corrects the record of syncs by it.
fn write_scan(
    index: &mut Index,
    registry: &Registry,
    scan_scope: &ScanScope<'_>,
    scan: &CompletedScan<'_>,
    monitor: &dyn Monitor,
) -> Result<(ScanChanges, ScanState, u64)> {
    let state = if scan.unreadable() > 0 {
        ScanState::Partial
    } else {
        ScanState::Complete
    };
    let changes = scan.write(index, registry, scan_scope)?;
    sync_record::correct(index, &scan.storage, scan_scope)?;
    let (databases, database) = (registry.databases(), scan.storage.database());
    if let Some(error) = availability::shared_identity_error(index, databases, database)? {
        monitor.on_event(&ProgressEvent::Problem(&error));
    }
    Ok((changes, state, scan.unreadable()))
}

/// Opens a database and reads it while no other scan uses its disk.
fn read_in_turn<T>(
    index: &Index,
    layout: &Arc<Layout>,
    database: &Database,
    disk_locks: &DiskLocks,
    monitor: &dyn Monitor,
    read: &dyn Fn(Storage) -> Result<T>,
) -> Result<T> {
    let storage = Storage::open(index, layout, database)?;
    let Some(root) = storage.root_folder() else {
        return read(storage);
    };
    monitor.on_event(&ProgressEvent::DatabaseFinished(&database.name));
    let _lock = disk_locks.lock(Disk::of(root))?;
    monitor.on_event(&ProgressEvent::DatabaseStarted(&database.name));
    // Another process may have written the index, or the disk may have been exchanged, while this scan waited.
    read(Storage::open(index, layout, database)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::base::fixture::RecordedMessages;
    use crate::model::identity;
    use crate::model::project::{ProjectId, Scope};
    use crate::model::registry::Category;
    use crate::os::folder::Folder;

    /// The database `NAS` in a temporary folder, and the categories `footage` and `grades`.
    pub(super) struct Studio {
        pub(super) index: Index,
        pub(super) registry: Registry,
        pub(super) messages: RecordedMessages,
        temporary: tempfile::TempDir,
    }

    impl Studio {
        /// Creates these files.
        pub(super) fn new(files: &[&str]) -> Self {
            let temporary = tempfile::tempdir().unwrap();
            let index = Index::open(&temporary.path().join("index")).unwrap().index;
            let mut studio = Self {
                index,
                registry: Registry::default(),
                messages: RecordedMessages::default(),
                temporary,
            };
            studio.add_database("NAS");
            for category in ["footage", "grades"] {
                let added = studio
                    .registry
                    .add_category(category, category.as_ref(), false);
                added.unwrap();
            }
            for file in files {
                studio.write(file);
            }
            studio
        }

        pub(super) fn add_database(&mut self, name: &str) {
            let root = self.temporary.path().join(name);
            fs::create_dir(&root).unwrap();
            self.registry.add_database(name, &root, false).unwrap();
        }

        pub(super) fn database(&self) -> Database {
            self.registry.databases()[0].clone()
        }

        /// The full path of an entry of `NAS`.
        pub(super) fn path(&self, path: &str) -> PathBuf {
            self.temporary.path().join("NAS").join(path)
        }

        pub(super) fn write(&self, file: &str) {
            let path = self.path(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "bytes").unwrap();
        }

        pub(super) fn remove(&self, folder: &str) {
            fs::remove_dir_all(self.path(folder)).unwrap();
        }

        /// Puts a file in place of a folder, which can then not be read.
        pub(super) fn make_unreadable(&self, folder: &str) {
            self.remove(folder);
            self.write(folder);
        }

        pub(super) fn scope(&self, scope: Scope) -> ScanScope<'_> {
            ScanScope::all_categories(&self.registry, scope)
        }

        /// Scans `NAS`.
        pub(super) fn scan(&mut self, scope: Scope) -> ScanSummary {
            let categories = self.registry.categories().to_vec();
            self.scan_in(&categories, scope)
        }

        /// Scans these categories of `NAS`.
        pub(super) fn scan_in(&mut self, categories: &[Category], scope: Scope) -> ScanSummary {
            let (database, locks) = (self.database(), DiskLocks::default());
            let categories = categories.iter().collect();
            let scan_scope = ScanScope { categories, scope };
            let (index, registry) = (&mut self.index, &self.registry);
            scan(
                index,
                registry,
                &database,
                &scan_scope,
                &locks,
                &self.messages,
            )
            .unwrap()
        }

        pub(super) fn scan_all(&mut self) -> ScanSummary {
            self.scan(Scope::All)
        }

        /// Records that a folder of `NAS` was a mount.
        pub(super) fn record_mount(&mut self, folder: &str) {
            let root = self.database().root;
            let known = self.index.database(&root).unwrap();
            let writer = self.index.write_scan(&root, &known).unwrap();
            writer.record_mount(folder.as_ref()).unwrap();
            writer.finish(false).unwrap();
        }

        pub(super) fn create_identity(&self) {
            let root = Folder::open(&self.path("")).unwrap();
            identity::read_or_create(&root, "NAS").unwrap();
        }

        /// The replicas of `NAS` in a category according to the index: `acme/spot 2`, with `-` in place of the number of
        /// files for a missing replica, and `?` after it for an unreadable one.
        pub(super) fn stored(&self, category: &str) -> Vec<String> {
            self.stored_in(&self.database(), category)
        }

        pub(super) fn stored_in(&self, database: &Database, category: &str) -> Vec<String> {
            let known = self.index.database(&database.root).unwrap();
            let replicas = self.index.replicas(known.id.unwrap(), category.as_ref());
            let mut stored: Vec<_> = replicas
                .unwrap()
                .iter()
                .map(|replica| {
                    let files = if replica.present {
                        replica.aggregate.files.to_string()
                    } else {
                        "-".to_owned()
                    };
                    let unread = if replica.aggregate.unreadable > 0 {
                        "?"
                    } else {
                        ""
                    };
                    format!("{} {files}{unread}", replica.project)
                })
                .collect();
            stored.sort();
            stored
        }

        /// True if the index knows that the whole category was listed.
        pub(super) fn is_listed(&self, category: &str) -> bool {
            let known = self.index.database(&self.database().root).unwrap();
            let category = Path::new(category);
            self.index
                .category_scanned_at(known.id.unwrap(), category)
                .unwrap()
                .is_some()
        }
    }

    pub(super) fn project(client: &str, project: &str) -> ProjectId {
        ProjectId {
            client: client.into(),
            project: project.into(),
        }
    }

    #[test]
    fn offline_database_keeps_its_entries() {
        let mut studio = Studio::new(&["footage/acme/spot/a", "footage/acme/spot/b"]);
        assert_eq!(studio.scan_all().state, ScanState::Complete);
        let moved = studio.path("").with_file_name("unplugged");
        fs::rename(studio.path(""), &moved).unwrap();
        let summary = studio.scan_all();
        assert_eq!((summary.state, summary.files), (ScanState::Offline, 2));
        assert_eq!(studio.stored("footage"), ["acme/spot 2"]);
        assert!(studio.messages.text().contains("does not exist"));
        let offline = |studio: &Studio| {
            let known = studio.index.database(&studio.database().root).unwrap();
            known.offline_since.is_some()
        };
        assert!(offline(&studio));
        fs::rename(moved, studio.path("")).unwrap();
        assert_eq!(studio.scan_all().state, ScanState::Complete);
        assert!(!offline(&studio));
    }

    #[test]
    fn scan_counts_the_changes() {
        let mut studio = Studio::new(&["footage/acme/spot/a", "grades/acme/spot/b"]);
        let summary = studio.scan_all();
        assert_eq!((summary.files, summary.projects), (2, 1));
        assert_eq!(summary.changes.added, 2);
        studio.remove("grades/acme");
        studio.write("footage/zoo/film/c");
        let summary = studio.scan_all();
        assert_eq!((summary.changes.added, summary.changes.missing), (1, 1));
        assert_eq!(summary.state, ScanState::Complete);
        assert_eq!(studio.stored("footage"), ["acme/spot 1", "zoo/film 1"]);
    }
}
