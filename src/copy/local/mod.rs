//! Executes plans on one local destination: creates folders, copies files with several threads, sets folder metadata.
//!
//! `transfer` takes one job for each replica and reports exactly one outcome for every item of its plan. The queue hands
//! out batches of files; each worker copies them to temporary names and collects these in a group. A group is flushed,
//! read back and renamed as a whole. A file counts as copied only when its final name is on stable storage.

mod folder;
mod folder_metadata;
mod group;
mod item;
mod job;
mod queue;
mod worker;

use std::path::{Path, PathBuf};
use std::thread;

pub use self::job::{Job, TimeMismatch, TransferContext, VerifiedFile};

use self::folder::DestinationFolders;
use self::queue::CopyQueue;
use self::worker::Worker;
use super::plan::Plan;
use crate::model::path::split_path;
use crate::os::folder::Folder;
use crate::os::limit::CopyThreads;
use crate::storage::copy_file::remove_leftover;

/// Executes plans and reports every item exactly once. Cancellation is not an error; items not reached are reported as
/// `Unreached`.
pub fn transfer(jobs: &[Job], context: &TransferContext<'_>) {
    for (job, Job { relative, plan, .. }) in jobs.iter().enumerate() {
        report_omissions(job, plan, context);
        remove_leftovers(context.destination, relative, &plan.leftovers);
    }
    let mut folders = DestinationFolders::create(jobs, context);
    let queue = CopyQueue::new(jobs);
    let threads = CopyThreads::reserve(context.workers);
    thread::scope(|scope| {
        for number in 0..threads.count() {
            let worker = Worker::new(jobs, context, &folders, &queue);
            // The first thread starts with the largest files, the others with the small ones.
            let work = move || worker.run(number == 0);
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                // The threads that did start are enough.
                if number == 0 {
                    Worker::new(jobs, context, &folders, &queue).run(true);
                }
                break;
            }
        }
    });
    drop(threads);
    queue.report_unreached(context);
    folders.finish(jobs, context);
}

/// Reports the items that the plan omits.
fn report_omissions(job: usize, plan: &Plan, context: &TransferContext<'_>) {
    for item in &plan.omissions {
        let (folder, name) = split_path(&item.path);
        (context.on_outcome)(job, folder, name, item.reason.clone().into());
    }
}

/// Removes temporary files that interrupted runs left in a replica. The caller holds the database's lock.
pub fn remove_leftovers(root: &Folder, relative: &Path, leftovers: &[PathBuf]) {
    for path in leftovers {
        let (parent, name) = split_path(path);
        // A file that cannot be removed stays for a later run.
        if let Ok(folder) = root.open_descendant(&relative.join(parent)) {
            remove_leftover(&folder, name);
        }
    }
}
