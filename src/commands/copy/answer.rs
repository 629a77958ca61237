//! The answer of `copy`, also a part of the answer of `sync`: totals, items and remarks.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::command::rounded_seconds;
use crate::commands::outcome_item::{HEADINGS, OutcomeList as _, write_line};
use crate::commands::run::FinishedRun;
use crate::copy::report::Report;
use crate::index::{OutcomeKind, RunId, RunState};
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// The result of a copy, or of the dry run of one.
#[derive(Debug)]
pub(crate) struct CopyAnswer {
    pub(crate) finished: FinishedRun<Report>,
    /// True if only numbers are shown.
    pub(crate) count_only: bool,
    /// True if the frames of image sequences are shown as one line.
    pub(crate) group_sequences: bool,
}

/// The totals, as JSON. `planned_files` is the sum of copied, same, conflict, failed, refused and skipped.
#[derive(Debug, Serialize)]
struct CopyTotals {
    run: Option<RunId>,
    state: RunState,
    planned_files: u64,
    planned_bytes: u64,
    copied_files: u64,
    copied_bytes: u64,
    same_files: u64,
    conflict_files: u64,
    failed_files: u64,
    failed_storages: u64,
    refused_files: u64,
    skipped_files: u64,
    verified_files: u64,
    seconds: f64,
}

/// What the answer of `sync` adds to that of a copy.
#[derive(Debug)]
pub(crate) struct SyncLines {
    /// Counts for the headline.
    pub(crate) counts: Vec<Cell>,
    /// True if files that are missing at the source have lines: `--delete` moves them, or explains why it keeps them.
    pub(crate) lists_gone: bool,
}

/// Returns `; 3 already there`, or nothing for zero.
pub(crate) fn count_cells(number: u64, words: &str, tone: Tone) -> Vec<Cell> {
    if number == 0 {
        return Vec::new();
    }
    let text = format!("{} {words}", unit::format_count(number));
    vec![Cell::text("; "), Cell::Styled(text, tone)]
}

impl CopyAnswer {
    pub(crate) const fn is_dry_run(&self) -> bool {
        self.finished.run.is_none()
    }

    /// True if every planned file is at the destination.
    pub(crate) fn is_complete(&self) -> bool {
        self.finished.state == RunState::Complete && !self.is_dry_run()
    }

    /// True if every listed item has one of these outcomes.
    pub(crate) fn has_only(&self, outcomes: &[OutcomeKind]) -> bool {
        let mut items = self.finished.report.items.iter();
        items.all(|item| outcomes.contains(&item.outcome.kind()))
    }

    /// Writes a line for each item or sequence.
    fn write_items(&self, lines: &mut PageWriter<'_>, lists_gone: bool) -> Result<()> {
        self.visit_items(self.group_sequences, &mut |folder, item| {
            // Counted only, as they may be 100,000 lines.
            let is_counted = match item.item.outcome {
                OutcomeKind::Unreached => true,
                OutcomeKind::Gone => !lists_gone,
                _ => false,
            };
            if is_counted || !item.has_own_line() {
                return Ok(());
            }
            write_line(lines, folder, item)
        })
    }

    /// Writes the headline, a line for each of several destinations, the items, and the remarks.
    pub(crate) fn write_lines(
        &self,
        lines: &mut PageWriter<'_>,
        verb: &str,
        sync: Option<SyncLines>,
    ) -> Result<()> {
        let is_copy = sync.is_none();
        let lists_gone = sync.as_ref().is_some_and(|sync| sync.lists_gone);
        let mut cells = self.headline(verb);
        cells.extend(sync.into_iter().flat_map(|sync| sync.counts));
        lines.cells(cells)?;
        self.write_destinations(lines)?;
        self.write_items(lines, lists_gone)?;
        self.write_remarks(lines, is_copy)
    }

    /// Writes the totals as JSON fields.
    pub(crate) fn write_totals(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let report = &self.finished.report;
        json.fields(&CopyTotals {
            run: self.finished.run,
            state: self.finished.state,
            planned_files: report.planned_files,
            planned_bytes: report.planned_bytes,
            copied_files: report.copied_files,
            copied_bytes: report.copied_bytes,
            same_files: report.same_files,
            conflict_files: report.conflict_files,
            failed_files: report.failed_files,
            failed_storages: report.failed_storages,
            refused_files: report.refused_files,
            skipped_files: report.skipped_files,
            verified_files: report.verified_files,
            seconds: rounded_seconds(report.elapsed),
        })
    }

    /// Writes the result at each destination, and the items, as JSON lists.
    pub(crate) fn write_json_items(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.write_json_destinations(json)?;
        self.write_item_lists(json, self.group_sequences)
    }

    fn is_interrupted(&self) -> bool {
        self.finished.state == RunState::Interrupted
    }

    /// Returns the main line: files, bytes and time, then the other counts.
    fn headline(&self, verb: &str) -> Vec<Cell> {
        let mut cells = if self.is_dry_run() {
            let plans = self.finished.report.dry_run_plans.iter();
            let files = plans.map(|(_, plan)| plan.files).sum();
            vec![Cell::text(format!(
                "{verb} {}, {}",
                unit::format_counted(files, "file"),
                unit::format_bytes(self.finished.report.planned_bytes)
            ))]
        } else {
            self.copied_cells(verb)
        };
        for (number, words, tone) in self.count_phrases() {
            cells.extend(count_cells(number, words, tone));
        }
        cells
    }

    /// Returns the beginning of the headline: `copied and verified 12 files, 3.40 GB in 5.6 s`.
    fn copied_cells(&self, verb: &str) -> Vec<Cell> {
        let report = &self.finished.report;
        let elapsed = unit::format_duration(report.elapsed);
        let verified = if report.copied_files > 0 && report.verified_files == report.copied_files {
            " and verified"
        } else {
            ""
        };
        let copied = format!(
            "{verb}{verified} {}, {}",
            unit::format_counted(report.copied_files, "file"),
            unit::format_bytes(report.copied_bytes)
        );
        if self.is_interrupted() {
            let interrupted = format!("interrupted after {elapsed}: ");
            vec![Cell::Styled(interrupted, Tone::Bad), Cell::text(copied)]
        } else {
            vec![Cell::text(format!("{copied} in {elapsed}"))]
        }
    }

    fn count_phrases(&self) -> [(u64, &'static str, Tone); 9] {
        let report = &self.finished.report;
        // If all are verified, the beginning of the headline already says so.
        let partly_verified = if report.verified_files < report.copied_files {
            report.verified_files
        } else {
            0
        };
        let skipped = if self.is_interrupted() {
            "skipped or not reached"
        } else {
            "skipped"
        };
        let storages_failed = if report.failed_storages == 1 {
            "storage failed"
        } else {
            "storages failed"
        };
        [
            (partly_verified, "of these verified", Tone::Good),
            (
                report.cloned_files,
                "of these cloned, sharing their blocks",
                Tone::Good,
            ),
            (
                report.replaced_files,
                "of these replaced an older version",
                Tone::Good,
            ),
            (report.same_files, "already there", Tone::Good),
            (report.conflict_files, "in conflict", Tone::Warning),
            (report.failed_files, "failed", Tone::Bad),
            (report.failed_storages, storages_failed, Tone::Bad),
            (report.refused_files, "refused", Tone::Warning),
            (
                report.skipped_files - report.left_files,
                skipped,
                Tone::Warning,
            ),
        ]
    }

    /// Writes the lines below the headline. `sync` replaces files in conflict, so only `copy` has the hint to overwrite.
    fn write_remarks(&self, lines: &mut PageWriter<'_>, is_copy: bool) -> Result<()> {
        for path in &self.finished.report.version_folders {
            lines.cells(vec![
                Cell::text("old versions: "),
                Cell::Name(Name::from(path.as_path())),
            ])?;
        }
        if self.finished.report.bare_files > 0 {
            lines.line(format!(
                "{} copied without extended attributes: the destination cannot store them",
                unit::format_counted(self.finished.report.bare_files, "file")
            ))?;
        }
        if self.is_interrupted() {
            lines.line("to continue, run the same line again")?;
        }
        if is_copy && !self.is_dry_run() {
            self.write_conflicts(lines)?;
        }
        Ok(())
    }
}

impl Stream for CopyAnswer {
    const COMMAND: &'static str = "copy";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let verb = if self.is_dry_run() {
            "would copy"
        } else {
            "copied"
        };
        self.write_lines(lines, verb, None)
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.write_item_rows(rows)
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.write_totals(json)?;
        self.write_json_items(json)
    }

    fn exit_status(&self) -> ExitStatus {
        match self.finished.state {
            RunState::Complete => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }

    fn is_routine(&self) -> bool {
        self.is_complete() && self.finished.report.items.is_empty()
    }
}
