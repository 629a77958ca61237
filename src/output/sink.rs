//! Standard output, in batches: of an answer that is written while it is found the first row at once, later ones together.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::destination::{Outlet, Page};
use super::printer::Format;
use crate::base::error::{Error, Result};
use crate::base::escape;

/// A batch is written once it has this many bytes.
const BATCH: usize = 32 * 1024;

/// On a terminal so many rows are written one by one: somebody reads them while the search goes on.
const ONE_BY_ONE: u32 = 200;

/// How long later ones are kept back there.
const PATIENCE: Duration = Duration::from_millis(100);

/// Collects what is to be written.
pub(super) struct Sink {
    outlet: Outlet,
    format: Format,
    terminal: bool,
    batch: Vec<u8>,
    rows: u32,
    written: Option<Instant>,
}

impl fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sink")
            .field("format", &self.format)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl Sink {
    /// A sink onto this writer.
    pub(super) fn new(writer: Box<dyn Write + Send>, format: Format, terminal: bool) -> Self {
        Self {
            outlet: Outlet::new(writer),
            format,
            terminal,
            batch: Vec::new(),
            rows: 0,
            written: None,
        }
    }

    /// Collects text of this format from now on.
    pub(super) const fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Begins an answer; what is more than a page may go into a pager.
    pub(super) fn begin(&mut self, page: Option<Page>) {
        self.outlet.begin(page);
        self.batch.clear();
        (self.rows, self.written) = (0, None);
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
        self.rows = self.rows.saturating_add(1);
        let is_due = self.written.is_none_or(|written| {
            let one_by_one = self.rows <= ONE_BY_ONE;
            let on_terminal = self.terminal && (one_by_one || written.elapsed() >= PATIENCE);
            on_terminal || self.batch.len() >= BATCH
        });
        if is_due { self.flush() } else { Ok(()) }
    }

    /// Writes what was collected.
    ///
    /// # Errors
    /// [`Error::Output`], also where the reader has gone: see [`is_closed`].
    pub(super) fn flush(&mut self) -> Result<()> {
        let text = self.safe();
        self.written = Some(Instant::now());
        self.outlet.write(&text).map_err(failed)
    }

    /// Ends the answer; where it went into a pager, once that was left.
    ///
    /// # Errors
    /// As for [`Self::flush`].
    pub(super) fn end(&mut self) -> Result<()> {
        self.outlet.end().map_err(failed)
    }

    /// Whether the last answer went into a pager.
    pub(super) const fn was_paged(&self) -> bool {
        self.outlet.was_paged()
    }

    /// What should be said about the pager.
    pub(super) const fn take_notice(&mut self) -> Option<String> {
        self.outlet.take_notice()
    }

    /// The batch as a terminal may show it; tables are laid out for one already.
    fn safe(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.batch);
        match self.format {
            _ if !self.terminal => text,
            Format::Table => text,
            Format::Plain | Format::Csv => escape::for_terminal(&text).into_bytes(),
            Format::Json => escape::json_for_terminal(&String::from_utf8_lossy(&text)).into_bytes(),
        }
    }
}

/// Says that standard output took no more.
pub(super) const fn failed(source: io::Error) -> Error {
    Error::Output { source }
}

/// Whether that is because its reader has gone.
pub(super) fn is_closed(error: &Error) -> bool {
    matches!(error, Error::Output { source } if source.kind() == io::ErrorKind::BrokenPipe)
}
