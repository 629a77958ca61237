//! The answer of `mhl`: findings, written generations, and what they record.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::command::rounded_seconds;
use crate::commands::item_list::{ItemList, ListedItem};
use crate::commands::outcome_item::{HEADINGS, OutcomeList as _};
use crate::commands::run::FinishedRun;
use crate::index::{KnownGeneration, OutcomeKind, RunId, RunState};
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};
use crate::seal::in_place::InPlaceReport;
use crate::seal::report::SealReport;

/// The result of writing histories.
#[derive(Debug)]
pub(crate) struct MhlAnswer {
    pub(super) finished: FinishedRun<InPlaceReport>,
    pub(super) database: String,
    pub(super) is_dry_run: bool,
    pub(super) group_sequences: bool,
}

/// The totals, as JSON.
#[derive(Serialize)]
struct MhlTotals<'a> {
    run: Option<RunId>,
    state: RunState,
    seconds: f64,
    database: &'a str,
    original: u64,
    verified: u64,
    unchanged: u64,
    read_files: u64,
    read_bytes: u64,
    generations: Vec<GenerationItem<'a>>,
    listed: Vec<Name>,
}

#[derive(Serialize)]
struct GenerationItem<'a> {
    folder: Name,
    number: u64,
    name: &'a str,
    c4: &'a str,
    process: &'a str,
    files: u64,
}

fn generation_item(generation: &KnownGeneration) -> GenerationItem<'_> {
    GenerationItem {
        folder: Name::from(generation.folder.as_path()),
        number: generation.number,
        name: &generation.name,
        c4: &generation.c4,
        process: generation.process.word(),
        files: generation.files,
    }
}

impl MhlAnswer {
    const fn state(&self) -> RunState {
        if self.is_dry_run {
            RunState::Planned
        } else {
            self.finished.state
        }
    }

    const fn sealed(&self) -> &SealReport {
        &self.finished.report.sealed
    }

    /// The findings, by path.
    fn list(&self) -> ItemList {
        let findings = self.sealed().findings.iter().map(|found| ListedItem {
            path: found.path.clone(),
            outcome: found.kind.outcome(),
            reason: found.reason.clone(),
            bytes: None,
        });
        let failed = self.finished.report.failed.iter();
        let failed = failed.map(|(path, why)| ListedItem {
            path: path.clone(),
            outcome: OutcomeKind::Failed,
            reason: Some(why.clone()),
            bytes: None,
        });
        ItemList::new(findings.chain(failed).collect(), self.group_sequences)
    }

    fn write_generations(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        for path in &self.sealed().listed {
            lines.cells(vec![
                Cell::text("continued "),
                Cell::from(&Name::from(path.as_path())),
                Cell::text(": it was complete when its run was stopped"),
            ])?;
        }
        for generation in &self.sealed().generations {
            let files = unit::format_counted(generation.files, "file");
            lines.cells(vec![
                Cell::Styled("wrote".to_owned(), Tone::Good),
                Cell::text(format!(" generation {} of ", generation.number)),
                Cell::from(&Name::from(generation.folder.as_path())),
                Cell::text(format!(" on {}, {files}", self.database)),
            ])?;
        }
        Ok(())
    }

    /// Returns the last line: what was recorded.
    fn total_line(&self) -> String {
        let sealed = self.sealed();
        let (verb, nothing) = if self.is_dry_run {
            ("would record", "nothing new from the evidence of the index")
        } else {
            ("recorded", "nothing new")
        };
        let count = |number, noun| unit::format_counted(number, noun);
        let mut parts = Vec::new();
        if sealed.original > 0 {
            parts.push(format!("{verb} {}", count(sealed.original, "new file")));
        }
        if sealed.verified > 0 {
            parts.push(format!("{} as recorded", count(sealed.verified, "file")));
        }
        if parts.is_empty() {
            parts.push(nothing.to_owned());
        }
        if sealed.unchanged > 0 {
            let files = count(sealed.unchanged, "file");
            parts.push(format!("{files} unchanged since the last generation"));
        }
        if sealed.read_files > 0 {
            let verb = if self.is_dry_run {
                "would read"
            } else {
                "read"
            };
            let files = count(sealed.read_files, "file");
            let bytes = unit::format_bytes(sealed.read_bytes);
            parts.push(format!("{verb} {files}, {bytes}"));
        }
        if sealed.generations.is_empty() && !self.is_dry_run {
            parts.push("no generation was written".to_owned());
        }
        if self.finished.report.is_interrupted {
            parts.push("interrupted".to_owned());
        }
        parts.join("; ")
    }
}

impl Stream for MhlAnswer {
    const COMMAND: &'static str = "mhl";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.list().write_lines(lines)?;
        self.write_generations(lines)?;
        lines.line(self.total_line())
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.list().write_item_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let sealed = self.sealed();
        let listed = sealed.listed.iter();
        json.fields(&MhlTotals {
            run: self.finished.run,
            state: self.state(),
            seconds: rounded_seconds(self.finished.report.elapsed),
            database: &self.database,
            original: sealed.original,
            verified: sealed.verified,
            unchanged: sealed.unchanged,
            read_files: sealed.read_files,
            read_bytes: sealed.read_bytes,
            generations: sealed.generations.iter().map(generation_item).collect(),
            listed: listed.map(|path| Name::from(path.as_path())).collect(),
        })?;
        self.list().write_item_lists(json, self.group_sequences)
    }

    fn is_routine(&self) -> bool {
        self.finished.state == RunState::Complete && self.sealed().findings.is_empty()
    }

    fn exit_status(&self) -> ExitStatus {
        match self.state() {
            RunState::Complete => ExitStatus::Done,
            RunState::Planned if self.finished.report.failures() == 0 => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }
}
