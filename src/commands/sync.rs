//! `sync`: sends the changes since the last sync to another database.

use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::check::check_scope;
use super::command::database_names;
use super::copy::answer::{CopyAnswer, SyncLines, count_cells};
use super::endpoints::{Endpoints, LineForm};
use super::last_answer::scope_subject;
use super::run;
use super::run::RunOptions;
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::noun::Noun;
use crate::base::unit;
use crate::index::{OutcomeKind, RunStart};
use crate::language::lexer::quote;
use crate::model::project::Scope;
use crate::model::registry::Registry;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::rclone::{TransferLimits, is_rate};
use crate::storage::availability::Reach;
use crate::sync;
use crate::sync::SyncRequest;

const USAGE: &str = "sync [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]";

const FORM: LineForm = LineForm {
    usage: USAGE,
    placeholders: ["FROM", "TO"],
    takes_list: true,
};

/// Send what changed since the last sync to other storages
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
    override_usage = USAGE,
    after_help = "Examples:
  sync all WORK CLOUD
  sync all WORK NAS,CLOUD
  sync acme/spot footage WORK CLOUD --count
  sync all WORK CLOUD --bwlimit 10M --for 6h
  sync all render WORK NAS --delete
  sync all WORK CLOUD --retry-failed"
)]
pub(crate) struct SyncArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: OsString,
    /// The category; all categories if left out
    #[arg(value_name = "CATEGORY")]
    first: String,
    /// The storage to send from
    #[arg(value_name = "FROM")]
    second: Option<String>,
    /// The storages to send to, separated by commas
    #[arg(value_name = "TO", num_args = 0..)]
    rest: Vec<String>,
    /// Only count the files and bytes that would be sent
    #[arg(long, conflicts_with = "dry_run")]
    count: bool,
    /// Only show the files that would be sent
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
    /// Only files that failed before
    #[arg(long, conflicts_with = "delete")]
    retry_failed: bool,
    /// Move files missing at the source to the old versions
    #[arg(long)]
    delete: bool,
    /// Delete even if more than half of the files, or all, are missing at the source
    #[arg(long, requires = "delete")]
    force: bool,
    /// Limit in bytes a second, or a timetable: `10M`, `08:00,512k 23:00,off`; only for storages behind rclone
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
    /// Resolves the words after the project.
    fn endpoints<'a>(&self, registry: &'a Registry) -> Result<Endpoints<'a>> {
        let words = [&self.first].into_iter().chain(&self.second);
        let words: Vec<&str> = words.chain(&self.rest).map(String::as_str).collect();
        FORM.resolve(registry, &words)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        let options = RunOptions::of(workspace, true, self.yes);
        let scope = workspace.last_answer.scope(&self.project)?;
        let endpoints = self.endpoints(&workspace.registry)?;
        self.request(&endpoints, scope, &options)?;
        check_scope(&self.project, workspace)
    }

    /// Does the work and prints nothing.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<SyncAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        let options = RunOptions::of(workspace, self.dry_run || self.count, self.yes);
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let endpoints = self.endpoints(registry)?;
        let scope = workspace.last_answer.scope(&self.project)?;
        let subject = scope_subject(&self.project, &scope);
        let subject = format!("{subject} {}", quote(OsStr::new(&endpoints.category)));
        let request = self.request(&endpoints, scope, &options)?;
        let monitor = workspace.monitor.as_ref();
        let destinations = &endpoints.destinations;
        let to = database_names(destinations.iter().copied());
        let start = RunStart {
            command: "sync",
            subject: &subject,
            source: Some(&endpoints.source.name),
            destination: Some(&to),
        };
        let finished = run::execute(
            (index, registry),
            &start,
            &options,
            monitor,
            |index, run| {
                let request_for = |destination| SyncRequest {
                    destination,
                    verify: !destination.is_remote(),
                    ..request.clone()
                };
                sync::sync_each(index, registry, destinations, request_for, run, monitor)
            },
        )?;
        Ok(SyncAnswer {
            copy: CopyAnswer {
                finished,
                count_only: self.count,
                group_sequences: !self.no_sequences,
            },
            delete_missing: self.delete,
            source: endpoints.source.name.clone(),
        })
    }

    /// Returns the request for the first destination.
    fn request<'a>(
        &self,
        endpoints: &Endpoints<'a>,
        scope: Scope,
        options: &RunOptions,
    ) -> Result<SyncRequest<'a>> {
        let (source, destinations) = (endpoints.source, &endpoints.destinations);
        if destinations.contains(&source) {
            return Err(Error::SameDatabase {
                database: source.name.clone(),
            });
        }
        if let Some(rate) = &self.bwlimit {
            let mut storages = destinations.iter().chain([&source]);
            check_rate(rate, storages.any(|database| database.is_remote()))?;
        }
        Ok(SyncRequest {
            scope,
            categories: endpoints.categories.clone(),
            source,
            destination: destinations[0],
            retry_failed: self.retry_failed,
            delete: self.delete,
            force: self.force,
            dry_run: options.dry_run,
            verify: true,
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
        "`--bwlimit` applies only to storages behind rclone"
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
        let report = &self.copy.finished.report;
        let missing = if self.delete_missing && self.copy.is_dry_run() {
            "to be moved to the old versions".to_owned()
        } else {
            format!("missing on {}", self.source)
        };
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
        let counts = counts.into_iter();
        let cells = counts.flat_map(|(number, words, tone)| count_cells(number, words, tone));
        cells.collect()
    }
}

impl SyncAnswer {
    /// Writes what is gone from the source and stays at each destination.
    fn write_gone(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let source = &self.source;
        for result in &self.copy.finished.report.destinations {
            let name = &result.name;
            match result.gone_files {
                0 => {}
                1 => lines.line(format!(
                    "1 file is gone from {source} and stays on {name}; `--delete` moves it to the old versions there"
                ))?,
                many => lines.line(format!(
                    "{} files are gone from {source} and stay on {name}; `--delete` moves them to the old versions there",
                    unit::format_count(many)
                ))?,
            }
        }
        Ok(())
    }
}

impl Stream for SyncAnswer {
    const COMMAND: &'static str = "sync";

    const HEADINGS: &'static [&'static str] = CopyAnswer::HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let verb = if self.copy.is_dry_run() {
            "would send"
        } else {
            "sent"
        };
        let own = SyncLines {
            counts: self.count_cells(),
            lists_gone: self.delete_missing,
        };
        self.copy.write_lines(lines, verb, Some(own))?;
        if !self.delete_missing {
            self.write_gone(lines)?;
        }
        Ok(())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.copy.write_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.copy.write_totals(json)?;
        let report = &self.copy.finished.report;
        json.fields(&SyncTotals {
            moved_files: report.moved_files,
            deleted_files: report.deleted_files,
            gone_files: report.gone_files,
            left_files: report.left_files,
        })?;
        self.copy.write_json_items(json)
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
