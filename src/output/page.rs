//! Page layout of an answer for people: headings, tables and lines.

use super::cell::Cell;

/// Part of a page.
#[derive(Clone, Debug)]
pub enum Block {
    /// Heading of the parts below it.
    Heading(Cell),
    /// Table.
    Table {
        headings: Vec<Cell>,
        rows: Vec<Vec<Cell>>,
        /// Lines in place of a table that is too wide for the screen; records without them.
        narrow: Option<Vec<Vec<Cell>>>,
    },
    /// Line of cells without separators.
    Line(Vec<Cell>),
}

/// Parts of an answer, from top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub blocks: Vec<Block>,
}

impl Page {
    pub fn heading(&mut self, heading: impl Into<Cell>) {
        self.blocks.push(Block::Heading(heading.into()));
    }

    /// Adds a table, unless it has no rows.
    pub fn table(&mut self, headings: &[&str], rows: Vec<Vec<Cell>>) {
        let headings = headings
            .iter()
            .map(|heading| Cell::text(*heading))
            .collect();
        self.table_with_headings(headings, rows);
    }

    /// Adds a table whose headings are cells, unless it has no rows.
    pub fn table_with_headings(&mut self, headings: Vec<Cell>, rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table {
                headings,
                rows,
                narrow: None,
            });
        }
    }

    /// Adds a table, unless it has no rows, and one line for each row in case the table is too wide.
    pub fn table_or_lines(
        &mut self,
        headings: &[&str],
        rows: Vec<Vec<Cell>>,
        lines: Vec<Vec<Cell>>,
    ) {
        let blocks = self.blocks.len();
        self.table(headings, rows);
        if let Some(Block::Table { narrow, .. }) = self.blocks.get_mut(blocks) {
            *narrow = Some(lines);
        }
    }

    /// Adds a line of text.
    pub fn line(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Line(vec![Cell::Text(text.into())]));
    }

    /// Adds a line of cells without separators.
    pub fn cells(&mut self, cells: Vec<Cell>) {
        self.blocks.push(Block::Line(cells));
    }
}
