//! Reading lines with a line editor: completion, hints, colours and a history.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use rustyline::config::Configurer as _;
use rustyline::error::ReadlineError;
use rustyline::history::{DefaultHistory, History as _};
use rustyline::{ColorMode, CompletionType, Config, Editor};

use super::Typed;
use super::assistant::{Assistant, Desk};
use super::history;
use super::history::History;
use crate::base::error::{At as _, Result};
use crate::commands::built_grammar;

/// The line editor.
#[derive(Debug)]
pub(super) struct LineEditor {
    editor: Editor<Assistant, DefaultHistory>,
    grammar: clap::Command,
    /// Where lines are kept, if there is a place.
    history: Option<History>,
}

impl LineEditor {
    /// An editor that is helped with what lies on this desk.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn new(desk: Rc<RefCell<Desk>>) -> Result<Self> {
        let editor = editor()
            .map_err(io::Error::other)
            .at("use", "the terminal")?;
        let mut editor = Self {
            editor,
            grammar: built_grammar(),
            history: None,
        };
        editor.editor.set_helper(Some(Assistant::new(desk)));
        Ok(editor)
    }

    /// Takes over the lines of earlier sessions, and keeps those of this one there.
    pub(super) fn keep_in(&mut self, history: History, entries: Vec<String>) {
        for entry in entries {
            self.editor.add_history_entry(entry).unwrap_or_default();
        }
        self.history = Some(history);
    }

    /// Writes a prompt and reads a line.
    ///
    /// # Errors
    /// The terminal cannot be read.
    pub(super) fn read(&mut self, prompt: &str) -> Result<Typed> {
        match self.editor.readline(prompt) {
            Ok(line) => Ok(Typed::Line(line)),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            // The terminal went away.
            Err(ReadlineError::Io(error)) if error.raw_os_error() == Some(EIO) => Ok(Typed::End),
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Ok(Typed::Garbled)
            }
            Err(error) => Err(io::Error::other(error)).at("read", "the terminal"),
        }
    }

    /// Whether colours are shown, from the next line on.
    pub(super) fn set_color(&mut self, color: bool) {
        self.editor.set_color_mode(if color {
            ColorMode::Forced
        } else {
            ColorMode::Disabled
        });
    }

    /// A line as it is kept: without what must be typed anew each time.
    pub(super) fn kept(&self, text: &str) -> String {
        history::kept(&self.grammar, text)
    }

    /// Keeps a line.
    ///
    /// # Errors
    /// It cannot be written; this session goes on without keeping more.
    pub(super) fn remember(&mut self, text: &str) -> Result<()> {
        // Who begins a line with a blank does not want it kept.
        if text.trim().is_empty() || text.starts_with(' ') {
            return Ok(());
        }
        let kept = self.kept(text);
        let is_new = self.editor.history_mut().add(&kept).unwrap_or(true);
        let written = match &self.history {
            Some(history) if is_new => history.add(&kept),
            _ => Ok(()),
        };
        if written.is_err() {
            self.history = None;
        }
        written
    }
}

/// What reading a terminal that is gone ends with.
const EIO: i32 = 5;

fn editor() -> rustyline::Result<Editor<Assistant, DefaultHistory>> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .completion_prompt_limit(usize::MAX)
        .completion_show_all_if_ambiguous(true)
        .history_ignore_space(true)
        .max_history_size(history::KEPT)?
        .history_ignore_dups(true)?
        .auto_add_history(false)
        .build();
    Editor::with_config(config)
}
