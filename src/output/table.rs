//! Rendering of pages as text, with tables by comfy-table.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::cell::Cell;
use super::color::paint;
use super::column;
use super::page::Block;
use super::screen::Screen;
use super::shorten::shorten;
use super::wrap::wrap;

/// Renders a part of a page, each line ended. A heading is separated from the text above it.
pub(super) fn render_block(block: &Block, is_first: bool, screen: Screen) -> String {
    let mut text = String::new();
    match block {
        Block::Heading(heading) => {
            if !is_first {
                text.push('\n');
            }
            text.push_str(&wrap_to_screen(render_cell(heading, screen), screen));
        }
        Block::Table {
            headings,
            rows,
            narrow,
        } => text.push_str(&render_table(headings, rows, narrow.as_deref(), screen)),
        Block::Line(cells) => text.push_str(&render_line(cells, screen)),
    }
    text.push('\n');
    text
}

fn render_line(cells: &[Cell], screen: Screen) -> String {
    let line = cells.iter().map(|cell| render_cell(cell, screen)).collect();
    wrap_to_screen(line, screen)
}

/// Breaks lines between words if the output is a terminal.
fn wrap_to_screen(text: String, screen: Screen) -> String {
    match screen.width {
        Some(width) => wrap(&text, usize::from(width)),
        None => text,
    }
}

fn render_cell(cell: &Cell, screen: Screen) -> String {
    let text = cell.to_display(screen.is_terminal);
    match cell {
        Cell::Styled(_, tone) if screen.has_color => paint(&text, *tone),
        _ => text,
    }
}

/// Renders a table with its names shortened to the terminal; if it does not fit, renders the narrow lines, or its rows as
/// records.
fn render_table(
    headings: &[Cell],
    rows: &[Vec<Cell>],
    narrow: Option<&[Vec<Cell>]>,
    screen: Screen,
) -> String {
    let widths = if screen.fits_tables() {
        column::column_widths(headings, rows, screen)
    } else {
        None
    };
    let Some(widths) = widths else {
        if let Some(lines) = narrow.filter(|_| !screen.is_accessible) {
            let lines = lines.iter().map(|line| render_line(line, screen));
            return lines.collect::<Vec<_>>().join("\n");
        }
        return render_records(headings, rows, screen);
    };
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).force_no_tty();
    table.set_header(headings.iter().map(|heading| render_cell(heading, screen)));
    for row in rows {
        table.add_row(row.iter().zip(&widths).map(|(cell, width)| {
            let alignment = if cell.is_number() {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            };
            comfy_table::Cell::new(fit_cell(cell, *width, screen)).set_alignment(alignment)
        }));
    }
    table.trim_fmt()
}

/// Renders a cell in its column. Only names are shortened.
fn fit_cell(cell: &Cell, width: usize, screen: Screen) -> String {
    let text = render_cell(cell, screen);
    if cell.is_name() {
        shorten(&text, width)
    } else {
        text
    }
}

/// Renders rows as records, without shortening.
fn render_records(headings: &[Cell], rows: &[Vec<Cell>], screen: Screen) -> String {
    let records = rows.iter().map(|row| render_record(headings, row, screen));
    wrap_to_screen(records.collect::<Vec<_>>().join("\n"), screen)
}

/// Renders a row: its first cell as a title, each other cell on its own line.
fn render_record(headings: &[Cell], row: &[Cell], screen: Screen) -> String {
    let title = row.first().map(|cell| render_cell(cell, screen));
    let line = |(heading, cell): (&Cell, &Cell)| {
        format!(
            "  {}: {}",
            render_cell(heading, screen),
            render_cell(cell, screen)
        )
    };
    let lines = headings.iter().zip(row).skip(1).map(line);
    title
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}
