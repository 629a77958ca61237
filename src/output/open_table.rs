//! Tables without borders: columns with blanks between them.

use super::cell::{Cell, Tone};
use super::color::paint;
use super::column::{TableLayout, overhead};
use super::page::TableBlock;
use super::screen::Screen;
use super::shorten::shorten;
use super::wrap::display_width;

/// A cell as it is shown, before it is colored.
struct ShownCell {
    text: String,
    width: usize,
    tone: Option<Tone>,
}

impl ShownCell {
    fn new(cell: &Cell, width: usize, form: usize, screen: Screen) -> Self {
        let text = cell.to_display_form(form, screen.is_terminal);
        let text = if cell.is_name() {
            shorten(&text, width)
        } else {
            text
        };
        Self {
            width: display_width(&text),
            text,
            tone: cell.tone().filter(|_| screen.has_color),
        }
    }

    /// Adds the cell to a line; blanks beside it are not colored.
    fn add_to(&self, line: &mut String) {
        match self.tone {
            Some(tone) => line.push_str(&paint(&self.text, tone)),
            None => line.push_str(&self.text),
        }
    }
}

/// Width and alignment of a column.
struct ShownColumn {
    width: usize,
    /// True for numbers, below a heading that is aligned with them.
    is_right_aligned: bool,
}

/// Renders the headings and rows of a table, without trailing blanks.
pub(super) fn render_open_table(
    block: &TableBlock,
    layout: &TableLayout,
    screen: Screen,
) -> String {
    let places = (0..block.headings.len()).filter(|place| layout.widths[*place] > 0);
    let places: Vec<usize> = places.collect();
    let rows = [&block.headings].into_iter().chain(&block.rows);
    let rows: Vec<Vec<ShownCell>> = rows
        .map(|row| {
            let cells = places
                .iter()
                .map(|place| (&row[*place], layout.widths[*place]));
            let cells = cells.map(|(cell, width)| ShownCell::new(cell, width, layout.form, screen));
            cells.collect()
        })
        .collect();
    let columns = places
        .iter()
        .enumerate()
        .map(|(number, place)| ShownColumn {
            width: rows.iter().map(|row| row[number].width).max().unwrap_or(0),
            is_right_aligned: block.rows.iter().any(|row| row[*place].is_number()),
        });
    let columns: Vec<ShownColumn> = columns.collect();
    let gap = overhead(block.borders, layout.form);
    let lines = rows.iter().map(|row| render_row(row, &columns, gap));
    lines.collect::<Vec<_>>().join("\n")
}

fn render_row(row: &[ShownCell], columns: &[ShownColumn], gap: usize) -> String {
    let mut line = String::new();
    // Blanks are added only before the next text.
    let mut blanks = 0;
    for (cell, column) in row.iter().zip(columns) {
        let rest = column.width - cell.width;
        let (before, after) = if column.is_right_aligned {
            (rest, 0)
        } else {
            (0, rest)
        };
        blanks += before;
        if cell.width > 0 {
            line.extend(std::iter::repeat_n(' ', blanks));
            cell.add_to(&mut line);
            blanks = after + gap;
        } else {
            blanks += after + gap;
        }
    }
    line
}
