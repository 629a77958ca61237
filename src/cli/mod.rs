//! The process: its options, which mouth commands come from, and the status it ends with.

mod mistakes;
mod options;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::mem;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::commands::with_one_help;
use crate::error::{At as _, Result};
use crate::exit_status::ExitStatus;
use crate::index::Index;
use crate::interrupt;
use crate::os::{limits, terminal};
use crate::output::color::ColorChoice;
use crate::output::messages::Messages;
use crate::output::printer::Printer;
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::paths;
use crate::registry::Registry;
use crate::shell::prompt;
use crate::shell::script::Script;
use crate::shell::session::Session;
use crate::startup;
use crate::workspace::Workspace;
use mistakes::{or_a_command, surplus};
use options::{Options, help_color, message_color};

/// Runs the process; `main` returns what this does.
#[must_use]
pub fn run() -> ExitStatus {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let color = help_color(&arguments);
    let grammar = with_one_help(Options::command()).color(color);
    let parsed = grammar.try_get_matches();
    let options = match parsed.and_then(|matches| Options::from_arg_matches(&matches)) {
        Ok(options) => options,
        Err(complaint) => {
            if let Some(error) = surplus(&complaint, &arguments) {
                Messages::new(message_color(color), false).error(&error);
                return error.status();
            }
            // clap writes help to standard output and mistakes to standard error; a closed pipe is no mistake.
            complaint.print().unwrap_or_default();
            return if complaint.use_stderr() {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            };
        }
    };
    let messages = Messages::new(options.color.into(), options.quiet);
    match session(&options, messages) {
        Ok(status) => status,
        Err(error) => {
            messages.error(&error);
            error.status()
        }
    }
}

/// Runs the start-up file, then what was asked for.
fn session(options: &Options, messages: Messages) -> Result<ExitStatus> {
    limits::reserve();
    let folder = env::current_dir().at("find", "the current folder")?;
    let interactive = is_interactive(options);
    // What was asked for is read first: a script that is not there must not start anything.
    let scripts = if interactive {
        Vec::new()
    } else {
        scripts(options)?
    };
    // Only now: a wait for a script that never comes must end at the first Ctrl-C, as the system ends it.
    interrupt::install().at("catch signals for", "this process")?;
    let found = if options.no_config {
        startup::Found {
            save: paths::configuration_file(),
            ..startup::Found::default()
        }
    } else {
        startup::find(options.config.as_deref(), &folder)
    };
    if let Some(why) = &found.passed_over {
        messages.warning(why);
    }
    let workspace = open_workspace(options, messages, &folder, found.save)?;
    let mut session = Session {
        workspace,
        printer: printer(options),
        messages,
    };
    let mut worst = ExitStatus::Done;
    if let Some(path) = &found.run {
        let (exit, status) = run_startup(path, &mut session, interactive, &folder)?;
        if exit || (status.stops_script() && !interactive) {
            return Ok(status);
        }
        worst = status;
    }
    if interactive {
        session.workspace.ask = (!options.yes).then_some(prompt::ask);
        return prompt::run(&mut session);
    }
    for (path, script) in scripts {
        let base = path
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let (exit, status) = run_in(
            &folder.join(base),
            &script,
            &mut session,
            options.keep_going,
        );
        worst = worst.max(status);
        if exit || status.stops_everything() || (status.stops_script() && !options.keep_going) {
            break;
        }
    }
    Ok(worst)
}

/// Whether there is a person at a terminal that can be edited on.
fn is_interactive(options: &Options) -> bool {
    options.script.is_none()
        && options.command.is_empty()
        && io::stdin().is_terminal()
        && io::stdout().is_terminal()
        && env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Runs the start-up file. It answers at the prompt only: elsewhere standard output belongs to what was asked for.
fn run_startup(
    path: &Path,
    session: &mut Session,
    interactive: bool,
    folder: &Path,
) -> Result<(bool, ExitStatus)> {
    let script = Script::read_startup(path)?;
    let printer = (!interactive).then(|| mem::replace(&mut session.printer, Printer::silent()));
    let base = folder.join(path.parent().unwrap_or(Path::new("")));
    let ended = run_in(&base, &script, session, false);
    if let Some(printer) = printer {
        session.printer = printer;
    }
    session
        .workspace
        .saved
        .clone_from(&session.workspace.registry);
    session.workspace.replaced.clear();
    Ok(ended)
}

/// Runs a script with this folder as the base of relative paths.
fn run_in(
    base: &Path,
    script: &Script,
    session: &mut Session,
    keep_going: bool,
) -> (bool, ExitStatus) {
    let before = mem::replace(&mut session.workspace.base, base.to_owned());
    let ended = script.run(session, keep_going);
    session.workspace.base = before;
    ended
}

/// What is to be run, with the path of a script file.
fn scripts(options: &Options) -> Result<Vec<(Option<PathBuf>, Script)>> {
    if !options.command.is_empty() {
        return Ok(options
            .command
            .iter()
            .zip(1..)
            .map(|(text, number)| (None, Script::from_option(text, number)))
            .collect());
    }
    match &options.script {
        Some(path) if path != Path::new("-") => {
            let script = Script::read(path).map_err(|error| or_a_command(error, path))?;
            Ok(vec![(Some(path.clone()), script)])
        }
        _ => Ok(vec![(None, Script::read_stdin()?)]),
    }
}

/// Opens the index, and says so if the one before was damaged.
fn open_workspace(
    options: &Options,
    messages: Messages,
    folder: &Path,
    startup: Option<PathBuf>,
) -> Result<Workspace> {
    let path = options.index.clone().map_or_else(paths::index_file, Ok)?;
    let opened = Index::open(&path)?;
    if let Some(kept) = opened.set_aside {
        messages.damaged(&kept);
    }
    Ok(Workspace {
        registry: Registry::default(),
        saved: Registry::default(),
        replaced: BTreeSet::new(),
        index: opened.index,
        monitor: Box::new(Progress::new(messages)),
        base: folder.to_owned(),
        startup,
        ask: None,
    })
}

/// The writer of answers.
fn printer(options: &Options) -> Printer {
    let terminal = io::stdout().is_terminal();
    let color = ColorChoice::from(options.color).applies(terminal);
    let screen = Screen {
        terminal,
        width: terminal::width(),
        color,
    };
    Printer::new(
        Box::new(io::stdout()),
        options.format.into(),
        screen,
        options.quiet,
    )
}
