//! `prune`: removes old versions for good.

use std::time::Duration;

use clap::Args;

use super::run;
use super::run::RunOptions;
use super::version_answer::{VERSION_HEADINGS, VersionAnswer};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::unit;
use crate::index::{OutcomeKind, RunStart};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::storage::availability::Reach;
use crate::versions::prune::{DEFAULT_KEEP, PruneRequest, prune};

/// Remove old versions for good
///
/// Versions are removed once they are older than `--keep`, 30 days if it is left out, but for the `--keep-last` newest ones
/// of each file. The only known copy of a content is never removed: the content must be that of a file on a storage that is
/// online. `--force` removes it all the same.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(
    override_usage = "prune STORAGE [--keep AGE] [--keep-last N] [--dry-run] [--force] [--yes]",
    after_help = "Examples:
  prune NAS --dry-run
  prune NAS --keep 90d --keep-last 2
  prune WORK --keep 0d --yes"
)]
pub(crate) struct PruneArgs {
    /// The storage
    #[arg(value_name = "STORAGE")]
    database: String,
    /// Keep versions that are younger than this
    #[arg(long, value_name = "AGE", value_parser = unit::parse_duration)]
    keep: Option<Duration>,
    /// Keep the N newest versions of each file
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep_last: usize,
    /// Remove the only known copy of a content too
    #[arg(long)]
    force: bool,
    /// Only show the versions that would be removed
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

/// The versions that were removed.
#[derive(Debug)]
pub(crate) struct PruneAnswer(VersionAnswer);

impl PruneArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        workspace.registry.database(&self.database).map(drop)
    }

    /// Removes the versions.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<PruneAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, self.yes);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let request = PruneRequest {
            target: registry.database(&self.database)?,
            keep: self.keep.unwrap_or(DEFAULT_KEEP),
            keep_last: self.keep_last,
            force: self.force,
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: "prune",
            subject: "old versions",
            source: None,
            destination: Some(&self.database),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| prune(index, registry, &request, run, monitor),
        )?;
        Ok(PruneAnswer(VersionAnswer {
            finished,
            is_dry_run: options.dry_run,
            quiet: &[OutcomeKind::Removed],
            group_sequences: !self.no_sequences,
        }))
    }
}

impl Stream for PruneAnswer {
    const COMMAND: &'static str = "prune";

    const HEADINGS: &'static [&'static str] = VERSION_HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let nothing = "no old version is old enough; `versions` lists them";
        self.0
            .write_lines(lines, ["removed", "would remove"], nothing)
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
