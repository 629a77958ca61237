//! The one writer of standard output.

use std::io::{self, Write};

use super::answer::Answer;
use super::color::ColorChoice;
use super::destination;
use super::json::Json;
use super::page::Page;
use super::screen::Screen;
use super::sink::{Sink, is_closed};
use super::stream::{Lines, Rows, Stream};
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
    quiet: bool,
    closed: bool,
    pager: bool,
    next: Option<String>,
}

impl Printer {
    /// A printer onto this writer.
    pub fn new(writer: Box<dyn Write + Send>, format: Format, screen: Screen, quiet: bool) -> Self {
        Self {
            sink: Sink::new(writer, format, screen.terminal),
            format,
            screen,
            quiet,
            closed: false,
            pager: false,
            next: None,
        }
    }

    /// A printer that throws everything away.
    pub fn silent() -> Self {
        Self::new(Box::new(io::sink()), Format::Plain, Screen::default(), true)
    }

    /// Takes note that the terminal has this size now.
    pub const fn resize(&mut self, width: Option<u16>, height: Option<u16>) {
        self.screen.width = width;
        self.screen.height = height;
    }

    /// Whether tables that are longer than the screen go through a pager; at first they do not.
    pub const fn set_pager(&mut self, pager: bool) {
        self.pager = pager;
    }

    /// What a newcomer types after the last answer, once.
    pub const fn take_next(&mut self) -> Option<String> {
        self.next.take()
    }

    /// What a person should be told of the pager, once.
    pub const fn take_notice(&mut self) -> Option<String> {
        self.sink.take_notice()
    }

    /// What a screen holds, where more of it goes through a pager.
    fn page(&self) -> Option<destination::Page> {
        let pages = self.pager && self.format == Format::Table && self.screen.terminal;
        let (width, height) = (self.screen.width?, self.screen.height?);
        (pages && !self.screen.accessible).then_some(destination::Page { width, height })
    }

    /// Writes answers in this format from now on.
    pub const fn set_format(&mut self, format: Format) {
        self.format = format;
        self.sink.set_format(format);
    }

    /// Leaves out what nobody needs to see from now on, or no longer.
    pub const fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// Takes another choice of colours.
    pub fn set_color(&mut self, choice: ColorChoice) {
        let choice = choice.unless(self.screen.accessible);
        self.screen.color = choice.applies(self.screen.terminal);
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
        let status = answer.status();
        if self.closed || (self.quiet && answer.is_routine()) {
            return Ok(status);
        }
        self.next = answer.next();
        self.sink.begin(self.page());
        let appended = self.append(answer);
        let written = appended.and_then(|()| self.sink.flush());
        let ended = self.sink.end();
        self.unless_closed(written.and(ended))?;
        Ok(status)
    }

    /// Writes a text as it is: a page for another program, and no answer to a command.
    ///
    /// # Errors
    /// As for [`Self::print`].
    pub fn verbatim(&mut self, text: &[u8]) -> Result<()> {
        self.sink.begin(None);
        self.sink.batch().extend_from_slice(text);
        let written = self.sink.flush().and_then(|()| self.sink.end());
        self.unless_closed(written)
    }

    /// Puts together what an answer says.
    fn append<A: Answer>(&mut self, answer: &A) -> Result<()> {
        let text = self.sink.batch();
        match self.format {
            Format::Table => {
                let mut page = Page::default();
                answer.page(&mut page);
                text.extend_from_slice(table::page(&page, self.screen).as_bytes());
            }
            Format::Plain => plain::lines(&answer.records(), text),
            Format::Csv => csv::lines(&answer.records(), text)?,
            Format::Json => json::line(answer, text)?,
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
        let status = answer.status();
        if self.closed || (self.quiet && answer.is_routine()) {
            return Ok(status);
        }
        self.sink.begin(self.page());
        let found = self.drive(answer);
        if self.format == Format::Json {
            // Also of a document that was cut short: the next one begins on a line of its own.
            self.sink.batch().push(b'\n');
        }
        let written = if found.as_ref().is_err_and(is_closed) {
            Ok(())
        } else {
            self.sink.flush()
        };
        let ended = self.sink.end();
        self.unless_closed(found.and(written).and(ended))?;
        Ok(status)
    }

    /// Lets an answer find what the format asks for.
    fn drive<S: Stream>(&mut self, answer: &S) -> Result<()> {
        let sink = &mut self.sink;
        match self.format {
            Format::Table => answer.page(&mut Lines::new(sink, self.screen)),
            Format::Plain => answer.records(&mut Rows::plain(sink)),
            Format::Csv => answer.records(&mut Rows::csv(sink, S::HEADINGS)?),
            Format::Json => {
                let mut json = Json::begin(sink, S::COMMAND)?;
                answer.document(&mut json)?;
                json.end();
                Ok(())
            }
        }
    }

    /// Takes note of a reader that has gone; any other failure is one. Whoever leaves a pager wants no more of this answer
    /// only.
    fn unless_closed(&mut self, written: Result<()>) -> Result<()> {
        if self.sink.was_paged() {
            return written.or_else(|error| match error {
                Error::Interrupted if !interrupt::was_terminated() => Ok(()),
                error if is_closed(&error) => Ok(()),
                error => Err(error),
            });
        }
        self.closed |= written.as_ref().is_err_and(is_closed);
        if self.closed { Ok(()) } else { written }
    }
}
