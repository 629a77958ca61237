//! Answers that are written while they are found, because they may be too long to hold.

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

/// Answer whose rows are produced one after the other, in the way that each format requires.
///
/// Rows found before a failure stay written. Once standard output is closed the writers fail, which ends the search.
pub trait Stream {
    /// Name of the command, the first field of the JSON document.
    const COMMAND: &'static str;

    /// Column names of `csv`, in `snake_case`.
    const HEADINGS: &'static [&'static str];

    /// Column names of this answer, if options add columns.
    fn headings(&self) -> &'static [&'static str] {
        Self::HEADINGS
    }

    /// Writes the page for people.
    ///
    /// # Errors
    /// The search or the writer failed.
    fn write_page(&self, lines: &mut PageWriter<'_>) -> Result<()>;

    /// Writes the rows of one table, with exact values.
    fn write_rows(&self, rows: &mut RowWriter<'_>) -> Result<()>;

    /// Writes the fields of the JSON document.
    fn write_json(&self, json: &mut JsonWriter<'_>) -> Result<()>;

    fn exit_status(&self) -> ExitStatus {
        ExitStatus::Done
    }

    /// True if `--quiet` leaves the answer out.
    fn is_routine(&self) -> bool {
        false
    }
}

/// Writer of a page for people.
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

    /// Returns the columns of the terminal, if the output is one.
    pub const fn width(&self) -> Option<u16> {
        self.screen.width
    }

    /// True for accessible output, which has no drawings.
    pub const fn is_accessible(&self) -> bool {
        self.screen.is_accessible
    }

    /// Writes a line of cells without separators.
    pub fn cells(&mut self, cells: Vec<Cell>) -> Result<()> {
        self.block(&Block::Line(cells))
    }

    /// Writes a line of text.
    pub fn line(&mut self, text: impl Into<String>) -> Result<()> {
        self.cells(vec![Cell::Text(text.into())])
    }

    /// Writes a page that was laid out before.
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

/// Writer of rows for programs.
pub struct RowWriter<'a> {
    sink: &'a mut Sink,
    write: fn(&[Cell], &mut Vec<u8>) -> Result<()>,
}

impl<'a> RowWriter<'a> {
    pub(super) const fn plain(sink: &'a mut Sink) -> Self {
        let write = |row: &[Cell], text: &mut Vec<u8>| {
            plain::append_row(row, text);
            Ok(())
        };
        Self { sink, write }
    }

    /// Writes the heading line first.
    pub(super) fn csv(sink: &'a mut Sink, headings: &[&str]) -> Result<Self> {
        csv::append_headings(headings, sink.batch())?;
        let write = csv::append_row;
        Ok(Self { sink, write })
    }

    /// Writes a row with one cell per heading.
    pub fn row(&mut self, cells: &[Cell]) -> Result<()> {
        (self.write)(cells, self.sink.batch())?;
        self.sink.end_row()
    }
}
