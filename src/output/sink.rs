//! Standard output, in batches: of an answer that is written while it is found the first row at once, later ones together.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::format::Format;
use super::paged_output::{PagedOutput, ScreenSize};
use crate::base::error::{Error, Result};
use crate::base::escape;

/// A batch is written once it has this many bytes.
const BATCH_BYTES: usize = 32 * 1024;

/// On a terminal so many rows are written one by one: somebody reads them while the search goes on.
const IMMEDIATE_ROWS: u32 = 200;

/// How long later ones are kept back there.
const BATCH_DELAY: Duration = Duration::from_millis(100);

/// Collects what is to be written.
pub(super) struct Sink {
    output: PagedOutput,
    format: Format,
    is_terminal: bool,
    batch: Vec<u8>,
    row_count: u32,
    last_write: Option<Instant>,
}

impl fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sink")
            .field("format", &self.format)
            .field("terminal", &self.is_terminal)
            .finish_non_exhaustive()
    }
}

impl Sink {
    /// A sink onto this writer.
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

    /// Collects text of this format from now on.
    pub(super) const fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Begins an answer; what is more than a page may go into a pager.
    pub(super) fn begin(&mut self, page: Option<ScreenSize>) {
        self.output.begin(page);
        self.batch.clear();
        (self.row_count, self.last_write) = (0, None);
    }

    /// Where text is put for the next batch, never less than a whole word of its format at a time.
    pub(super) const fn batch(&mut self) -> &mut Vec<u8> {
        &mut self.batch
    }

    /// Ends a row, and writes the batch if it is time to.
    ///
    /// # Errors
    /// As for [`Self::flush`].
    pub(super) fn end_row(&mut self) -> Result<()> {
        self.row_count = self.row_count.saturating_add(1);
        let is_due = self.last_write.is_none_or(|written| {
            let one_by_one = self.row_count <= IMMEDIATE_ROWS;
            let on_terminal = self.is_terminal && (one_by_one || written.elapsed() >= BATCH_DELAY);
            on_terminal || self.batch.len() >= BATCH_BYTES
        });
        if is_due { self.flush() } else { Ok(()) }
    }

    /// Writes what was collected.
    ///
    /// # Errors
    /// [`Error::Output`], also where the reader has gone: see `is_unreadable`.
    pub(super) fn flush(&mut self) -> Result<()> {
        let text = self.take_escaped();
        self.last_write = Some(Instant::now());
        self.output.write(&text).map_err(output_error)
    }

    /// Ends the answer; where it went into a pager, once that was left.
    ///
    /// # Errors
    /// As for [`Self::flush`].
    pub(super) fn end(&mut self) -> Result<()> {
        self.output.end().map_err(output_error)
    }

    /// Whether the last answer went into a pager.
    pub(super) const fn was_paged(&self) -> bool {
        self.output.was_paged()
    }

    /// What should be said about the pager.
    pub(super) const fn take_notice(&mut self) -> Option<String> {
        self.output.take_notice()
    }

    /// The batch as a terminal may show it; tables are laid out for one already.
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

/// Says that standard output took no more.
pub(super) const fn output_error(source: io::Error) -> Error {
    Error::Output { source }
}

/// Whether that is because its reader has gone.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
}
