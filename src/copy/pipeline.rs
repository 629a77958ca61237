//! The pipeline of every copy and sync to one destination: plan, check, execute, record.
//!
//! `prepare` scans the destination and plans; the checks below refuse what must not begin; an executor carries the plans out
//! and records their results. All writes happen under the database's lock. A replica in which a run was interrupted is
//! finished by the next run.

use super::destination::DestinationCopy;
use super::executor::Executor;
use super::prepare::plan_replicas;
use super::source_root::SourceRoot;
use crate::base::error::Result;
use crate::index::{Index, RunId};
use crate::storage::Storage;
use crate::storage::lock::Lock;

/// Takes the lock of a destination for a run that reads the record of sent files before it plans, and settles the record.
///
/// # Errors
/// [`crate::base::error::Error::Locked`] if another run holds the lock.
pub fn begin(
    index: &mut Index,
    source: &Storage,
    destination: &Storage,
    run: RunId,
) -> Result<Option<Lock>> {
    executor_of(destination).begin(index, source, run)
}

fn executor_of(storage: &Storage) -> &dyn Executor {
    match storage {
        Storage::Local(storage) => storage,
        Storage::Remote(storage) => &**storage,
    }
}

/// Executes the copy. Replicas and files that fail are reported, and the others are copied.
///
/// # Errors
/// Nothing could be started: the database is offline, locked or lacks space.
pub(super) fn run(
    mut copy: DestinationCopy<'_>,
    opened: Option<(Storage, Option<Lock>)>,
) -> Result<()> {
    let spec = copy.spec;
    let (storage, held) = match opened {
        Some(opened) => opened,
        None => (
            Storage::open(&copy.index, spec.source.layout(), copy.database)?,
            None,
        ),
    };
    if spec.source_root == SourceRoot::Database {
        spec.source.refuse_overlap(&storage)?;
    }
    let executor = executor_of(&storage);
    let lock = match held {
        None if !spec.dry_run => executor.begin(&mut copy.index, &spec.source, spec.run)?,
        held => held,
    };
    let plans = plan_replicas(&mut copy, &storage)?;
    copy.lock_report().planned_bytes = plans.iter().map(|plan| plan.bytes).sum();
    if spec.dry_run {
        // A dry run reports missing space and prints the plans all the same.
        copy.report_problems([executor.require_space(&copy, &plans)]);
        for plan in plans {
            copy.report_dry_run(plan);
        }
        return Ok(());
    }
    let deletes = copy.deletes();
    let writes = plans.iter().any(|plan| plan.changes_destination(deletes));
    spec.source.refuse_same_place(&storage, writes)?;
    copy.confirm_replacements(&plans)?;
    executor.require_space(&copy, &plans)?;
    executor.execute(&mut copy, &plans, lock)
}
