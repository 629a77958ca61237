//! `history`: lists past runs, or the files of one run.
//!
//! Answers from the index alone. A run that never ended is listed as interrupted.

mod item;
mod row;

use clap::Args;
use serde::Serialize;

use self::item::RunItemsAnswer;
use self::row::{CSV_HEADINGS, RunRow};
use super::command::RunCommand;
use super::run::parse_run_number;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::index::RunId;
use crate::output::answer::{Answer, Records};
use crate::output::page::Page;

/// Number of runs without `--last` or `--all`.
const DEFAULT_LIMIT: u64 = 20;

/// List the last runs, or the files of one run
///
/// Every `load`, `copy`, `sync`, `verify`, `heal`, `free`, `restore`, `undo` and `prune` is a run with a number. With a
/// number, all files of that run are listed: first those that failed, were skipped or need attention, with the reason, then
/// the others. A log in `~/.local/state/auto-backup`, one file a month, has the same runs.
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
    /// The files of this run
    #[arg(value_name = "RUN", value_parser = parse_run_number, conflicts_with_all = ["all", "last"])]
    run: Option<RunId>,
    /// All runs instead of the last 20
    #[arg(long)]
    all: bool,
    /// The last N runs
    #[arg(long, value_name = "N", value_parser = parse_count, conflicts_with = "all")]
    last: Option<u64>,
    /// With RUN, list every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
}

fn parse_count(word: &str) -> Result<u64, &'static str> {
    match word.parse() {
        Ok(0) | Err(_) => Err("it is a number of 1 or more"),
        Ok(last) => Ok(last),
    }
}

/// The runs, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryAnswer {
    runs: Vec<RunRow>,
    #[serde(skip)]
    is_truncated: bool,
}

impl HistoryArgs {
    /// True if the answer lists the files of one run and is therefore a stream.
    pub(crate) const fn shows_one_run(&self) -> bool {
        self.run.is_some()
    }

    /// Prepares the answer about one run; its items are read from the index while they are printed.
    pub(crate) fn stream_items(self, workspace: &Workspace) -> Result<RunItemsAnswer<'_>> {
        let run = self.run.unwrap_or(RunId::DRY_RUN);
        RunItemsAnswer::new(&workspace.index, run, !self.no_sequences)
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

impl Answer for HistoryAnswer {
    const COMMAND: &'static str = "history";

    fn write_page(&self, page: &mut Page) {
        if self.runs.is_empty() {
            page.line("no runs yet; `load`, `copy` and `sync` are recorded");
        }
        let width = self.runs.iter().map(|run| run.run.to_string().len()).max();
        for run in &self.runs {
            page.cells(run.line(width.unwrap_or_default()));
        }
        if self.is_truncated {
            page.line("older runs: `history --all`");
        }
    }

    fn records(&self) -> Records {
        let rows = self.runs.iter();
        Records {
            headings: CSV_HEADINGS,
            rows: rows.map(RunRow::row).collect(),
        }
    }
}
