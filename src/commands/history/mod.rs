//! `history`: lists past runs, the files of one run, or sizes over time.
//!
//! Answers from the index alone. A run that never ended is listed as interrupted.

mod item;
mod row;
mod sizes;

use std::cmp::Reverse;
use std::ffi::OsString;

use clap::Args;
use serde::Serialize;

use self::item::RunItemsAnswer;
use self::row::{CSV_HEADINGS, RunRow};
use self::sizes::{SizesAnswer, has_sizes};
use super::check::check_known;
use super::command::RunCommand;
use super::run::parse_run_number;
use super::time_word::parse_time;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::RunId;
use crate::model::project::Scope;
use crate::output::answer::{Answer, Records};
use crate::output::page::Page;

/// Number of runs without `--last` or `--all`.
const DEFAULT_LIMIT: u64 = 20;

/// The word for sizes over time.
const SIZES: &str = "sizes";

/// List the last runs, the files of one run, or sizes over time
///
/// Every `load`, `copy`, `sync`, `verify`, `heal`, `free`, `restore`, `undo` and `prune` is a run with a number. With a
/// number, all files of that run are listed: first those that failed, were skipped or need attention, with the reason, then
/// the others. A log in `~/.local/state/auto-backup`, one file a month, has the same runs.
///
/// `--hosts` also lists the runs of other workstations, as far as the catalog told of them: the last 500 of each, with its
/// numbers. They are for information only: a number on a line is always that of a run of this workstation.
///
/// `history sizes` shows how the copies of projects grew and shrank, as the scans saw it: a line for each storage and
/// category. `plain`, `csv` and `json` have every change. Older changes are thinned out: after a day one an hour is kept,
/// after 30 days one a day, after two years one a week.
#[derive(Debug, Args)]
#[command(
    override_usage = "history [RUN | [--last N | --all] [--hosts] | sizes [PROJECT] [--since TIME]]",
    after_help = "Examples:
  history
  history 12
  history --last 3
  history --all
  history --hosts
  history sizes acme/spot
  history sizes acme --since 90d
  history sizes"
)]
pub(crate) struct HistoryArgs {
    /// The files of this run; or `sizes` for sizes over time
    #[arg(value_name = "RUN", value_parser = HistoryWord::parse, conflicts_with_all = ["all", "last", "hosts"])]
    word: Option<HistoryWord>,
    /// After `sizes`: the project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT", requires = "word")]
    project: Option<OsString>,
    /// All runs instead of the last 20
    #[arg(long)]
    all: bool,
    /// The last N runs
    #[arg(long, value_name = "N", value_parser = unit::parse_count, conflicts_with = "all")]
    last: Option<u64>,
    /// The runs of all workstations that share a catalog
    #[arg(long)]
    hosts: bool,
    /// With RUN, list every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// With `sizes`, only changes after this time, or within this long
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "word")]
    since: Option<Timestamp>,
}

/// The first word after `history`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HistoryWord {
    /// The number of a run.
    Run(RunId),
    /// `sizes`.
    Sizes,
}

impl HistoryWord {
    fn parse(word: &str) -> Result<Self, String> {
        if word == SIZES {
            return Ok(Self::Sizes);
        }
        let wrong = |why| format!("{why}; `history {SIZES}` shows sizes over time");
        parse_run_number(word).map(Self::Run).map_err(wrong)
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
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        self.require_form()?;
        if self.shows_sizes() {
            let scope = self.scope(workspace)?;
            // Sizes outlive a project.
            if !has_sizes(workspace, &scope)? {
                check_known(&scope, workspace)?;
            }
            workspace.last_answer.assume();
        }
        Ok(())
    }

    /// The run whose files the answer lists as a stream.
    pub(crate) const fn one_run(&self) -> Option<RunId> {
        match self.word {
            Some(HistoryWord::Run(run)) => Some(run),
            _ => None,
        }
    }

    /// True if the answer lists sizes over time and is therefore a stream.
    pub(crate) const fn shows_sizes(&self) -> bool {
        matches!(self.word, Some(HistoryWord::Sizes))
    }

    /// Prepares the answer about one run; its items are read from the index while they are printed.
    pub(crate) fn stream_items(
        self,
        workspace: &Workspace,
        run: RunId,
    ) -> Result<RunItemsAnswer<'_>> {
        self.require_form()?;
        RunItemsAnswer::new(&workspace.index, run, !self.no_sequences)
    }

    /// Prepares the answer about sizes; they are read from the index while they are printed.
    pub(crate) fn stream_sizes(self, workspace: &Workspace) -> Result<SizesAnswer<'_>> {
        self.require_form()?;
        SizesAnswer::new(workspace, &self.scope(workspace)?, self.since)
    }

    /// Returns the projects after `sizes`.
    fn scope(&self, workspace: &Workspace) -> Result<Scope> {
        match &self.project {
            Some(word) => workspace.last_answer.scope(word),
            None => Ok(Scope::All),
        }
    }

    /// Fails if words that belong to `sizes` follow a number, or the other way round.
    fn require_form(&self) -> Result<()> {
        let word = match (&self.project, self.since) {
            _ if self.shows_sizes() => self.no_sequences.then(|| "--no-sequences".into()),
            (Some(project), _) => Some(project.as_os_str().into()),
            (None, Some(_)) => Some("--since".into()),
            (None, None) => None,
        };
        word.map_or(Ok(()), |word| {
            Err(Error::UnexpectedWord {
                word,
                hint: "write `history RUN` or `history sizes [PROJECT] [--since TIME]`".to_owned(),
            })
        })
    }
}

impl RunCommand for HistoryArgs {
    type Answer = HistoryAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<HistoryAnswer> {
        let limit = self.last.unwrap_or(DEFAULT_LIMIT);
        let wanted = (!self.all).then(|| limit.saturating_add(1));
        let own = workspace.index.runs(wanted)?;
        let mut runs: Vec<RunRow> = own.into_iter().map(RunRow::from).collect();
        if self.hosts {
            let names = workspace.index.host_names()?;
            let elsewhere = workspace.index.shared_runs(wanted)?.into_iter();
            runs.extend(elsewhere.map(|shared| {
                let host = names.get(&shared.host).cloned();
                RunRow::elsewhere(shared.run, host)
            }));
            runs.sort_by_key(|run| Reverse(run.started()));
        }
        let is_truncated = !self.all && runs.len() as u64 > limit;
        if is_truncated {
            runs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(HistoryAnswer {
            runs,
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
