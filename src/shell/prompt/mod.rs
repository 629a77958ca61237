//! The prompt, where standard input and output are terminals.

mod assistant;
mod editor;
mod history;
mod plain;
mod welcome;

use std::cell::RefCell;
use std::rc::Rc;

use rustyline::DefaultEditor;

use self::assistant::Desk;
use self::editor::LineEditor;
use self::history::History;
use self::plain::Plain;
use super::session::Session;
use super::statement::statements;
use crate::base::error::{At as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::language::lexer::continues;
use crate::os::terminal;
use crate::os::terminal::Settings;
use crate::output::message::write_text;
use crate::output::wrap::wrap;

/// What is written before every line.
const PROMPT: &str = "auto-backup> ";

/// What is written before a line that goes on.
const CONTINUED: &str = "        ...> ";

/// What came from the terminal.
#[derive(Debug)]
enum Typed {
    /// A line, or several that were pasted.
    Line(String),
    /// Bytes that are no text, among the keys of a line that is lost with them.
    Garbled,
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// How lines are read.
#[derive(Debug)]
enum Reader {
    Editor(Box<LineEditor>),
    Plain(Plain),
}

/// Reads lines until the user leaves.
#[derive(Debug)]
struct Prompt {
    reader: Reader,
    desk: Rc<RefCell<Desk>>,
}

/// Runs the prompt; an error never ends it.
///
/// # Errors
/// The terminal cannot be read.
pub fn run(session: &mut Session) -> Result<ExitStatus> {
    let mut prompt = Prompt::new(session)?;
    let completes = matches!(prompt.reader, Reader::Editor(_));
    let greeting = welcome::greeting(&session.workspace, completes);
    session.messages.notice(&greeting);
    let settings = Settings::save();
    if let Reader::Editor(_) = prompt.reader {
        settings.hide_control_characters();
    }
    let before = settings.clone();
    interrupt::leave_when_idle(move || before.restore_while_typing())
        .at("catch signals for", "the prompt")?;
    let left = converse(&mut prompt, session);
    settings.restore();
    left?;
    if let Some(unsaved) = welcome::unsaved(&session.workspace) {
        write_text(&unsaved);
    }
    Ok(if interrupt::was_terminated() {
        ExitStatus::Terminated
    } else {
        ExitStatus::Done
    })
}

/// Reads and runs lines until the user leaves.
fn converse(prompt: &mut Prompt, session: &mut Session) -> Result<()> {
    let mut number = 1;
    loop {
        prompt.refresh(session);
        interrupt::clear();
        let text = match prompt.read()? {
            Typed::Line(text) => text,
            Typed::Interrupted if !interrupt::was_terminated() => continue,
            Typed::Garbled => {
                let why = "what came from the keyboard is not UTF-8; type the line again";
                session.messages.warning(why);
                continue;
            }
            Typed::Interrupted | Typed::End => return Ok(()),
        };
        if let Reader::Editor(editor) = &mut prompt.reader
            && let Err(error) = editor.remember(&text)
        {
            let why = error.line();
            session
                .messages
                .warning(&format!("this session's lines are no longer kept: {why}"));
        }
        session
            .printer
            .resize(terminal::width(), terminal::height());
        // Several lines that were pasted run one by one, up to the first that fails.
        for statement in statements("prompt", number, &text) {
            let ended = session.run(&statement, true);
            if ended.exit || interrupt::was_terminated() {
                return Ok(());
            }
            if ended.status.stops_script() {
                prompt.note_failure(&text);
                break;
            }
        }
        number += text.lines().count().max(1);
    }
}

/// What asks a person a question that only `y` or `yes` affirms; Ctrl-C and Ctrl-D mean no.
pub fn asker(accessible: bool) -> fn(&str) -> bool {
    if terminal::can_edit() && !accessible {
        ask
    } else {
        ask_plainly
    }
}

fn ask(question: &str) -> bool {
    let Some(_idle) = interrupt::Idle::begin() else {
        return false;
    };
    let answer = DefaultEditor::new().and_then(|mut editor| editor.readline(&asked(question)));
    answer.is_ok_and(|answer| affirms(&answer))
}

fn ask_plainly(question: &str) -> bool {
    let Some(_idle) = interrupt::Idle::begin() else {
        return false;
    };
    let answer = Plain::default().read(&asked(question));
    matches!(answer, Ok(Typed::Line(answer)) if affirms(&answer))
}

/// The question as it is asked, its lines broken between words.
fn asked(question: &str) -> String {
    let question = format!("{question} [y/N] ");
    match terminal::width() {
        Some(width) => wrap(&question, usize::from(width).saturating_sub(4)),
        None => question,
    }
}

fn affirms(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") && !interrupt::requested()
}

impl Prompt {
    fn new(session: &Session) -> Result<Self> {
        let desk = Rc::new(RefCell::new(Desk::default()));
        let reader = if terminal::can_edit() && !session.printer.screen().accessible {
            let mut editor = Box::new(LineEditor::new(Rc::clone(&desk))?);
            match history::file(session.workspace.startup.as_deref())
                .as_deref()
                .map(History::open)
            {
                Some(Ok((history, entries))) => editor.keep_in(history, entries),
                Some(Err(error)) => session.messages.warning(&format!(
                    "this session's lines are not kept: {}",
                    error.line()
                )),
                None => {}
            }
            Reader::Editor(editor)
        } else {
            Reader::Plain(Plain::default())
        };
        Ok(Self { reader, desk })
    }

    /// Reads one line, or several that go on.
    fn read(&mut self) -> Result<Typed> {
        let Some(_idle) = interrupt::Idle::begin() else {
            return Ok(Typed::End);
        };
        self.desk.borrow_mut().before.clear();
        let mut text = match self.reader.read(PROMPT)? {
            Typed::Line(text) => text,
            other => return Ok(other),
        };
        while text.lines().last().is_some_and(continues) {
            // As it is run: the backslash is no word.
            let end = text.trim_end().len() - 1;
            self.desk.borrow_mut().before = format!("{} ", &text[..end].replace("\\\n", " "));
            match self.reader.read(CONTINUED)? {
                Typed::Line(more) => text = format!("{text}\n{more}"),
                other => return Ok(other),
            }
        }
        Ok(Typed::Line(text))
    }

    /// Takes note of a line that failed.
    fn note_failure(&mut self, text: &str) {
        if let Reader::Editor(editor) = &self.reader {
            let kept = editor.kept(text);
            self.desk.borrow_mut().failed.insert(kept);
        }
    }

    /// Brings what helps to type up to date.
    fn refresh(&mut self, session: &Session) {
        let Reader::Editor(editor) = &mut self.reader else {
            return;
        };
        let mut desk = self.desk.borrow_mut();
        desk.hints = session.workspace.settings.hints;
        desk.color = session.printer.screen().color;
        editor.set_color(desk.color);
        if let Err(error) = desk.known.refresh(&session.workspace) {
            session.messages.error(&error);
        }
    }
}

impl Reader {
    fn read(&mut self, prompt: &str) -> Result<Typed> {
        match self {
            Self::Editor(editor) => editor.read(prompt),
            Self::Plain(plain) => plain.read(prompt),
        }
    }
}
