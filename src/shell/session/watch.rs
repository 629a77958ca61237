//! `watch`: repeats a question on a cleared screen until the user ends it.

use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{ScriptOutcome, Session};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::escape;
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::commands::watch::WatchArgs;
use crate::language::lexer::lex;
use crate::os::full_screen::{FullScreen, PageInput};
use crate::os::terminal;
use crate::output::cell::Tone;
use crate::output::color::paint;
use crate::output::cut_answer::CutAnswer;
use crate::output::printer::Printer;
use crate::output::screen::Screen;
use crate::output::shorten::shorten;
use crate::output::wrap::display_width;
use crate::shell::line::{LineRules, ParsedLine, execute_line, parse_line};
use crate::shell::statement::{PROMPT_ORIGIN, Statement, WORDS_ORIGIN};

/// Rows above the answer: the heading and a blank one.
const HEADING_ROWS: u16 = 2;

/// Interval of checks for Ctrl-C, SIGTERM and another size of the window.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A question that is repeated.
struct Watched<'a> {
    /// The line with blanks in place of `watch SECONDS`, so that positions of mistakes are those of the typed line.
    line: String,
    /// The question as it was typed.
    question: &'a str,
    interval: Duration,
    rules: LineRules,
}

/// Messages that came while an answer was found. They are shown above it, because the screen is the answer's.
#[derive(Clone, Debug, Default)]
struct PageMessages(Arc<Mutex<Vec<String>>>);

impl PageMessages {
    fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Monitor for PageMessages {
    fn on_event(&self, event: &ProgressEvent<'_>) {
        let text = match event {
            ProgressEvent::Problem(error) => format!("problem: {}", error.full_message()),
            ProgressEvent::Notice(text) | ProgressEvent::Warning(text) => (*text).to_owned(),
            _ => return,
        };
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(text);
    }
}

impl Session {
    /// Repeats the question of a `watch` line until the user ends it.
    pub(super) fn run_watch(
        &mut self,
        watch: &WatchArgs,
        statement: &Statement,
        rules: LineRules,
    ) -> Result<ScriptOutcome> {
        let words = lex(&statement.text)?;
        let place = words.len().saturating_sub(watch.command.len());
        let start = words.get(place).map_or(0, |word| word.span.start);
        let question = statement.text.get(start..).unwrap_or_default();
        let watched = Watched {
            line: format!("{}{question}", " ".repeat(start)),
            question: question.trim_end(),
            interval: watch.interval,
            rules,
        };
        self.check_place(statement)?;
        self.check_question(&watched)?;
        if self.is_check {
            return Ok(ExitStatus::Done.into());
        }
        check_terminal(self.printer.screen().is_accessible)?;
        let page = FullScreen::enter();
        let ended = self.repeat(&watched, &page);
        drop(page);
        interrupt::reset();
        ended?;
        Ok(if interrupt::was_terminated() {
            interrupt::exit_status().into()
        } else {
            ExitStatus::Done.into()
        })
    }

    /// Refuses `watch` in a script, which would never reach its next line.
    fn check_place(&self, statement: &Statement) -> Result<()> {
        let is_typed = [PROMPT_ORIGIN, WORDS_ORIGIN].contains(&statement.origin.as_str());
        if is_typed && self.running_scripts.is_empty() {
            return Ok(());
        }
        Err(refused(
            "`watch` cannot run in a script: it goes on until `q` or Ctrl-C ends it".to_owned(),
            "type it at the prompt, or run `auto-backup watch 5 fetch all` in a terminal",
            first_word(&statement.text),
        ))
    }

    /// Refuses commands other than questions that the index answers.
    fn check_question(&mut self, watched: &Watched<'_>) -> Result<()> {
        let width = self.printer.screen().width;
        let parsed = parse_line(
            &watched.line,
            watched.rules,
            &mut self.grammar,
            &mut self.workspace,
            width,
        )?;
        let why = match parsed {
            ParsedLine::Command(command, _) => command.watch_refusal(),
            ParsedLine::Blank | ParsedLine::Help(_) => Some("it answers no question"),
        };
        let Some(why) = why else {
            return Ok(());
        };
        let span = first_word(&watched.line);
        let name = watched.line.get(span.clone()).unwrap_or_default();
        Err(refused(
            format!("`watch` does not repeat `{}`: {why}", Name::from(name)),
            "it repeats `fetch`, `list`, `find`, `status`, `safe`, `history`, `failures` and `compare --known`",
            span,
        ))
    }

    /// Shows one answer after the other. Any error ends it.
    fn repeat(&mut self, watched: &Watched<'_>, page: &FullScreen) -> Result<()> {
        loop {
            let started = Instant::now();
            let size = PageSize::current();
            let lines = match self.answer(watched, size) {
                Err(Error::Interrupted) => return Ok(()),
                answered => answered?,
            };
            page.show(&lines).at("write to", "the terminal")?;
            if !wait(watched.interval, started, size, page)? {
                return Ok(());
            }
        }
    }

    /// Returns the lines of one page: the heading, messages, and the answer as far as it fits.
    fn answer(&mut self, watched: &Watched<'_>, size: PageSize) -> Result<Vec<String>> {
        let room = usize::from(size.rows.saturating_sub(HEADING_ROWS));
        let own = self.printer.screen();
        let screen = Screen {
            is_terminal: true,
            width: Some(size.columns),
            height: Some(size.rows),
            ..own
        };
        let answer = CutAnswer::new(size.columns, room);
        let format = self.workspace.settings.format;
        let mut printer = Printer::new(Box::new(answer.clone()), format, screen, false);
        let messages = PageMessages::default();
        let monitor = mem::replace(&mut self.workspace.monitor, Box::new(messages.clone()));
        let done = execute_line(
            &watched.line,
            watched.rules,
            &mut self.grammar,
            &mut self.workspace,
            &mut printer,
        );
        self.workspace.monitor = monitor;
        done?;
        let mut lines = vec![heading(watched, size, screen.has_color), String::new()];
        lines.extend(messages.take());
        lines.extend(answer.into_lines());
        lines.truncate(size.rows.into());
        Ok(lines)
    }
}

/// Size of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PageSize {
    columns: u16,
    rows: u16,
}

impl PageSize {
    fn current() -> Self {
        Self {
            columns: terminal::stdout_width().unwrap_or(80),
            rows: terminal::stdout_height().unwrap_or(24),
        }
    }
}

/// Waits for the next answer. Returns false if the user ends it: with `q`, Ctrl-C or by closing the terminal.
fn wait(interval: Duration, started: Instant, size: PageSize, page: &FullScreen) -> Result<bool> {
    loop {
        let rest = interval.saturating_sub(started.elapsed());
        let input = page.wait_for_key(rest.min(POLL_INTERVAL));
        match input.at("read", "the terminal")? {
            PageInput::Key(b'q' | b'Q') | PageInput::Closed => return Ok(false),
            _ if interrupt::is_requested() => return Ok(false),
            _ if rest.is_zero() || PageSize::current() != size => return Ok(true),
            PageInput::Key(_) | PageInput::None => {}
        }
    }
}

/// Returns the first line: the interval and the question, and at the end the time and the key that ends it.
fn heading(watched: &Watched<'_>, size: PageSize, has_color: bool) -> String {
    let interval = match watched.interval.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds @ 0..60 => format!("{seconds} s"),
        _ => unit::format_duration(watched.interval),
    };
    let question = escape::visible(watched.question.as_bytes());
    let time = Timestamp::now().clock_time();
    let columns = usize::from(size.columns);
    let end = format!("  {time}  q ends");
    let room = columns.saturating_sub(display_width(&end));
    let start = shorten(&format!("every {interval}: {question}"), room);
    let blanks = " ".repeat(room.saturating_sub(display_width(&start)));
    let line = format!("{start}{blanks}{end}");
    if has_color {
        paint(&line, Tone::Faint)
    } else {
        line
    }
}

/// Refuses a terminal that cannot be repainted.
fn check_terminal(is_accessible: bool) -> Result<()> {
    let why = if !terminal::is_terminal() {
        "`watch` needs a terminal: it shows one answer after the other on its screen"
    } else if is_accessible || !terminal::can_move_cursor() {
        "`watch` needs a terminal that it may repaint: not with accessible output or `TERM=dumb`"
    } else {
        return Ok(());
    };
    let hint = "run the command itself, without `watch`";
    Err(refused(why.to_owned(), hint, 0..0))
}

/// Returns the place of the first word.
fn first_word(line: &str) -> Range<usize> {
    let words = lex(line).unwrap_or_default();
    words.first().map_or(0..0, |word| word.span.clone())
}

fn refused(message: String, hint: &str, span: Range<usize>) -> Error {
    Error::Syntax {
        message,
        span,
        hint: Some(hint.to_owned()),
        suggestions: Vec::new(),
    }
}
