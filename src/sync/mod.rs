//! A sync from beginning to end: what changed since the last one goes to the destination, known from the record of what was
//! sent there, without listing it.

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
mod renames;
mod respelled;
mod retry;
mod skipped;
mod source;
mod work;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use self::source::{SourcePrefetch, SourceSnapshot, read_source};
use crate::base::confirmation::Confirmation;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::monitor::Monitor;
use crate::copy::report::Report;
use crate::index::{Index, RunId};
use crate::model::exclusion::Exclusions;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database, Registry};
use crate::rclone::TransferLimits;
use crate::storage::lock::Lock;
use crate::storage::{Storage, StorageRef};

/// What is to be synced.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
pub struct SyncRequest<'a> {
    /// Which projects.
    pub scope: Scope,
    /// Which categories.
    pub categories: Vec<&'a Category>,
    /// The database they are on.
    pub source: &'a Database,
    /// The database they go to.
    pub destination: &'a Database,
    /// Only what failed before.
    pub retry_failed: bool,
    /// What is gone from the source is moved among the old versions.
    pub delete: bool,
    /// Also where most of it seems gone.
    pub force: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Whether content is compared where that means reading it back.
    pub verify: bool,
    /// How many files at most.
    pub max_files: Option<u64>,
    /// What bounds a transfer.
    pub limits: TransferLimits,
    /// Who is asked before something is deleted.
    pub confirmation: Confirmation,
}

/// What a sync has at hand.
struct SyncRun<'a> {
    registry: &'a Registry,
    request: &'a SyncRequest<'a>,
    exclusions: Arc<Exclusions>,
    source: Arc<Storage>,
    run: RunId,
    monitor: &'a dyn Monitor,
    /// Whether source and destination were found to be two places.
    are_known_distinct: Cell<bool>,
}

/// Syncs, or plans to. Files that fail are in the report and remembered; the rest is sent all the same.
///
/// # Errors
/// Nothing could be begun: a database does not answer, another run is at work, the project is not there, most of it seems
/// gone, the index cannot be written.
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
    // Before anything: where nothing answers, nothing is noted or forgotten. What is only read goes on meanwhile.
    let ahead = if request.source.is_remote() || request.retry_failed {
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
    let (source, snapshot) = if let Some(ahead) = ahead {
        ahead.wait()?
    } else {
        let source = Storage::open(index, request.source)?;
        let snapshot = if request.retry_failed && request.destination.is_remote() {
            SourceSnapshot::default()
        } else {
            let categories = request
                .categories
                .iter()
                .map(|category| (*category).clone());
            let categories: Vec<Category> = categories.collect();
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

impl SyncRun<'_> {
    /// The roots of the source and of the destination.
    fn roots(&self) -> (&Path, &Path) {
        (&self.request.source.root, &self.request.destination.root)
    }

    /// Refuses a destination that is the source by another way, once a run. `writes` says whether anything will be written.
    fn refuse_same_place(&self, destination: StorageRef<'_>, writes: bool) -> Result<()> {
        if self.request.dry_run || self.are_known_distinct.get() {
            return Ok(());
        }
        self.source.refuse_same_place(destination, writes)?;
        self.are_known_distinct.set(writes);
        Ok(())
    }

    /// The path of something at the destination, from its path below the root.
    fn destination_path(&self, whole: &Path) -> PathBuf {
        self.request.destination.path(whole)
    }
}
