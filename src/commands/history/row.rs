//! One run as a row of `history`.

use std::time::Duration;

use serde::Serialize;

use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index;
use crate::index::{RunId, RunState};
use crate::output::cell::{Cell, Tone};

/// A run, as JSON and as a row.
#[derive(Debug, Serialize)]
pub(super) struct RunRow {
    pub(super) run: RunId,
    command: String,
    what: Option<String>,
    from: Option<String>,
    to: Option<String>,
    started: Timestamp,
    ended: Option<Timestamp>,
    /// Duration; `None` while the run is in progress.
    seconds: Option<u64>,
    files: u64,
    bytes: u64,
    failed: u64,
    state: RunState,
}

impl From<index::Run> for RunRow {
    fn from(run: index::Run) -> Self {
        let elapsed = run.ended.map(|ended| ended.seconds - run.started.seconds);
        Self {
            run: run.id,
            command: run.command,
            what: run.subject,
            from: run.source,
            to: run.destination,
            started: run.started,
            ended: run.ended,
            // Negative if the clock was set back during the run.
            seconds: elapsed.map(|took| u64::try_from(took).unwrap_or_default()),
            files: run.files,
            bytes: run.bytes,
            failed: run.failed,
            state: run.state,
        }
    }
}

/// Headings for programs: JSON keys and CSV columns.
pub(super) const CSV_HEADINGS: &[&str] = &[
    "run", "started", "ended", "seconds", "command", "what", "from", "to", "files", "bytes",
    "failed", "state",
];

/// Headings of the same columns for people.
pub(super) const TABLE_HEADINGS: &[&str] = &[
    "run", "started", "ended", "took", "command", "what", "from", "to", "files", "size", "failed",
    "state",
];

impl RunRow {
    /// Returns the cells of the run.
    pub(super) fn row(&self, format_seconds: fn(u64) -> String) -> Vec<Cell> {
        let name = |name: &Option<String>| Cell::optional(name.as_deref(), Cell::from);
        vec![
            Cell::text(self.run.to_string()),
            Cell::Timestamp(self.started),
            Cell::optional(self.ended, Cell::Timestamp),
            Cell::optional(self.seconds, |seconds| Cell::text(format_seconds(seconds))),
            Cell::text(&*self.command),
            name(&self.what),
            name(&self.from),
            name(&self.to),
            Cell::Count(self.files),
            Cell::Bytes(self.bytes),
            Cell::Count(self.failed),
            Cell::Styled(self.state.as_str().to_owned(), self.tone()),
        ]
    }

    pub(super) fn table_row(&self) -> Vec<Cell> {
        self.row(|seconds| unit::format_duration(Duration::from_secs(seconds)))
    }

    fn tone(&self) -> Tone {
        match self.state {
            RunState::Complete => Tone::Good,
            RunState::Refused | RunState::Unreachable => Tone::Bad,
            _ => Tone::Warning,
        }
    }
}
