//! The session of the process: the start-up file, then the prompt or the scripts.

use std::collections::BTreeSet;
use std::env;
use std::io;
use std::path::{Path, PathBuf};

use super::options::Options;
use super::script_source::{is_interactive, read_scripts};
use super::startup_file::{find_startup_file, run_startup};
use crate::base::confirmation::Confirmation;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::interrupt;
use crate::commands::catalog_pace::CatalogPace;
use crate::commands::last_answer::LastAnswer;
use crate::commands::settings::Settings;
use crate::commands::startup;
use crate::commands::workspace::Workspace;
use crate::index::{Index, SetAside};
use crate::language::variable::Variables;
use crate::model::path;
use crate::model::registry::Registry;
use crate::os::limit;
use crate::os::scratch::TempFolder;
use crate::output::message::Messages;
use crate::output::printer::{Format, Printer};
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::shell::prompt;
use crate::shell::script::Script;
use crate::shell::session::{ScriptOutcome, Session};

/// Runs the start-up file, then the prompt or the scripts.
pub(super) fn run_session(options: &Options, messages: Messages) -> Result<ExitStatus> {
    limit::grow_file_table();
    let folder = env::current_dir().at("find", "the current folder")?;
    let interactive = is_interactive(options);
    // Scripts are read first: nothing may start if one is missing.
    let scripts = if interactive {
        Vec::new()
    } else {
        read_scripts(options)?
    };
    // Signals are caught only now: Ctrl-C must still end a wait for a script on standard input.
    interrupt::install().at("catch signals for", "this process")?;
    let search = find_startup_file(options, &folder);
    for why in &search.rejections {
        messages.warning(why);
    }
    let has_startup_file = search.file.is_some() || !search.rejections.is_empty();
    let scratch = options.check.then(TempFolder::new).transpose()?;
    let workspace = open_workspace(
        options,
        messages,
        &folder,
        search.save_path,
        scratch.as_ref(),
    )?;
    let mut session = Session::new(workspace, printer(options), messages);
    session.is_check = options.check;
    if !interactive && !has_startup_file && !options.no_config {
        session.workspace.missing_startup_file = Some(startup::not_found_message());
    }
    if let Some(file) = search.file {
        let ended = run_startup(file, &mut session, options, interactive, &folder)?;
        if let Some(status) = end_after_startup(ended, interactive, options, messages) {
            return Ok(status);
        }
    }
    if !options.check {
        take_over_publications(&mut session)?;
    }
    if interactive {
        session.begin_prompt(if options.yes {
            Confirmation::Granted
        } else {
            Confirmation::Interactive(prompt::confirmation_prompt(options.is_accessible()))
        });
        return prompt::run(&mut session);
    }
    let worst = run_scripts(scripts, &mut session, options, &folder)?;
    Ok(summarize(&session, options, worst))
}

/// Takes over what other workstations published. Only an interruption ends the session: its answers come from what is known.
fn take_over_publications(session: &mut Session) -> Result<()> {
    match session.workspace.take_over_publications() {
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => {
            session.messages.error(&error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Returns the exit status if nothing runs after the start-up file.
fn end_after_startup(
    ended: ScriptOutcome,
    interactive: bool,
    options: &Options,
    messages: Messages,
) -> Option<ExitStatus> {
    // A check reports the mistakes of the start-up file and goes on.
    if options.check {
        return None;
    }
    let has_failed = ended.status.stops_script();
    if ended.exit_requested && !has_failed {
        return Some(ExitStatus::Done);
    }
    if has_failed && !ended.status.is_cancellation() {
        messages.notice(if interactive {
            "the rest of the start-up file was not run"
        } else {
            "the rest of the start-up file, and what should follow it, was not run"
        });
    }
    (ended.exit_requested || (has_failed && !interactive)).then_some(ended.status)
}

/// Prints the summary of scripts and returns the exit status.
fn summarize(session: &Session, options: &Options, worst: ExitStatus) -> ExitStatus {
    if options.check {
        let (summary, status) = session.failure_summary.check_result(worst);
        session.messages.notice(&summary);
        return status;
    }
    let workspace = &session.workspace;
    let nothing_tracked = workspace.registry.databases().is_empty();
    let missing = workspace.missing_startup_file.as_ref();
    if let Some(message) = missing.filter(|_| worst == ExitStatus::Failed && nothing_tracked) {
        session.messages.notice(message);
    }
    // A failure of `-c` names its line already.
    if options.command.is_empty()
        && options.words.is_empty()
        && let Some(summary) = session.failure_summary.message(options.keep_going)
    {
        session.messages.note(&summary);
    }
    worst
}

/// Runs the scripts up to the first that fails and returns the worst status. A start-up file that ended with 3 does not
/// count: the status answers the script alone.
fn run_scripts(
    scripts: Vec<(Script, PathBuf)>,
    session: &mut Session,
    options: &Options,
    folder: &Path,
) -> Result<ExitStatus> {
    let mut worst = ExitStatus::Done;
    session.keep_going = options.keep_going;
    for (script, base) in scripts {
        let ended = session.run_script(&script, &folder.join(base), options.arguments.clone())?;
        let status = ended.status;
        worst = worst.max(status);
        let stops = status.stops_script() && !options.keep_going && !options.check;
        if ended.exit_requested || stops || status.is_cancellation() {
            break;
        }
    }
    Ok(worst)
}

/// Opens the index and warns if a damaged one was set aside.
fn open_workspace(
    options: &Options,
    messages: Messages,
    folder: &Path,
    startup: Option<PathBuf>,
    scratch: Option<&TempFolder>,
) -> Result<Workspace> {
    let mut path = options.index.clone().map_or_else(path::index_file, Ok)?;
    // A check creates no index.
    if let Some(scratch) = scratch.filter(|_| !path.exists()) {
        path = scratch.path().join("index.sqlite");
    }
    let opened = Index::open(&path)?;
    match opened.set_aside {
        None => {}
        Some(SetAside::Damaged(kept)) => messages.index_damaged(&kept),
        Some(SetAside::Outdated(kept)) => messages.index_outdated(&kept),
    }
    let mut variables = Variables::default();
    for (name, value) in options.definitions.iter().cloned() {
        variables.define(name, value);
    }
    let mut settings = Settings::default();
    options.apply(&mut settings)?;
    Ok(Workspace {
        registry: Registry::default(),
        saved_registry: Registry::default(),
        replaced_keys: BTreeSet::new(),
        index: opened.index,
        variables,
        saved_settings: settings.clone(),
        settings,
        last_answer: LastAnswer::default(),
        monitor: Box::new(Progress::new(messages, options.is_accessible())),
        base: folder.to_owned(),
        startup_path: startup,
        confirmation: if options.yes {
            Confirmation::Granted
        } else {
            Confirmation::NonInteractive
        },
        dry_run: options.dry_run,
        root_prefetch: None,
        missing_startup_file: None,
        catalog_pace: CatalogPace::default(),
        lease_catalog: None,
    })
}

fn printer(options: &Options) -> Printer {
    let screen = Screen::stdout(options.color_choice(), options.is_accessible());
    Printer::new(
        Box::new(io::stdout()),
        Format::default(),
        screen,
        options.quiet,
    )
}
