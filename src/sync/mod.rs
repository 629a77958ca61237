//! A sync: sends the changes since the previous sync of two databases, without listing the destination.
//!
//! `source` reads the replicas at the source and `collect` joins them with the record of sent files; the first sync of a
//! replica adopts the files that the destination already holds (`first_sync`). `changes` compares tree and record.
//! `local` executes the changes by the copy pipeline, `remote` by rclone. `renames`, `respelled` and `case_rename` rename
//! files at the destination instead of sending them again; `deletions` moves missing files to the old versions.
//!
//! Rule: a file is missing at the source only if `source_check` proves it. Unmounted, unreadable and excluded folders
//! prove nothing, and a mass deletion needs `--force`.

mod case_rename;
mod changes;
mod collect;
mod deletions;
mod dry_run;
mod emptied_folders;
mod first_sync;
mod folder_metadata;
mod local;
mod local_deletions;
mod name_clash;
mod observe;
mod remote;
mod remote_deletions;
mod renames;
mod request;
mod respelled;
mod retry;
mod run;
mod skipped;
mod source;
mod source_check;
mod upload;
mod work;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

pub use self::request::SyncRequest;

use self::run::SyncRun;
use self::source::{SourcePrefetch, SourceSnapshot, read_source};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::copy::report::Report;
use crate::index::{Index, RunId};
use crate::model::exclusion::Exclusions;
use crate::model::registry::{Category, Registry};
use crate::storage::Storage;
use crate::storage::lock::Lock;

/// Executes a sync, or plans it in a dry run. Failed files are reported and recorded; the others are sent.
///
/// # Errors
/// The sync did not start: a database is unreachable, another run holds the lock, no replica is in scope, or more than
/// half of the sent files are missing at the source. Failures of the index also end the sync.
pub fn sync(
    index: &mut Index,
    registry: &Registry,
    request: &SyncRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<Report> {
    let start = Instant::now();
    let _lock = if request.destination.is_remote() && !request.dry_run {
        Some(Lock::acquire_remote(request.destination, run)?)
    } else {
        None
    };
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    // A local source is read while the destination connects. If the destination is unreachable, nothing is recorded.
    let prefetch = if request.source.is_remote() || request.retry_failed {
        None
    } else {
        Some(SourcePrefetch::start(
            index,
            registry,
            request,
            &exclusions,
        )?)
    };
    let destination = Storage::open(index, request.destination)?;
    let (source, snapshot) = if let Some(prefetch) = prefetch {
        prefetch.wait()?
    } else {
        let source = Storage::open(index, request.source)?;
        let snapshot = if request.retry_failed && request.destination.is_remote() {
            SourceSnapshot::default()
        } else {
            let categories: Vec<Category> = request.categories.iter().copied().cloned().collect();
            read_source(&source, registry, &exclusions, &categories, &request.scope)?
        };
        (Arc::new(source), snapshot)
    };
    let sync = SyncRun {
        registry,
        request,
        exclusions,
        source,
        run,
        monitor,
        are_known_distinct: Cell::new(false),
    };
    let mut report = match &destination {
        Storage::Local(storage) => sync.sync_to_local(index, storage, snapshot)?,
        Storage::Remote(storage) => sync.sync_to_remote(index, storage, snapshot)?,
    };
    report.elapsed = start.elapsed();
    report.interrupted = interrupt::is_requested();
    report.items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}
