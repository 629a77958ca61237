//! Rendering of pages as text, with bordered tables by comfy-table.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::cell::Cell;
use super::color::paint;
use super::column::{TableLayout, is_elastic, table_layout};
use super::open_table::render_open_table;
use super::page::{Block, Borders, TableBlock};
use super::screen::Screen;
use super::shorten::shorten;
use super::wrap::wrap;

/// Renders a part of a page, each line ended. A heading is separated from the text above it.
pub(super) fn render_block(block: &Block, is_first: bool, screen: Screen) -> String {
    let mut text = String::new();
    match block {
        Block::Heading(cells) => {
            if !is_first {
                text.push('\n');
            }
            text.push_str(&render_line(cells, screen));
        }
        Block::Table(table) => text.push_str(&render_table(table, screen)),
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
    render_form(cell, 0, screen)
}

/// Renders a cell in this form if it has several.
fn render_form(cell: &Cell, form: usize, screen: Screen) -> String {
    let text = cell.to_display_form(form, screen.is_terminal);
    match cell.tone() {
        Some(tone) if screen.has_color => paint(&text, tone),
        _ => text,
    }
}

/// Renders a table with its names shortened to the terminal; if it does not fit, renders the narrow lines, or its rows as
/// records.
fn render_table(block: &TableBlock, screen: Screen) -> String {
    let layout = if screen.fits_table(block.borders == Borders::Open || is_elastic(block)) {
        table_layout(block, screen)
    } else {
        None
    };
    let Some(layout) = layout else {
        if let Some(lines) = block.narrow.as_ref().filter(|_| !screen.is_accessible) {
            let lines = lines.iter().map(|line| render_line(line, screen));
            return lines.collect::<Vec<_>>().join("\n");
        }
        return render_records(&block.headings, &block.rows, screen);
    };
    let mut text = match block.borders {
        Borders::Boxed => fill_table(block, &layout, screen).trim_fmt(),
        Borders::Open => render_open_table(block, &layout, screen),
    };
    let legend = block.legend.as_ref().filter(|_| layout.form > 0);
    if let Some(legend) = legend {
        text.push('\n');
        text.push_str(&wrap_to_screen(legend.clone(), screen));
    }
    text
}

/// Fills a table with borders with the cells of the columns that are shown.
fn fill_table(block: &TableBlock, layout: &TableLayout, screen: Screen) -> Table {
    let mut table = Table::new();
    table.force_no_tty();
    table.load_style(UTF8_FULL_CONDENSED);
    let is_shown = |place: &usize| layout.widths[*place] > 0;
    let shown: Vec<usize> = (0..block.headings.len()).filter(is_shown).collect();
    let cells = |row: &[Cell]| {
        let cells = shown
            .iter()
            .filter_map(|place| Some((row.get(*place)?, layout.widths[*place])));
        let cells = cells.map(|(cell, width)| fit_cell(cell, width, layout.form, screen));
        cells.collect::<Vec<_>>()
    };
    table.set_header(cells(&block.headings));
    for row in &block.rows {
        table.add_row(cells(row));
    }
    table
}

/// Renders a cell in its column. Only names are shortened.
fn fit_cell(cell: &Cell, width: usize, form: usize, screen: Screen) -> comfy_table::Cell {
    let text = render_form(cell, form, screen);
    if cell.is_name() {
        comfy_table::Cell::new(shorten(&text, width))
    } else if cell.is_number() {
        comfy_table::Cell::new(text).set_alignment(CellAlignment::Right)
    } else {
        comfy_table::Cell::new(text)
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
