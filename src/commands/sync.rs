//! `sync`: send what changed since the last time.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::copy::answer::CopyAnswer;
use super::workspace::Workspace;
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::unit;
use crate::copy::report::Report;
use crate::copy::run_recorder;
use crate::index::{OutcomeKind, RunId, RunStart, RunState};
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::rclone::{TransferLimits, is_rate};
use crate::sync;
use crate::sync::SyncRequest;

/// Send what changed since the last sync to another database
///
/// For the push of every night: what was sent is remembered, so that the destination is listed only the first time. What
/// the source holds is what counts: what differs at the destination is replaced, and its old version is kept in
/// `.auto-backup/versions/` there. What failed is remembered too, and goes first the next time. Files that are gone from
/// the source are told of, and stay; with `--delete` they are moved among the old versions, and folders that are empty
/// then go too.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(
    override_usage = "sync [OPTIONS] PROJECT CATEGORY FROM TO",
    after_help = "Examples:
  sync all all WORK CLOUD
  sync acme/spot footage WORK CLOUD --count
  sync all all WORK CLOUD --bwlimit 10M --for 6h
  sync all render WORK NAS --delete
  sync all all WORK CLOUD --retry-failed"
)]
pub(crate) struct SyncArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category, or `all`
    #[arg(value_name = "CATEGORY")]
    category: String,
    /// The database the files are on
    #[arg(value_name = "FROM")]
    from: String,
    /// The database they go to
    #[arg(value_name = "TO")]
    to: String,
    /// Only say how many files and bytes would go
    #[arg(long, conflicts_with = "dry_run")]
    count: bool,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Only what failed before
    #[arg(long, conflicts_with = "delete")]
    retry_failed: bool,
    /// Move what is gone from the source among the old versions
    #[arg(long)]
    delete: bool,
    /// Delete also where more than half of it, or all of it, seems gone
    #[arg(long, requires = "delete")]
    force: bool,
    /// At most so many bytes a second, or a timetable: `10M`, `08:00,512k 23:00,off`; for databases behind rclone
    #[arg(long, value_name = "RATE")]
    bwlimit: Option<String>,
    /// At most so many files; the rest is for the next time
    #[arg(long, value_name = "N")]
    max_files: Option<u64>,
    /// Begin no file after so long: `30m`, `2h`
    #[arg(long = "for", value_name = "DURATION", value_parser = unit::parse_duration)]
    duration: Option<Duration>,
    /// Delete without asking at the prompt
    #[arg(long)]
    yes: bool,
}

impl SyncArgs {
    /// Does the work and prints nothing.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<SyncAnswer> {
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let mut request = self.request(registry)?;
        request.dry_run |= workspace.dry_run;
        request.confirmation = workspace.confirmation.or_granted(self.yes);
        let monitor = workspace.monitor.as_ref();
        if request.dry_run {
            let report = sync::sync(index, registry, &request, RunId::DRY_RUN, monitor)?;
            let state = run_recorder::run_state(&report);
            return Ok(SyncAnswer::new(None, state, &self, report));
        }
        let what = format!("{} {}", quote(&self.project), self.category);
        let begun = RunStart {
            command: "sync",
            subject: &what,
            source: Some(&request.source.name),
            destination: Some(&request.destination.name),
        };
        let (run, state, report) =
            run_recorder::record_run(index, &begun, monitor, &mut |index, run| {
                sync::sync(index, registry, &request, run, monitor)
            })?;
        Ok(SyncAnswer::new(Some(run), state, &self, report))
    }

    /// What is asked for, in the registry's terms.
    fn request<'a>(&self, registry: &'a Registry) -> Result<SyncRequest<'a>> {
        let source = registry.database(&self.from)?;
        let destination = registry.database(&self.to).map_err(|error| match error {
            Error::UnknownName { .. } if self.to.contains(',') => Error::InvalidWord {
                noun: "destination",
                word: self.to.as_str().into(),
                why: "`sync` goes to one database at a time; write a line for each",
            },
            error => error,
        })?;
        if source == destination {
            return Err(Error::SameDatabase {
                database: self.to.clone(),
            });
        }
        if let Some(rate) = &self.bwlimit {
            check_rate(rate, source.is_remote() || destination.is_remote())?;
        }
        Ok(SyncRequest {
            scope: Scope::parse(&self.project)?,
            categories: registry.select_categories(&self.category)?,
            source,
            destination,
            retry_failed: self.retry_failed,
            delete: self.delete,
            force: self.force,
            dry_run: self.dry_run || self.count,
            verify: !destination.is_remote(),
            max_files: self.max_files,
            limits: TransferLimits {
                bandwidth: self.bwlimit.clone(),
                deadline: self.duration.and_then(|duration| {
                    // What is longer than the clock goes is no limit.
                    Instant::now().checked_add(duration)
                }),
                transfers: None,
            },
            confirmation: Confirmation::NonInteractive,
        })
    }
}

/// Refuses a rate that would be a mistake at night.
fn check_rate(rate: &str, is_remote: bool) -> Result<()> {
    let why = if !is_remote {
        "`--bwlimit` is for databases behind rclone"
    } else if !is_rate(rate) {
        "a rate is written `10M`, and a timetable `08:00,512k 23:00,off`"
    } else {
        return Ok(());
    };
    Err(Error::InvalidWord {
        noun: "rate",
        word: rate.into(),
        why,
    })
}

/// What a sync came to.
#[derive(Debug)]
pub(crate) struct SyncAnswer {
    copy: CopyAnswer,
    sync_totals: SyncTotals,
    /// Whether only numbers are wanted.
    count_only: bool,
    /// Whether what is gone is moved among the old versions.
    delete_missing: bool,
    source: String,
}

/// The numbers of files that a copy has not.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the JSON")]
struct SyncTotals {
    moved_files: u64,
    deleted_files: u64,
    /// Gone from the source, and still there.
    gone_files: u64,
    /// Left for the next sync.
    left_files: u64,
}

impl SyncAnswer {
    fn new(run: Option<RunId>, state: RunState, command: &SyncArgs, report: Report) -> Self {
        Self {
            sync_totals: SyncTotals {
                moved_files: report.moved_files,
                deleted_files: report.deleted_files,
                gone_files: report.gone_files,
                left_files: report.left_files,
            },
            count_only: command.count,
            delete_missing: command.delete,
            source: command.from.clone(),
            copy: CopyAnswer::new(run, state, run.is_none(), report),
        }
    }

    /// What there is to be said beside what a copy says.
    fn count_cells(&self) -> Vec<Cell> {
        let gone = format!("gone from {}", self.source);
        let counts = [
            (
                self.sync_totals.moved_files,
                "renamed there, not sent again",
                Tone::Good,
            ),
            (
                self.sync_totals.deleted_files,
                "moved among the old versions",
                Tone::Warning,
            ),
            (self.sync_totals.gone_files, gone.as_str(), Tone::Warning),
            (
                self.sync_totals.left_files,
                "left for the next sync",
                Tone::Warning,
            ),
        ];
        let counts = counts.into_iter().filter(|(number, ..)| *number > 0);
        let cells = counts.flat_map(|(number, words, tone)| {
            [
                Cell::text("; "),
                Cell::Styled(format!("{} {words}", unit::format_count(number)), tone),
            ]
        });
        cells.collect()
    }
}

impl Stream for SyncAnswer {
    const COMMAND: &'static str = "sync";

    const HEADINGS: &'static [&'static str] = CopyAnswer::HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        if !self.count_only {
            self.copy.write_items(lines)?;
        }
        let verbs = if self.count_only || self.copy.is_dry_run() {
            "would send"
        } else {
            "sent"
        };
        self.copy
            .write_summary(lines, verbs, Some(&self.count_cells()))?;
        if self.sync_totals.gone_files > 0 && !self.delete_missing {
            lines.line(
                "what is gone from there stays; `--delete` moves it among the old versions",
            )?;
        }
        Ok(())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        if self.count_only {
            return Ok(());
        }
        self.copy.write_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.copy.write_totals(json)?;
        json.fields(&self.sync_totals)?;
        self.copy.write_json_items(json, self.count_only)
    }

    fn exit_status(&self) -> ExitStatus {
        self.copy.exit_status()
    }

    fn is_routine(&self) -> bool {
        // A night in which nothing was done but what was to be, with links and files gone from the source as every night,
        // and with files that were renamed or moved among the old versions, as the line asks.
        let good = [
            OutcomeKind::Skipped,
            OutcomeKind::Gone,
            OutcomeKind::Moved,
            OutcomeKind::Deleted,
        ];
        self.copy.is_complete() && self.copy.has_only(&good)
    }
}
