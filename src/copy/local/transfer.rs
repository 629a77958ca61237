//! Copies the files of plans with several threads, and records the results in the report and the index.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::thread;

use super::context::TransferContext;
use super::folder::DestinationFolders;
use super::queue::CopyQueue;
use super::worker::Worker;
use crate::copy::destination::{DestinationCopy, find_replica};
use crate::copy::outcome::Outcome;
use crate::copy::plan::Plan;
use crate::copy::record::forget_replaced_digests;
use crate::copy::shared_source::Subscription;
use crate::copy::verification_record::VerificationRecorder;
use crate::model::path::split_path;
use crate::os::disk::Disk;
use crate::os::folder::Folder;
use crate::os::limit::CopyThreads;
use crate::snapshot::content_hash::HashFormatSet;
use crate::storage::copy_file::{MIN_CLONE_BYTES, remove_leftover};
use crate::storage::version::Versions;
use crate::storage::{LocalStorage, Storage};

/// Settings of a transfer that depend on the state of source and destination.
pub(super) struct TransferSettings<'a> {
    /// Root of the source, or the private folder with fetched files.
    pub(super) source: &'a Arc<Folder>,
    /// Moves files instead of copying them; for fetched files, which nothing else needs.
    pub(super) move_source: bool,
    /// True if the run holds the database's lock.
    pub(super) is_locked: bool,
    /// Replicas that an interrupted run left unfinished.
    pub(super) unfinished: &'a BTreeSet<PathBuf>,
    /// Planned files that cannot be copied, by the index of the plan and the path relative to the replica.
    pub(super) unavailable: HashMap<(usize, PathBuf), Outcome>,
}

/// Copies the files of the plans.
pub(super) fn transfer_plans(
    copy: &mut DestinationCopy<'_>,
    storage: &LocalStorage,
    plans: &[&Plan],
    settings: &TransferSettings<'_>,
) {
    for plan in plans {
        copy.lock_report().add_same(plan.same_files);
    }
    let spec = copy.spec;
    let ids = [
        spec.source_id(&mut copy.index),
        storage.database_id(&mut copy.index),
    ];
    let ids = ids.map(Result::unwrap_or_default);
    forget_replaced_digests(copy, ids[1], plans);
    let versions = Versions::new(&storage.root, spec.run);
    let (report, meter) = (copy.report, copy.meter);
    let on_outcome = |plan: usize, folder: &Path, name: &OsStr, outcome: Outcome| {
        let path = || storage.path(&plans[plan].replica, &folder.join(name));
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.add(outcome, path);
    };
    // Fetched files are moved within the destination disk.
    let destination = Disk::of(&storage.root);
    let source = spec.source.root_folder().map(|root| Disk::of(root));
    let disks = [source.as_ref().unwrap_or(&destination), &destination];
    let workers = storage.database.access.copy_threads(disks);
    let seat = copy.seat.take();
    let subscription = seat.as_ref().map(|seat| {
        let is_cloned = cloned_plans(&spec.source, storage, plans);
        seat.join(&storage.root, plans, &|plan, file| {
            file.bytes <= MIN_CLONE_BYTES || !is_cloned[plan]
        })
    });
    let on_relayed = |name: &str, bytes| {
        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
        report.add_relayed(name, bytes);
    };
    let formats = plans.iter().map(|plan| {
        let replica = find_replica(&spec.replicas, plan);
        let format = replica.and_then(|replica| replica.category.attributes.history_format());
        format.map_or(HashFormatSet::EMPTY, |format| {
            HashFormatSet::EMPTY.with(format)
        })
    });
    let formats: Vec<HashFormatSet> = formats.collect();
    let recorder = VerificationRecorder::new(&mut copy.index, ids, plans, spec);
    let context = TransferContext {
        source: settings.source,
        source_root: spec.source_root,
        subscription: subscription.as_ref(),
        move_source: settings.move_source,
        destination: &storage.root,
        versions: &versions,
        verify: spec.verify,
        formats: &formats,
        deadline: spec.limits.transfer.deadline,
        is_locked: settings.is_locked,
        unfinished: settings.unfinished,
        unavailable: &settings.unavailable,
        workers,
        meter,
        on_outcome: &on_outcome,
        on_verified: &|files| recorder.record_verified(files),
        on_time_mismatch: &|times| recorder.record_times(times),
        on_relayed: &on_relayed,
    };
    transfer(plans, &context);
    let (hashes, failure) = recorder.finish();
    copy.hashes.extend(hashes);
    if let Some(error) = failure {
        copy.report_problem(error);
    }
    let path = versions
        .run_path()
        .map(|path| storage.root.path().join(path));
    copy.lock_report().version_folders.extend(path);
}

/// Returns for each plan whether the destination can share the blocks of the source's files.
fn cloned_plans(source: &Storage, storage: &LocalStorage, plans: &[&Plan]) -> Vec<bool> {
    let device = |folder: &Folder| folder.stat_self().map(|stat| stat.device).ok();
    let source = source.root_folder().and_then(|root| device(root));
    let can_clone = |plan: &&Plan| {
        let folder = storage.root.open_nearest(&plan.replica);
        folder.is_ok_and(|folder| folder.supports_reflink() && device(&folder) == source)
    };
    plans.iter().map(can_clone).collect()
}

/// Executes plans and reports every item exactly once. Cancellation is not an error; items not reached are reported as
/// `Unreached`.
fn transfer(plans: &[&Plan], context: &TransferContext<'_>) {
    for (number, plan) in plans.iter().enumerate() {
        report_omissions(number, plan, context);
        if context.is_locked {
            remove_leftovers(context.destination, &plan.replica, &plan.leftovers);
        }
    }
    let mut folders = DestinationFolders::create(plans, context);
    let own_plans = context.subscription.map(Subscription::own_plans);
    let own_plans = own_plans.as_deref().unwrap_or(plans);
    let queue = CopyQueue::new(own_plans);
    let threads = CopyThreads::reserve(context.workers);
    thread::scope(|scope| {
        for number in 0..threads.count() {
            let worker = Worker::new(plans, context, &folders, &queue);
            // The first thread starts with the largest files, the others with the small ones.
            let work = move || worker.run(number == 0);
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                // The threads that did start are enough.
                if number == 0 {
                    Worker::new(plans, context, &folders, &queue).run(true);
                }
                break;
            }
        }
    });
    drop(threads);
    queue.report_unreached(context);
    report_missing_deliveries(plans, context);
    folders.finish(plans, context);
}

/// Reports the files of a shared read that were not reached.
fn report_missing_deliveries(plans: &[&Plan], context: &TransferContext<'_>) {
    let unreached = context.subscription.map(Subscription::unreached);
    for ((plan, folder), name) in unreached.into_iter().flatten() {
        let folder = &plans[plan].folders[folder].path;
        (context.on_outcome)(plan, folder, name.as_os_str(), Outcome::Unreached);
    }
}

/// Reports the items that the plan omits.
fn report_omissions(number: usize, plan: &Plan, context: &TransferContext<'_>) {
    for item in &plan.omissions {
        let (folder, name) = split_path(&item.path);
        (context.on_outcome)(number, folder, name, item.reason.clone().into());
    }
}

/// Removes temporary files that interrupted runs left in a replica. The caller holds the database's lock.
pub(super) fn remove_leftovers(root: &Folder, relative: &Path, leftovers: &[PathBuf]) {
    for path in leftovers {
        let (parent, name) = split_path(path);
        // A file that cannot be removed stays for a later run.
        if let Ok(folder) = root.open_descendant(&relative.join(parent)) {
            remove_leftover(&folder, name);
        }
    }
}
