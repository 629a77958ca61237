//! Records a run in the index and in the log, from its start to its end.

use super::report::Report;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::index::run_log;
use crate::index::run_log::RunLogEntry;
use crate::index::{Index, RunEnd, RunId, RunStart, RunState};

/// Executes `work` as a run, and returns the run's id, its state and its report.
pub fn record_run(
    index: &mut Index,
    start: &RunStart<'_>,
    monitor: &dyn Monitor,
    work: &mut dyn FnMut(&mut Index, RunId) -> Result<Report>,
) -> Result<(RunId, RunState, Report)> {
    let started = Timestamp::now();
    let run = index.begin_run(start)?;
    let result = work(index, run);
    let end = summarize(&result);
    let entry = RunLogEntry {
        run,
        start,
        started,
        end: &end,
        error: result.as_ref().err(),
    };
    let items = || result.iter().flat_map(Report::run_items);
    let is_logged = run_log::append(&entry, items(), monitor);
    let recorded = index.add_run_items(run, items());
    let recorded = recorded.and(index.end_run(run, &end));
    let report = result?;
    // The files are copied even if the index could not record them.
    if let Err(error) = &recorded {
        monitor.on_event(&ProgressEvent::Problem(error));
    }
    let state = if recorded.is_ok() && is_logged {
        end.state
    } else {
        end.state.downgraded()
    };
    Ok((run, state, report))
}

/// Returns the end of a run as the index stores it.
fn summarize(result: &Result<Report>) -> RunEnd {
    let state = match result {
        Err(Error::Interrupted) => RunState::Interrupted,
        Err(Error::Offline { .. } | Error::StorageUnreachable { .. }) => RunState::Unreachable,
        Err(_) => RunState::Refused,
        Ok(report) => run_state(report),
    };
    let count = |count: fn(&Report) -> u64| result.as_ref().map(count).unwrap_or_default();
    RunEnd {
        state,
        files: count(|report| report.copied_files + report.moved_files),
        bytes: count(|report| report.copied_bytes),
        failed: count(|report| report.failed_files),
    }
}

/// Returns the state of a run that ended with a report.
pub fn run_state(report: &Report) -> RunState {
    let failures = report.failed_files + report.conflict_files + report.incomplete_files;
    if report.interrupted {
        RunState::Interrupted
    } else if failures > 0 || report.unrecorded {
        RunState::Partial
    } else {
        RunState::Complete
    }
}
