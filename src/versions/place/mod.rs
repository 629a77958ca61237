//! Files that are put back or moved away on one storage, and the record of it.
//!
//! `local` works folder by folder and flushes each, `remote` by moves that a listing proves. `record` writes the result to the index.

mod change;
mod local;
mod record;
mod remote;

pub(super) use self::change::FileChange;
use super::report::VersionReport;
use crate::base::error::Error;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::index::{Index, RunId};
use crate::model::registry::Registry;
use crate::storage::Storage;

/// Makes the changes. What was there becomes a version of this run. Then the projects are scanned again.
pub(super) fn make_changes(
    index: &mut Index,
    registry: &Registry,
    (storage, run): (&Storage, RunId),
    changes: &[FileChange],
    monitor: &dyn Monitor,
    report: &mut VersionReport,
) {
    match storage {
        Storage::Local(local) => local::change(local, registry, (storage, run), changes, report),
        Storage::Remote(remote) => match remote::change(remote, (storage, run), changes, report) {
            Ok(()) | Err(Error::Interrupted) => {}
            Err(error) => report.add_failed(storage, changes, &error),
        },
    }
    let recorded = interrupt::with_grace_period(|| {
        record::move_evidence(index, storage, changes, report)?;
        record::scan_again(index, registry, storage, changes, monitor)
    });
    if let Err(error) = recorded {
        monitor.on_event(&ProgressEvent::Problem(&error));
        report.is_unrecorded = true;
    }
    report.is_interrupted = interrupt::is_requested();
}
