//! The steps of the plans for a local destination: checks space, takes the lock, copies, deletes, and rescans what it wrote.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::case_rename::apply_case_renames;
use super::cleanup::remove_leftovers_of_runs;
use super::deletion::delete_missing;
use super::from_remote::fetch_plans;
use super::history::seal_copied;
use super::transfer::{TransferSettings, transfer_plans};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::copy::destination::DestinationCopy;
use crate::copy::destination::find_replica;
use crate::copy::executor::Executor;
use crate::copy::outcome::Outcome;
use crate::copy::plan::Plan;
use crate::copy::preflight;
use crate::copy::preflight::PlannedSource;
use crate::copy::record::record_copied;
use crate::index::{Index, RunId};
use crate::model::identity;
use crate::model::mount::require_category_mounted;
use crate::storage::lock::Lock;
use crate::storage::observation;
use crate::storage::{LocalStorage, Storage};

impl Executor for LocalStorage {
    fn begin(&self, _: &mut Index, _: &Storage, run: RunId) -> Result<Option<Lock>> {
        self.lock_if_exists(run)
    }

    fn require_space(&self, copy: &DestinationCopy<'_>, plans: &[Plan]) -> Result<()> {
        let source = copy.spec.source.root_folder();
        let kind = copy.spec.source_root;
        let source = source.map(|root| PlannedSource { root, kind });
        preflight::require_space(&copy.database.name, source, &self.root, plans)
    }

    fn execute(
        &self,
        copy: &mut DestinationCopy<'_>,
        plans: &[Plan],
        lock: Option<Lock>,
    ) -> Result<()> {
        let started = Timestamp::now();
        let lock = acquire_lock(copy, self, plans, lock)?;
        let is_locked = lock.as_ref().is_some_and(Lock::has_file);
        let unfinished = if is_locked {
            settle_earlier_runs(copy, self, plans)
        } else {
            BTreeSet::new()
        };
        let plans = mounted_plans(copy, self, plans);
        copy.report_planned(&plans);
        let written: Vec<&Path> = plans
            .iter()
            .filter(|plan| plan.has_work() || unfinished.contains(&plan.replica))
            .map(|plan| plan.replica.as_path())
            .collect();
        let (run, root) = (copy.spec.run, &copy.database.root);
        let marked = copy.index.mark_in_progress(run, root, &written);
        copy.report_problems([marked]);
        for plan in &plans {
            apply_case_renames(copy, self, plan);
        }
        copy_files(copy, self, &plans, is_locked, &unfinished)?;
        // After cancellation too: the index must know the copied files.
        interrupt::with_grace_period(|| record_copied(copy, &plans));
        if is_locked {
            seal_copied(copy, self, &plans, &unfinished, started);
        }
        let deleted = delete_missing(copy, self, &plans, lock.as_ref());
        interrupt::with_grace_period(|| {
            let changed = deleted.as_ref().ok().into_iter().flatten();
            let changed = changed.map(PathBuf::as_path);
            rescan(copy, self, &written, &changed.collect());
        });
        deleted?;
        lock.as_ref().map_or(Ok(()), Lock::check)
    }
}

/// Removes what killed runs left behind, and returns the replicas that they left unfinished. The caller holds the lock.
fn settle_earlier_runs(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[Plan],
) -> BTreeSet<PathBuf> {
    let unfinished = remove_leftovers_of_runs(copy, storage, plans).unwrap_or_else(|error| {
        copy.report_problem(error);
        BTreeSet::new()
    });
    if plans.iter().any(Plan::has_work) {
        let created = identity::read_or_create(&storage.root, &copy.database.name);
        copy.report_problems([created.map(drop)]);
    }
    unfinished
}

/// Copies the files of the plans from a folder, or fetches them from a remote.
fn copy_files(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
    is_locked: bool,
    unfinished: &BTreeSet<PathBuf>,
) -> Result<()> {
    let Some(source) = copy.spec.source.root_folder() else {
        return fetch_plans(copy, storage, plans, is_locked, unfinished);
    };
    let settings = TransferSettings {
        source,
        move_source: false,
        is_locked,
        unfinished,
        unavailable: HashMap::new(),
    };
    transfer_plans(copy, storage, plans, &settings);
    Ok(())
}

/// Takes the lock if the plans write. Metadata of folders alone is skipped where the lock cannot be taken.
fn acquire_lock(
    copy: &DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[Plan],
    lock: Option<Lock>,
) -> Result<Option<Lock>> {
    let deletes = copy.deletes();
    let changes = |plan: &Plan| plan.changes_destination(deletes) || !plan.leftovers.is_empty();
    match lock {
        None if plans.iter().any(changes) => {
            // Without a lock file the copy goes on, because the folders of projects may be writable.
            let (lock, failure) = storage.lock_if_possible(copy.spec.run)?;
            copy.report_problems([failure.map_or(Ok(()), Err)]);
            Ok(Some(lock))
        }
        None if plans.iter().any(Plan::has_metadata_updates) => match storage.lock(copy.spec.run) {
            Err(error @ Error::Locked { .. }) => Err(error),
            taken => Ok(taken.ok()),
        },
        lock => Ok(lock),
    }
}

/// Returns the plans whose categories are still mounted. The items of the others fail.
fn mounted_plans<'p>(
    copy: &DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &'p [Plan],
) -> Vec<&'p Plan> {
    let is_mounted = |plan: &&Plan| {
        let replica = find_replica(&copy.spec.replicas, plan);
        let mounted = replica.map_or(Ok(()), |replica| {
            let base = replica.category.base();
            require_category_mounted(&storage.root, &base, &storage.known_mounts)
        });
        let Err(error) = mounted else { return true };
        copy.report_uncopied(plan);
        let why = error.full_message();
        let new = plan.folders.iter().filter(|folder| !folder.exists);
        let new = new.map(|folder| folder.path.clone());
        for path in plan.paths().map(|(path, _)| path).chain(new) {
            copy.report_outcome(&plan.replica, &path, Outcome::Failed(why.clone()));
        }
        false
    };
    plans.iter().filter(is_mounted).collect()
}

/// Scans the written replicas, and those in which something was deleted, and records them in the index.
fn rescan(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    written: &[&Path],
    changed: &BTreeSet<&Path>,
) {
    let observed = observe(copy, storage, written, changed);
    let (run, root) = (copy.spec.run, &copy.database.root);
    if observed.is_ok() && storage.root.write_guard().is_lost() {
        // The next run finishes the folders.
        return;
    }
    match observed.and_then(|()| copy.index.clear_in_progress(run, root, written)) {
        // The replicas stay recorded as in progress, and the next run scans them.
        Err(Error::Interrupted) | Ok(()) => {}
        Err(error) => copy.report_problem(error),
    }
}

fn observe(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    written: &[&Path],
    changed: &BTreeSet<&Path>,
) -> Result<()> {
    let replicas = copy.spec.replicas.iter().filter(|replica| {
        let relative = replica.relative();
        written.contains(&relative.as_path()) || changed.contains(relative.as_path())
    });
    let replicas: Vec<_> = replicas
        .map(|replica| {
            let id = storage.stored_spelling(&replica.category, &replica.project);
            (&replica.category, id)
        })
        .collect();
    if replicas.is_empty() {
        return Ok(());
    }
    let root = storage.observed_root();
    observation::record(&mut copy.index, &storage.database, root, |builder| {
        for (category, project) in &replicas {
            builder.add(category, project, &storage.tree(category, project)?)?;
        }
        Ok(())
    })
}
