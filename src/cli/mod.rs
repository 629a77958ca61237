//! The process: command-line options in, exit status out.
//!
//! `run` parses the options, opens the index, runs the start-up file and then one of three sources of commands: the prompt,
//! a script or `-c`. Scripts are read before anything starts, so a missing one changes nothing. The process exits with the
//! worst status of its commands.

mod command_words;
mod generate;
mod manual;
mod options;
mod script_source;
mod usage_error;

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _};

use self::command_words::split;
use self::options::{Options, has_json_format, help_color, message_color};
use self::script_source::{is_interactive, read_scripts};
use self::usage_error::explain_surplus_word;
use crate::base::confirmation::Confirmation;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::commands::last_answer::LastAnswer;
use crate::commands::settings::Settings;
use crate::commands::startup;
use crate::commands::startup::{StartupFile, StartupSearch};
use crate::commands::with_uniform_help;
use crate::commands::workspace::Workspace;
use crate::index::{Index, SetAside};
use crate::language::variable::Variables;
use crate::model::path;
use crate::model::place::RootPrefetch;
use crate::model::registry::Registry;
use crate::os::exec_shim;
use crate::os::limit;
use crate::os::scratch::TempFolder;
use crate::output::color::ColorChoice;
use crate::output::message::Messages;
use crate::output::printer::{Format, Printer};
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::shell::failure_summary::FailureSummary;
use crate::shell::prompt;
use crate::shell::script::Script;
use crate::shell::session::{ScriptOutcome, Session};
use crate::storage::availability::Reach;

/// Runs the process and returns its exit status.
pub fn run() -> ExitStatus {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == exec_shim::EXEC_SHIM_OPTION)
    {
        return run_exec_shim(arguments);
    }
    exec_shim::enable();
    interrupt::ignore_file_size_signal();
    let color = help_color(&arguments);
    let grammar = with_uniform_help(Options::command()).color(color);
    let json = has_json_format(&arguments);
    let arguments = split(arguments);
    let parsed =
        grammar.try_get_matches_from([OsString::from("auto-backup")].iter().chain(&arguments.own));
    let options = match parsed.and_then(|matches| Options::from_arg_matches(&matches)) {
        Ok(options) => Options {
            words: arguments.words,
            ..options
        },
        Err(clap_error) => {
            let messages = Messages::new(message_color(color), false).with_json(json);
            let explained = explain_surplus_word(&clap_error, &arguments.own);
            let for_programs = || json.then(|| usage_error::plain_error(&clap_error));
            let error = explained.or_else(|| for_programs().filter(|_| clap_error.use_stderr()));
            if let Some(error) = error {
                messages.error(&error);
                return error.exit_status();
            }
            // clap writes help to standard output and usage errors to standard error.
            ignore(clap_error.print(), "a closed pipe is not an error");
            return if clap_error.use_stderr() {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            };
        }
    };
    let messages = Messages::new(options.color_choice(), options.quiet).with_json(json);
    if let Some(name) = arguments.shadowed {
        messages.notice(&format!(
            "note: the file `{name}` runs as a script; `auto-backup -c {name}` runs the command"
        ));
    }
    let ended = match options.generate {
        Some(what) => generate::print(what),
        None => run_session(&options, messages),
    };
    match ended {
        Ok(status) => status,
        Err(error) => {
            messages.error(&error);
            error.exit_status()
        }
    }
}

/// Runs another program in place of this process. Reads no options: the parent process chose the arguments.
fn run_exec_shim(arguments: Vec<OsString>) -> ExitStatus {
    let error = exec_shim::exec_program(arguments.into_iter().skip(1));
    Messages::new(ColorChoice::Never, false).warning(&format!("cannot start: {error}"));
    ExitStatus::Failed
}

/// Runs the start-up file, then the prompt or the scripts.
fn run_session(options: &Options, messages: Messages) -> Result<ExitStatus> {
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
    if let Some(file) = search.file {
        let ended = run_startup(file, &mut session, options, interactive, &folder)?;
        // A check reports the mistakes of the start-up file and goes on.
        let has_failed = ended.status.stops_script() && !options.check;
        if ended.exit_requested && !has_failed && !options.check {
            return Ok(ExitStatus::Done);
        }
        if has_failed && !ended.status.is_cancellation() {
            messages.notice(if interactive {
                "the rest of the start-up file was not run"
            } else {
                "the rest of the start-up file, and what should follow it, was not run"
            });
        }
        if (ended.exit_requested && !options.check) || (has_failed && !interactive) {
            return Ok(ended.status);
        }
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
    if options.check {
        let (summary, status) = session.failure_summary.check_result(worst);
        session.messages.notice(&summary);
        return Ok(status);
    }
    let nothing_tracked = session.workspace.registry.databases().is_empty();
    if worst == ExitStatus::Failed && nothing_tracked && !has_startup_file && !options.no_config {
        messages.notice(&startup::not_found_message());
    }
    // A failure of `-c` names its line already.
    if options.command.is_empty()
        && options.words.is_empty()
        && let Some(summary) = session.failure_summary.message(options.keep_going)
    {
        session.messages.note(&summary);
    }
    Ok(worst)
}

fn find_startup_file(options: &Options, folder: &Path) -> StartupSearch {
    if options.no_config {
        return StartupSearch {
            save_path: path::configuration_file(),
            ..StartupSearch::default()
        };
    }
    startup::find(options.config.as_deref(), folder)
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

/// Runs the start-up file. At the prompt its answers are shown as under `--quiet`; otherwise they are discarded, because
/// standard output belongs to the script.
fn run_startup(
    file: StartupFile,
    session: &mut Session,
    options: &Options,
    interactive: bool,
    folder: &Path,
) -> Result<ScriptOutcome> {
    let base = folder.join(file.path.parent().unwrap_or(Path::new("")));
    let script = Script::read_startup(file)?;
    let printer = (!interactive).then(|| mem::replace(&mut session.printer, Printer::discarding()));
    session.printer.set_quiet(true);
    let roots = startup::database_roots(script.text(), &base, &session.workspace.variables);
    session.workspace.root_prefetch = Some(RootPrefetch::start(roots));
    session.is_startup = true;
    let ended = session.run_script(&script, &base, Vec::new());
    session.is_startup = false;
    session.workspace.root_prefetch = None;
    if let Some(printer) = printer {
        session.printer = printer;
    }
    session.printer.set_quiet(options.quiet);
    options.apply(&mut session.workspace.settings);
    session.apply_settings();
    // Failures of the start-up file were reported; the summary covers the script, and a check both.
    if session.is_check {
        session.failure_summary.restart_count();
    } else {
        session.failure_summary = FailureSummary::default();
    }
    session
        .workspace
        .saved_registry
        .clone_from(&session.workspace.registry);
    session.workspace.replaced_keys.clear();
    session.workspace.last_answer.forget();
    session.workspace.adopt_moved_databases(Reach::Local)?;
    ended
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
    options.apply(&mut settings);
    Ok(Workspace {
        registry: Registry::default(),
        saved_registry: Registry::default(),
        replaced_keys: BTreeSet::new(),
        index: opened.index,
        variables,
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
