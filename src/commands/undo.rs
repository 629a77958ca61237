//! `undo`: reverses a run.

use clap::Args;

use super::run;
use super::run::{RunOptions, parse_run_number};
use super::version_answer::{VERSION_HEADINGS, VersionAnswer};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::index::{OutcomeKind, RunId, RunStart};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::storage::availability::Reach;
use crate::versions::undo::{COMMAND, UndoRequest, subject, undo};

/// Reverse a copy, sync, heal or free
///
/// Files that the run added are moved to the old versions; files that it replaced or removed are put back. If a file changed
/// since, it is named, and nothing is touched. `history` lists the runs.
#[derive(Debug, Args)]
#[command(
    override_usage = "undo RUN [--dry-run] [--yes]",
    after_help = "Examples:
  undo 12
  undo 12 --dry-run"
)]
pub(crate) struct UndoArgs {
    /// The number of the run
    #[arg(value_name = "RUN", value_parser = parse_run_number)]
    run: RunId,
    /// Only show what would be changed
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Undo without asking
    #[arg(long)]
    yes: bool,
}

/// The files that an undo changed.
#[derive(Debug)]
pub(crate) struct UndoAnswer(VersionAnswer);

impl UndoArgs {
    /// Reverses the run.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<UndoAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, self.yes);
        let undone = workspace.index.run(self.run)?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let request = UndoRequest {
            run: self.run,
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: COMMAND,
            subject: &subject(self.run),
            source: None,
            destination: undone.destination.as_deref(),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| undo(index, registry, &request, run, monitor),
        )?;
        Ok(UndoAnswer(VersionAnswer {
            finished,
            is_dry_run: options.dry_run,
            quiet: &[OutcomeKind::Restored, OutcomeKind::Deleted],
            group_sequences: !self.no_sequences,
        }))
    }
}

impl Stream for UndoAnswer {
    const COMMAND: &'static str = "undo";

    const HEADINGS: &'static [&'static str] = VERSION_HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.0
            .write_lines(lines, ["undone:", "would undo:"], "nothing to undo")
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.0.write_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.0.write_json(json)
    }

    fn exit_status(&self) -> ExitStatus {
        self.0.exit_status()
    }
}
