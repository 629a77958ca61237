//! Pages as text, tables by comfy-table.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::cell::Cell;
use super::color::paint;
use super::page::{Block, Page};
use super::printer::Screen;

/// The page as text, each line ended.
pub(super) fn page(page: &Page, screen: Screen) -> String {
    let mut text = String::new();
    for block in &page.blocks {
        match block {
            Block::Heading(heading) => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&shown(heading, screen));
            }
            Block::Table { headings, rows } => text.push_str(&table(headings, rows, screen)),
            Block::Line(cells) => cells
                .iter()
                .for_each(|cell| text.push_str(&shown(cell, screen))),
        }
        text.push('\n');
    }
    text
}

/// A cell with its colour.
fn shown(cell: &Cell, screen: Screen) -> String {
    let text = cell.shown(screen.terminal);
    match cell {
        Cell::Toned(_, tone) if screen.color => paint(&text, *tone),
        _ => text,
    }
}

/// A table that fits the terminal; wider where there is none.
fn table(headings: &[Cell], rows: &[Vec<Cell>], screen: Screen) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).force_no_tty();
    if let Some(width) = screen.width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    table.set_header(headings.iter().map(|heading| shown(heading, screen)));
    for row in rows {
        table.add_row(row.iter().map(|cell| {
            let alignment = if cell.is_number() {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            };
            comfy_table::Cell::new(shown(cell, screen)).set_alignment(alignment)
        }));
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        if rows
            .iter()
            .any(|row| row.get(place).is_some_and(Cell::is_number))
        {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}
