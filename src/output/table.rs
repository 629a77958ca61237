//! Pages as text, tables by comfy-table.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use unicode_width::UnicodeWidthStr as _;

use super::cell::Cell;
use super::color::paint;
use super::page::{Block, Page};
use super::screen::Screen;

/// The page as text, each line ended.
pub(super) fn page(page: &Page, screen: Screen) -> String {
    let blocks = page.blocks.iter().enumerate();
    blocks
        .map(|(place, part)| block(part, place == 0, screen))
        .collect()
}

/// One part as text, each line ended; a heading stands apart from what is above it.
pub(super) fn block(block: &Block, is_first: bool, screen: Screen) -> String {
    let mut text = String::new();
    match block {
        Block::Heading(heading) => {
            if !is_first {
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

/// A table, or where it is too wide for the terminal its rows as records; numbers and words are never broken.
fn table(headings: &[Cell], rows: &[Vec<Cell>], screen: Screen) -> String {
    let fits = screen
        .width
        .is_none_or(|width| natural_width(headings, rows, screen) <= usize::from(width));
    if !fits {
        return rows
            .iter()
            .map(|row| record(headings, row, screen))
            .collect::<Vec<_>>()
            .join("\n");
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).force_no_tty();
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
    table.trim_fmt()
}

/// Columns that the table takes when nothing is broken: each cell has a blank on both sides and a line beside it.
fn natural_width(headings: &[Cell], rows: &[Vec<Cell>], screen: Screen) -> usize {
    let width = |cell: &Cell| cell.shown(screen.terminal).width();
    let column = |(place, heading): (usize, &Cell)| {
        let cells = rows.iter().filter_map(|row| row.get(place)).map(width);
        cells.chain([width(heading)]).max().unwrap_or_default() + 3
    };
    headings.iter().enumerate().map(column).sum::<usize>() + 1
}

/// A row under its first cell, a line for each other one.
fn record(headings: &[Cell], row: &[Cell], screen: Screen) -> String {
    let title = row.first().map(|cell| shown(cell, screen));
    let line = |(heading, cell): (&Cell, &Cell)| {
        format!("  {}: {}", shown(heading, screen), shown(cell, screen))
    };
    let lines = headings.iter().zip(row).skip(1).map(line);
    title
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
