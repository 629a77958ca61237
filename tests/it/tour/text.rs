//! The content of a terminal: lines of characters with a style each.

use regex::Regex;
use vt100::Color;

/// Style of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of the terminal"
)]
pub(super) struct CellStyle {
    pub(super) color: Color,
    pub(super) bold: bool,
    pub(super) dim: bool,
    pub(super) underline: bool,
    pub(super) inverse: bool,
}

/// A line; on the screen it may take several rows.
#[derive(Clone, Debug, Default)]
pub(super) struct TourLine {
    pub(super) cells: Vec<(char, CellStyle)>,
}

impl TourLine {
    pub(super) fn text(&self) -> String {
        self.cells.iter().map(|(character, _)| character).collect()
    }

    /// Replaces matches; the replacement has the style of the first character that it replaces.
    pub(super) fn replace(&mut self, pattern: &str, replacement: &str) {
        let pattern = Regex::new(pattern).unwrap();
        let text = self.text();
        let place = |byte: usize| text[..byte].chars().count();
        let mut cells = Vec::new();
        let mut done = 0;
        for found in pattern.captures_iter(&text) {
            let whole = found.get_match();
            let mut new = String::new();
            found.expand(replacement, &mut new);
            let (start, end) = (place(whole.start()), place(whole.end()));
            cells.extend(&self.cells[done..start]);
            let style = self.cells[start].1;
            cells.extend(new.chars().map(|character| (character, style)));
            done = end;
        }
        cells.extend(&self.cells[done..]);
        self.cells = cells;
    }

    fn trim(&mut self) {
        while self.cells.last() == Some(&(' ', CellStyle::default())) {
            self.cells.pop();
        }
    }
}

/// Returns all lines of a screen down to the last nonempty one.
pub(super) fn lines(screen: &vt100::Screen) -> Vec<TourLine> {
    let (rows, columns) = screen.size();
    let mut lines: Vec<TourLine> = Vec::new();
    let mut goes_on = false;
    for row in 0..rows.get() {
        if !goes_on {
            lines.push(TourLine::default());
        }
        let cells = (0..columns.get()).map(|column| cell(screen, row, column));
        lines.last_mut().unwrap().cells.extend(cells);
        goes_on = screen.row_wrapped(row);
    }
    lines.iter_mut().for_each(TourLine::trim);
    while lines.last().is_some_and(|line| line.cells.is_empty()) {
        lines.pop();
    }
    lines
}

/// Every character of the tour is one column wide.
fn cell(screen: &vt100::Screen, row: u16, column: u16) -> (char, CellStyle) {
    let cell = screen.cell(row, column).unwrap();
    assert!(!cell.is_wide() && cell.bgcolor() == Color::Default);
    let style = CellStyle {
        color: cell.fgcolor(),
        bold: cell.bold(),
        dim: cell.dim(),
        underline: cell.underline(),
        inverse: cell.inverse(),
    };
    let character = cell.contents().chars().next().unwrap_or(' ');
    // A blank has no color of its own.
    if character == ' ' && !style.underline {
        (' ', CellStyle::default())
    } else {
        (character, style)
    }
}

/// Returns the rows of these lines in a terminal with this number of columns.
pub(super) fn rows(lines: &[TourLine], columns: usize) -> Vec<TourLine> {
    let mut rows = Vec::new();
    for line in lines {
        let mut chunks = line.cells.chunks(columns).map(|cells| TourLine {
            cells: cells.to_vec(),
        });
        rows.push(chunks.next().unwrap_or_default());
        rows.extend(chunks);
    }
    rows
}
