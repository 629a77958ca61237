//! Batches for standard output. The first row of an answer is written at once, later rows together.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::format::Format;
use super::paged_output::{PagedOutput, ScreenSize};
use crate::base::error::{Error, Result};
use crate::base::escape;

/// Batch size in bytes.
const BATCH_BYTES: usize = 32 * 1024;

/// Rows written one by one on a terminal, so that the user reads the first ones while the search continues.
const IMMEDIATE_ROWS: u32 = 200;

/// Longest delay of later rows on a terminal.
const BATCH_DELAY: Duration = Duration::from_millis(100);

/// Collector of output.
pub(super) struct Sink {
    output: PagedOutput,
    format: Format,
    is_terminal: bool,
    batch: Vec<u8>,
    row_count: u32,
    last_write: Option<Instant>,
}

impl Sink {
    pub(super) fn new(writer: Box<dyn Write + Send>, format: Format, terminal: bool) -> Self {
        Self {
            output: PagedOutput::new(writer),
            format,
            is_terminal: terminal,
            batch: Vec::new(),
            row_count: 0,
            last_write: None,
        }
    }

    pub(super) const fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Begins an answer; with a screen size, a longer one goes to the pager.
    pub(super) fn begin(&mut self, page: Option<ScreenSize>) {
        self.output.begin(page);
        self.batch.clear();
        (self.row_count, self.last_write) = (0, None);
    }

    /// Returns the buffer of the next batch. Append whole tokens of the format only: a batch is escaped on its own.
    pub(super) const fn batch(&mut self) -> &mut Vec<u8> {
        &mut self.batch
    }

    /// Ends a row and writes the batch if it is due.
    pub(super) fn end_row(&mut self) -> Result<()> {
        self.row_count = self.row_count.saturating_add(1);
        let is_due = self.last_write.is_none_or(|written| {
            let one_by_one = self.row_count <= IMMEDIATE_ROWS;
            let on_terminal = self.is_terminal && (one_by_one || written.elapsed() >= BATCH_DELAY);
            on_terminal || self.batch.len() >= BATCH_BYTES
        });
        if is_due { self.flush() } else { Ok(()) }
    }

    /// Writes the batch.
    ///
    /// # Errors
    /// [`Error::Output`], also for a broken pipe: see [`is_broken_pipe`].
    pub(super) fn flush(&mut self) -> Result<()> {
        let text = self.take_escaped();
        self.last_write = Some(Instant::now());
        self.output.write(&text).map_err(output_error)
    }

    /// Ends the answer and waits until the user leaves the pager, if one runs.
    pub(super) fn end(&mut self) -> Result<()> {
        self.output.end().map_err(output_error)
    }

    /// True if the last answer went to a pager.
    pub(super) const fn was_paged(&self) -> bool {
        self.output.was_paged()
    }

    /// Returns a warning about the pager, once.
    pub(super) const fn take_notice(&mut self) -> Option<String> {
        self.output.take_notice()
    }

    /// Takes the batch, escaped for a terminal. Tables are escaped when they are laid out.
    fn take_escaped(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.batch);
        match self.format {
            _ if !self.is_terminal => text,
            Format::Table => text,
            Format::Plain | Format::Csv => escape::escape_lines(&text).into_bytes(),
            Format::Json => escape::escape_json(&String::from_utf8_lossy(&text)).into_bytes(),
        }
    }
}

pub(super) const fn output_error(source: io::Error) -> Error {
    Error::Output { source }
}

/// True if the reader of standard output has closed it.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
}
