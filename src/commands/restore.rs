//! `restore`: puts old versions of files back.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::check::check_known;
use super::run;
use super::run::{RunOptions, parse_run_number};
use super::target::{Target, TargetForm};
use super::time_word::parse_time;
use super::version_answer::{VERSION_HEADINGS, VersionAnswer};
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::timestamp::Timestamp;
use crate::index::{OutcomeKind, RunId, RunStart};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::storage::availability::Reach;
use crate::versions::list::VersionScope;
use crate::versions::restore::{RestoreRequest, WhichVersion, restore};

const FORM: TargetForm = TargetForm {
    usage: "restore [OPTIONS] PROJECT [CATEGORY] STORAGE [PATH]",
    keyword: None,
    is_optional: false,
    takes_list: false,
};

/// Put old versions of files back
///
/// Without options, the newest version of each file is put back. `--run` takes the versions that one run kept: the files as
/// they were before it. `--as-of` takes those that were current at a time: `2026-11-22`, `2026-11-22T18:00`, or an age as
/// `2d`. The files that are there now become versions themselves.
///
/// PATH is a file or a folder below the project's folder.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  restore acme/spot footage NAS shots/sh010.mov
  restore acme/spot footage NAS --run 12
  restore acme NAS --as-of 2d --dry-run"
)]
pub(crate) struct RestoreArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, the storage, and a path below the project's folder
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// The versions that this run kept
    #[arg(long, value_name = "N", value_parser = parse_run_number, conflicts_with = "as_of")]
    run: Option<RunId>,
    /// The versions that were current at this time, or this long ago
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    as_of: Option<Timestamp>,
    /// Only show the versions that would be put back
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Put them back without asking at the prompt
    #[arg(long)]
    yes: bool,
}

/// The versions that were put back.
#[derive(Debug)]
pub(crate) struct RestoreAnswer(VersionAnswer);

impl RestoreArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, Some(&self.project), &self.words)?;
        match target.rest.get(1) {
            None => Ok(target),
            Some(word) => Err(Error::UnexpectedWord {
                word: word.as_str().into(),
                hint: format!("write it as: {}", FORM.usage),
            }),
        }
    }

    /// Resolves the names of the line. A project may exist only among the versions.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        self.target(workspace).map(drop)
    }

    /// Puts the versions back.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<RestoreAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run, self.yes);
        let target = self.target(workspace)?;
        let (scope, subject) = (target.scope.clone(), target.subject.clone());
        let path = target.rest.first().map(PathBuf::from);
        let name = target.database(FORM)?.name.clone();
        let categories: Vec<String> = target
            .categories
            .iter()
            .map(|one| one.name.clone())
            .collect();
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let all = registry.categories().iter();
        let request = RestoreRequest {
            scope: VersionScope {
                scope,
                categories: all.filter(|one| categories.contains(&one.name)).collect(),
            },
            target: registry.database(&name)?,
            path,
            which: match (self.run, self.as_of) {
                (Some(run), _) => WhichVersion::OfRun(run),
                (None, Some(time)) => WhichVersion::AsOf(time),
                (None, None) => WhichVersion::Newest,
            },
            dry_run: options.dry_run,
            confirmation: options.confirmation,
        };
        let start = RunStart {
            command: "restore",
            subject: &subject,
            source: None,
            destination: Some(&name),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| restore(index, registry, &request, run, monitor),
        )?;
        if finished.report.items.is_empty() {
            check_known(&request.scope.scope, workspace)?;
        }
        Ok(RestoreAnswer(VersionAnswer {
            finished,
            is_dry_run: options.dry_run,
            quiet: &[OutcomeKind::Restored],
            group_sequences: !self.no_sequences,
        }))
    }
}

impl Stream for RestoreAnswer {
    const COMMAND: &'static str = "restore";

    const HEADINGS: &'static [&'static str] = VERSION_HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let nothing = "no version to put back; `versions` lists them";
        self.0
            .write_lines(lines, ["put back", "would put back"], nothing)
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
