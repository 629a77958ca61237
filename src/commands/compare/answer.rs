//! The answer of `compare`: the summary first, then the categories, the projects and the files.

use std::path::Path;

use super::item::{GroupedDifference, detail, visit_items};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::compare::{CompareCounts, CompareVerdict, Comparison, DifferingItem, FileCount};
use crate::language::lexer::quote;
use crate::model::project::ProjectId;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::page::Page;
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// The result of a comparison. The counts include files, links and empty folders that one database lacks.
#[derive(Debug)]
pub(crate) struct CompareAnswer {
    pub(super) comparison: Comparison,
    pub(super) database_names: [String; 2],
    pub(super) category_names: Vec<String>,
    pub(super) is_checksum: bool,
    /// True if the files are listed even if several projects differ.
    pub(super) lists_files: bool,
    /// True if the frames of image sequences are shown as one line.
    pub(super) group_sequences: bool,
}

impl CompareAnswer {
    pub(super) fn total(&self) -> CompareCounts {
        let mut total = CompareCounts::default();
        for counts in &self.comparison.counts {
            total.add_all(counts);
        }
        total
    }

    /// Returns the projects that differ or could not be compared.
    pub(super) fn differing_projects(&self) -> impl Iterator<Item = &(ProjectId, CompareCounts)> {
        let projects = self.comparison.projects.iter();
        projects.filter(|(_, counts)| counts.differences() + counts.failed > 0)
    }

    /// Returns the first line: what each database lacks, and what differs.
    fn headline(&self) -> Cell {
        let total = self.total();
        let is_equal = total.differences() + total.failed == 0;
        let mut text = if is_equal {
            format!("no difference: {}", describe_files(total.same))
        } else {
            self.describe(&total)
        };
        if !is_equal && total.same.files > 0 {
            text = format!("{text}; {} the same", unit::format_count(total.same.files));
        }
        if self.is_checksum {
            let read = unit::format_counted(self.comparison.files_read, "file");
            text = format!("{text}; {read} read");
            let known = &self.comparison.known;
            if known.files > 0 {
                let files = unit::format_count(known.files);
                let oldest = match known.oldest {
                    None | Some(Timestamp::UNKNOWN) => "at an unknown time".to_owned(),
                    Some(at) => at.ago(),
                };
                text = format!("{text}, {files} known, the oldest digest {oldest}");
            }
        }
        let tone = if is_equal { Tone::Good } else { Tone::Warning };
        Cell::Styled(text, tone)
    }

    /// Describes differences: `NAS lacks 1,000 files, 12.0 GB; 3 differ`.
    fn describe(&self, counts: &CompareCounts) -> String {
        let [a, b] = &self.database_names;
        let mut parts = Vec::new();
        for (lacking, count) in [(b, counts.only_a), (a, counts.only_b)] {
            if count.files > 0 {
                parts.push(format!("{lacking} lacks {}", describe_files(count)));
            }
        }
        if counts.differs.files > 0 {
            let verb = if counts.differs.files == 1 {
                "differs"
            } else {
                "differ"
            };
            parts.push(format!("{} {verb}", describe_files(counts.differs)));
        }
        if counts.failed > 0 {
            let failed = unit::format_count(counts.failed);
            parts.push(format!("{failed} could not be compared"));
        }
        parts.join("; ")
    }

    /// Writes the ages of the scans that were compared.
    fn write_scans(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let Some(scanned_at) = &self.comparison.scanned_at else {
            return Ok(());
        };
        let scans = self.database_names.iter().zip(scanned_at);
        let scans = scans.map(|(name, scanned_at)| match scanned_at {
            Some(time) => format!("{name} {}", time.ago()),
            None => format!("{name} never as a whole"),
        });
        let scans = scans.collect::<Vec<_>>().join(", ");
        lines.cells(vec![Cell::Styled(format!("scanned: {scans}"), Tone::Faint)])
    }

    /// Writes a table of the categories with files, if there are several and any differs.
    fn write_categories(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        let categories = self.category_names.iter().zip(&self.comparison.counts);
        let rows = categories.filter(|(_, counts)| counts.differences() + counts.same.files > 0);
        let rows: Vec<Vec<Cell>> = rows
            .map(|(name, counts)| {
                let counts = [counts.same, counts.only_a, counts.only_b, counts.differs];
                let mut row = vec![Cell::from(name.as_str())];
                row.extend(counts.map(count_cell));
                row
            })
            .collect();
        if rows.len() < 2 || self.total().differences() == 0 {
            return Ok(());
        }
        let [a, b] = self
            .database_names
            .each_ref()
            .map(|name| format!("only in {name}"));
        let mut page = Page::default();
        page.table(&["category", "same", &a, &b, "differs"], rows);
        lines.page(&page)
    }

    /// Writes a line for each project that differs.
    fn write_projects(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        self.differing_projects().try_for_each(|(project, counts)| {
            lines.cells(vec![
                Cell::Name(project.name()),
                Cell::Styled(format!(": {}", self.describe(counts)), Tone::Warning),
            ])
        })
    }

    /// Writes a line for each item or sequence, as far as `is_listed`.
    fn write_items(
        &self,
        lines: &mut PageWriter<'_>,
        is_listed: &dyn Fn(&DifferingItem) -> bool,
    ) -> Result<()> {
        self.visit(self.group_sequences, &mut |item, folder, grouped| {
            if grouped.has_own_line() && is_listed(item) {
                self.write_item(lines, item, folder, grouped)
            } else {
                Ok(())
            }
        })
    }

    fn write_item(
        &self,
        lines: &mut PageWriter<'_>,
        item: &DifferingItem,
        folder: &Path,
        grouped: &GroupedDifference<'_>,
    ) -> Result<()> {
        let names = &self.database_names;
        let (words, tone) = grouped.item.outcome.label(names);
        let category = &self.category_names[item.category];
        let path = grouped.line_path(&Path::new(category).join(folder));
        let mut cells = vec![Cell::Styled(words, tone), Cell::text(" "), Cell::Name(path)];
        if let Some(sequence) = grouped.sequence {
            let files = unit::format_counted(sequence.files, "file");
            cells.push(Cell::text(format!("  {files}")));
            if let Some(bytes) = grouped.sequence_bytes() {
                cells.extend([Cell::text("  "), Cell::Bytes(bytes)]);
            }
            let gaps = sequence.describe_gaps("without");
            cells.extend(gaps.map(|words| Cell::Styled(format!("  {words}"), Tone::Warning)));
        }
        let reason = match &item.verdict {
            CompareVerdict::Differs(difference, seen) if grouped.sequence.is_none() => {
                Some(detail(*difference, seen, names))
            }
            _ => grouped.line_reason(),
        };
        cells.extend(reason.map(|reason| Cell::text(format!(": {reason}"))));
        lines.cells(cells)
    }

    pub(super) fn visit(
        &self,
        group_sequences: bool,
        on_item: &mut dyn FnMut(&DifferingItem, &Path, &GroupedDifference<'_>) -> Result<()>,
    ) -> Result<()> {
        visit_items(&self.comparison, group_sequences, on_item)
    }

    /// Returns the line that lists the files of a project.
    fn listing_hint(&self, project: &ProjectId) -> String {
        let names = self
            .database_names
            .each_ref()
            .map(|name| quote(name.as_ref()));
        let known = if self.comparison.scanned_at.is_some() {
            " --known"
        } else {
            ""
        };
        format!(
            "`compare {} {} {}{known}` lists its files, `--files` those of all",
            quote(project.name().as_os_str()),
            names[0],
            names[1]
        )
    }
}

/// Describes a number of files: `1,000 files, 12.0 GB`; empty folders apart.
fn describe_files(count: FileCount) -> String {
    let files = count.files - count.empty_folders;
    let folders = unit::format_counted(count.empty_folders, "empty folder");
    let bytes = unit::format_bytes(count.bytes);
    match (files, count.empty_folders) {
        (_, 0) => format!("{}, {bytes}", unit::format_counted(files, "file")),
        (0, _) => folders,
        _ => format!(
            "{}, {bytes}, and {folders}",
            unit::format_counted(files, "file")
        ),
    }
}

/// `1,000 (12.0 GB)`, or `0`.
fn count_cell(count: FileCount) -> Cell {
    let files = unit::format_count(count.files);
    match count.files {
        0 => Cell::Count(0),
        _ => Cell::text(format!("{files} ({})", unit::format_bytes(count.bytes))),
    }
}

impl Stream for CompareAnswer {
    const COMMAND: &'static str = "compare";

    const HEADINGS: &'static [&'static str] = &["category", "path", "outcome", "reason"];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        lines.cells(vec![self.headline()])?;
        self.write_scans(lines)?;
        self.write_categories(lines)?;
        let differing = self.differing_projects().count();
        let first = self.differing_projects().next();
        if self.lists_files || differing < 2 {
            return self.write_items(lines, &|_| true);
        }
        self.write_projects(lines)?;
        self.write_items(lines, &|item| item.project.is_none())?;
        match first {
            Some((project, _)) => lines.line(self.listing_hint(project)),
            None => Ok(()),
        }
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.visit(false, &mut |item, folder, grouped| {
            rows.row(&[
                Cell::from(self.category_names[item.category].as_str()),
                Cell::Name(grouped.line_path(folder)),
                Cell::text(grouped.item.outcome.word()),
                Cell::optional(grouped.item.reason, Cell::text),
            ])
        })
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        self.write_document(json)
    }

    fn exit_status(&self) -> ExitStatus {
        let total = self.total();
        if total.differences() + total.failed > 0 {
            ExitStatus::Partial
        } else {
            ExitStatus::Done
        }
    }
}
