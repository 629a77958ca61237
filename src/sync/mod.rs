//! A sync: sends the changes since the previous sync of two databases through the pipeline of every copy.
//!
//! `source` reads the replicas at the source and `collect` joins them with the record of sent files. `changes` compares tree
//! and record: what is new or changed is planned, and what is missing is first searched for under another name (`renames`,
//! `respelled`). `select` passes the changes to the pipeline of `copy`. A destination behind rclone is not listed after the
//! first sync, because the record shows what it holds.
//!
//! Rule: a file is missing at the source only if the source proves it. Unmounted, unreadable and excluded folders prove
//! nothing, and a mass deletion needs `--force` (`deletions`).

mod changes;
mod collect;
mod deletions;
mod each_destination;
mod emptied_folders;
mod folder_metadata;
mod known_content;
mod renames;
mod request;
mod respelled;
mod retry;
mod run;
mod select;
mod skipped;
mod source;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub use self::each_destination::sync_each;
pub use self::request::SyncRequest;

use self::folder_metadata::FolderDigests;
use self::run::SyncRun;
use self::source::SourcePrefetch;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::copy;
use crate::copy::COMPARING_STARTED;
use crate::copy::destination::{Destination, SourceReplica};
use crate::copy::outcome::Outcome;
use crate::copy::record::record_failures;
use crate::copy::report::Report;
use crate::copy::source::SourceSnapshot;
use crate::index::{Index, RunId};
use crate::model::registry::{Category, Registry};
use crate::storage::lock::Lock;
use crate::storage::{Layout, Storage};

/// Executes a sync, or plans it in a dry run. Failed files are reported and recorded; the others are sent.
///
/// # Errors
/// The sync did not start: a database is unreachable, another run holds the lock, no replica is in scope, or more than
/// half of the sent files are missing at the source. Failures of the index also end the sync.
fn sync(
    index: &mut Index,
    registry: &Registry,
    request: &SyncRequest<'_>,
    run: RunId,
    monitor: &dyn Monitor,
) -> Result<Report> {
    let start = Instant::now();
    let started = Timestamp::now();
    let layout = Layout::new(registry)?;
    let (source, destination, snapshot) = open_both(index, &layout, request)?;
    let sync = SyncRun {
        registry,
        request,
        started,
        source: Arc::new(source),
        destination: &destination,
        run,
        monitor,
    };
    let lock = sync.begin(index)?;
    let mut report = Report::default();
    monitor.on_event(&COMPARING_STARTED);
    let replicas = if sync.retries_by_record() {
        sync.failed_replicas(index, &mut report)?
    } else {
        sync.collect_replicas(index, snapshot, &mut report)?
    };
    let folders = sync.folder_digests(&replicas);
    let spec = sync.select_changes(index, replicas, &folders, &mut report)?;
    let spec = Arc::new(spec);
    if spec.replicas.is_empty() {
        monitor.on_event(&ProgressEvent::Finished);
    } else {
        let destination = Destination::open(destination, lock);
        let (destinations, confirmation) = (vec![destination], request.confirmation);
        copy::execute(
            index,
            &spec,
            destinations,
            confirmation,
            monitor,
            &mut report,
        )?;
    }
    if !request.dry_run {
        record(index, request, run, &spec.replicas, &folders, &mut report)?;
    }
    report.finish(start);
    Ok(report)
}

/// Opens both databases and reads the source. A local source is read while the destination connects. If the destination is
/// unreachable, nothing is recorded.
fn open_both(
    index: &Index,
    layout: &Arc<Layout>,
    request: &SyncRequest<'_>,
) -> Result<(Storage, Storage, SourceSnapshot)> {
    if !request.source.is_remote() && !request.retry_failed {
        let prefetch = SourcePrefetch::start(index, layout, request)?;
        let destination = Storage::open(index, layout, request.destination)?;
        let (source, snapshot) = prefetch.wait()?;
        return Ok((source, destination, snapshot));
    }
    let destination = Storage::open(index, layout, request.destination)?;
    let source = Storage::open(index, layout, request.source)?;
    let snapshot = if request.retry_failed && destination.uses_rclone() {
        SourceSnapshot::default()
    } else {
        let categories: Vec<Category> = request.categories.iter().copied().cloned().collect();
        SourceSnapshot::read(&source, &categories, &request.scope, &|_| {})?
    };
    Ok((source, destination, snapshot))
}

impl SyncRun<'_> {
    /// Takes the lock of a remote, before anything is recorded about it. Refuses the place of the source.
    fn begin(&self, index: &mut Index) -> Result<Option<Lock>> {
        if self.request.dry_run {
            return Ok(None);
        }
        let lock = if self.destination.uses_rclone() {
            copy::begin(index, &self.source, self.destination, self.run)?
        } else {
            None
        };
        let is_unknown = self.destination.uses_rclone() && self.destination.identity().is_none();
        self.source
            .refuse_same_place(self.destination, is_unknown)?;
        Ok(lock)
    }
}

/// Records failures and the metadata of folders, and counts the items that a limit left for the next sync.
fn record(
    index: &mut Index,
    request: &SyncRequest<'_>,
    run: RunId,
    replicas: &[SourceReplica],
    folders: &FolderDigests,
    report: &mut Report,
) -> Result<()> {
    let relative: Vec<PathBuf> = replicas.iter().map(SourceReplica::relative).collect();
    let roots = [&*request.source.root, &*request.destination.root];
    folder_metadata::record_folder_digests(index, request, folders, report)?;
    record_failures(index, run, roots, &relative, report)?;
    if !interrupt::is_requested() {
        let left = report.items.iter();
        let left = left.filter(|item| item.outcome == Outcome::Unreached);
        report.left_files += left.count() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod law;
