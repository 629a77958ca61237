//! The commands of the prompt, of scripts and of `-c`.
//!
//! Each command has one file or folder with its arguments, its answer, `run` and the layout of the answer. clap parses a
//! line into [`Command`], and [`Command::execute`] runs it and prints the answer. Commands that may list more files than
//! memory holds return a stream instead of an answer.
//!
//! To add a command: write its file, then add a `mod` line, a variant and an arm here. Help, completion, docs/commands.md
//! and suggestions follow from the grammar.

mod add;
pub(crate) mod answer_path;
mod cards;
mod catalog;
pub mod catalog_pace;
pub mod catalog_session;
mod check;
mod command;
mod compare;
mod copy;
mod duplicates;
mod echo;
mod endpoints;
mod exclude;
mod explore;
mod failures;
mod fetch;
pub(crate) mod file_filter;
mod find;
mod free;
mod heal;
pub(crate) mod help;
mod history;
mod item_list;
pub(crate) mod last_answer;
mod list;
mod load;
mod mhl;
mod offload;
mod outcome_item;
mod outcome_sequence;
pub mod pattern;
mod policy;
mod prune;
pub mod publication;
pub mod remote_publication;
mod remove;
mod replica_cell;
mod report;
mod restore;
mod run;
mod safe;
mod save;
pub mod search;
mod search_place;
mod set;
pub mod settings;
pub(crate) mod source;
pub mod startup;
pub(crate) mod status;
mod studio_policy;
mod sync;
pub(crate) mod synonym;
mod target;
mod time_word;
mod undo;
mod unknown_place;
mod verify;
mod version_answer;
mod versions;
pub(crate) mod watch;
pub mod workspace;

use clap::{Arg, ArgAction, CommandFactory as _, Parser, Subcommand};

use self::command::RunCommand as _;
use self::workspace::Workspace;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::model::place::RootPrefetch;
use crate::output::printer::Printer;

/// A parsed line.
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

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Add(add::AddArgs),
    Cards(cards::CardsArgs),
    Catalog(catalog::CatalogArgs),
    Compare(compare::CompareArgs),
    Copy(copy::CopyArgs),
    Duplicates(duplicates::DuplicatesArgs),
    Echo(echo::EchoArgs),
    Exclude(exclude::ExcludeArgs),
    Explore(explore::ExploreArgs),
    Failures(failures::FailuresArgs),
    Fetch(fetch::FetchArgs),
    Find(find::FindArgs),
    Free(free::FreeArgs),
    Heal(heal::HealArgs),
    Help(help::HelpArgs),
    History(history::HistoryArgs),
    List(list::ListArgs),
    Load(load::LoadArgs),
    Mhl(mhl::MhlArgs),
    Offload(offload::OffloadArgs),
    Policy(policy::PolicyArgs),
    Prune(prune::PruneArgs),
    Remove(remove::RemoveArgs),
    Report(report::ReportArgs),
    Restore(restore::RestoreArgs),
    Safe(safe::SafeArgs),
    Save(save::SaveArgs),
    Set(set::SetArgs),
    Source(source::SourceArgs),
    Status(status::StatusArgs),
    Sync(sync::SyncArgs),
    Undo(undo::UndoArgs),
    Verify(verify::VerifyArgs),
    Versions(versions::VersionsArgs),
    Watch(watch::WatchArgs),
    /// Leave the prompt or end the script
    ///
    /// `quit` and Ctrl-D do the same.
    #[command(alias = "quit", after_help = "Examples:\n  exit\n  quit")]
    Exit,
}

/// Returns the grammar of all commands.
pub(crate) fn grammar() -> clap::Command {
    with_uniform_help(CommandLine::command())
}

/// Returns the grammar of all commands, built: positions, usage and subcommands can be read from it.
pub(crate) fn built_grammar() -> clap::Command {
    let mut grammar = grammar();
    grammar.build();
    grammar
}

/// Makes `-h` print the same page as `--help`, in all subcommands too.
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

/// The next step of a prompt or script after a line.
#[derive(Debug)]
pub(crate) enum Flow {
    Continue,
    /// Run the lines of a file, then continue.
    Source(source::SourceArgs),
    /// Repeat a question until the user ends it, then continue.
    Watch(watch::WatchArgs),
    Exit,
}

impl Command {
    /// True if the answer depends on what is known of storages, which other workstations may know better.
    const fn asks_the_index(&self) -> bool {
        // A policy that a start-up file states is shared by the first question.
        let states_policy = matches!(self, Self::Policy(command) if !command.is_question());
        !states_policy
            && !matches!(
                self,
                Self::Add(_)
                    | Self::Catalog(_)
                    | Self::Echo(_)
                    | Self::Exclude(_)
                    | Self::Exit
                    | Self::Help(_)
                    | Self::Remove(_)
                    | Self::Save(_)
                    | Self::Set(_)
                    | Self::Source(_)
                    | Self::Watch(_)
            )
    }

    /// Runs the command and prints its answer.
    pub(crate) fn execute(
        self,
        workspace: &mut Workspace,
        printer: &mut Printer,
    ) -> Result<(Flow, ExitStatus)> {
        if self.asks_the_index() {
            workspace.pull_catalog()?;
        }
        let status = match self {
            Self::Add(command) => printer.print(&command.run(workspace)?)?,
            Self::Cards(command) => printer.print(&command.run(workspace)?)?,
            Self::Catalog(command) => command.execute(workspace, printer)?,
            Self::Offload(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Compare(command) => printer.stream(&command.execute(workspace)?)?,
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
            Self::Duplicates(command) => printer.stream(&command.search(workspace)?)?,
            Self::Find(command) => printer.stream(&command.search(workspace)?)?,
            Self::Help(command) => {
                printer.print(&command.page(&grammar(), printer.screen().width, workspace)?)?
            }
            Self::History(command) if command.shows_sizes() => {
                printer.stream(&command.stream_sizes(workspace)?)?
            }
            Self::History(command) => match command.one_run() {
                Some(run) => printer.stream(&command.stream_items(workspace, run)?)?,
                None => printer.print(&command.run(workspace)?)?,
            },
            Self::List(command) => command.execute(workspace, printer)?,
            Self::Load(command) => printer.print(&command.run(workspace)?)?,
            Self::Policy(command) => printer.print(&command.run(workspace)?)?,
            Self::Remove(command) => printer.print(&command.run(workspace)?)?,
            Self::Report(command) => command.execute(workspace, printer)?,
            Self::Safe(command) => printer.print(&command.run(workspace)?)?,
            Self::Status(command) => printer.print(&command.run(workspace)?)?,
            Self::Verify(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Heal(command) => printer.print(&command.run(workspace)?)?,
            Self::Mhl(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Free(command) => printer.print(&command.run(workspace)?)?,
            Self::Prune(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Restore(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Undo(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Versions(command) => printer.stream(&command.execute(workspace)?)?,
            Self::Save(command) => printer.print(&command.run(workspace)?)?,
            Self::Set(command) => {
                let answer = command.run(workspace)?;
                // `set format` already answers in the new format.
                printer.set_format(workspace.settings.format);
                printer.print(&answer)?
            }
            Self::Source(command) => return Ok((Flow::Source(command), ExitStatus::Done)),
            Self::Watch(command) => return Ok((Flow::Watch(command), ExitStatus::Done)),
            Self::Exit => return Ok((Flow::Exit, ExitStatus::Done)),
        };
        Ok((Flow::Continue, status))
    }
}

impl Command {
    /// Resolves the names of the line without running it.
    ///
    /// # Errors
    /// The error that the line would fail with because of its words.
    pub(crate) fn check(self, workspace: &mut Workspace) -> Result<Flow> {
        match self {
            Self::Add(command) => {
                // The prefetch keeps `add` from looking at the disk.
                let prefetch = RootPrefetch::start(Vec::new());
                let before = workspace.root_prefetch.replace(prefetch);
                let added = command.run(workspace);
                workspace.root_prefetch = before;
                added.map(drop)
            }
            Self::Exclude(command) => command.run(workspace).map(drop),
            Self::Policy(command) => {
                // No other workstation learns what a check sets.
                let catalog = workspace.settings.catalog.take();
                let set = command.run(workspace);
                workspace.settings.catalog = catalog;
                set.map(drop)
            }
            Self::Remove(command) => command.run(workspace).map(drop),
            Self::Set(command) => command.run(workspace).map(drop),
            Self::Compare(command) => command.check(workspace),
            Self::Copy(command) => command.check(workspace),
            Self::Sync(command) => command.check(workspace),
            Self::Explore(command) => command.check(workspace),
            Self::Failures(command) => command.check(workspace),
            Self::Fetch(command) => command.check(workspace),
            Self::Duplicates(command) => command.check(workspace),
            Self::Find(command) => command.check(workspace),
            Self::History(command) => command.check(workspace),
            Self::List(command) => command.check(workspace),
            Self::Load(command) => command.check(workspace),
            Self::Report(command) => command.check(workspace),
            Self::Safe(command) => command.check(workspace),
            Self::Status(command) => command.check(workspace),
            Self::Prune(command) => command.check(workspace),
            Self::Restore(command) => command.check(workspace),
            Self::Versions(command) => command.check(workspace),
            Self::Free(command) => command.check(workspace),
            Self::Heal(command) => command.check(workspace),
            Self::Mhl(command) => command.check(workspace),
            Self::Verify(command) => command.check(workspace),
            Self::Offload(command) => command.check(workspace),
            Self::Source(command) => return Ok(Flow::Source(command)),
            Self::Watch(command) => return Ok(Flow::Watch(command)),
            Self::Cards(_)
            | Self::Catalog(_)
            | Self::Echo(_)
            | Self::Help(_)
            | Self::Save(_)
            | Self::Undo(_)
            | Self::Exit => Ok(()),
        }?;
        Ok(Flow::Continue)
    }
}

impl Command {
    /// Returns the reason why `watch` does not repeat the command; `None` for a question that the index answers.
    pub(crate) const fn watch_refusal(&self) -> Option<&'static str> {
        const SCANS: &str = "it would scan the storages every time";
        Some(match self {
            Self::Cards(_)
            | Self::Failures(_)
            | Self::Find(_)
            | Self::History(_)
            | Self::Status(_) => return None,
            Self::Catalog(command) if command.is_question() => return None,
            Self::Safe(command) if !command.scans() => return None,
            Self::Compare(command) if command.is_known() => return None,
            Self::Fetch(command) if !command.scans() => return None,
            Self::List(command) if !command.reads_folders() => return None,
            Self::Duplicates(_) => "it compares all files every time",
            Self::Versions(_) => "it reads the folders of old versions every time",
            Self::Compare(_) | Self::Fetch(_) | Self::List(_) | Self::Load(_) | Self::Safe(_) => {
                SCANS
            }
            Self::Copy(_)
            | Self::Free(_)
            | Self::Heal(_)
            | Self::Mhl(_)
            | Self::Offload(_)
            | Self::Prune(_)
            | Self::Report(_)
            | Self::Restore(_)
            | Self::Undo(_)
            | Self::Sync(_)
            | Self::Save(_) => "it writes files",
            Self::Verify(_) => "it reads files every time",
            Self::Catalog(_) => "it exchanges what is known every time",
            Self::Add(_) | Self::Exclude(_) | Self::Policy(_) | Self::Remove(_) | Self::Set(_) => {
                "it changes the session"
            }
            Self::Echo(_)
            | Self::Exit
            | Self::Explore(_)
            | Self::Help(_)
            | Self::Source(_)
            | Self::Watch(_) => "it answers no question about the studio",
        })
    }
}
