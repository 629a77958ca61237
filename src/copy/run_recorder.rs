//! A run that brings files somewhere, from its number to its end: noted in the index and in the log.

use super::report::Report;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::index::run_log;
use crate::index::run_log::RunLogEntry;
use crate::index::{Index, RunEnd, RunStart};

/// Does the work of a run; gives its number, its state and what it came to.
///
/// # Errors
/// What the work says, or the index cannot be written.
pub fn record_run(
    index: &mut Index,
    begun: &RunStart<'_>,
    monitor: &dyn Monitor,
    work: &mut dyn FnMut(&mut Index, i64) -> Result<Report>,
) -> Result<(i64, &'static str, Report)> {
    let started = Timestamp::now();
    let run = index.begin_run(begun)?;
    let done = work(index, run);
    let ended = summarize(&done);
    let entry = RunLogEntry {
        run,
        start: begun,
        started,
        end: &ended,
        error: done.as_ref().err(),
    };
    let items = || done.iter().flat_map(Report::run_items);
    let logged = run_log::append(&entry, items(), monitor);
    let noted = index.add_run_items(run, items());
    let noted = noted.and(index.end_run(run, &ended));
    let mut state = ended.state;
    let report = done?;
    // What was copied is there, whatever the index says.
    if let Err(error) = noted {
        monitor.on_event(&ProgressEvent::Problem(&error));
        state = downgrade_if_complete(state);
    }
    if !logged {
        state = downgrade_if_complete(state);
    }
    Ok((run, state, report))
}

/// The state of a run of which something could not be noted.
pub fn downgrade_if_complete(state: &'static str) -> &'static str {
    match state {
        "complete" => "partial",
        state => state,
    }
}

/// What a run came to, for the journal.
fn summarize(done: &Result<Report>) -> RunEnd<'static> {
    let state = match done {
        Err(Error::Interrupted) => "interrupted",
        Err(Error::Offline { .. } | Error::StorageUnreachable { .. }) => "unreachable",
        Err(_) => "refused",
        Ok(report) => run_state(report),
    };
    let count = |count: fn(&Report) -> u64| done.as_ref().map(count).unwrap_or_default();
    RunEnd {
        state,
        files: count(|report| report.copied_files + report.moved_files),
        bytes: count(|report| report.copied_bytes),
        failed: count(|report| report.failed_files),
    }
}

/// The state of a run that came to its end.
pub fn run_state(report: &Report) -> &'static str {
    let failures = report.failed_files + report.conflict_files + report.incomplete_files;
    if report.interrupted {
        "interrupted"
    } else if failures > 0 || report.unrecorded {
        "partial"
    } else {
        "complete"
    }
}
