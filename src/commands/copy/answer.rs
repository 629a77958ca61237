//! The answer of `copy`, also a part of the answer of `sync`: totals, items and remarks.

use std::path::Path;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::commands::command::rounded_seconds;
use crate::commands::outcome_item::{HEADINGS, OutcomeItem};
use crate::commands::run::FinishedRun;
use crate::copy::report::Report;
use crate::index::{OutcomeKind, RunId, RunState};
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// The result of a copy, or of the dry run of one.
pub(crate) type CopyAnswer = FinishedRun<Report>;

/// The totals, as JSON. `planned_files` is the sum of copied, same, conflict, failed and skipped.
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
    skipped_files: u64,
    verified_files: u64,
    seconds: f64,
}

/// Returns the item of a file that a dry run would copy.
fn planned_item(base: &Path, path: &Path, replaces: bool) -> OutcomeItem<'static> {
    let reason = if replaces {
        "replace, keeping the old version"
    } else {
        "add"
    };
    OutcomeItem {
        path: Name::from(base.join(path)),
        outcome: OutcomeKind::Planned,
        reason: Some(reason),
    }
}

impl CopyAnswer {
    pub(crate) const fn is_dry_run(&self) -> bool {
        self.run.is_none()
    }

    /// True if every planned file is at the destination.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == RunState::Complete && !self.is_dry_run()
    }

    /// True if every listed item has one of these outcomes.
    pub(crate) fn has_only(&self, outcomes: &[OutcomeKind]) -> bool {
        let mut items = self.report.items.iter();
        items.all(|item| outcomes.contains(&item.outcome.kind()))
    }

    /// Visits the files that a dry run would copy, then the items of the report.
    fn visit_items(&self, on_item: &mut dyn FnMut(&OutcomeItem<'_>) -> Result<()>) -> Result<()> {
        for (base, plan) in &self.report.dry_run_plans {
            for (path, replaces) in plan.paths() {
                on_item(&planned_item(base, &path, replaces))?;
            }
        }
        let mut items = self.report.items.iter();
        items.try_for_each(|item| {
            on_item(&OutcomeItem {
                path: Name::from(item.path.as_path()),
                outcome: item.outcome.kind(),
                reason: item.outcome.reason(),
            })
        })
    }

    /// Writes a line for each item.
    pub(crate) fn write_items(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.visit_items(&mut |item| {
            // Counted only, as they may be 100,000 lines.
            if matches!(item.outcome, OutcomeKind::Unreached | OutcomeKind::Gone) {
                return Ok(());
            }
            item.write_line(lines)
        })
    }

    /// Writes the headline and the remarks below it. `sync` adds its own counts to the headline.
    pub(crate) fn write_summary(
        &self,
        lines: &mut PageWriter<'_>,
        verb: &str,
        sync_counts: Option<Vec<Cell>>,
    ) -> Result<()> {
        let is_copy = sync_counts.is_none();
        let mut cells = self.headline(verb);
        cells.extend(sync_counts.into_iter().flatten());
        lines.cells(cells)?;
        self.write_remarks(lines, is_copy)
    }

    /// Writes the totals as JSON fields.
    pub(crate) fn write_totals(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let report = &self.report;
        json.fields(&CopyTotals {
            run: self.run,
            state: self.state,
            planned_files: report.planned_files,
            planned_bytes: report.planned_bytes,
            copied_files: report.copied_files,
            copied_bytes: report.copied_bytes,
            same_files: report.same_files,
            conflict_files: report.conflict_files,
            failed_files: report.failed_files,
            skipped_files: report.skipped_files,
            verified_files: report.verified_files,
            seconds: rounded_seconds(report.elapsed),
        })
    }

    /// Writes the items as a JSON list, which is empty for `count_only`.
    pub(crate) fn write_json_items(
        &self,
        json: &mut JsonWriter<'_>,
        count_only: bool,
    ) -> Result<()> {
        json.list("items", |json| {
            if count_only {
                return Ok(());
            }
            self.visit_items(&mut |item| json.item(item))
        })
    }

    fn is_interrupted(&self) -> bool {
        self.state == RunState::Interrupted
    }

    /// Returns the main line: files, bytes and time, then the other counts.
    fn headline(&self, verb: &str) -> Vec<Cell> {
        let mut cells = if self.is_dry_run() {
            let plans = self.report.dry_run_plans.iter();
            let files = plans.map(|(_, plan)| plan.files).sum();
            vec![Cell::text(format!(
                "{verb} {}, {}",
                unit::format_counted(files, "file"),
                unit::format_bytes(self.report.planned_bytes)
            ))]
        } else {
            self.copied_cells(verb)
        };
        for (number, words, tone) in self.count_phrases() {
            if number > 0 {
                cells.push(Cell::text("; "));
                let text = format!("{} {words}", unit::format_count(number));
                cells.push(Cell::Styled(text, tone));
            }
        }
        cells
    }

    /// Returns the beginning of the headline: `copied and verified 12 files, 3.40 GB in 5.6 s`.
    fn copied_cells(&self, verb: &str) -> Vec<Cell> {
        let report = &self.report;
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

    fn count_phrases(&self) -> [(u64, &'static str, Tone); 7] {
        let report = &self.report;
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
            (
                report.skipped_files - report.left_files,
                skipped,
                Tone::Warning,
            ),
        ]
    }

    /// Writes the lines below the headline. `sync` replaces files in conflict, so only `copy` has the hint to overwrite.
    fn write_remarks(&self, lines: &mut PageWriter<'_>, is_copy: bool) -> Result<()> {
        for path in &self.report.version_folders {
            lines.cells(vec![
                Cell::text("old versions: "),
                Cell::Name(Name::from(path.as_path())),
            ])?;
        }
        if self.report.bare_files > 0 {
            lines.line(format!(
                "{} copied without extended attributes: the destination cannot store them",
                unit::format_counted(self.report.bare_files, "file")
            ))?;
        }
        if self.is_interrupted() {
            lines.line("to continue, run the same line again")?;
        }
        if self.report.conflict_files > 0 && !self.is_dry_run() && is_copy {
            lines.line("files in conflict are unchanged; `--overwrite` replaces them and keeps the old versions")?;
        }
        Ok(())
    }
}

impl Stream for CopyAnswer {
    const COMMAND: &'static str = "copy";

    const HEADINGS: &'static [&'static str] = HEADINGS;

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.write_items(lines)?;
        let verb = if self.is_dry_run() {
            "would copy"
        } else {
            "copied"
        };
        self.write_summary(lines, verb, None)
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.visit_items(&mut |item| item.write_row(rows))
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.write_totals(json)?;
        self.write_json_items(json, false)
    }

    fn exit_status(&self) -> ExitStatus {
        match self.state {
            RunState::Complete => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }

    fn is_routine(&self) -> bool {
        self.is_complete() && self.report.items.is_empty()
    }
}
