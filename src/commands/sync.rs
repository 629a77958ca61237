//! `sync`: sends the changes since the last sync to another database.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::check::check_scope;
use super::copy::answer::CopyAnswer;
use super::last_answer::scope_subject;
use super::run;
use super::run::RunOptions;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::noun::Noun;
use crate::base::unit;
use crate::index::{OutcomeKind, RunStart};
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::rclone::{TransferLimits, is_rate};
use crate::storage::availability::Reach;
use crate::sync;
use crate::sync::SyncRequest;

/// Send what changed since the last sync to another database
///
/// For a nightly push: sent files are recorded, so the destination is listed only by the first sync. The source is
/// authoritative: files that differ at the destination are replaced, and their old versions are kept in
/// `.auto-backup/versions/` there. Failed files are recorded too, and are sent first by the next sync. Files missing at the
/// source are reported and kept; with `--delete` they are moved to the old versions, and folders left empty are deleted.
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
    /// The database to send from
    #[arg(value_name = "FROM")]
    from: String,
    /// The database to send to
    #[arg(value_name = "TO")]
    to: String,
    /// Only count the files and bytes that would be sent
    #[arg(long, conflicts_with = "dry_run")]
    count: bool,
    /// Only show the files that would be sent
    #[arg(long)]
    dry_run: bool,
    /// Only files that failed before
    #[arg(long, conflicts_with = "delete")]
    retry_failed: bool,
    /// Move files missing at the source to the old versions
    #[arg(long)]
    delete: bool,
    /// Delete even if more than half of the files, or all, are missing at the source
    #[arg(long, requires = "delete")]
    force: bool,
    /// Limit in bytes a second, or a timetable: `10M`, `08:00,512k 23:00,off`; only for databases behind rclone
    #[arg(long, value_name = "RATE")]
    bwlimit: Option<String>,
    /// Send at most N files; the rest is left for the next sync
    #[arg(long, value_name = "N")]
    max_files: Option<u64>,
    /// Start no file after this time: `30m`, `2h`
    #[arg(long = "for", value_name = "DURATION", value_parser = unit::parse_duration)]
    duration: Option<Duration>,
    /// Delete without asking at the prompt
    #[arg(long)]
    yes: bool,
}

impl SyncArgs {
    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let options = RunOptions::of(workspace, true, self.yes);
        let scope = workspace.last_answer.scope(&self.project)?;
        self.request(&workspace.registry, scope, &options)?;
        check_scope(&self.project, workspace)
    }

    /// Does the work and prints nothing.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<SyncAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run || self.count, self.yes);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let scope = workspace.last_answer.scope(&self.project)?;
        let subject = scope_subject(&self.project, &scope);
        let subject = format!("{subject} {}", self.category);
        let request = self.request(registry, scope, &options)?;
        let monitor = workspace.monitor.as_ref();
        let start = RunStart {
            command: "sync",
            subject: &subject,
            source: Some(&request.source.name),
            destination: Some(&request.destination.name),
        };
        let copy = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| sync::sync(index, registry, &request, run, monitor),
        )?;
        Ok(SyncAnswer {
            copy,
            count_only: self.count,
            delete_missing: self.delete,
            source: self.from,
        })
    }

    /// Looks up the names of the line in the registry.
    fn request<'a>(
        &self,
        registry: &'a Registry,
        scope: Scope,
        options: &RunOptions,
    ) -> Result<SyncRequest<'a>> {
        let source = registry.database(&self.from)?;
        let destination = registry.database(&self.to).map_err(|error| match error {
            Error::UnknownName { .. } if self.to.contains(',') => Error::InvalidWord {
                noun: Noun::Destination,
                word: self.to.as_str().into(),
                why: "`sync` sends to one database; write a line for each",
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
            scope,
            categories: registry.select_categories(&self.category)?,
            source,
            destination,
            retry_failed: self.retry_failed,
            delete: self.delete,
            force: self.force,
            dry_run: options.dry_run,
            verify: !destination.is_remote(),
            max_files: self.max_files,
            limits: TransferLimits {
                bandwidth: self.bwlimit.clone(),
                deadline: self.duration.and_then(|duration| {
                    // A time beyond the range of the clock is no limit.
                    Instant::now().checked_add(duration)
                }),
                transfers: None,
            },
            confirmation: options.confirmation,
        })
    }
}

/// Refuses a malformed rate now, instead of at night when the transfer starts.
fn check_rate(rate: &str, is_remote: bool) -> Result<()> {
    let why = if !is_remote {
        "`--bwlimit` applies only to databases behind rclone"
    } else if !is_rate(rate) {
        "a rate is written `10M`, and a timetable `08:00,512k 23:00,off`"
    } else {
        return Ok(());
    };
    Err(Error::InvalidWord {
        noun: Noun::Rate,
        word: rate.into(),
        why,
    })
}

/// The result of a sync, or of the dry run of one.
#[derive(Debug)]
pub(crate) struct SyncAnswer {
    copy: CopyAnswer,
    count_only: bool,
    /// True if files missing at the source are moved to the old versions.
    delete_missing: bool,
    source: String,
}

/// The totals that a copy does not have, as JSON.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the JSON")]
struct SyncTotals {
    moved_files: u64,
    deleted_files: u64,
    gone_files: u64,
    left_files: u64,
}

impl SyncAnswer {
    /// Returns the counts that a copy does not have, for the headline.
    fn count_cells(&self) -> Vec<Cell> {
        let report = &self.copy.report;
        let missing = format!("missing on {}", self.source);
        let counts = [
            (
                report.moved_files,
                "renamed there, not sent again",
                Tone::Good,
            ),
            (
                report.deleted_files,
                "moved to the old versions",
                Tone::Warning,
            ),
            (report.gone_files, missing.as_str(), Tone::Warning),
            (report.left_files, "left for the next sync", Tone::Warning),
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
        let verb = if self.count_only || self.copy.is_dry_run() {
            "would send"
        } else {
            "sent"
        };
        self.copy
            .write_summary(lines, verb, Some(self.count_cells()))?;
        if self.copy.report.gone_files > 0 && !self.delete_missing {
            lines.line(
                "files missing at the source are kept; `--delete` moves them to the old versions",
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
        let report = &self.copy.report;
        json.fields(&SyncTotals {
            moved_files: report.moved_files,
            deleted_files: report.deleted_files,
            gone_files: report.gone_files,
            left_files: report.left_files,
        })?;
        self.copy.write_json_items(json, self.count_only)
    }

    fn exit_status(&self) -> ExitStatus {
        self.copy.exit_status()
    }

    fn is_routine(&self) -> bool {
        // Links and files missing at the source recur every night; renames and deletions are part of the request.
        let routine = [
            OutcomeKind::Skipped,
            OutcomeKind::Gone,
            OutcomeKind::Moved,
            OutcomeKind::Deleted,
        ];
        self.copy.is_complete() && self.copy.has_only(&routine)
    }
}
