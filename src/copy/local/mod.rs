//! Carrying out plans on one destination: folders first, then files by several threads, then the folders' own times.
//!
//! Every item of the plans ends in exactly one outcome. A file counts as copied only once it has its final name and that
//! name is on stable storage.

mod folder;
mod folder_metadata;
mod group;
mod queue;
mod worker;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use self::folder::DestinationFolders;
use self::queue::CopyQueue;
use self::worker::Worker;
use super::outcome::Outcome;
use super::plan::Plan;
use crate::base::monitor::ProgressCounter;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::os::folder::Folder;
use crate::os::limit::CopyThreads;
use crate::snapshot::digest::Digest;
use crate::storage::copy_file::remove_leftover;
use crate::storage::version::Versions;

/// One replica that is to be copied.
#[derive(Debug)]
pub struct Job {
    /// The replica's folder below both roots.
    pub relative: PathBuf,
    /// What is to be done.
    pub plan: Plan,
    /// Whether a run died in it before it gave the folders their times and permissions.
    pub unfinished: bool,
}

/// What was read back and proven to be what the source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// The job, by its place.
    pub job: usize,
    /// The folder, by its path below the replica's.
    pub folder: PathBuf,
    /// The file's name.
    pub name: Name,
    /// Its size.
    pub bytes: u64,
    /// Its modification time.
    pub modified: Timestamp,
    /// The digest of its content.
    pub digest: Digest,
}

/// A time that the destination shows for a file in the place of the one that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeMismatch {
    /// The job, by its place.
    pub job: usize,
    /// The folder, by its path below the replica's.
    pub folder: PathBuf,
    /// The file's name.
    pub name: Name,
    /// Its size.
    pub bytes: u64,
    /// Its time at the source.
    pub modified: Timestamp,
    /// The time that the destination shows.
    pub shown: Timestamp,
}

/// Told of the outcome of an item: the job, the folder below the replica's, and the name; empty for the folder itself.
pub type OutcomeFn<'a> = dyn Fn(usize, &Path, &OsStr, Outcome) + Sync + 'a;

/// Told of what was proven, many at once.
pub type VerifiedFn<'a> = dyn Fn(&[VerifiedFile]) + Sync + 'a;

/// Receives the times that the destination shows in the place of others, many at once.
pub type TimeMismatchFn<'a> = dyn Fn(&[TimeMismatch]) + Sync + 'a;

/// Between which folders plans are carried out, and who is told of what.
pub struct TransferContext<'a> {
    /// The source database's root.
    pub source: &'a Arc<Folder>,
    /// Whether files are moved from there where they can be, because nobody else needs them.
    pub move_source: bool,
    /// The destination database's root.
    pub destination: &'a Arc<Folder>,
    /// Where old versions go.
    pub versions: &'a Versions<'a>,
    /// Whether copies are read back.
    pub verify: bool,
    /// When no further file is begun.
    pub deadline: Option<Instant>,
    /// How many threads copy.
    pub workers: usize,
    /// Told of files and bytes.
    pub meter: &'a ProgressCounter,
    /// Told of outcomes.
    pub on_outcome: &'a OutcomeFn<'a>,
    /// Told of digests.
    pub on_verified: &'a VerifiedFn<'a>,
    /// Receives other times.
    pub on_time_mismatch: &'a TimeMismatchFn<'a>,
}

impl std::fmt::Debug for TransferContext<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Route")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// Carries out plans; every item is told of once. Stopping on request is no error here: what was not reached is told so.
pub fn transfer(jobs: &[Job], context: &TransferContext<'_>) {
    for (job, Job { relative, plan, .. }) in jobs.iter().enumerate() {
        report_omissions(job, plan, context);
        remove_leftovers(relative, plan, context);
    }
    let mut folders = DestinationFolders::create(jobs, context);
    let queue = CopyQueue::new(jobs);
    let threads = CopyThreads::reserve(context.workers);
    thread::scope(|scope| {
        for number in 0..threads.count() {
            let worker = Worker::new(jobs, context, &folders, &queue);
            // The first begins with the largest files, the others with the small ones.
            let work = move || worker.run(number == 0);
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                // Those that there are will do.
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

/// Tells of everything that is not to be copied.
fn report_omissions(job: usize, plan: &Plan, context: &TransferContext<'_>) {
    for item in &plan.omissions {
        let (folder, name) = split_path(&item.path);
        (context.on_outcome)(job, folder, name, item.reason.clone().into());
    }
}

/// Removes what killed runs left in a replica.
fn remove_leftovers(relative: &Path, plan: &Plan, context: &TransferContext<'_>) {
    for path in &plan.leftovers {
        let (above, name) = split_path(path);
        // One that cannot be removed stays for a later run.
        let _swept = context
            .destination
            .open_descendant(&relative.join(above))
            .is_ok_and(|folder| remove_leftover(&folder, name));
    }
}

/// The folder of a path and its last name.
fn split_path(path: &Path) -> (&Path, &OsStr) {
    (
        path.parent().unwrap_or(Path::new("")),
        path.file_name().unwrap_or_default(),
    )
}
