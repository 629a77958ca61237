//! The process: its options, which mouth commands come from, and the status it ends with.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::mem;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};

use crate::commands::{grammar, with_one_help};
use crate::error::{At as _, Error, Result};
use crate::exit_status::ExitStatus;
use crate::index::Index;
use crate::interrupt;
use crate::lexer::quote;
use crate::name::Name;
use crate::os::{limits, terminal};
use crate::output::color::ColorChoice;
use crate::output::messages::Messages;
use crate::output::printer::{Format, Printer};
use crate::output::progress::Progress;
use crate::output::screen::Screen;
use crate::paths;
use crate::registry::Registry;
use crate::shell::prompt;
use crate::shell::script::Script;
use crate::shell::session::Session;
use crate::startup;
use crate::workspace::Workspace;

/// See where every project of a studio is, how big it is and what differs, and copy it between storages
///
/// Without SCRIPT and `-c`: the prompt on a terminal, else the commands on standard input. The commands are the same
/// everywhere; `auto-backup -c help` lists them. First of all the start-up file is run: `--config`, else
/// `$AUTO_BACKUP_CONFIG`, else `./.config`, else `auto-backup/.config` in the user's configuration folder.
#[derive(Debug, Parser)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[command(
    name = "auto-backup",
    version,
    after_help = "Examples:
  auto-backup
  auto-backup nightly.ab
  auto-backup -c 'load --older-than 1h' -c 'fetch all' --format json

Exit status:
    0  all done
    1  a command failed
    2  wrong usage or syntax
    3  some items failed, are in conflict or differ, or a database to be looked at is offline
    5  another run is at work on that database
  130  stopped by Ctrl-C
  143  stopped by SIGTERM or SIGHUP"
)]
struct Options {
    /// A file of commands; `-` is standard input
    #[arg(value_name = "SCRIPT", conflicts_with = "command")]
    script: Option<PathBuf>,
    /// Run this command; repeatable
    #[arg(short = 'c', value_name = "COMMAND", allow_hyphen_values = true)]
    command: Vec<String>,
    /// The start-up file
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,
    /// Run no start-up file
    #[arg(long)]
    no_config: bool,
    /// The index file
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// How answers are written
    #[arg(long, value_enum, default_value_t)]
    format: FormatOption,
    /// Whether there is colour; wins over `NO_COLOR`
    #[arg(long, value_enum, default_value_t)]
    color: ColorOption,
    /// Go on after a line of a script that failed
    #[arg(long)]
    keep_going: bool,
    /// Print only answers that were asked for and what needs attention
    #[arg(long)]
    quiet: bool,
    /// Answer yes where a command asks
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatOption {
    /// Tables for people
    #[default]
    Table,
    /// Tab-separated lines without a heading
    Plain,
    /// CSV with a heading
    Csv,
    /// One JSON document a command and line
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ColorOption {
    /// On a terminal
    #[default]
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl From<FormatOption> for Format {
    fn from(option: FormatOption) -> Self {
        match option {
            FormatOption::Table => Self::Table,
            FormatOption::Plain => Self::Plain,
            FormatOption::Csv => Self::Csv,
            FormatOption::Json => Self::Json,
        }
    }
}

impl From<ColorOption> for ColorChoice {
    fn from(option: ColorOption) -> Self {
        match option {
            ColorOption::Auto => Self::Auto,
            ColorOption::Always => Self::Always,
            ColorOption::Never => Self::Never,
        }
    }
}

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

/// What `--color` says, for help and complaints that come before the options are known.
fn help_color(arguments: &[OsString]) -> clap::ColorChoice {
    let mut values = arguments
        .iter()
        .enumerate()
        .filter_map(|(place, argument)| {
            let argument = argument.to_str()?;
            match argument.strip_prefix("--color")? {
                "" => arguments.get(place + 1)?.to_str(),
                rest => rest.strip_prefix('='),
            }
        });
    match values.next_back() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// The same choice for our own messages.
const fn message_color(color: clap::ColorChoice) -> ColorChoice {
    match color {
        clap::ColorChoice::Auto => ColorChoice::Auto,
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
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

/// A script that is not there, but is called like a command, was meant as one.
fn or_a_command(error: Error, path: &Path) -> Error {
    let is_missing =
        matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
    if is_missing && grammar().find_subcommand(path).is_some() {
        return use_c(
            &path.to_string_lossy(),
            "is a command and no script",
            &[path.into()],
        );
    }
    error
}

/// A word too many on the process's command line: somebody typed a command without `-c`.
fn surplus(complaint: &clap::Error, arguments: &[OsString]) -> Option<Error> {
    let Some(ContextValue::String(word)) = complaint.get(ContextKind::InvalidArg) else {
        return None;
    };
    if complaint.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let grammar = grammar();
    let first = arguments
        .iter()
        .position(|word| grammar.find_subcommand(word).is_some());
    let words = arguments
        .get(first.unwrap_or(arguments.len())..)
        .unwrap_or_default();
    let is_option = |argument: &OsString| argument.as_encoded_bytes().starts_with(b"-");
    if !word.starts_with('-') {
        let end = words.iter().position(is_option).unwrap_or(words.len());
        return Some(use_c(word, "is one word too many", &words[..end]));
    }
    // An option after a command is the command's own.
    (first == Some(0)).then(|| use_c(word, "is no option of auto-backup itself", words))
}

/// What is wrong with a word, and how the command that these words may be is run.
fn use_c(word: &str, what: &str, words: &[OsString]) -> Error {
    let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let line = Some(line.join(" ")).filter(|line| !line.is_empty() && !line.contains('\''));
    let example = line.as_deref().unwrap_or("list clients");
    Error::Syntax {
        message: format!("`{}` {what}", Name::from(word)),
        span: 0..0,
        hint: Some(format!(
            "a command is run with `-c`, as in `auto-backup -c '{example}'`"
        )),
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
