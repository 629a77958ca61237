//! The one writer of answers to standard output.

use std::io::{self, Write};

use super::answer::{Answer, Records};
use super::color::ColorChoice;
pub use super::format::Format;
use super::json::JsonWriter;
use super::page::Page;
use super::paged_output::ScreenSize;
use super::screen::Screen;
use super::sink::{Sink, is_broken_pipe};
use super::stream::{PageWriter, RowWriter, Stream};
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;

/// Writer of answers. After a broken pipe it discards answers, and work goes on.
pub struct Printer {
    sink: Sink,
    format: Format,
    screen: Screen,
    is_quiet: bool,
    is_closed: bool,
    uses_pager: bool,
    next_step: Option<String>,
}

impl Printer {
    pub fn new(writer: Box<dyn Write + Send>, format: Format, screen: Screen, quiet: bool) -> Self {
        Self {
            sink: Sink::new(writer, format, screen.is_terminal),
            format,
            screen,
            is_quiet: quiet,
            is_closed: false,
            uses_pager: false,
            next_step: None,
        }
    }

    /// Returns a printer that discards everything.
    pub fn discarding() -> Self {
        Self::new(Box::new(io::sink()), Format::Plain, Screen::default(), true)
    }

    pub const fn resize(&mut self, width: Option<u16>, height: Option<u16>) {
        self.screen.width = width;
        self.screen.height = height;
    }

    /// Sets whether tables longer than the screen go through a pager. The default is off.
    pub const fn set_pager(&mut self, pager: bool) {
        self.uses_pager = pager;
    }

    /// Returns the suggested next command after the last answer, once.
    pub const fn take_next_step(&mut self) -> Option<String> {
        self.next_step.take()
    }

    /// Returns a warning about the pager, once.
    pub const fn take_notice(&mut self) -> Option<String> {
        self.sink.take_notice()
    }

    /// Returns the screen size above which an answer is paged, or `None` if answers are not paged.
    fn pager_size(&self) -> Option<ScreenSize> {
        let is_paged = self.uses_pager && self.format == Format::Table && self.screen.is_terminal;
        let (width, height) = (self.screen.width?, self.screen.height?);
        (is_paged && !self.screen.is_accessible).then_some(ScreenSize { width, height })
    }

    pub const fn format(&self) -> Format {
        self.format
    }

    pub const fn set_format(&mut self, format: Format) {
        self.format = format;
        self.sink.set_format(format);
    }

    /// Sets whether routine answers are left out.
    pub const fn set_quiet(&mut self, quiet: bool) {
        self.is_quiet = quiet;
    }

    pub fn set_color(&mut self, choice: ColorChoice) {
        let choice = choice.unless_accessible(self.screen.is_accessible);
        self.screen.has_color = choice.is_enabled(self.screen.is_terminal);
    }

    pub const fn screen(&self) -> Screen {
        self.screen
    }

    /// Writes an answer and returns its exit status.
    ///
    /// # Errors
    /// Standard output cannot be written, for another reason than a broken pipe.
    pub fn print<A: Answer>(&mut self, answer: &A) -> Result<ExitStatus> {
        let status = answer.exit_status();
        if self.is_closed || (self.is_quiet && answer.is_routine()) {
            return Ok(status);
        }
        self.next_step = answer.next_step();
        self.write_answer(|sink, format, screen| match format {
            Format::Table => {
                let mut page = Page::default();
                answer.write_page(&mut page);
                PageWriter::new(sink, screen).page(&page)
            }
            Format::Plain => write_records(RowWriter::plain(sink), &answer.records()),
            Format::Csv => {
                let records = answer.records();
                write_records(RowWriter::csv(sink, records.headings)?, &records)
            }
            Format::Json => {
                let mut json = JsonWriter::begin(sink, A::COMMAND)?;
                json.fields(answer)?;
                json.end();
                Ok(())
            }
        })?;
        Ok(status)
    }

    /// Writes an answer while it is found and returns its exit status. Stops early when standard output is closed.
    ///
    /// # Errors
    /// The search failed, or standard output cannot be written for another reason than a broken pipe. Rows written before
    /// the failure stay.
    pub fn stream<S: Stream>(&mut self, answer: &S) -> Result<ExitStatus> {
        let status = answer.exit_status();
        if self.is_closed || (self.is_quiet && answer.is_routine()) {
            return Ok(status);
        }
        self.write_answer(|sink, format, screen| match format {
            Format::Table => answer.write_page(&mut PageWriter::new(sink, screen)),
            Format::Plain => answer.write_rows(&mut RowWriter::plain(sink)),
            Format::Csv => answer.write_rows(&mut RowWriter::csv(sink, answer.headings())?),
            Format::Json => {
                let mut json = JsonWriter::begin(sink, S::COMMAND)?;
                answer.write_json(&mut json)?;
                json.end();
                Ok(())
            }
        })?;
        Ok(status)
    }

    /// Writes text unchanged: input for another program, not an answer to a command.
    ///
    /// # Errors
    /// Standard output cannot be written, for another reason than a broken pipe.
    pub fn print_verbatim(&mut self, text: &[u8]) -> Result<()> {
        self.sink.begin(None);
        self.sink.batch().extend_from_slice(text);
        let written = self.sink.flush().and_then(|()| self.sink.end());
        self.ignore_closed(written)
    }

    fn write_answer(
        &mut self,
        write: impl FnOnce(&mut Sink, Format, Screen) -> Result<()>,
    ) -> Result<()> {
        self.sink.begin(self.pager_size());
        let written = write(&mut self.sink, self.format, self.screen);
        if self.format == Format::Json {
            // After a document that was cut short, too: the next one begins on its own line.
            self.sink.batch().push(b'\n');
        }
        let flushed = if written.as_ref().is_err_and(is_broken_pipe) {
            Ok(())
        } else {
            self.sink.flush()
        };
        let ended = self.sink.end();
        self.ignore_closed(written.and(flushed).and(ended))
    }

    /// Ignores a broken pipe and discards later answers. Leaving a pager discards the rest of one answer only.
    fn ignore_closed(&mut self, written: Result<()>) -> Result<()> {
        if self.sink.was_paged() {
            return written.or_else(|error| match error {
                Error::Interrupted if !interrupt::was_terminated() => Ok(()),
                error if is_broken_pipe(&error) => Ok(()),
                error => Err(error),
            });
        }
        self.is_closed |= written.as_ref().is_err_and(is_broken_pipe);
        if self.is_closed { Ok(()) } else { written }
    }
}

fn write_records(mut rows: RowWriter<'_>, records: &Records) -> Result<()> {
    records.rows.iter().try_for_each(|row| rows.row(row))
}
