//! The execution of a run: number, state, log and items in the history. A dry run is not recorded.

use super::workspace::Workspace;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::timestamp::Timestamp;
use crate::copy::report::Report;
use crate::index::run_log;
use crate::index::run_log::RunLogEntry;
use crate::index::{Index, RunEnd, RunId, RunItem, RunStart, RunState};

/// The options of a line and of its session that every run has.
#[derive(Clone, Copy)]
pub(super) struct RunOptions {
    /// Shows what would be done, and does nothing.
    pub(super) dry_run: bool,
    pub(super) confirmation: Confirmation,
}

impl RunOptions {
    /// Combines the options of a line, `--dry-run` and `--yes`, with those of its session.
    pub(super) fn of(workspace: &Workspace, dry_run: bool, yes: bool) -> Self {
        Self {
            dry_run: dry_run || workspace.dry_run,
            confirmation: workspace.confirmation.or_granted(yes),
        }
    }
}

/// The results of a run, as the history stores them.
pub(super) trait RunReport {
    fn end(&self) -> RunEnd;

    /// Returns the items that were not simply done.
    fn items(&self) -> Vec<RunItem<'_>>;
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct FinishedRun<R> {
    /// `None` for a dry run.
    pub(super) run: Option<RunId>,
    pub(super) state: RunState,
    pub(super) report: R,
}

/// Executes `work` as a run.
///
/// # Errors
/// The error of `work`, after it was recorded; the run could not be recorded before it began.
pub(super) fn execute<R: RunReport>(
    index: &mut Index,
    start: &RunStart<'_>,
    options: RunOptions,
    monitor: &dyn Monitor,
    work: impl FnOnce(&mut Index, RunId) -> Result<R>,
) -> Result<FinishedRun<R>> {
    if options.dry_run {
        let report = work(index, RunId::DRY_RUN)?;
        return Ok(FinishedRun {
            run: None,
            state: report.end().state,
            report,
        });
    }
    let started = Timestamp::now();
    let run = index.begin_run(start)?;
    let result = work(index, run);
    let end = result.as_ref().map_or_else(failed_end, R::end);
    let entry = RunLogEntry {
        run,
        start,
        started,
        end: &end,
        error: result.as_ref().err(),
    };
    let items = result.as_ref().map(R::items).unwrap_or_default();
    let is_logged = run_log::append(&entry, items.iter().copied(), monitor);
    let recorded = index.add_run_items(run, items);
    let recorded = recorded.and(index.end_run(run, &end));
    let report = result?;
    // The work is done even if the index could not record it.
    if let Err(error) = &recorded {
        monitor.on_event(&ProgressEvent::Problem(error));
    }
    let state = if recorded.is_ok() && is_logged {
        end.state
    } else {
        end.state.downgraded()
    };
    Ok(FinishedRun {
        run: Some(run),
        state,
        report,
    })
}

/// Returns the end of a run that did nothing because of an error.
const fn failed_end(error: &Error) -> RunEnd {
    let state = match error {
        Error::Interrupted => RunState::Interrupted,
        Error::Offline { .. } | Error::StorageUnreachable { .. } => RunState::Unreachable,
        _ => RunState::Refused,
    };
    RunEnd {
        state,
        files: 0,
        bytes: 0,
        failed: 0,
    }
}

impl RunReport for Report {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.copied_files + self.moved_files,
            bytes: self.copied_bytes,
            failed: self.failed_files,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        self.run_items().collect()
    }
}
