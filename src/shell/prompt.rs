//! The prompt, where standard input and output are terminals.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, CompletionType, Config, Context, DefaultEditor, Editor, Helper};

use super::completion::{Names, complete};
use super::session::Session;
use super::statement::statements;
use crate::error::{At as _, Result};
use crate::exit_status::ExitStatus;
use crate::interrupt;
use crate::lexer::continues;
use crate::os::terminal::{self, Settings};
use crate::output::messages::Messages;
use crate::paths;
use crate::registry::{Key, Kind, Registry};
use crate::workspace::Workspace;

/// What is written before every line.
const PROMPT: &str = "auto-backup> ";

/// What is written before a line that goes on.
const CONTINUED: &str = "        ...> ";

/// Reads lines until the user leaves.
#[derive(Debug)]
struct Prompt {
    editor: Editor<Assistant, DefaultHistory>,
    history: Option<PathBuf>,
    names: Rc<RefCell<Names>>,
}

/// Runs the prompt; an error never ends it.
///
/// # Errors
/// The terminal cannot be read.
pub fn run(session: &mut Session) -> Result<ExitStatus> {
    let mut prompt = Prompt::new(session.printer.screen().color)
        .map_err(io::Error::other)
        .at("read", "the terminal")?;
    if let Err(error) = prompt.open_history() {
        session.messages.warning(&format!(
            "this session's lines are not kept: {}",
            error.line()
        ));
    }
    if session.workspace.registry.databases().is_empty() {
        session.messages.notice(BEGINNING);
    }
    let settings = Settings::save();
    settings.hide_control_characters();
    let before = settings.clone();
    interrupt::leave_when_idle(move || before.restore_while_typing())
        .at("catch signals for", "the prompt")?;
    let left = converse(&mut prompt, session);
    settings.restore();
    left?;
    Ok(leave(&session.workspace, session.messages))
}

/// Reads and runs lines until the user leaves.
fn converse(prompt: &mut Prompt, session: &mut Session) -> Result<()> {
    let mut number = 1;
    loop {
        prompt.refresh(&session.workspace, session.messages);
        interrupt::clear();
        let text = match prompt.read() {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) if !interrupt::was_terminated() => continue,
            Err(ReadlineError::Interrupted | ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(io::Error::other(error)).at("read", "the terminal"),
        };
        prompt.remember(&text, session.messages);
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
                break;
            }
        }
        number += text.lines().count().max(1);
    }
}

/// Asks a question that only `y` or `yes` affirms; Ctrl-C and Ctrl-D mean no.
#[must_use]
pub fn ask(question: &str) -> bool {
    let _idle = interrupt::Idle::begin();
    let answer =
        DefaultEditor::new().and_then(|mut editor| editor.readline(&format!("{question} [y/N] ")));
    let affirmed = |answer: String| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    answer.is_ok_and(affirmed) && !interrupt::requested()
}

/// How to begin, where nothing is tracked yet.
const BEGINNING: &str = "No databases yet. To begin:
  add database WORK ~/studio       a storage and its root folder
  add category footage footage/    a folder of every root with CLIENT/PROJECT
  load, then fetch all             look at the disks, show what is where";

/// Says what would be lost.
fn leave(workspace: &Workspace, messages: Messages) -> ExitStatus {
    if let Some(changed) = changed(&workspace.saved, &workspace.registry) {
        messages.line(&format!(
            "note: {changed} changed in this session are not saved; `save` keeps them"
        ));
    }
    if interrupt::was_terminated() {
        ExitStatus::Terminated
    } else {
        ExitStatus::Done
    }
}

/// How much of what is tracked differs: `1 database and 2 categories`.
fn changed(before: &Registry, now: &Registry) -> Option<String> {
    let (before, now) = (before.entries(), now.entries());
    let added = now.iter().filter(|entry| !before.contains(entry));
    let gone = before.iter().filter(|entry| !now.contains(entry));
    let keys: BTreeSet<&Key> = added.chain(gone).map(|entry| &entry.key).collect();
    let counted = Kind::ALL.into_iter().filter_map(|kind| {
        let number = keys.iter().filter(|key| key.kind == kind).count();
        let noun = match (number, kind) {
            (0, _) => return None,
            (1, kind) => kind.noun(),
            (_, Kind::Database) => "databases",
            (_, Kind::Category) => "categories",
            (_, Kind::Exclusion) => "exclusions",
        };
        Some(format!("{number} {noun}"))
    });
    let counted: Vec<String> = counted.collect();
    let (last, others) = counted.split_last()?;
    if others.is_empty() {
        return Some(last.clone());
    }
    Some(format!("{} and {last}", others.join(", ")))
}

impl Prompt {
    fn new(color: bool) -> rustyline::Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_prompt_limit(100)
            .completion_show_all_if_ambiguous(true)
            .history_ignore_space(true)
            .max_history_size(10_000)?
            .history_ignore_dups(true)?
            .auto_add_history(false)
            .color_mode(if color {
                ColorMode::Forced
            } else {
                ColorMode::Disabled
            })
            .build();
        let mut editor = Editor::with_config(config)?;
        let names = Rc::new(RefCell::new(Names::default()));
        editor.set_helper(Some(Assistant {
            names: Rc::clone(&names),
        }));
        Ok(Self {
            editor,
            history: None,
            names,
        })
    }

    /// Reads the lines of earlier sessions. The file is created here, readable by nobody else: the editor would create
    /// it while the process has other default permissions.
    fn open_history(&mut self) -> Result<()> {
        let Some(path) = paths::history_file() else {
            return Ok(());
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .at("create the folder", folder)?;
        let options = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path);
        options
            .and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o600)))
            .at("open the history", &path)?;
        self.editor
            .load_history(&path)
            .map_err(io::Error::other)
            .at("read the history", &path)?;
        self.history = Some(path);
        Ok(())
    }

    /// Reads one line, or several that go on.
    fn read(&mut self) -> rustyline::Result<String> {
        let _idle = interrupt::Idle::begin();
        let mut text = self.editor.readline(PROMPT)?;
        while text.lines().last().is_some_and(continues) {
            text.push('\n');
            text.push_str(&self.editor.readline(CONTINUED)?);
        }
        Ok(text)
    }

    /// Keeps a line for later sessions.
    fn remember(&mut self, text: &str, messages: Messages) {
        if text.trim().is_empty() {
            return;
        }
        let added = self.editor.add_history_entry(text);
        let Some(path) = self.history.clone() else {
            return;
        };
        if let Err(error) = added.and_then(|_| self.editor.append_history(&path)) {
            messages.warning(&format!(
                "this session's lines are no longer kept: `{}`: {error}",
                path.display()
            ));
            self.history = None;
        }
    }

    /// Brings the names for completion up to date.
    fn refresh(&self, workspace: &Workspace, messages: Messages) {
        match Names::of(workspace) {
            Ok(names) => *self.names.borrow_mut() = names,
            Err(error) => messages.error(&error),
        }
    }
}

/// Completes words at the prompt.
#[derive(Debug)]
struct Assistant {
    names: Rc<RefCell<Names>>,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, words) = complete(line, position, &self.names.borrow());
        let alone = words.len() == 1;
        let pair = |word: String| {
            let replacement = if alone {
                format!("{word} ")
            } else {
                word.clone()
            };
            Pair {
                display: word,
                replacement,
            }
        };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {}

impl Highlighter for Assistant {
    fn highlight_candidate<'c>(&self, candidate: &'c str, _: CompletionType) -> Cow<'c, str> {
        Cow::Borrowed(candidate)
    }
}

impl Helper for Assistant {}
