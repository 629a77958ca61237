//! The answer of `verify`: the findings, a line for each storage, and the totals.

use std::ffi::OsStr;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::escape::visible;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::commands::command::rounded_seconds;
use crate::commands::item_list::{ItemList, ListedItem};
use crate::commands::outcome_item::{HEADINGS, OutcomeList as _};
use crate::commands::run::FinishedRun;
use crate::commands::status::age_words;
use crate::index::{RunId, RunState};
use crate::language::lexer::quote;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::verify::report::{DatabaseCheck, VerifyReport};

/// The result of a verification.
#[derive(Debug)]
pub(crate) struct VerifyAnswer {
    pub(super) finished: FinishedRun<VerifyReport>,
    pub(super) is_dry_run: bool,
    pub(super) group_sequences: bool,
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
    new: u64,
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
        new: check.new,
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
            (sum(|one| one.new), "in no ASC MHL history"),
        ] {
            if number > 0 {
                parts.push(format!("{} {word}", unit::format_count(number)));
            }
        }
        let histories = report.histories;
        if histories.verified > 0 {
            let files = unit::format_counted(histories.verified, "file");
            let written = unit::format_counted(histories.generations, "generation");
            parts.push(format!(
                "{files} as their ASC MHL history states; wrote {written}"
            ));
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
