//! One line for each of several projects: its size, and a cell for each database.

use crate::base::unit;
use crate::commands::replica_cell::{CopySum, legend};
use crate::index::overview::ProjectSummary;
use crate::output::cell::{Cell, FORMS, Tone};
use crate::output::page::{Borders, Page, TableBlock};

/// Adds the lines of the projects and their total.
pub(super) fn add_lines(projects: &[ProjectSummary], databases: &[String], page: &mut Page) {
    let mut headings = vec![Cell::text("project"), Cell::text("size")];
    headings.extend(databases.iter().map(|name| Cell::from(name.as_str())));
    let (mut rows, mut files, mut bytes, mut has_damage) = (Vec::new(), 0, 0_u64, false);
    for summary in projects {
        let project_bytes = summary.unions.iter().map(|union| union.bytes);
        let project_bytes = project_bytes.fold(0, u64::saturating_add);
        files += summary.unions.iter().map(|union| union.files).sum::<u64>();
        bytes = bytes.saturating_add(project_bytes);
        let mut row = vec![
            Cell::from(&summary.project.name()),
            size_cell(project_bytes),
        ];
        let copies = copies(summary, databases.len());
        has_damage |= copies.iter().any(|copy| copy.faults.damaged > 0);
        row.extend(copies.iter().map(copy_cell));
        rows.push(row);
    }
    page.table_block(TableBlock {
        headings,
        rows,
        borders: Borders::Open,
        hidden_from: vec![usize::MAX, FORMS - 1],
        narrow: None,
        legend: Some(legend(has_damage)),
    });
    page.line(format!(
        "{}, {}, {}",
        unit::format_counted(projects.len() as u64, "project"),
        unit::format_counted(files, "file"),
        unit::format_bytes(bytes)
    ));
}

/// Sums the categories of a project for each database. Categories that no database holds are left out.
pub(super) fn copies(summary: &ProjectSummary, databases: usize) -> Vec<CopySum> {
    let mut copies = vec![CopySum::default(); databases];
    for (union, replicas) in summary.categories() {
        for (copy, replica) in copies.iter_mut().zip(replicas) {
            copy.add(replica, union);
        }
    }
    copies
}

fn size_cell(bytes: u64) -> Cell {
    let [long, short] = [unit::format_bytes(bytes), unit::format_bytes_short(bytes)];
    let forms = [long, short.clone(), short.clone(), short];
    Cell::Elastic(forms, Tone::Faint)
}

/// Returns the cell of a database; empty if it is known to hold nothing of the project.
fn copy_cell(copy: &CopySum) -> Cell {
    if copy.is_present || copy.is_unknown {
        copy.cell()
    } else {
        Cell::Empty
    }
}
