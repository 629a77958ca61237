//! What a copy came to, or would come to, and how it is laid out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::base::unit;
use crate::copy::plan::Plan;
use crate::copy::report::{Report, ReportedItem};
use crate::index::{OutcomeKind, RunId, RunState};
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// What the copy came to.
#[derive(Debug)]
pub(crate) struct CopyAnswer {
    totals: CopyTotals,
    dry_run: bool,
    replaced_files: u64,
    /// Those of the skipped that are left for another run.
    left_files: u64,
    cloned_files: u64,
    /// Those without the extended attributes of the source, which the destination cannot hold.
    files_without_xattrs: u64,
    /// What a dry run would copy: where, and the plan.
    dry_run_plans: Vec<(PathBuf, Plan)>,
    items: Vec<ReportedItem>,
    version_folders: Vec<PathBuf>,
}

/// The numbers. `planned_files` is the sum of copied, same, conflict, failed and skipped; `planned_bytes` are those that
/// were to be copied.
#[derive(Debug, Serialize)]
struct CopyTotals {
    /// `None` for a dry run, which is none.
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

/// Something that was not plainly copied or the same.
#[derive(Debug, Serialize)]
struct CopyItem<'a> {
    path: Name,
    outcome: OutcomeKind,
    reason: Option<&'a str>,
}

impl<'a> CopyItem<'a> {
    fn from_report(item: &'a ReportedItem) -> Self {
        Self {
            path: Name::from(item.path.as_path()),
            outcome: item.outcome.kind(),
            reason: item.outcome.reason(),
        }
    }

    fn planned(base: &Path, path: &Path, replaces: bool) -> Self {
        let reason = if replaces {
            "replace, keeping the old version"
        } else {
            "add"
        };
        Self {
            path: Name::from(base.join(path)),
            outcome: OutcomeKind::Planned,
            reason: Some(reason),
        }
    }

    fn tone(&self) -> Tone {
        match self.outcome {
            OutcomeKind::Failed => Tone::Bad,
            OutcomeKind::Planned => Tone::Good,
            _ => Tone::Warning,
        }
    }
}

impl CopyAnswer {
    pub(in crate::commands) fn new(
        run: Option<RunId>,
        state: RunState,
        dry_run: bool,
        report: Report,
    ) -> Self {
        Self {
            totals: CopyTotals {
                run,
                state,
                planned_files: report.planned_files,
                planned_bytes: report.planned_bytes,
                copied_files: report.copied_files,
                copied_bytes: report.copied_bytes,
                same_files: report.same_files,
                conflict_files: report.conflict_files,
                failed_files: report.failed_files,
                skipped_files: report.skipped_files,
                verified_files: report.verified_files,
                seconds: (report.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            },
            dry_run,
            replaced_files: report.replaced_files,
            left_files: report.left_files,
            cloned_files: report.cloned_files,
            files_without_xattrs: report.bare_files,
            dry_run_plans: report.dry_run_plans,
            items: report.items,
            version_folders: report.version_folders,
        }
    }

    /// Finds everything that is listed: first what a dry run would copy.
    fn visit_items(&self, on_item: &mut dyn FnMut(&CopyItem<'_>) -> Result<()>) -> Result<()> {
        for (base, plan) in &self.dry_run_plans {
            for (path, replaces) in plan.paths() {
                on_item(&CopyItem::planned(base, &path, replaces))?;
            }
        }
        self.items
            .iter()
            .try_for_each(|item| on_item(&CopyItem::from_report(item)))
    }

    /// Whether nothing was done.
    pub(in crate::commands) const fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether everything was done that was to be done.
    pub(in crate::commands) fn is_complete(&self) -> bool {
        self.totals.state == RunState::Complete && !self.dry_run
    }

    /// Whether nothing is listed that ended in another way than these.
    pub(in crate::commands) fn has_only(&self, outcomes: &[OutcomeKind]) -> bool {
        let mut items = self.items.iter();
        items.all(|item| outcomes.contains(&item.outcome.kind()))
    }

    /// Lists what was not plainly copied or the same.
    pub(in crate::commands) fn write_items(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.visit_items(&mut |item| {
            // What an interrupted run did not come to, and what is gone, is counted, not listed: it may be a hundred
            // thousand lines.
            if matches!(item.outcome, OutcomeKind::Unreached | OutcomeKind::Gone) {
                return Ok(());
            }
            lines.cells(vec![
                Cell::Styled(item.outcome.as_str().to_owned(), item.tone()),
                Cell::text(" "),
                Cell::from(&item.path),
                Cell::optional(item.reason, |reason| Cell::text(format!(": {reason}"))),
            ])
        })
    }

    /// Writes the numbers for people, of a sync with more of them at their end, and what there is to be said below.
    pub(in crate::commands) fn write_summary(
        &self,
        lines: &mut PageWriter<'_>,
        verb: &str,
        more: Option<&[Cell]>,
    ) -> Result<()> {
        let mut cells = self.headline(verb);
        cells.extend(more.into_iter().flatten().cloned());
        lines.cells(cells)?;
        self.write_remarks(lines, more.is_none())
    }

    /// Writes the numbers for programs.
    pub(in crate::commands) fn write_totals(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.fields(&self.totals)
    }

    /// Writes the items for programs, or none.
    pub(in crate::commands) fn write_json_items(
        &self,
        json: &mut JsonWriter<'_>,
        none: bool,
    ) -> Result<()> {
        json.list("items", |json| {
            if none {
                return Ok(());
            }
            self.visit_items(&mut |item| json.item(item))
        })
    }

    fn is_interrupted(&self) -> bool {
        self.totals.state == RunState::Interrupted
    }

    /// What a person wants to know first.
    fn headline(&self, verb: &str) -> Vec<Cell> {
        let mut cells = if self.dry_run {
            let files = self.dry_run_plans.iter().map(|(_, plan)| plan.files).sum();
            vec![Cell::text(format!(
                "{verb} {}, {}",
                unit::format_counted(files, "file"),
                unit::format_bytes(self.totals.planned_bytes)
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

    /// `copied and verified 12 files, 3.40 GB in 5.6 s`.
    fn copied_cells(&self, verb: &str) -> Vec<Cell> {
        let totals = &self.totals;
        let elapsed = unit::format_duration(Duration::from_secs_f64(totals.seconds));
        let verified = if totals.copied_files > 0 && totals.verified_files == totals.copied_files {
            " and verified"
        } else {
            ""
        };
        let copied = format!(
            "{verb}{verified} {}, {}",
            unit::format_counted(totals.copied_files, "file"),
            unit::format_bytes(totals.copied_bytes)
        );
        if self.is_interrupted() {
            let interrupted = format!("interrupted after {elapsed}: ");
            vec![Cell::Styled(interrupted, Tone::Bad), Cell::text(copied)]
        } else {
            vec![Cell::text(format!("{copied} in {elapsed}"))]
        }
    }

    /// How many files are of what sort, in words.
    fn count_phrases(&self) -> [(u64, &'static str, Tone); 7] {
        let totals = &self.totals;
        let partly = if totals.verified_files < totals.copied_files {
            totals.verified_files
        } else {
            0
        };
        let skipped = if self.is_interrupted() {
            "skipped or not reached"
        } else {
            "skipped"
        };
        [
            (partly, "of these verified", Tone::Good),
            (
                self.cloned_files,
                "of these cloned, sharing their blocks",
                Tone::Good,
            ),
            (
                self.replaced_files,
                "of these replaced an older version",
                Tone::Good,
            ),
            (totals.same_files, "already there", Tone::Good),
            (totals.conflict_files, "in conflict", Tone::Warning),
            (totals.failed_files, "failed", Tone::Bad),
            (
                totals.skipped_files - self.left_files,
                skipped,
                Tone::Warning,
            ),
        ]
    }

    /// What there is to be said below the numbers.
    fn write_remarks(&self, lines: &mut PageWriter<'_>, overwrites: bool) -> Result<()> {
        for path in &self.version_folders {
            lines.cells(vec![
                Cell::text("old versions: "),
                Cell::Name(Name::from(path.as_path())),
            ])?;
        }
        if self.files_without_xattrs > 0 {
            lines.line(format!(
                "extended attributes of {} were left out: the destination keeps none",
                unit::format_counted(self.files_without_xattrs, "file")
            ))?;
        }
        if self.is_interrupted() {
            lines.line("to go on, give the same line again")?;
        }
        if self.totals.conflict_files > 0 && !self.dry_run && overwrites {
            lines.line("a file in conflict is as it was; `--overwrite` replaces it and keeps the old version")?;
        }
        Ok(())
    }
}

impl Stream for CopyAnswer {
    const COMMAND: &'static str = "copy";

    const HEADINGS: &'static [&'static str] = &["path", "outcome", "reason"];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.write_items(lines)?;
        let verb = if self.dry_run { "would copy" } else { "copied" };
        self.write_summary(lines, verb, None)
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.visit_items(&mut |item| {
            rows.row(&[
                Cell::from(&item.path),
                Cell::text(item.outcome.as_str()),
                Cell::optional(item.reason, Cell::text),
            ])
        })
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.write_totals(json)?;
        self.write_json_items(json, false)
    }

    fn exit_status(&self) -> ExitStatus {
        match self.totals.state {
            RunState::Complete => ExitStatus::Done,
            RunState::Interrupted => interrupt::exit_status(),
            _ => ExitStatus::Partial,
        }
    }

    fn is_routine(&self) -> bool {
        self.is_complete() && self.items.is_empty()
    }
}
