//! `verify`: reads files again and compares them with what is known of them.

use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::check::check_known;
use super::command::{database_names, rounded_seconds};
use super::item_list::{ItemList, ListedItem};
use super::outcome_item::{HEADINGS, OutcomeList as _};
use super::run;
use super::run::{FinishedRun, RunOptions, RunReport};
use super::status::age_words;
use super::target::{Target, TargetForm};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::monitor::ProgressEvent;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::index::{Index, RunEnd, RunId, RunItem, RunStart, RunState};
use crate::language::lexer::quote;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::storage::availability::Reach;
use crate::verify::report::{DatabaseCheck, VerifyReport};
use crate::verify::{self, Budget, VerifyRequest};

const FORM: TargetForm = TargetForm {
    usage: "verify [OPTIONS] [PROJECT [CATEGORY]] [in STORAGE[,STORAGE...]]",
    keyword: Some("in"),
    is_optional: true,
    takes_list: true,
};

/// Read files again and compare them with what is known of them
///
/// What was proven longest ago is read first, on all storages at once, at the lowest priority of I/O. Each file that was
/// read is recorded at once: a run that is interrupted, or whose budget ends, is continued by the next one.
///
/// A file is damaged if its content is not the known one while its size and time are; `heal` replaces it. A file with
/// another size or time was edited, which is no error. A remote is verified by the digests that it states; `--download`
/// reads it.
#[derive(Debug, Args)]
#[command(
    override_usage = FORM.usage,
    after_help = "Examples:
  verify
  verify acme/spot
  verify all footage in NAS,SHELF
  verify --for 2h --older-than 90d
  verify in CLOUD --download --bytes 500G"
)]
pub(crate) struct VerifyArgs {
    /// The project, a client for all of its projects, or `all`
    #[arg(value_name = "PROJECT")]
    project: Option<OsString>,
    /// The category, `in`, and the storages
    #[arg(value_name = "CATEGORY", num_args = 0..)]
    words: Vec<String>,
    /// Begin no file after this time: `30m`, `2h`
    #[arg(long = "for", value_name = "DURATION", value_parser = unit::parse_duration)]
    duration: Option<Duration>,
    /// Read at most this much: `500G`
    #[arg(long, value_name = "SIZE", value_parser = unit::parse_bytes)]
    bytes: Option<u64>,
    /// Only files that were not proven within this time: `90d`
    #[arg(long, value_name = "AGE", value_parser = unit::parse_duration)]
    older_than: Option<Duration>,
    /// Read remotes instead of the digests that they state
    #[arg(long)]
    download: bool,
    /// Only count the files that would be read
    #[arg(long)]
    dry_run: bool,
    /// List every frame of an image sequence
    #[arg(long)]
    no_sequences: bool,
}

impl VerifyArgs {
    fn target<'a>(&self, workspace: &'a Workspace) -> Result<Target<'a>> {
        let target = FORM.resolve(workspace, self.project.as_deref(), &self.words)?;
        target.without_rest(FORM)
    }

    /// Resolves the names of the line.
    pub(super) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.target(workspace)?.scope, workspace)
    }

    /// Returns the time from which on files are not read again: by `--older-than`, or without limits that of the first of the
    /// runs with the same words that were interrupted, which this run continues.
    fn proven_since(&self, index: &Index, subject: &str) -> Result<Option<Timestamp>> {
        if let Some(age) = self.older_than {
            let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            return Ok(Some(Timestamp {
                seconds: Timestamp::now().seconds.saturating_sub(age),
                nanoseconds: 0,
            }));
        }
        let mut since = None;
        for run in index.runs(Some(MAX_CONTINUED_RUNS))? {
            if run.command != "verify" || run.subject.as_deref() != Some(subject) {
                continue;
            }
            if run.state != RunState::Interrupted {
                break;
            }
            since = Some(run.started);
        }
        Ok(since)
    }
}

/// Number of runs among which an interrupted verification is looked for.
const MAX_CONTINUED_RUNS: u64 = 100;

/// The result of a verification.
#[derive(Debug)]
pub(crate) struct VerifyAnswer {
    finished: FinishedRun<VerifyReport>,
    is_dry_run: bool,
    group_sequences: bool,
}

impl RunReport for VerifyReport {
    fn end(&self) -> RunEnd {
        RunEnd {
            state: self.state(),
            files: self.files(),
            bytes: self.bytes(),
            failed: self.failures(),
            conflicts: 0,
            refused: 0,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let items = self.findings.iter().map(|found| RunItem {
            path: &found.path,
            outcome: found.kind.outcome(),
            reason: found.reason.as_deref(),
        });
        items.collect()
    }
}

impl VerifyArgs {
    /// Reads the files.
    pub(crate) fn execute(self, workspace: &mut Workspace) -> Result<VerifyAnswer> {
        workspace.adopt_moved_databases(Reach::All)?;
        check_known(&self.target(workspace)?.scope, workspace)?;
        let options = RunOptions::of(workspace, self.dry_run, false);
        let target = self.target(workspace)?;
        let (scope, mut subject) = (target.scope.clone(), target.subject.clone());
        let names: Vec<String> = target
            .databases
            .iter()
            .map(|one| one.name.clone())
            .collect();
        if self.download {
            subject += " --download";
        }
        let since = self.proven_since(&workspace.index, &subject)?;
        let categories: Vec<String> = target
            .categories
            .iter()
            .map(|one| one.name.clone())
            .collect();
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let mut databases: Vec<_> = registry.databases().iter().collect();
        databases.retain(|database| names.is_empty() || names.contains(&database.name));
        let all = registry.categories().iter();
        let deadline = self
            .duration
            .and_then(|duration| Instant::now().checked_add(duration));
        let request = VerifyRequest {
            scope,
            categories: all.filter(|one| categories.contains(&one.name)).collect(),
            databases,
            budget: Budget::new(deadline, self.bytes),
            proven_since: since,
            download: self.download,
            dry_run: options.dry_run,
        };
        let destination = database_names(request.databases.iter().copied());
        let start = RunStart {
            command: "verify",
            subject: &subject,
            source: None,
            destination: Some(&destination),
        };
        let monitor = workspace.monitor.as_ref();
        let finished = run::execute((index, registry), &start, &options, monitor, |index, _| {
            verify::verify(index, registry, &request, monitor)
        })?;
        if finished.report.has_normal_priority {
            let notice = "this system cannot lower the priority of reads (`ionice`): they were read at the usual one";
            monitor.on_event(&ProgressEvent::Notice(notice));
        }
        Ok(VerifyAnswer {
            finished,
            is_dry_run: options.dry_run,
            group_sequences: !self.no_sequences,
        })
    }
}

/// The totals, as JSON.
#[derive(Serialize)]
struct VerifyTotals<'a> {
    run: Option<RunId>,
    state: RunState,
    seconds: f64,
    files: u64,
    bytes: u64,
    left_files: u64,
    databases: Vec<DatabaseItem<'a>>,
}

#[derive(Serialize)]
struct DatabaseItem<'a> {
    database: &'a str,
    files: u64,
    bytes: u64,
    first_files: u64,
    damaged: u64,
    edited: u64,
    missing: u64,
    unreadable: u64,
    unknown: u64,
    oldest: Option<Timestamp>,
    unproven: u64,
    error: Option<&'a str>,
}

fn database_item(check: &DatabaseCheck) -> DatabaseItem<'_> {
    DatabaseItem {
        database: &check.name,
        files: check.files,
        bytes: check.bytes,
        first_files: check.first_files,
        damaged: check.damaged,
        edited: check.edited,
        missing: check.missing,
        unreadable: check.unreadable,
        unknown: check.unknown,
        oldest: check.oldest.filter(|at| *at != Timestamp::UNKNOWN),
        unproven: check.unproven,
        error: check.error.as_deref(),
    }
}

impl VerifyAnswer {
    const fn state(&self) -> RunState {
        if self.is_dry_run {
            RunState::Planned
        } else {
            self.finished.state
        }
    }

    fn shown_files(&self) -> u64 {
        let report = &self.finished.report;
        if self.is_dry_run {
            report.due_files
        } else {
            report.files()
        }
    }

    fn shown_bytes(&self) -> u64 {
        let report = &self.finished.report;
        if self.is_dry_run {
            report.due_bytes
        } else {
            report.bytes()
        }
    }

    fn left_files(&self) -> u64 {
        if self.is_dry_run {
            0
        } else {
            self.finished.report.left_files()
        }
    }

    /// Adds the line of one storage: how old its oldest proof is now.
    fn write_database(check: &DatabaseCheck, lines: &mut PageWriter<'_>) -> Result<()> {
        let mut cells = vec![Cell::from(check.name.as_str()), Cell::text(": ")];
        if let Some(error) = &check.error {
            let (words, tone) = if check.is_away {
                ("away, not verified: ", Tone::Faint)
            } else {
                ("not verified: ", Tone::Bad)
            };
            cells.push(Cell::Styled(words.to_owned(), tone));
            cells.push(Cell::text(visible(error.as_bytes())));
            return lines.cells(cells);
        }
        let mut parts = vec![match check.files {
            0 => "no file verified".to_owned(),
            files => format!(
                "{} verified, {}",
                unit::format_counted(files, "file"),
                unit::format_bytes(check.bytes)
            ),
        }];
        if check.first_files > 0 {
            let files = unit::format_count(check.first_files);
            parts.push(format!(
                "{files} for the first time, with nothing to compare"
            ));
        }
        if check.unknown > 0 {
            let files = unit::format_counted(check.unknown, "file");
            parts.push(format!(
                "{files} without a known digest; `--download` reads them"
            ));
        }
        if check.unproven > 0 {
            let files = unit::format_counted(check.unproven, "file");
            parts.push(format!("{files} on it without proof"));
        } else if check.oldest.is_some() {
            parts.push(format!("oldest proof on it {}", age_words(check.oldest)));
        }
        cells.push(Cell::text(parts.join("; ")));
        lines.cells(cells)
    }
}

impl VerifyAnswer {
    /// The findings, by path.
    fn list(&self) -> ItemList {
        let findings = self.finished.report.findings.iter();
        let items = findings.map(|found| ListedItem {
            path: found.path.clone(),
            outcome: found.kind.outcome(),
            reason: found.reason.clone(),
            bytes: None,
        });
        ItemList::new(items.collect(), self.group_sequences)
    }

    /// Returns the last line: how much was read, and the numbers of findings.
    fn total_line(&self) -> String {
        let report = &self.finished.report;
        let mut parts = vec![format!(
            "verified {}, {} in {}",
            unit::format_counted(report.files(), "file"),
            unit::format_bytes(report.bytes()),
            unit::format_duration(report.elapsed)
        )];
        let sum = |of: fn(&DatabaseCheck) -> u64| report.databases.iter().map(of).sum::<u64>();
        for (number, word) in [
            (sum(|one| one.damaged), "damaged"),
            (sum(|one| one.missing), "missing"),
            (sum(|one| one.unreadable), "unreadable"),
            (sum(|one| one.edited), "edited"),
        ] {
            if number > 0 {
                parts.push(format!("{} {word}", unit::format_count(number)));
            }
        }
        let left = self.left_files();
        if left > 0 {
            let left = unit::format_counted(left, "file");
            parts.push(format!("{left} left for the next run"));
        }
        parts.join("; ")
    }
}

impl Stream for VerifyAnswer {
    const COMMAND: &'static str = "verify";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let report = &self.finished.report;
        if self.is_dry_run {
            return lines.line(format!(
                "would read {}, {}",
                unit::format_counted(report.due_files, "file"),
                unit::format_bytes(report.due_bytes)
            ));
        }
        self.list().write_lines(lines)?;
        for check in &report.databases {
            Self::write_database(check, lines)?;
        }
        lines.line(self.total_line())?;
        for damaged in report.databases.iter().filter(|one| one.damaged > 0) {
            let name = quote(OsStr::new(&damaged.name));
            lines.cells(vec![Cell::Styled(
                format!("    heal all {name}"),
                Tone::Faint,
            )])?;
        }
        Ok(())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.list().write_item_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let report = &self.finished.report;
        json.fields(&VerifyTotals {
            run: self.finished.run,
            state: self.state(),
            seconds: rounded_seconds(report.elapsed),
            files: self.shown_files(),
            bytes: self.shown_bytes(),
            left_files: self.left_files(),
            databases: report.databases.iter().map(database_item).collect(),
        })?;
        self.list().write_item_lists(json, self.group_sequences)
    }

    fn is_routine(&self) -> bool {
        self.finished.state == RunState::Complete && self.finished.report.findings.is_empty()
    }

    fn exit_status(&self) -> ExitStatus {
        match self.state() {
            RunState::Complete | RunState::Planned => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }
}
