//! `list`: lists projects, clients, categories or databases with their sizes and copies, and workstations.
//!
//! The replicas come from the index (`index::overview`); a [`Selection`] leaves out what the line does not ask for; rows sum
//! what is left, are sorted, and end with a total.

mod answer;
mod database;
mod group;
mod hosts;
mod json;
mod kind;
#[cfg(test)]
mod law;
mod options;
mod outside;
mod row;
mod selection;

use clap::{Args, Subcommand};

use self::answer::ListAnswer;
use self::kind::ListKind;
use self::options::{FilterOptions, OrderOptions, SelectionWords};
use self::outside::OutsideArgs;
use self::selection::Selection;
use super::command::RunCommand;
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::index::overview;
use crate::output::printer::Printer;

/// List projects, clients, categories, storages or workstations
///
/// Answers come from the last scans, also for offline storages. A copy counts if it is whole: if it lacks no file that
/// another storage holds, and nothing in it is older. A size is that of all files that any storage holds, each once; with
/// `in STORAGE` it is what that storage holds. The last line is the total.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  list projects --sort size --limit 10
  list projects in NAS
  list projects in acme --older-than 90d
  list projects --copies 1
  list clients --sort size
  list databases
  list hosts")]
pub(crate) struct ListArgs {
    #[command(subcommand)]
    subcommand: ListSubcommand,
}

#[derive(Debug, Subcommand)]
enum ListSubcommand {
    #[command(flatten)]
    Grouped(GroupedList),
    Outside(OutsideArgs),
    /// List the workstations whose scans are known here: who scanned which storage, and when
    ///
    /// The answer comes from the index, also while the catalog is away.
    #[command(override_usage = "list hosts", after_help = "Examples:\n  list hosts")]
    Hosts,
}

/// A list of projects, grouped or one by one.
#[derive(Debug, Subcommand)]
enum GroupedList {
    /// List projects
    #[command(
        override_usage = "list projects [in CLIENT|CATEGORY|STORAGE]... [OPTIONS]",
        after_help = "Examples:
  list projects
  list projects in acme in NAS
  list projects --sort size --limit 10
  list projects --only-in WORK
  list projects --older-than 90d --sort newest --reverse"
    )]
    Projects {
        #[command(flatten)]
        words: SelectionWords,
        #[command(flatten)]
        filter: FilterOptions,
        #[command(flatten)]
        order: OrderOptions,
    },
    /// List clients
    #[command(
        override_usage = "list clients [in CATEGORY|STORAGE]... [OPTIONS]",
        after_help = "Examples:\n  list clients\n  list clients in NAS --sort size"
    )]
    Clients {
        #[command(flatten)]
        words: SelectionWords,
        #[command(flatten)]
        filter: FilterOptions,
        #[command(flatten)]
        order: OrderOptions,
    },
    /// List categories
    #[command(
        override_usage = "list categories [in CLIENT|STORAGE]... [OPTIONS]",
        after_help = "Examples:\n  list categories\n  list categories in acme"
    )]
    Categories {
        #[command(flatten)]
        words: SelectionWords,
        #[command(flatten)]
        order: OrderOptions,
    },
    /// List storages with their state, online or offline, and their free space
    #[command(
        alias = "storages",
        override_usage = "list databases [in CLIENT|CATEGORY]... [OPTIONS]",
        after_help = "Examples:\n  list databases\n  list databases --sort free"
    )]
    Databases {
        #[command(flatten)]
        words: SelectionWords,
        #[command(flatten)]
        order: OrderOptions,
    },
}

impl ListArgs {
    /// True if folders of the databases are read.
    pub(super) const fn reads_folders(&self) -> bool {
        match &self.subcommand {
            ListSubcommand::Grouped(_) | ListSubcommand::Hosts => false,
            ListSubcommand::Outside(list) => list.reads_folders(),
        }
    }

    /// Lists and prints the answer.
    pub(crate) fn execute(
        self,
        workspace: &mut Workspace,
        printer: &mut Printer,
    ) -> Result<ExitStatus> {
        match self.subcommand {
            ListSubcommand::Grouped(list) => printer.print(&list.run(workspace)?),
            ListSubcommand::Outside(list) => printer.print(&list.run(workspace)?),
            ListSubcommand::Hosts => printer.print(&hosts::read(workspace)?),
        }
    }

    /// Resolves the names of the line.
    pub(crate) fn check(self, workspace: &Workspace) -> Result<()> {
        match self.subcommand {
            ListSubcommand::Grouped(list) => {
                let (kind, words, filter, _) = list.into_parts();
                Selection::parse(&words.words, &filter, kind, workspace)?;
                workspace.last_answer.assume();
                Ok(())
            }
            ListSubcommand::Outside(list) => list.check(workspace),
            ListSubcommand::Hosts => Ok(()),
        }
    }
}

impl RunCommand for GroupedList {
    type Answer = ListAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<ListAnswer> {
        let (kind, words, filter, order) = self.into_parts();
        let selection = Selection::parse(&words.words, &filter, kind, workspace)?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let overview = overview::read_and_store(index, registry, &selection.scope())?;
        let total = selection.sum(&overview.projects);
        let mut rows = match kind {
            ListKind::Databases => database::rows(workspace, &selection, &overview.projects)?,
            _ => group::rows(kind, registry, &selection, &overview.projects),
        };
        let found = rows.len();
        order.apply(&mut rows);
        if matches!(kind, ListKind::Projects | ListKind::Clients) {
            let listed = rows.iter().flat_map(|row| &row.projects);
            workspace.last_answer.keep(listed);
        }
        Ok(ListAnswer {
            kind,
            rows,
            found,
            total,
            is_restricted: !words.words.is_empty() || filter != FilterOptions::default(),
            setup_hint: workspace.setup_hint(),
        })
    }
}

impl GroupedList {
    fn into_parts(self) -> (ListKind, SelectionWords, FilterOptions, OrderOptions) {
        let no_filter = FilterOptions::default;
        match self {
            Self::Projects {
                words,
                filter,
                order,
            } => (ListKind::Projects, words, filter, order),
            Self::Clients {
                words,
                filter,
                order,
            } => (ListKind::Clients, words, filter, order),
            Self::Categories { words, order } => (ListKind::Categories, words, no_filter(), order),
            Self::Databases { words, order } => (ListKind::Databases, words, no_filter(), order),
        }
    }
}
