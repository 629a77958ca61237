//! An answer laid out for people: headings, tables and lines.

use super::cell::Cell;

/// One part of a page.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading above what follows.
    Heading(Cell),
    /// A table.
    Table {
        /// Column headings.
        headings: Vec<Cell>,
        /// Rows, one cell a heading.
        rows: Vec<Vec<Cell>>,
    },
    /// A line of cells next to each other.
    Line(Vec<Cell>),
}

/// The parts of an answer, top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The parts.
    pub blocks: Vec<Block>,
}

impl Page {
    /// Adds a heading.
    pub fn heading(&mut self, heading: impl Into<Cell>) {
        self.blocks.push(Block::Heading(heading.into()));
    }

    /// Adds a table with headings of our own words; none where there is no row.
    pub fn table(&mut self, headings: &[&str], rows: Vec<Vec<Cell>>) {
        let headings = headings
            .iter()
            .map(|heading| Cell::text(*heading))
            .collect();
        self.table_with_headings(headings, rows);
    }

    /// Adds a table; none where there is no row.
    pub fn table_with_headings(&mut self, headings: Vec<Cell>, rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table { headings, rows });
        }
    }

    /// Adds a line of our own words.
    pub fn line(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Line(vec![Cell::Text(text.into())]));
    }

    /// Adds a line of cells, set one after the other without a space.
    pub fn cells(&mut self, cells: Vec<Cell>) {
        self.blocks.push(Block::Line(cells));
    }
}
