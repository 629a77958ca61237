//! Answers that are too long to be held: they are written while they are found.

use super::cell::Cell;
use super::csv;
use super::json::JsonWriter;
use super::page::{Block, Page};
use super::plain;
use super::screen::Screen;
use super::sink::Sink;
use super::table;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;

/// An answer whose rows come one after the other; every format asks for them in its own way.
///
/// What was found before a failure has been shown. Once nobody reads on, the writers fail, and the search ends with them.
pub trait Stream {
    /// The command's name, the first field of its JSON document.
    const COMMAND: &'static str;

    /// The column names of `csv`, `snake_case`.
    const HEADINGS: &'static [&'static str];

    /// Finds what people read.
    ///
    /// # Errors
    /// What the search comes upon, or the writer says.
    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()>;

    /// Finds the rows of one table, with exact values.
    ///
    /// # Errors
    /// As for `Self::command_page`.
    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()>;

    /// Finds the fields of the JSON document.
    ///
    /// # Errors
    /// As for `Self::command_page`.
    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()>;

    /// What the answer means for the exit status.
    fn exit_status(&self) -> ExitStatus {
        ExitStatus::Done
    }

    /// Whether nobody needs to see it under `--quiet`.
    fn is_routine(&self) -> bool {
        false
    }
}

/// Writes what people read.
#[derive(Debug)]
pub struct PageWriter<'a> {
    sink: &'a mut Sink,
    screen: Screen,
    is_first: bool,
}

impl<'a> PageWriter<'a> {
    pub(super) const fn new(sink: &'a mut Sink, screen: Screen) -> Self {
        let is_first = true;
        Self {
            sink,
            screen,
            is_first,
        }
    }

    /// A line of cells, set one after the other without a space.
    ///
    /// # Errors
    /// Nothing more can be written.
    pub fn cells(&mut self, cells: Vec<Cell>) -> Result<()> {
        self.block(&Block::Line(cells))
    }

    /// A line of our own words.
    ///
    /// # Errors
    /// Nothing more can be written.
    pub fn line(&mut self, text: impl Into<String>) -> Result<()> {
        self.cells(vec![Cell::Text(text.into())])
    }

    /// Parts that were laid out before.
    ///
    /// # Errors
    /// Nothing more can be written.
    pub fn page(&mut self, page: &Page) -> Result<()> {
        page.blocks.iter().try_for_each(|block| self.block(block))
    }

    fn block(&mut self, block: &Block) -> Result<()> {
        let text = table::render_block(block, self.is_first, self.screen);
        self.is_first = false;
        self.sink.batch().extend_from_slice(text.as_bytes());
        self.sink.end_row()
    }
}

/// Writes rows for programs.
#[derive(Debug)]
pub struct RowWriter<'a> {
    sink: &'a mut Sink,
    write: fn(&[Cell], &mut Vec<u8>) -> Result<()>,
}

impl<'a> RowWriter<'a> {
    /// Rows as `plain` has them.
    pub(super) const fn plain(sink: &'a mut Sink) -> Self {
        let write = |row: &[Cell], text: &mut Vec<u8>| {
            plain::append_row(row, text);
            Ok(())
        };
        Self { sink, write }
    }

    /// Rows as `csv` has them, below the column names.
    pub(super) fn csv(sink: &'a mut Sink, headings: &[&str]) -> Result<Self> {
        csv::append_headings(headings, sink.batch())?;
        let write = csv::append_row;
        Ok(Self { sink, write })
    }

    /// A row, one cell a heading.
    ///
    /// # Errors
    /// Nothing more can be written.
    pub fn row(&mut self, cells: &[Cell]) -> Result<()> {
        (self.write)(cells, self.sink.batch())?;
        self.sink.end_row()
    }
}
