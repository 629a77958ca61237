//! The one writer of standard output.

use std::fmt;
use std::io::{self, Write};

use super::answer::Answer;
use super::page::Page;
use super::screen::Screen;
use super::{csv, json, plain, table};
use crate::error::{Error, Result};
use crate::escape;
use crate::exit_status::ExitStatus;

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
pub struct Printer {
    writer: Box<dyn Write>,
    format: Format,
    screen: Screen,
    quiet: bool,
    closed: bool,
}

impl fmt::Debug for Printer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Printer")
            .field("format", &self.format)
            .field("screen", &self.screen)
            .finish_non_exhaustive()
    }
}

impl Printer {
    /// A printer onto this writer.
    #[must_use]
    pub fn new(writer: Box<dyn Write>, format: Format, screen: Screen, quiet: bool) -> Self {
        Self {
            writer,
            format,
            screen,
            quiet,
            closed: false,
        }
    }

    /// A printer that throws everything away.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(Box::new(io::sink()), Format::Plain, Screen::default(), true)
    }

    /// Takes note that the terminal has this width now.
    pub fn resize(&mut self, width: Option<u16>) {
        self.screen.width = width;
    }

    /// The screen it writes on.
    #[must_use]
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
        let text = match self.format {
            Format::Table => {
                let mut page = Page::default();
                answer.page(&mut page);
                Ok(table::page(&page, self.screen).into_bytes())
            }
            Format::Plain => Ok(plain::lines(&answer.records())),
            Format::Csv => csv::lines(&answer.records()),
            Format::Json => json::line(answer),
        };
        let text = text.map(|text| self.safe(text));
        match text.and_then(|text| {
            self.writer
                .write_all(&text)
                .and_then(|()| self.writer.flush())
        }) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            written => written.map_err(|source| Error::Output { source })?,
        }
        Ok(status)
    }

    /// The text as a terminal may show it; tables are laid out for one already.
    fn safe(&self, text: Vec<u8>) -> Vec<u8> {
        if !self.screen.terminal {
            return text;
        }
        match self.format {
            Format::Table => text,
            Format::Plain | Format::Csv => escape::for_terminal(&text).into_bytes(),
            Format::Json => escape::json_for_terminal(&String::from_utf8_lossy(&text)).into_bytes(),
        }
    }
}
