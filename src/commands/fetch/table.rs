//! The table of one project: a row for each category, a column for each database.

use crate::base::unit;
use crate::commands::replica_cell::{CopySum, legend};
use crate::index::overview::{ProjectSummary, ReplicaSummary, is_held};
use crate::output::cell::{Cell, Tone};
use crate::output::page::{Page, TableBlock};

/// Adds the heading and the table of one project, and one line for the categories that no database holds.
pub(super) fn add_table(summary: &ProjectSummary, page: &mut Page) {
    page.heading_cells(vec![
        Cell::from(&summary.project.name()),
        Cell::Styled(format!("  {}", totals(summary)), Tone::Faint),
    ]);
    let mut headings = vec![Cell::text("category")];
    let databases = summary
        .categories()
        .next()
        .map_or(&[][..], |(_, replicas)| replicas);
    headings.extend(
        databases
            .iter()
            .map(|replica| replica.database.as_str().into()),
    );
    let (mut rows, mut nowhere, mut has_damage) = (Vec::new(), Vec::new(), false);
    for (union, replicas) in summary.categories() {
        let category = replicas
            .first()
            .map_or("", |replica| replica.category.as_str());
        if !is_held(union, replicas) {
            nowhere.push(category);
            continue;
        }
        let copies = replicas.iter().map(|replica| CopySum::of(replica, union));
        let copies: Vec<CopySum> = copies.collect();
        has_damage |= copies.iter().any(|copy| copy.faults.damaged > 0);
        let cells = copies.iter().map(CopySum::cell);
        rows.push([Cell::from(category)].into_iter().chain(cells).collect());
    }
    page.table_block(TableBlock {
        headings,
        rows,
        legend: Some(legend(has_damage)),
        ..TableBlock::default()
    });
    if !nowhere.is_empty() {
        page.line(format!("on no storage: {}", nowhere.join(", ")));
    }
}

/// Returns the size of the union of all replicas: `1,279 files, 192 GB`.
fn totals(summary: &ProjectSummary) -> String {
    let files = summary.unions.iter().map(|union| union.files).sum();
    let bytes = summary.unions.iter().map(|union| union.bytes);
    let bytes = bytes.fold(0, u64::saturating_add);
    format!(
        "{}, {}",
        unit::format_counted(files, "file"),
        unit::format_bytes(bytes)
    )
}

/// Returns the line with the path of a replica.
pub(super) fn path_cells(replica: &ReplicaSummary) -> Vec<Cell> {
    vec![
        Cell::text("  "),
        replica.category.as_str().into(),
        Cell::text(" on "),
        replica.database.as_str().into(),
        Cell::text(": "),
        Cell::from(&replica.path),
    ]
}
