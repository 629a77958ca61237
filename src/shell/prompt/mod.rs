//! The prompt: reads lines from a terminal and runs them until the user leaves.
//!
//! A line editor offers completion, hints, colors and history. On a terminal without cursor movement, and for accessible
//! output, a plain reader takes its place. A failed line never ends the prompt.

mod assistant;
mod editor;
mod history;
mod history_walk;
mod key;
mod leave;
mod line_edit;
mod menu;
mod plain;
mod welcome;

use std::cell::RefCell;
use std::rc::Rc;

use rustyline::DefaultEditor;

use self::assistant::PromptState;
use self::editor::LineEditor;
use self::history::HistoryFile;
use self::plain::{PlainReader, PromptInput};
use super::session::Session;
use super::statement::{PROMPT_ORIGIN, statements};
use crate::base::confirmation::Question;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::commands::remote_publication::RemoteTakeOver;
use crate::language::lexer::is_continued;
use crate::os::terminal;
use crate::os::terminal::TerminalSettings;
use crate::output::message::{write_line, write_text};
use crate::output::wrap::wrap;

/// Prompt of a new line.
const PROMPT: &str = "auto-backup> ";

/// Prompt of a continued line.
const CONTINUATION_PROMPT: &str = "        ...> ";

/// Source of lines.
#[derive(Debug)]
enum LineReader {
    Editor(Box<LineEditor>),
    Plain(PlainReader),
}

/// State of the prompt.
#[derive(Debug)]
struct Prompt {
    reader: LineReader,
    state: Rc<RefCell<PromptState>>,
}

/// Runs the prompt. Failed commands do not end it.
pub fn run(session: &mut Session) -> Result<ExitStatus> {
    let mut prompt = Prompt::new(session)?;
    let completes = matches!(prompt.reader, LineReader::Editor(_));
    session.offers_corrections = completes;
    let greeting = welcome::greeting(&session.workspace, completes);
    session.messages.notice(&greeting);
    let settings = TerminalSettings::save();
    if let LineReader::Editor(_) = prompt.reader {
        settings.hide_control_characters();
    }
    let saved = settings.clone();
    interrupt::exit_when_idle(move || saved.restore_while_typing())
        .at("catch signals for", "the prompt")?;
    let left = read_and_run(&mut prompt, session);
    settings.restore();
    left?;
    if !interrupt::was_terminated() {
        return Ok(ExitStatus::Done);
    }
    if let Some(unsaved) = welcome::unsaved_notice(&session.workspace) {
        write_text(&unsaved);
    }
    Ok(ExitStatus::Terminated)
}

fn read_and_run(prompt: &mut Prompt, session: &mut Session) -> Result<()> {
    let take_over = session.workspace.begin_remote_take_over()?;
    let mut number = 1;
    loop {
        for message in take_over.iter().flat_map(RemoteTakeOver::messages) {
            session.messages.notice(&message);
        }
        prompt.refresh(session);
        interrupt::reset();
        let text = match prompt.read()? {
            PromptInput::Line(text) => text,
            PromptInput::Interrupted if !interrupt::was_terminated() => continue,
            PromptInput::InvalidUtf8 => {
                let why = "the input is not valid UTF-8; type the line again";
                session.messages.warning(why);
                continue;
            }
            PromptInput::EndOfInput if !prompt.may_leave(session) => continue,
            PromptInput::Interrupted | PromptInput::EndOfInput => return Ok(()),
        };
        if let LineReader::Editor(editor) = &mut prompt.reader
            && let Err(error) = editor.add_to_history(&text)
        {
            let why = error.full_message();
            session
                .messages
                .warning(&format!("the history is off from now on: {why}"));
        }
        session
            .printer
            .resize(terminal::stdout_width(), terminal::stdout_height());
        // Pasted lines run one by one up to the first failure.
        for statement in statements(PROMPT_ORIGIN, number, &text) {
            let ended = session.run_statement(&statement, true);
            let leaves = ended.exit_requested && prompt.may_leave(session);
            if leaves || interrupt::was_terminated() {
                return Ok(());
            }
            let corrected = session.corrected_line.take();
            if ended.status.stops_script() {
                prompt.record_failure(&text, corrected);
            }
            if ended.status.stops_script() || ended.exit_requested {
                break;
            }
        }
        number += text.lines().count().max(1);
    }
}

/// Returns the function that asks for confirmation. Only `y` or `yes` confirms; Ctrl-C and Ctrl-D decline.
pub fn confirmation_prompt(accessible: bool) -> fn(&Question) -> bool {
    if terminal::can_move_cursor() && !accessible {
        confirm
    } else {
        confirm_plain
    }
}

fn confirm(question: &Question) -> bool {
    let Some(_idle) = interrupt::IdleGuard::begin() else {
        return false;
    };
    ask(question, &mut |text| {
        let answer = DefaultEditor::new().and_then(|mut editor| editor.readline(text));
        answer.ok()
    })
}

fn confirm_plain(question: &Question) -> bool {
    let Some(_idle) = interrupt::IdleGuard::begin() else {
        return false;
    };
    ask(
        question,
        &mut |text| match PlainReader::default().read(text) {
            Ok(PromptInput::Line(answer)) => Some(answer),
            _ => None,
        },
    )
}

/// Asks until the answer is not the request for the list.
fn ask(question: &Question, read: &mut dyn FnMut(&str) -> Option<String>) -> bool {
    let text = format_question(question);
    while let Some(answer) = read(&text) {
        if question.list.is_empty() || !matches!(answer.trim(), "l" | "L" | "list") {
            return is_yes(&answer);
        }
        question.list.iter().for_each(|line| write_line(line));
    }
    false
}

/// Returns the question with its lines broken between words.
fn format_question(question: &Question) -> String {
    let answers = if question.list.is_empty() {
        "[y/N]"
    } else {
        "[y/N/l to list]"
    };
    let text = format!("{} {answers} ", question.text);
    match terminal::stdout_width() {
        Some(width) => wrap(&text, usize::from(width).saturating_sub(4)),
        None => text,
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") && !interrupt::is_requested()
}

impl Prompt {
    fn new(session: &Session) -> Result<Self> {
        let state = Rc::new(RefCell::new(PromptState::default()));
        let reader = if terminal::can_move_cursor() && !session.printer.screen().is_accessible {
            let mut editor = Box::new(LineEditor::new(Rc::clone(&state))?);
            match history::history_path(session.workspace.startup_path.as_deref())
                .as_deref()
                .map(HistoryFile::open)
            {
                Some(Ok((history, entries))) => editor.set_history(history, entries),
                Some(Err(error)) => session.messages.warning(&format!(
                    "the history is off in this session: {}",
                    error.full_message()
                )),
                None => {}
            }
            LineReader::Editor(editor)
        } else {
            LineReader::Plain(PlainReader::default())
        };
        Ok(Self { reader, state })
    }

    /// Reads one line with its continuation lines.
    fn read(&mut self) -> Result<PromptInput> {
        let Some(_idle) = interrupt::IdleGuard::begin() else {
            return Ok(PromptInput::EndOfInput);
        };
        self.state.borrow_mut().previous_lines.clear();
        let mut text = match self.reader.read(PROMPT)? {
            PromptInput::Line(text) => text,
            other => return Ok(other),
        };
        while text.lines().last().is_some_and(is_continued) {
            // As in the executed line, the backslash is not a word.
            let end = text.trim_end().len() - 1;
            self.state.borrow_mut().previous_lines =
                format!("{} ", &text[..end].replace("\\\n", " "));
            match self.reader.read(CONTINUATION_PROMPT)? {
                PromptInput::Line(more) => text = format!("{text}\n{more}"),
                other => return Ok(other),
            }
        }
        Ok(PromptInput::Line(text))
    }

    /// Keeps a failed line out of the hints. The corrected line is what Up brings.
    fn record_failure(&mut self, text: &str, corrected: Option<String>) {
        if let LineReader::Editor(editor) = &mut self.reader {
            let kept = editor.stored_line(text);
            self.state.borrow_mut().failed_lines.insert(kept);
            if let Some(line) = corrected {
                editor.offer(&line);
            }
        }
    }

    fn may_leave(&mut self, session: &mut Session) -> bool {
        let plain = match &mut self.reader {
            LineReader::Editor(_) => None,
            LineReader::Plain(plain) => Some(plain),
        };
        leave::may_leave(session, plain)
    }

    /// Refreshes completion, hints and colors.
    fn refresh(&mut self, session: &Session) {
        if let LineReader::Plain(_) = &self.reader {
            return;
        }
        let mut state = self.state.borrow_mut();
        state.show_hints = session.workspace.settings.hints;
        state.use_color = session.printer.screen().has_color;
        if let Err(error) = state.names.refresh(&session.workspace) {
            session.messages.error(&error);
        }
    }
}

impl LineReader {
    fn read(&mut self, prompt: &str) -> Result<PromptInput> {
        match self {
            Self::Editor(editor) => editor.read(prompt),
            Self::Plain(plain) => plain.read(prompt),
        }
    }
}
