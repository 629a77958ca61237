//! A scan: one database is compared with the index, and the differences are written.
//!
//! `discover` lists the categories and their projects. `local` walks the replicas on a disk, and `remote` lists those
//! behind rclone; both fill a staging table and return a `CompletedScan`. Only when it is complete are its differences
//! written, in one transaction. `sync_record` then removes files from the record of syncs that the scan found changed or
//! missing. `load` scans several databases at once.
//!
//! Rule: an unreachable disk, an unmounted folder or an unreadable folder is never taken for a deletion. The index keeps
//! its previous entries for everything that a scan could not read.

mod completed;
pub mod discover;
pub mod load;
mod local;
mod remote;
mod summary;
mod sync_record;
mod walk;

use std::time::Instant;

pub use self::summary::{ScanState, ScanSummary, stored_summary};

use self::completed::CompletedScan;
use self::discover::ScanScope;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::index::{Index, ScanChanges};
use crate::model::registry::{Database, Registry};
use crate::os::disk::{Disk, DiskLocks};
use crate::storage::availability;

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
    let scanned = if database.is_remote() {
        remote::scan_remote(index, registry, database, scan_scope, monitor)
    } else {
        with_disk_lock(index, database, disk_locks, monitor, &mut || {
            start = Instant::now();
            local::scan_local(index, registry, database, scan_scope, monitor)
        })
    };
    let (changes, state, unreadable) = match scanned {
        Ok(scanned) => write_scan(index, registry, database, scan_scope, &scanned, monitor)?,
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
        elapsed: start.elapsed(),
        ..known
    })
}

/// Writes a scan to the index and corrects the record of syncs by it.
fn write_scan(
    index: &mut Index,
    registry: &Registry,
    database: &Database,
    scan_scope: &ScanScope<'_>,
    scanned: &CompletedScan<'_>,
    monitor: &dyn Monitor,
) -> Result<(ScanChanges, ScanState, u64)> {
    let state = if scanned.unreadable() > 0 {
        ScanState::Partial
    } else {
        ScanState::Complete
    };
    let changes = scanned.write(index, registry, database, scan_scope)?;
    match &scanned.remote {
        Some(storage) => sync_record::correct_remote_record(index, storage, scan_scope)?,
        None => sync_record::correct_local_record(index, registry, database, scan_scope)?,
    }
    if let Some(error) = availability::shared_identity_error(index, registry.databases(), database)?
    {
        monitor.on_event(&ProgressEvent::Problem(&error));
    }
    Ok((changes, state, scanned.unreadable()))
}

/// Runs `work` on a reachable local database while no other scan uses its disk.
fn with_disk_lock<T>(
    index: &Index,
    database: &Database,
    disk_locks: &DiskLocks,
    monitor: &dyn Monitor,
    work: &mut dyn FnMut() -> Result<T>,
) -> Result<T> {
    let root = availability::open_root(index, database, &index.database(&database.root)?)?;
    monitor.on_event(&ProgressEvent::DatabaseFinished(&database.name));
    let _lock = disk_locks.lock(Disk::of(&root))?;
    monitor.on_event(&ProgressEvent::DatabaseStarted(&database.name));
    work()
}
