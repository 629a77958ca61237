//! Completion, hints and colors for the line editor, all from memory.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use clap::Command;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{self, Hinter};
use rustyline::history::SearchDirection;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Context, Helper};

use crate::commands::built_grammar;
use crate::shell::completion::complete;
use crate::shell::completion::studio_names::StudioNames;
use crate::shell::highlight::highlight;
use crate::shell::hint::{Hint, hint};

/// Helper of the line editor.
#[derive(Debug)]
pub(super) struct Assistant {
    grammar: Command,
    /// Shared with the prompt, which refreshes it between lines.
    pub(super) state: Rc<RefCell<PromptState>>,
}

/// Data of the assistant.
#[derive(Debug, Default)]
pub(super) struct PromptState {
    /// Names of the studio.
    pub(super) names: StudioNames,
    /// Text that the current line continues.
    pub(super) previous_lines: String,
    /// Failed lines, which are not offered as hints.
    pub(super) failed_lines: BTreeSet<String>,
    pub(super) show_hints: bool,
    pub(super) use_color: bool,
}

impl Assistant {
    pub(super) fn new(state: Rc<RefCell<PromptState>>) -> Self {
        let grammar = built_grammar();
        Self { grammar, state }
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let state = self.state.borrow();
        let (start, found) = complete(
            &self.grammar,
            &state.names,
            &state.previous_lines,
            line,
            position,
        );
        let pairs = found.into_iter().map(|candidate| Pair {
            display: candidate.display,
            replacement: candidate.replacement,
        });
        Ok((start, pairs.collect()))
    }
}

impl hint::Hint for Hint {
    fn display(&self) -> &str {
        match self {
            Self::Missing(text) | Self::Rest(text) => text,
        }
    }

    fn completion(&self) -> Option<&str> {
        match self {
            Self::Missing(_) => None,
            Self::Rest(text) => Some(text),
        }
    }
}

impl Hinter for Assistant {
    type Hint = Hint;

    fn hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<Hint> {
        let state = self.state.borrow();
        let history = context.history();
        // A line called back from the history needs no hint.
        let is_browsing = context.history_index() < history.len();
        // Without color a hint would look like typed text.
        if !state.show_hints || !state.use_color || position < line.len() || is_browsing {
            return None;
        }
        let last = |line: &str| {
            let mut next = history.len();
            loop {
                let newest = next.checked_sub(1)?;
                let found = history.starts_with(line, newest, SearchDirection::Reverse);
                let found = found.ok().flatten()?;
                if !state.failed_lines.contains(&*found.entry) {
                    return Some(found.entry.into_owned());
                }
                next = found.idx;
            }
        };
        hint(
            &self.grammar,
            &state.names,
            &state.previous_lines,
            line,
            last,
        )
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, position: usize) -> Cow<'l, str> {
        let state = self.state.borrow();
        if !state.use_color {
            return Cow::Borrowed(line);
        }
        highlight(
            &self.grammar,
            &state.names,
            &state.previous_lines,
            line,
            position,
        )
        .into()
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.state.borrow().use_color {
            format!("\u{1b}[90m{hint}\u{1b}[0m").into()
        } else {
            Cow::Borrowed(hint)
        }
    }

    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        Cow::Borrowed(candidate)
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.state.borrow().use_color
    }
}

impl Validator for Assistant {}

impl Helper for Assistant {}
