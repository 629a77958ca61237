//! Tables of the page. Each takes a bounded number of bytes: rows beyond are counted, and a command lists them.

use crate::base::unit;

/// Bytes of markup around a line of a cell, and around a row.
const LINE_MARKUP: usize = 72;
const ROW_MARKUP: usize = 64;

/// A table.
#[derive(Debug)]
pub(super) struct TableView {
    pub(super) id: String,
    pub(super) caption: TextLine,
    /// True if all columns but the first are alike.
    pub(super) is_matrix: bool,
    pub(super) headings: Vec<Heading>,
    pub(super) rows: Vec<Vec<TableCell>>,
    /// The words after the number of rows that are left out, if any.
    pub(super) more: Option<MoreRows>,
}

/// A column.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) text: String,
    /// `n` for numbers, `p` for long names, `d` for times.
    pub(super) class: &'static str,
}

/// A cell: one or more lines.
#[derive(Debug, Default)]
pub(super) struct TableCell {
    pub(super) class: &'static str,
    pub(super) lines: Vec<TextLine>,
}

/// A line of text.
#[derive(Clone, Debug, Default)]
pub(super) struct TextLine {
    /// Words of the program before the name.
    pub(super) before: String,
    /// A name, isolated from the direction of the text around it.
    pub(super) name: String,
    /// Words of the program after the name.
    pub(super) after: String,
    /// `g`, `w`, `r` or `f` for good, warning, bad and faint; `k` for a command.
    pub(super) class: &'static str,
}

/// The rows that a table has no room for.
#[derive(Debug)]
pub(super) struct MoreRows {
    pub(super) count: String,
    /// The line that lists them.
    pub(super) command: String,
}

impl TextLine {
    pub(super) fn words(text: impl Into<String>) -> Self {
        Self {
            before: text.into(),
            ..Self::default()
        }
    }

    pub(super) fn name(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    pub(super) fn after(self, words: impl Into<String>) -> Self {
        Self {
            after: words.into(),
            ..self
        }
    }

    /// Returns about the number of bytes that the line takes on the page.
    fn weight(&self) -> usize {
        let parts = [&self.before, &self.name, &self.after];
        LINE_MARKUP
            + parts
                .into_iter()
                .map(|part| escaped_length(part))
                .sum::<usize>()
    }
}

/// Returns the number of bytes of a text after the template has escaped it.
fn escaped_length(text: &str) -> usize {
    let escapes = text.bytes().filter(|byte| b"<>&\"'".contains(byte));
    text.len() + 4 * escapes.count()
}

impl From<TextLine> for TableCell {
    fn from(line: TextLine) -> Self {
        Self::of("", line)
    }
}

impl TableCell {
    /// Returns a cell with a line, or without any if its text is empty.
    fn of(class: &'static str, line: TextLine) -> Self {
        let is_empty = [&line.before, &line.name, &line.after]
            .iter()
            .all(|part| part.is_empty());
        let lines = if is_empty { Vec::new() } else { vec![line] };
        Self { class, lines }
    }

    /// Returns a cell with a number, which is aligned at its end.
    pub(super) fn number(text: impl Into<String>) -> Self {
        Self::of("n", TextLine::words(text))
    }

    /// Returns a cell with words that are not broken.
    pub(super) fn short(text: impl Into<String>) -> Self {
        Self::of("d", TextLine::words(text))
    }

    pub(super) fn words(text: impl Into<String>) -> Self {
        TextLine::words(text).into()
    }

    pub(super) fn name(name: impl Into<String>) -> Self {
        TextLine::name(name).into()
    }
}

/// Adds rows to a table until its bytes are used up.
#[derive(Debug)]
pub(super) struct TableBuilder {
    table: TableView,
    room: usize,
    left_out: u64,
}

impl TableBuilder {
    /// A table with at most about this number of bytes.
    pub(super) fn new(
        id: impl Into<String>,
        caption: TextLine,
        headings: &[(&str, &'static str)],
        room: usize,
    ) -> Self {
        let headings = headings.iter().map(|(text, class)| Heading {
            text: (*text).to_owned(),
            class,
        });
        Self {
            table: TableView {
                id: id.into(),
                caption,
                is_matrix: false,
                headings: headings.collect(),
                rows: Vec::new(),
                more: None,
            },
            room,
            left_out: 0,
        }
    }

    /// Gives all columns but the first the same width.
    pub(super) const fn matrix(mut self) -> Self {
        self.table.is_matrix = true;
        self
    }

    /// Adds a row, whose first cell is its heading. Once a row was left out, all later ones are.
    pub(super) fn row(&mut self, cells: Vec<TableCell>) {
        let lines = cells.iter().flat_map(|cell| &cell.lines);
        let weight = ROW_MARKUP + lines.map(TextLine::weight).sum::<usize>();
        if self.left_out > 0 || weight > self.room {
            self.left_out += 1;
            return;
        }
        self.room -= weight;
        self.table.rows.push(cells);
    }

    /// Counts rows that are left out for another reason than the room.
    pub(super) const fn leave_out(&mut self, rows: u64) {
        self.left_out += rows;
    }

    /// Returns the number of bytes that are left.
    pub(super) const fn room(&self) -> usize {
        self.room
    }

    /// True if a row was left out.
    pub(super) const fn is_cut(&self) -> bool {
        self.left_out > 0
    }

    /// Ends the table; the command lists the rows that were left out.
    pub(super) fn finish(mut self, command: &str) -> TableView {
        self.table.more = (self.left_out > 0).then(|| MoreRows {
            count: unit::format_count(self.left_out),
            command: command.to_owned(),
        });
        self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_beyond_the_room_are_counted() {
        let caption = TextLine::words("Names");
        let mut table = TableBuilder::new("t", caption, &[("name", "")], 1000);
        for _ in 0..100 {
            table.row(vec![TableCell::name("<".repeat(20))]);
        }
        let table = table.finish("list projects");
        assert_eq!(table.rows.len(), 4);
        assert_eq!(table.more.unwrap().count, "96");
    }
}
