//! `history`: the runs there were, and what one of them handled.

mod item;

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use self::item::RunItemsAnswer;
use super::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index;
use crate::index::{RunId, RunState};
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// How many runs are shown unless more are asked for.
const DEFAULT_LIMIT: u64 = 20;

/// List the last runs, or what one of them handled
///
/// Every `load` and `copy` is a run with a number. With that number everything the run handled is listed: first what was
/// not plainly copied and why, then the files that were. The same runs are told in a log, a file a month, in
/// `~/.local/state/auto-backup`.
#[derive(Debug, Args)]
#[command(
    override_usage = "history [RUN | --last N | --all]",
    after_help = "Examples:
  history
  history 12
  history --last 3
  history --all"
)]
pub(crate) struct HistoryArgs {
    /// Only this run, and what it handled
    #[arg(value_name = "RUN", value_parser = parse_run_number, conflicts_with_all = ["all", "last"])]
    run: Option<RunId>,
    /// All runs, not just the last 20
    #[arg(long)]
    all: bool,
    /// So many of the last runs
    #[arg(long, value_name = "N", value_parser = parse_count, conflicts_with = "all")]
    last: Option<u64>,
}

/// Reads the number of a run.
fn parse_run_number(word: &str) -> Result<RunId, &'static str> {
    word.parse()
        .map(RunId)
        .map_err(|_| "a run is a number; `history` lists them")
}

/// Reads a number of runs.
fn parse_count(word: &str) -> Result<u64, &'static str> {
    match word.parse() {
        Ok(0) | Err(_) => Err("it is a number from 1 on"),
        Ok(last) => Ok(last),
    }
}

/// Runs, the newest first.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryAnswer {
    runs: Vec<RunRow>,
    /// Whether there may be more.
    #[serde(skip)]
    is_truncated: bool,
}

/// A run as it is told.
#[derive(Debug, Serialize)]
struct RunRow {
    run: RunId,
    command: String,
    what: Option<String>,
    from: Option<String>,
    to: Option<String>,
    started: Timestamp,
    ended: Option<Timestamp>,
    /// How long it took, once it has ended.
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
            // The clock may have been set back meanwhile.
            seconds: elapsed.map(|took| u64::try_from(took).unwrap_or_default()),
            files: run.files,
            bytes: run.bytes,
            failed: run.failed,
            state: run.state,
        }
    }
}

impl HistoryArgs {
    /// Whether the answer is what one run handled, which comes as a stream.
    pub(crate) const fn shows_one_run(&self) -> bool {
        self.run.is_some()
    }

    /// Prepares the answer about one run; the printer reads it while it writes.
    pub(crate) fn stream_items(self, workspace: &Workspace) -> Result<RunItemsAnswer<'_>> {
        RunItemsAnswer::new(&workspace.index, self.run.unwrap_or(RunId::DRY_RUN))
    }
}

impl RunCommand for HistoryArgs {
    type Answer = HistoryAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<HistoryAnswer> {
        let limit = self.last.unwrap_or(DEFAULT_LIMIT);
        let mut runs = workspace
            .index
            .runs((!self.all).then(|| limit.saturating_add(1)))?;
        let is_truncated = !self.all && runs.len() as u64 > limit;
        if is_truncated {
            runs.pop();
        }
        Ok(HistoryAnswer {
            runs: runs.into_iter().map(RunRow::from).collect(),
            is_truncated: is_truncated && self.last.is_none(),
        })
    }
}

/// The columns of `csv`.
const CSV_HEADINGS: &[&str] = &[
    "run", "started", "ended", "seconds", "command", "what", "from", "to", "files", "bytes",
    "failed", "state",
];

/// Those of tables, in words for people.
const TABLE_HEADINGS: &[&str] = &[
    "run", "started", "ended", "took", "command", "what", "from", "to", "files", "size", "failed",
    "state",
];

impl RunRow {
    /// The row for people or, with exact seconds, for programs.
    fn row(&self, format_seconds: fn(u64) -> String) -> Vec<Cell> {
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

    fn table_row(&self) -> Vec<Cell> {
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

impl Answer for HistoryAnswer {
    const COMMAND: &'static str = "history";

    fn write_page(&self, page: &mut Page) {
        if self.runs.is_empty() {
            page.line("no runs yet; `load` is one, and so is `copy`");
        }
        let rows = self.runs.iter().map(RunRow::table_row);
        page.table(TABLE_HEADINGS, rows.collect());
        if self.is_truncated {
            page.line("older runs: `history --all`");
        }
    }

    fn records(&self) -> Records {
        let rows = self.runs.iter();
        Records {
            headings: CSV_HEADINGS,
            rows: rows
                .map(|run| run.row(|seconds| seconds.to_string()))
                .collect(),
        }
    }
}
