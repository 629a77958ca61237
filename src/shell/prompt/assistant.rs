//! Completion, hints and colors for the line editor, all from memory.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use clap::Command;
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{self, Hinter};
use rustyline::history::SearchDirection;
use rustyline::line_buffer::LineBuffer;
use rustyline::validate::Validator;
use rustyline::{Changeset, Context, Helper};

use super::history_walk::HistoryWalk;
use super::key::{KeyAction, SharedKeys};
use super::line_edit::LineEdit;
use super::menu::{self, Menu, MenuAction, MenuScreen, MenuStatus};
use crate::commands::built_grammar;
use crate::os::terminal;
use crate::shell::completion::studio_names::StudioNames;
use crate::shell::completion::{CompletionList, DiskAccess, complete};
use crate::shell::highlight::highlight;
use crate::shell::hint::{Hint, hint};

/// Size of a terminal that does not report one.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// Helper of the line editor.
#[derive(Debug)]
pub(super) struct Assistant {
    grammar: Command,
    /// Shared with the prompt, which refreshes it between lines.
    pub(super) state: Rc<RefCell<PromptState>>,
    keys: SharedKeys,
    menu: RefCell<Option<Menu>>,
    walk: RefCell<HistoryWalk>,
    /// Line that the last key produced, until rustyline takes it.
    edit: RefCell<Option<LineEdit>>,
    prompt_width: Cell<usize>,
    /// True while a menu is on the screen.
    is_menu_painted: Cell<bool>,
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
    pub(super) fn new(state: Rc<RefCell<PromptState>>, keys: SharedKeys) -> Self {
        Self {
            grammar: built_grammar(),
            state,
            keys,
            menu: RefCell::default(),
            walk: RefCell::default(),
            edit: RefCell::default(),
            prompt_width: Cell::default(),
            is_menu_painted: Cell::default(),
        }
    }

    /// Prepares for a new line.
    pub(super) fn begin_line(&self) {
        self.menu.replace(None);
        self.walk.take();
        self.is_menu_painted.set(false);
        let mut keys = self.keys.state();
        keys.menu = MenuStatus::Closed;
        keys.is_searching = false;
        keys.closes_menu = false;
    }

    /// Returns the completions of a line from memory; paths also from the disk.
    fn completions(&self, line: &str, cursor: usize, disk: DiskAccess<'_>) -> CompletionList {
        let state = self.state.borrow();
        complete(
            &self.grammar,
            &state.names,
            &state.previous_lines,
            line,
            cursor,
            disk,
        )
    }

    /// Performs the action of a key and returns the line as it should become.
    fn perform(
        &self,
        action: KeyAction,
        line: LineEdit,
        context: &Context<'_>,
    ) -> Option<LineEdit> {
        match action {
            KeyAction::Older => {
                let mut walk = self.walk.borrow_mut();
                Some(walk.older(&line.text, context.history()))
            }
            KeyAction::Newer => {
                let mut walk = self.walk.borrow_mut();
                Some(walk.newer(&line.text, context.history()))
            }
            KeyAction::Menu(action) => {
                let mut menu = self.menu.borrow_mut();
                let pressed = menu::press(&mut menu, action, line, &|line, cursor, disk| {
                    self.completions(line, cursor, disk)
                });
                self.publish_status(menu.as_ref());
                pressed
            }
        }
    }

    /// Adapts the menu to the line that will be painted.
    fn update_menu(&self, line: &str, cursor: usize) {
        let mut menu = self.menu.borrow_mut();
        if std::mem::take(&mut self.keys.state().closes_menu) {
            *menu = None;
        }
        menu::follow(&mut menu, line, cursor, &|line, cursor, disk| {
            self.completions(line, cursor, disk)
        });
        self.publish_status(menu.as_ref());
    }

    fn publish_status(&self, menu: Option<&Menu>) {
        let status = menu.map(Menu::status);
        self.keys.state().menu = status.unwrap_or_default();
    }

    fn screen(&self) -> MenuScreen {
        MenuScreen {
            columns: terminal::stdout_width().unwrap_or(USUAL_SIZE.0).into(),
            rows: terminal::stdout_height().unwrap_or(USUAL_SIZE.1).into(),
            prompt_width: self.prompt_width.get(),
            has_color: self.state.borrow().use_color,
        }
    }

    /// Returns the gray hint.
    fn gray_hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<Hint> {
        let state = self.state.borrow();
        let history = context.history();
        // A line called back from the history needs no hint.
        let is_browsing =
            context.history_index() < history.len() || self.walk.borrow().is_showing(line);
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

/// rustyline requests a completion when a key of ours was pressed. The one candidate stands for the line that the key
/// produced; none means that nothing matches, and rustyline beeps.
impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let action = self.keys.take_action();
        let action = action.unwrap_or(KeyAction::Menu(MenuAction::Next));
        let edit = self.perform(action, LineEdit::new(line, position), context);
        let candidates = edit.iter().map(|edit| edit.text.clone()).collect();
        self.edit.replace(edit);
        Ok((0, candidates))
    }

    fn update(&self, line: &mut LineBuffer, _: usize, _: &str, changes: &mut Changeset) {
        if let Some(edit) = self.edit.take() {
            edit.apply(line, changes);
        }
    }
}

/// Text after the line.
#[derive(Debug)]
pub(super) enum ShownHint {
    Gray(Hint),
    /// Blanks, behind which the menu is painted.
    Menu(String),
}

impl hint::Hint for ShownHint {
    fn display(&self) -> &str {
        match self {
            Self::Gray(Hint::Missing(text) | Hint::Rest(text)) | Self::Menu(text) => text,
        }
    }

    fn completion(&self) -> Option<&str> {
        match self {
            Self::Gray(Hint::Rest(text)) => Some(text),
            Self::Gray(Hint::Missing(_)) | Self::Menu(_) => None,
        }
    }
}

impl Hinter for Assistant {
    type Hint = ShownHint;

    fn hint(&self, line: &str, position: usize, context: &Context<'_>) -> Option<ShownHint> {
        self.update_menu(line, position);
        if self.menu.borrow().is_some() {
            return Some(ShownHint::Menu(self.screen().padding(line)));
        }
        let gray = self.gray_hint(line, position, context)?;
        // What is missing is said in the row of the line, or not at all.
        let fits = match &gray {
            Hint::Missing(text) => self.screen().has_room(line, text),
            Hint::Rest(_) => true,
        };
        fits.then_some(ShownHint::Gray(gray))
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

    /// Erases the menu: the cursor is at the beginning of the prompt.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        is_default: bool,
    ) -> Cow<'b, str> {
        self.keys.state().is_searching = !is_default;
        self.prompt_width.set(prompt.chars().count());
        if self.is_menu_painted.take() {
            format!("\u{1b}[J{prompt}").into()
        } else {
            Cow::Borrowed(prompt)
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        let screen = self.screen();
        if let Some(menu) = &mut *self.menu.borrow_mut() {
            self.is_menu_painted.set(true);
            return format!("{hint}{}", menu::paint_menu(menu, screen)).into();
        }
        if screen.has_color {
            format!("\u{1b}[90m{hint}\u{1b}[0m").into()
        } else {
            Cow::Borrowed(hint)
        }
    }

    fn highlight_char(&self, line: &str, position: usize, kind: CmdKind) -> bool {
        if kind == CmdKind::MoveCursor {
            self.update_menu(line, position);
        }
        self.is_menu_painted.get() || self.state.borrow().use_color
    }
}

impl Validator for Assistant {}

impl Helper for Assistant {}
