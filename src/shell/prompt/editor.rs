//! Line editor with completion, hints, colors and history.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use rustyline::error::ReadlineError;
use rustyline::history::{DefaultHistory, History as _};
use rustyline::{ColorMode, CompletionType, Config, Editor, Event, EventHandler};

use super::assistant::{Assistant, PromptState};
use super::history;
use super::history::HistoryFile;
use super::key::SharedKeys;
use super::plain::PromptInput;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::password::mask_passwords;
use crate::commands::built_grammar;

#[derive(Debug)]
pub(super) struct LineEditor {
    editor: Editor<Assistant, DefaultHistory>,
    grammar: clap::Command,
    /// History file, if available.
    history: Option<HistoryFile>,
    /// A corrected line that Up brings, and that is stored when it is run.
    offered: Option<String>,
}

impl LineEditor {
    pub(super) fn new(state: Rc<RefCell<PromptState>>) -> Result<Self> {
        let editor = build_editor()
            .map_err(io::Error::other)
            .at("use", "the terminal")?;
        let mut editor = Self {
            editor,
            grammar: built_grammar(),
            history: None,
            offered: None,
        };
        let keys = SharedKeys::default();
        let handler = EventHandler::Conditional(Box::new(keys.clone()));
        editor.editor.bind_sequence(Event::Any, handler);
        editor.editor.set_helper(Some(Assistant::new(state, keys)));
        Ok(editor)
    }

    /// Sets the history file and loads its entries.
    pub(super) fn set_history(&mut self, history: HistoryFile, entries: Vec<String>) {
        for entry in entries {
            ignore(
                self.editor.add_history_entry(entry),
                "a history in memory takes every entry",
            );
        }
        self.history = Some(history);
    }

    /// Shows a prompt and reads a line.
    pub(super) fn read(&mut self, prompt: &str) -> Result<PromptInput> {
        if let Some(assistant) = self.editor.helper() {
            assistant.begin_line();
        }
        match self.editor.readline(prompt) {
            Ok(line) => Ok(PromptInput::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(PromptInput::Interrupted),
            Err(ReadlineError::Eof) => Ok(PromptInput::EndOfInput),
            // The terminal was closed.
            Err(ReadlineError::Io(error)) if error.raw_os_error() == Some(EIO) => {
                Ok(PromptInput::EndOfInput)
            }
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Ok(PromptInput::InvalidUtf8)
            }
            Err(error) => Err(io::Error::other(error)).at("read", "the terminal"),
        }
    }

    /// Returns a line as the history stores it: without options that must be typed again each time.
    pub(super) fn stored_line(&self, text: &str) -> String {
        history::omit_options(&self.grammar, text)
    }

    /// Makes a corrected line the newest one of the history in memory.
    pub(super) fn offer(&mut self, line: &str) {
        let line = self.stored_line(line);
        ignore(
            self.editor.add_history_entry(&line),
            "a history in memory takes every entry",
        );
        self.offered = Some(line);
    }

    /// Adds a line to the history.
    ///
    /// # Errors
    /// The file cannot be written. Later lines of this session are not stored.
    pub(super) fn add_to_history(&mut self, text: &str) -> Result<()> {
        // A leading blank keeps a line out of the history, and so does a password.
        if text.trim().is_empty() || text.starts_with(' ') || mask_passwords(text) != text {
            return Ok(());
        }
        let kept = self.stored_line(text);
        let was_offered = self.offered.take().is_some_and(|line| line == kept);
        let is_new = self.editor.history_mut().add(&kept).unwrap_or(true) || was_offered;
        let written = match &self.history {
            Some(history) if is_new => history.append(&kept),
            _ => Ok(()),
        };
        if written.is_err() {
            self.history = None;
        }
        written
    }
}

/// Error of reading a closed terminal.
const EIO: i32 = 5;

/// Milliseconds after which an escape character is the key Esc, and not the beginning of another key.
const ESCAPE_TIMEOUT: u16 = 100;

fn build_editor() -> rustyline::Result<Editor<Assistant, DefaultHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        // The assistant decides about colors; without this, rustyline would not let it paint the menu.
        .color_mode(ColorMode::Forced)
        .keyseq_timeout(Some(ESCAPE_TIMEOUT))
        .history_ignore_space(true)
        .max_history_size(history::MAX_ENTRIES)?
        .history_ignore_dups(true)?
        .auto_add_history(false)
        .build();
    Editor::with_config(config)
}
