//! The one writer of standard output.

use std::io::{self, Write};

use super::answer::Answer;
use super::color::ColorChoice;
use super::destination;
use super::json::JsonWriter;
use super::page::Page;
use super::screen::Screen;
use super::sink::{Sink, is_reader_gone};
use super::stream::{PageWriter, RowWriter, Stream};
use super::{csv, json, plain, table};
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// Tab-separated lines.
    Plain,
    /// CSV with a heading.
    Csv,
    /// One JSON document a line.
    Json,
}

/// Writes answers. Once its reader has gone it writes nothing more, and work goes on.
#[derive(Debug)]
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
    /// A printer onto this writer.
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

    /// A printer that throws everything away.
    pub fn discarding() -> Self {
        Self::new(Box::new(io::sink()), Format::Plain, Screen::default(), true)
    }

    /// Takes note that the terminal has this size now.
    pub const fn resize(&mut self, width: Option<u16>, height: Option<u16>) {
        self.screen.width = width;
        self.screen.height = height;
    }

    /// Whether tables that are longer than the screen go through a pager; at first they do not.
    pub const fn set_pager(&mut self, pager: bool) {
        self.uses_pager = pager;
    }

    /// What a newcomer types after the last answer, once.
    pub const fn take_next_step(&mut self) -> Option<String> {
        self.next_step.take()
    }

    /// What a person should be told of the pager, once.
    pub const fn take_notice(&mut self) -> Option<String> {
        self.sink.take_notice()
    }

    /// What a screen holds, where more of it goes through a pager.
    fn pager_size(&self) -> Option<destination::ScreenSize> {
        let is_paged = self.uses_pager && self.format == Format::Table && self.screen.is_terminal;
        let (width, height) = (self.screen.width?, self.screen.height?);
        (is_paged && !self.screen.is_accessible)
            .then_some(destination::ScreenSize { width, height })
    }

    /// Writes answers in this format from now on.
    pub const fn set_format(&mut self, format: Format) {
        self.format = format;
        self.sink.set_format(format);
    }

    /// Leaves out what nobody needs to see from now on, or no longer.
    pub const fn set_quiet(&mut self, quiet: bool) {
        self.is_quiet = quiet;
    }

    /// Takes another choice of colours.
    pub fn set_color(&mut self, choice: ColorChoice) {
        let choice = choice.unless_accessible(self.screen.is_accessible);
        self.screen.has_color = choice.is_enabled(self.screen.is_terminal);
    }

    /// The screen it writes on.
    pub const fn screen(&self) -> Screen {
        self.screen
    }

    /// Writes an answer; gives what it means for the exit status.
    ///
    /// # Errors
    /// Standard output takes no more, for another reason than that its reader has gone.
    pub fn print<A: Answer>(&mut self, answer: &A) -> Result<ExitStatus> {
        let status = answer.exit_status();
        if self.is_closed || (self.is_quiet && answer.is_routine()) {
            return Ok(status);
        }
        self.next_step = answer.next_step();
        self.sink.begin(self.pager_size());
        let appended = self.format_answer(answer);
        let written = appended.and_then(|()| self.sink.flush());
        let ended = self.sink.end();
        self.ignore_closed(written.and(ended))?;
        Ok(status)
    }

    /// Writes a text as it is: a page for another program, and no answer to a command.
    ///
    /// # Errors
    /// As for [`Self::print`].
    pub fn print_verbatim(&mut self, text: &[u8]) -> Result<()> {
        self.sink.begin(None);
        self.sink.batch().extend_from_slice(text);
        let written = self.sink.flush().and_then(|()| self.sink.end());
        self.ignore_closed(written)
    }

    /// Puts together what an answer says.
    fn format_answer<A: Answer>(&mut self, answer: &A) -> Result<()> {
        let text = self.sink.batch();
        match self.format {
            Format::Table => {
                let mut page = Page::default();
                answer.write_page(&mut page);
                text.extend_from_slice(table::render_page(&page, self.screen).as_bytes());
            }
            Format::Plain => plain::append_records(&answer.records(), text),
            Format::Csv => csv::append_records(&answer.records(), text)?,
            Format::Json => json::append_document(answer, text)?,
        }
        Ok(())
    }

    /// Writes an answer while it is found; gives what it means for the exit status. Where nobody reads it, nobody looks
    /// for it.
    ///
    /// # Errors
    /// What is found was cut short: the search failed, or standard output takes no more for another reason than that its
    /// reader has gone.
    pub fn stream<S: Stream>(&mut self, answer: &S) -> Result<ExitStatus> {
        let status = answer.exit_status();
        if self.is_closed || (self.is_quiet && answer.is_routine()) {
            return Ok(status);
        }
        self.sink.begin(self.pager_size());
        let found = self.run_stream(answer);
        if self.format == Format::Json {
            // Also of a document that was cut short: the next one begins on a line of its own.
            self.sink.batch().push(b'\n');
        }
        let written = if found.as_ref().is_err_and(is_reader_gone) {
            Ok(())
        } else {
            self.sink.flush()
        };
        let ended = self.sink.end();
        self.ignore_closed(found.and(written).and(ended))?;
        Ok(status)
    }

    /// Lets an answer find what the format asks for.
    fn run_stream<S: Stream>(&mut self, answer: &S) -> Result<()> {
        let sink = &mut self.sink;
        match self.format {
            Format::Table => answer.write_page(&mut PageWriter::new(sink, self.screen)),
            Format::Plain => answer.write_rows(&mut RowWriter::plain(sink)),
            Format::Csv => answer.write_rows(&mut RowWriter::csv(sink, S::HEADINGS)?),
            Format::Json => {
                let mut json = JsonWriter::begin(sink, S::COMMAND)?;
                answer.write_json(&mut json)?;
                json.end();
                Ok(())
            }
        }
    }

    /// Takes note of a reader that has gone; any other failure is one. Whoever leaves a pager wants no more of this answer
    /// only.
    fn ignore_closed(&mut self, written: Result<()>) -> Result<()> {
        if self.sink.was_paged() {
            return written.or_else(|error| match error {
                Error::Interrupted if !interrupt::was_terminated() => Ok(()),
                error if is_reader_gone(&error) => Ok(()),
                error => Err(error),
            });
        }
        self.is_closed |= written.as_ref().is_err_and(is_reader_gone);
        if self.is_closed { Ok(()) } else { written }
    }
}
