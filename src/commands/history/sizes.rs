//! The answer of `history sizes`: the sizes of replicas over time, as the scans recorded them.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::commands::workspace::Workspace;
use crate::index::overview::{
    self, ReplicaSizes, SampledLine, SampledSizes, SizeHistory, SizeSum, sample_times,
};
use crate::index::{ReadTransaction, SizePoint};
use crate::model::project::Scope;
use crate::output::cell::{Cell, Tone};
use crate::output::json::JsonWriter;
use crate::output::page::{Borders, Page, TableBlock};
use crate::output::sparkline::{is_unicode_locale, sparkline};
use crate::output::stream::{PageWriter, RowWriter, Stream};

/// Number of samples of a sparkline; a multiple of each of [`WIDTHS`].
const SAMPLES: i64 = 48;

/// Columns of a sparkline in the forms of a table.
const WIDTHS: [usize; 4] = [24, 16, 12, 8];

/// Sizes over time. They are read from the index while they are printed.
#[derive(Debug)]
pub(crate) struct SizesAnswer<'a> {
    history: SizeHistory<'a>,
    /// Keeps the answer consistent while another process scans.
    _snapshot: ReadTransaction<'a>,
    scope: Name,
    since: Option<Timestamp>,
    setup_hint: Option<String>,
}

impl<'a> SizesAnswer<'a> {
    /// Finds the sizes of a scope.
    ///
    /// # Errors
    /// [`crate::base::error::Error::UnknownName`] for a client or project that no storage has and had.
    pub(super) fn new(
        workspace: &'a Workspace,
        scope: &Scope,
        since: Option<Timestamp>,
    ) -> Result<Self> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let snapshot = index.read_transaction()?;
        let history = SizeHistory::find(index, registry, scope, since, Timestamp::now())?;
        if history.is_empty() {
            overview::known_projects(index, registry, scope)?;
        }
        workspace.last_answer.keep(history.projects());
        Ok(Self {
            history,
            _snapshot: snapshot,
            scope: scope.name(),
            since,
            setup_hint: workspace.setup_hint(),
        })
    }
}

/// True if sizes of a scope were recorded.
pub(super) fn has_sizes(workspace: &Workspace, scope: &Scope) -> Result<bool> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    let history = SizeHistory::find(index, registry, scope, None, Timestamp::now())?;
    Ok(!history.is_empty())
}

/// Position of the column with the charts.
const CHART: usize = 2;

/// One series in JSON.
#[derive(Serialize)]
struct SeriesDocument<'a> {
    database: &'a str,
    category: &'a str,
    project: Name,
    points: Vec<PointDocument>,
}

/// One point in JSON; without numbers if the replica was missing.
#[derive(Serialize)]
struct PointDocument {
    at: Timestamp,
    files: Option<u64>,
    bytes: Option<u64>,
}

impl From<&SizePoint> for PointDocument {
    fn from(point: &SizePoint) -> Self {
        Self {
            at: point.at,
            files: point.present.then_some(point.files),
            bytes: point.present.then_some(point.bytes),
        }
    }
}

impl Stream for SizesAnswer<'_> {
    const COMMAND: &'static str = "history";

    const HEADINGS: &'static [&'static str] =
        &["at", "database", "category", "project", "files", "bytes"];

    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()> {
        if self.history.is_empty() {
            let hint = self.setup_hint.as_deref();
            return lines.line(hint.unwrap_or("no sizes were recorded yet; `load` records them"));
        }
        let start = self.history.start()?;
        let times = sample_times(start, self.history.now(), SAMPLES);
        let sampled = self.history.sample(&times)?;
        let is_drawn = !lines.is_accessible();
        lines.page(&page(&sampled, start, is_drawn))
    }

    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()> {
        self.history.visit(&mut |replica| {
            for point in &replica.points {
                rows.row(&row(replica, point))?;
            }
            Ok(())
        })
    }

    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()> {
        json.field("scope", &self.scope)?;
        json.field("since", &self.since)?;
        json.list("sizes", |json| {
            self.history.visit(&mut |replica| {
                json.item(&SeriesDocument {
                    database: &replica.database.name,
                    category: &replica.category.name,
                    project: replica.project.name(),
                    points: replica.points.iter().map(PointDocument::from).collect(),
                })
            })
        })
    }
}

/// Returns the cells of a change, with exact values.
fn row(replica: &ReplicaSizes<'_>, point: &SizePoint) -> [Cell; 6] {
    let held = point.present.then_some(point);
    [
        Cell::Timestamp(point.at),
        Cell::from(replica.database.name.as_str()),
        Cell::from(replica.category.name.as_str()),
        Cell::Name(replica.project.name()),
        Cell::optional(held, |point| Cell::Count(point.files)),
        Cell::optional(held, |point| Cell::Bytes(point.bytes)),
    ]
}

/// Lays out the lines of the storages, and a total if there are several.
fn page(sampled: &SampledSizes, start: Timestamp, is_drawn: bool) -> Page {
    let lines = &sampled.lines;
    let has_categories = lines.iter().any(|line| line.category != lines[0].category);
    let mut rows: Vec<_> = lines.iter().map(line_row).collect();
    let has_total = rows.len() > 1;
    if has_total {
        rows.push(total_row(sampled, start));
    }
    let mut headings = vec![
        ("storage", usize::MAX),
        ("category", if has_categories { usize::MAX } else { 0 }),
        ("sizes", usize::MAX),
        ("from", 2),
        ("now", usize::MAX),
        ("change", usize::MAX),
        ("files", 1),
        ("since", 2),
    ];
    if !is_drawn {
        headings.remove(CHART);
        for row in &mut rows {
            row.remove(CHART);
        }
    }
    let mut page = Page::default();
    page.table_block(TableBlock {
        headings: headings
            .iter()
            .map(|heading| Cell::text(heading.0))
            .collect(),
        hidden_from: headings.iter().map(|heading| heading.1).collect(),
        rows,
        borders: Borders::Open,
        narrow: None,
        legend: None,
    });
    let changes = unit::format_counted(sampled.changes, "change");
    page.line(format!("{changes} since {}", start.minute()));
    if has_total {
        page.line("total: the largest copy of each project and category");
    }
    page
}

fn line_row(line: &SampledLine) -> Vec<Cell> {
    let names = [&line.database, &line.category].map(|name| Cell::from(name.as_str()));
    size_row(names, &line.sizes, line.first, line.first_at)
}

fn total_row(sampled: &SampledSizes, start: Timestamp) -> Vec<Cell> {
    let first = sampled.total.iter().flatten().next().copied();
    let names = [Cell::text("total"), Cell::Empty];
    size_row(names, &sampled.total, first.unwrap_or_default(), start)
}

/// Returns the cells of a line: names, chart, sizes at both ends, and what changed between them.
fn size_row(
    [storage, category]: [Cell; 2],
    sizes: &[Option<SizeSum>],
    first: SizeSum,
    first_at: Timestamp,
) -> Vec<Cell> {
    let last = sizes.last().copied().flatten().unwrap_or_default();
    let now = if last.replicas == 0 {
        Cell::Styled("missing".to_owned(), Tone::Warning)
    } else {
        Cell::Bytes(last.bytes)
    };
    vec![
        storage,
        category,
        Cell::Elastic(charts(sizes), Tone::Faint),
        Cell::Bytes(first.bytes),
        now,
        Cell::text(change(first.bytes, last.bytes)),
        Cell::Count(last.files),
        Cell::text(first_at.date()),
    ]
}

/// Returns the difference of two sizes: `+2.20 TB`, `-3 B` or `=`.
fn change(first: u64, last: u64) -> String {
    match last.cmp(&first) {
        std::cmp::Ordering::Less => format!("-{}", unit::format_bytes(first - last)),
        std::cmp::Ordering::Equal => "=".to_owned(),
        std::cmp::Ordering::Greater => format!("+{}", unit::format_bytes(last - first)),
    }
}

/// Returns the chart in the widths of a table. A symbol shows the size at the end of its part of the period.
fn charts(sizes: &[Option<SizeSum>]) -> [String; 4] {
    let is_unicode = is_unicode_locale();
    let held = |sum: SizeSum| (sum.replicas > 0).then_some(sum.bytes);
    // The first sample is the beginning of the period.
    let samples = sizes.iter().skip(1).map(|sum| sum.and_then(held));
    let samples: Vec<Option<u64>> = samples.collect();
    WIDTHS.map(|width| {
        let parts = samples.chunks((samples.len() / width).max(1));
        let ends: Vec<_> = parts.map(|part| part.last().copied().flatten()).collect();
        sparkline(&ends, is_unicode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_have_their_widths() {
        let sizes: Vec<Option<SizeSum>> = (0..=SAMPLES.unsigned_abs())
            .map(|bytes| {
                (bytes > 24).then_some(SizeSum {
                    replicas: 1,
                    files: 1,
                    bytes,
                })
            })
            .collect();
        let charts = charts(&sizes).map(|chart| chart.chars().count());
        assert_eq!(charts, WIDTHS);
    }

    #[test]
    fn change_has_a_sign() {
        assert_eq!(change(5, 7), "+2 B");
        assert_eq!(change(7, 5), "-2 B");
        assert_eq!(change(7, 7), "=");
    }
}
