//! The answers of `restore`, `undo` and `prune`: the files that were handled, and totals.

use serde::Serialize;

use super::command::rounded_seconds;
use super::item_list::{ItemList, ListedItem};
use super::outcome_item::{HEADINGS, OutcomeList as _};
use super::run::{FinishedRun, RunReport};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::index::{OutcomeKind, RunEnd, RunId, RunItem, RunState};
use crate::output::cell::Cell;
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter};
use crate::versions::report::VersionReport;

/// The result of a change of versions.
#[derive(Debug)]
pub(super) struct VersionAnswer {
    pub(super) finished: FinishedRun<VersionReport>,
    pub(super) is_dry_run: bool,
    /// Outcomes that are counted, and listed only in a dry run.
    pub(super) quiet: &'static [OutcomeKind],
    pub(super) group_sequences: bool,
}

impl RunReport for VersionReport {
    fn end(&self) -> RunEnd {
        let failed = self.count(OutcomeKind::Failed);
        let skipped = self.count(OutcomeKind::Skipped);
        RunEnd {
            state: self.state(),
            files: (self.items.len() as u64).saturating_sub(failed + skipped),
            bytes: self.bytes,
            failed,
            conflicts: 0,
            refused: 0,
        }
    }

    fn items(&self) -> Vec<RunItem<'_>> {
        let items = self.items.iter().map(|item| RunItem {
            path: &item.path,
            outcome: item.outcome,
            reason: item.reason.as_deref(),
        });
        items.collect()
    }

    fn is_recorded(&self) -> bool {
        !self.items.is_empty()
    }
}

/// The totals, as JSON.
#[derive(Serialize)]
struct VersionTotals {
    run: Option<RunId>,
    state: RunState,
    seconds: f64,
    files: u64,
    bytes: u64,
    failed: u64,
    kept: u64,
    versions: Vec<Name>,
}

impl VersionAnswer {
    const fn state(&self) -> RunState {
        if self.is_dry_run {
            RunState::Planned
        } else {
            self.finished.state
        }
    }

    fn list(&self) -> ItemList {
        let items = self.finished.report.items.iter();
        let items = items.map(|item| ListedItem {
            path: item.path.clone(),
            outcome: item.outcome,
            reason: item.reason.clone(),
            bytes: Some(item.bytes),
        });
        ItemList::new(items.collect(), self.group_sequences)
    }

    /// Writes the files that need attention, and one line of totals that begins with these words.
    pub(super) fn write_lines(
        &self,
        lines: &mut PageWriter<'_>,
        words: [&str; 2],
        nothing: &str,
    ) -> Result<()> {
        let report = &self.finished.report;
        if report.items.is_empty() {
            return lines.line(nothing);
        }
        let shown = report
            .items
            .iter()
            .filter(|item| self.is_dry_run || !self.quiet.contains(&item.outcome));
        let shown = shown.map(|item| ListedItem {
            path: item.path.clone(),
            outcome: item.outcome,
            reason: item.reason.clone(),
            bytes: Some(item.bytes),
        });
        ItemList::new(shown.collect(), self.group_sequences).write_lines(lines)?;
        let end = report.end();
        let verb = words[usize::from(self.is_dry_run)];
        let mut parts = vec![format!(
            "{verb} {}, {}",
            unit::format_counted(end.files, "file"),
            unit::format_bytes(report.bytes)
        )];
        let kept = report.count(OutcomeKind::Skipped);
        if kept > 0 {
            parts.push(format!("{} kept", unit::format_count(kept)));
        }
        if end.failed > 0 {
            parts.push(unit::format_counted(end.failed, "failure"));
        }
        lines.line(parts.join("; "))?;
        for folder in &report.version_folders {
            lines.cells(vec![
                Cell::text("what was there is kept in "),
                Cell::from(&Name::from(folder.as_path())),
            ])?;
        }
        Ok(())
    }

    pub(super) fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.list().write_item_rows(rows)
    }

    pub(super) fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        let report = &self.finished.report;
        let end = report.end();
        let versions = report.version_folders.iter();
        json.fields(&VersionTotals {
            run: self.finished.run,
            state: self.state(),
            seconds: rounded_seconds(report.elapsed),
            files: end.files,
            bytes: end.bytes,
            failed: end.failed,
            kept: report.count(OutcomeKind::Skipped),
            versions: versions.map(|path| Name::from(path.as_path())).collect(),
        })?;
        self.list().write_item_lists(json, self.group_sequences)
    }

    pub(super) fn exit_status(&self) -> ExitStatus {
        match self.state() {
            RunState::Complete | RunState::Planned => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }
}

/// Headings of the rows.
pub(super) const VERSION_HEADINGS: &[&str] = HEADINGS;
