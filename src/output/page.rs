//! Page layout of an answer for people: headings, tables and lines.

use super::cell::Cell;

/// Part of a page.
#[derive(Clone, Debug)]
pub enum Block {
    /// Heading of the parts below it.
    Heading(Vec<Cell>),
    /// Table with borders, or without them for many rows.
    Table(TableBlock),
    /// Line of cells without separators.
    Line(Vec<Cell>),
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct TableBlock {
    pub headings: Vec<Cell>,
    pub rows: Vec<Vec<Cell>>,
    pub borders: Borders,
    /// For each column, the form of the elastic cells from which on the column is left out; empty if none ever is.
    pub hidden_from: Vec<usize>,
    /// Lines in place of a table that is too wide for the screen; records without them.
    pub narrow: Option<Vec<Vec<Cell>>>,
    /// The line below the table that explains the shorter forms of its cells, if they are used.
    pub legend: Option<String>,
}

/// Borders of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Borders {
    #[default]
    Boxed,
    /// None: one line for each row, also on narrow screens.
    Open,
}

/// Parts of an answer, from top to bottom.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub blocks: Vec<Block>,
}

impl Page {
    /// Adds a heading of cells without separators.
    pub fn heading_cells(&mut self, cells: Vec<Cell>) {
        self.blocks.push(Block::Heading(cells));
    }

    /// Adds a table, unless it has no rows.
    pub fn table(&mut self, headings: &[&str], rows: Vec<Vec<Cell>>) {
        let headings = headings
            .iter()
            .map(|heading| Cell::text(*heading))
            .collect();
        self.table_block(TableBlock {
            headings,
            rows,
            ..TableBlock::default()
        });
    }

    /// Adds a table, unless it has no rows, and one line for each row in case the table is too wide.
    pub fn table_or_lines(
        &mut self,
        headings: &[&str],
        rows: Vec<Vec<Cell>>,
        lines: Vec<Vec<Cell>>,
    ) {
        self.table_block(TableBlock {
            headings: headings
                .iter()
                .map(|heading| Cell::text(*heading))
                .collect(),
            rows,
            narrow: Some(lines),
            ..TableBlock::default()
        });
    }

    /// Adds a table, unless it has no rows.
    pub fn table_block(&mut self, table: TableBlock) {
        if !table.rows.is_empty() {
            self.blocks.push(Block::Table(table));
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
