//! The commands: one file each with its arguments, its answer, `run`, and how the answer is laid out. What may find more
//! files than can be held answers with a stream, and `search` in the place of `run`.
//!
//! To add one: the file, a `mod` line, a variant and an arm here. Help, completion, docs/commands.md and "did you mean"
//! follow.

mod add;
mod compare;
mod copy;
mod echo;
mod exclude;
mod explore;
mod failures;
mod fetch;
mod find;
pub(crate) mod help;
mod history;
mod list;
mod load;
pub mod pattern;
mod remove;
mod save;
pub mod search;
mod set;
pub mod setting;
pub(crate) mod source;
pub mod startup;
mod sync;
pub mod workspace;

use std::ffi::OsStr;

use clap::{Arg, ArgAction, CommandFactory as _, Parser, Subcommand};

use self::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::suggest::suggest;
use crate::index::overview;
use crate::language::lexer::quote;
use crate::model::project::{ProjectId, Scope};
use crate::output::answer::Answer;
use crate::output::printer::Printer;

/// One line, parsed.
#[derive(Debug, Parser)]
#[command(
    name = "auto-backup",
    no_binary_name = true,
    disable_help_subcommand = true,
    disable_version_flag = true,
    subcommand_value_name = "COMMAND",
    override_usage = "COMMAND [ARGUMENTS]",
    help_template = "{subcommands}"
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(add::AddArgs),
    Compare(compare::CompareArgs),
    Copy(copy::CopyArgs),
    Echo(echo::EchoArgs),
    Exclude(exclude::ExcludeArgs),
    Explore(explore::ExploreArgs),
    Failures(failures::FailuresArgs),
    Fetch(fetch::FetchArgs),
    Find(find::FindArgs),
    Help(help::HelpArgs),
    History(history::HistoryArgs),
    List(list::ListArgs),
    Load(load::LoadArgs),
    Remove(remove::RemoveArgs),
    Save(save::SaveArgs),
    Set(set::SetArgs),
    Source(source::SourceArgs),
    Sync(sync::SyncArgs),
    /// Leave the prompt or end the script
    ///
    /// `quit` and Ctrl-D do the same.
    #[command(alias = "quit", after_help = "Examples:\n  exit\n  quit")]
    Exit,
}

/// The grammar of all commands.
pub(crate) fn grammar() -> clap::Command {
    with_uniform_help(CommandLine::command())
}

/// The same, ready to be looked through.
pub(crate) fn built_grammar() -> clap::Command {
    let mut grammar = grammar();
    grammar.build();
    grammar
}

/// The same page for `-h` as for `--help`, in every command below too.
pub(crate) fn with_uniform_help(command: clap::Command) -> clap::Command {
    let help = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::HelpLong)
        .help("Print help");
    command
        .disable_help_flag(true)
        .arg(help)
        .mut_subcommands(with_uniform_help)
}

/// Reads a project that must be one; for a lone folder name says which projects may be meant.
fn parse_project(
    word: &OsStr,
    workspace: &Workspace,
    client_command: Option<&str>,
) -> Result<ProjectId> {
    let client = match Scope::parse(word)? {
        Scope::Project(project) => return Ok(project),
        scope => scope.name(),
    };
    let (index, registry) = (&workspace.index, &workspace.registry);
    let projects = overview::projects(index, registry, registry.databases())?;
    let quoted = |project: &ProjectId| quote(project.name().as_os_str());
    let of_client = |project: &&ProjectId| project.client == client;
    let mut near: Vec<String> = projects.iter().filter(of_client).map(quoted).collect();
    let instead = (!near.is_empty() || projects.is_empty())
        .then_some(client_command)
        .flatten();
    if near.is_empty() {
        let typed = client.to_string();
        let is_similar = |project: &&ProjectId| {
            let names = [&project.project, &project.client].map(ToString::to_string);
            !suggest(&typed, names.iter().map(String::as_str)).is_empty()
        };
        near = projects.iter().filter(is_similar).map(quoted).collect();
    }
    Err(Error::NotAProject {
        listing_command: instead.map(|line| format!("{line} {}", quote(word))),
        word: client,
        suggestions: near,
    })
}

/// A command that can be run.
pub(crate) trait RunCommand {
    /// What it answers.
    type Answer: Answer;

    /// Does the work and prints nothing.
    fn run(self, workspace: &mut Workspace) -> Result<Self::Answer>;
}

/// Whether the prompt or script goes on.
#[derive(Debug)]
pub(crate) enum Flow {
    /// To the next line.
    Continue,
    /// Through the lines of this file first.
    Source(source::SourceArgs),
    /// It ends here.
    Exit,
}

impl Command {
    /// Runs the command and prints its answer.
    pub(crate) fn execute(
        self,
        workspace: &mut Workspace,
        printer: &mut Printer,
    ) -> Result<(Flow, ExitStatus)> {
        let status = match self {
            Self::Add(command) => printer.print(&command.run(workspace)?)?,
            Self::Compare(command) => printer.print(&command.run(workspace)?)?,
            Self::Copy(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Sync(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Echo(command) => printer.print(&command.run(workspace)?)?,
            Self::Exclude(command) => printer.print(&command.run(workspace)?)?,
            Self::Explore(command) => printer.print(&command.run(workspace)?)?,
            Self::Failures(command) => printer.print(&command.run(workspace)?)?,
            Self::Fetch(command) if command.lists_files() => {
                printer.stream(&command.stream_files(workspace)?)?
            }
            Self::Fetch(command) => printer.print(&command.run(workspace)?)?,
            Self::Find(command) => printer.stream(&command.search(workspace)?)?,
            Self::Help(command) => {
                printer.print(&command.with_width(printer.screen().width).run(workspace)?)?
            }
            Self::History(command) if command.shows_one_run() => {
                printer.stream(&command.stream_items(workspace)?)?
            }
            Self::History(command) => printer.print(&command.run(workspace)?)?,
            Self::List(command) => printer.print(&command.run(workspace)?)?,
            Self::Load(command) => printer.print(&command.run(workspace)?)?,
            Self::Remove(command) => printer.print(&command.run(workspace)?)?,
            Self::Save(command) => printer.print(&command.run(workspace)?)?,
            Self::Set(command) => {
                let answer = command.run(workspace)?;
                // What is set is told as it was asked for.
                printer.set_format(workspace.settings.format);
                printer.print(&answer)?
            }
            Self::Source(command) => return Ok((Flow::Source(command), ExitStatus::Done)),
            Self::Exit => return Ok((Flow::Exit, ExitStatus::Done)),
        };
        Ok((Flow::Continue, status))
    }
}
