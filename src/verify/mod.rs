//! Reads files again and compares their contents with what is known of them.
//!
//! Storages come in; findings and new evidence come out. `queue` lists the folders, those first that were proven longest
//! ago. `group` reads the storages of one disk with as many threads as suit it, at the lowest priority of I/O, until the
//! budget is used up. `file` judges one file. `remote` compares the digests that a listing of a remote states.
//!
//! Rule: what could not be read is never reported as missing, and a digest is recorded as soon as its file was read, so that
//! an interrupted run continues where it stopped.

mod batch;
mod budget;
pub mod file;
mod group;
pub mod heal;
mod history;
mod queue;
mod recorder;
mod remote;
pub mod report;
mod request;

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

pub use self::budget::Budget;
use self::group::{DiskGroup, read_group};
use self::history::HistoryChecks;
use self::queue::due_folders;
use self::recorder::EvidenceRecorder;
use self::remote::{RemoteGroup, prove_by_copies, verify_remote};
use self::report::{DatabaseCheck, VerifyReport};
pub use self::request::VerifyRequest;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent, Task};
use crate::index::Index;
use crate::model::registry::Registry;
use crate::os::disk::Disk;
use crate::storage::observation;
use crate::storage::{Layout, Storage};
use crate::trust::place::{self, Place};

/// Verifies files on all storages at once. A storage that is offline, and a file that cannot be read, stop no other.
///
/// # Errors
/// The index cannot be read; no storage holds a file in scope.
pub fn verify(
    index: &mut Index,
    registry: &Registry,
    request: &VerifyRequest<'_>,
    monitor: &dyn Monitor,
) -> Result<VerifyReport> {
    let start = Instant::now();
    let layout = Layout::new(registry)?;
    let mut report = VerifyReport::default();
    let mut groups: Vec<DiskGroup> = Vec::new();
    let mut remotes: Vec<RemoteGroup> = Vec::new();
    let mut histories = request.histories.map(|_| HistoryChecks::new());
    for database in &request.databases {
        let number = report.databases.len();
        report.databases.push(DatabaseCheck::of(database));
        match Storage::open(index, &layout, database) {
            Ok(Storage::Local(storage)) => {
                let due = due_folders(index, request, database, number)?;
                if let Some(histories) = &mut histories {
                    histories.load(index, &storage, &due)?;
                }
                let disk = Disk::of(&storage.root);
                let place = groups.iter().position(|group| group.disk == disk);
                let place = place.unwrap_or_else(|| {
                    groups.push(DiskGroup::new(disk));
                    groups.len() - 1
                });
                groups[place].add(storage, due);
            }
            Ok(Storage::Remote(storage)) => {
                let due = due_folders(index, request, database, number)?;
                if histories.is_some() {
                    let name = database.name.clone();
                    let error = Error::RemoteHistory { database: name };
                    monitor.on_event(&ProgressEvent::Notice(&error.full_message()));
                }
                remotes.push(RemoteGroup { storage, due });
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => report.databases[number].set_offline(database, &error),
        }
    }
    groups.iter_mut().for_each(DiskGroup::sort);
    let totals = groups.iter().map(DiskGroup::totals);
    let totals = totals.chain(remotes.iter().map(|group| group.due.totals()));
    let (files, bytes) = totals.fold((0, 0_u64), |(files, bytes), more| {
        (files + more.0, bytes.saturating_add(more.1))
    });
    (report.due_files, report.due_bytes) = (files, bytes);
    if request.dry_run {
        report.elapsed = start.elapsed();
        return Ok(report);
    }
    monitor.on_event(&ProgressEvent::Started {
        task: Task::Verify,
        files: Some(files),
        bytes: Some(bytes.min(request.budget.bytes().unwrap_or(u64::MAX))),
    });
    let places = place::places(index, registry)?;
    let work = ReadWork {
        groups: &groups,
        remotes: &remotes,
        places: &places,
        histories: histories.as_ref(),
    };
    let read = read_groups(index, request, &work, &mut report, monitor);
    monitor.on_event(&ProgressEvent::Finished);
    read?;
    append_histories(index, request, histories, &mut report, monitor)?;
    rescan(index, registry, request, &report, monitor);
    report.add_ages(index, registry)?;
    report.finish(start.elapsed());
    Ok(report)
}

/// Appends what was read to the histories. A run that was stopped appends nothing; the next one reads the rest.
fn append_histories(
    index: &mut Index,
    request: &VerifyRequest<'_>,
    histories: Option<HistoryChecks>,
    report: &mut VerifyReport,
    monitor: &dyn Monitor,
) -> Result<()> {
    let (Some(histories), Some(run)) = (histories, request.histories) else {
        return Ok(());
    };
    if report.is_interrupted {
        let notice = "no ASC MHL generation was written: the run was stopped";
        monitor.on_event(&ProgressEvent::Notice(notice));
        return Ok(());
    }
    histories.append(index, run, report, monitor)
}

/// Scans the replicas again in which files are missing or edited, so that the index shows them.
fn rescan(
    index: &mut Index,
    registry: &Registry,
    request: &VerifyRequest<'_>,
    report: &VerifyReport,
    monitor: &dyn Monitor,
) {
    for (number, database) in request.databases.iter().enumerate() {
        let replicas = report.outdated_replicas(number, database, &request.categories);
        if replicas.is_empty() {
            continue;
        }
        let scanned = Layout::new(registry).and_then(|layout| {
            let storage = Storage::open(index, &layout, database)?;
            observation::record(index, database, storage.observed_root(), |builder| {
                storage.observe(&replicas, builder, monitor)
            })
        });
        if let Err(error) = scanned {
            monitor.on_event(&ProgressEvent::Problem(&error));
        }
    }
}

/// Interval at which evidence is written while files are read.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);

/// What is read.
struct ReadWork<'a> {
    groups: &'a [DiskGroup],
    remotes: &'a [RemoteGroup],
    places: &'a [Place],
    /// The histories that the files are compared with, if any.
    histories: Option<&'a HistoryChecks>,
}

/// Reads all groups at once, and records what they read.
fn read_groups(
    index: &mut Index,
    request: &VerifyRequest<'_>,
    work: &ReadWork<'_>,
    report: &mut VerifyReport,
    monitor: &dyn Monitor,
) -> Result<()> {
    let ReadWork {
        groups,
        remotes,
        places,
        histories,
    } = *work;
    let (sender, results) = std::sync::mpsc::channel();
    let remaining = request.budget.begin();
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for group in groups {
            let own = index.try_clone()?;
            let (sender, remaining) = (sender.clone(), &remaining);
            let path = group.path();
            let begun = thread::Builder::new().spawn_scoped(scope, move || {
                read_group(&own, group, (request, histories), remaining, &sender)
            });
            threads.push(begun.at("start a thread to read", path)?);
        }
        let mut remote_threads = Vec::new();
        for group in remotes {
            let own = index.try_clone()?;
            let (sender, remaining) = (sender.clone(), &remaining);
            let begun = thread::Builder::new().spawn_scoped(scope, move || {
                verify_remote(&own, group, request, remaining, &sender)
            });
            remote_threads.push(begun.at("start a thread to read", group.storage.remote.root())?);
        }
        drop(sender);
        let mut recorder = EvidenceRecorder::new(index);
        let mut written = Instant::now();
        for done in results {
            monitor.on_event(&ProgressEvent::Files(done.files.len() as u64));
            monitor.on_event(&ProgressEvent::Bytes(done.bytes()));
            report.add(&done);
            if let Some(histories) = histories {
                histories.add(&done);
            }
            recorder.add(done);
            if recorder.is_full() || written.elapsed() >= WRITE_INTERVAL {
                recorder.flush();
                written = Instant::now();
            }
        }
        recorder.flush();
        for thread in threads {
            let has_low_priority = thread.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            report.has_normal_priority |= !has_low_priority;
        }
        // Local copies whose contents are known by now may prove what the stated digests do not.
        for (thread, group) in remote_threads.into_iter().zip(remotes) {
            let unproven = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            let proven = unproven.and_then(|files| {
                interrupt::check()?;
                prove_by_copies(recorder.index(), group, (request, places), &files)
            });
            match proven {
                Ok(batches) => batches.into_iter().for_each(|batch| {
                    report.add(&batch);
                    recorder.add(batch);
                }),
                Err(Error::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
        recorder.flush();
        if let Some(error) = recorder.failure() {
            monitor.on_event(&ProgressEvent::Problem(&error));
            report.is_unrecorded = true;
        }
        report.is_interrupted = interrupt::is_requested();
        Ok(())
    })
}
