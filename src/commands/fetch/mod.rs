//! `fetch`: shows the replicas of projects, their sizes and their differences.
//!
//! Answers from the index; with `--live` it scans the databases first. An offline replica is shown as it was last seen, never
//! as missing.

mod files;
mod overview;

use std::ffi::OsString;

use clap::{Args, Subcommand};

use self::files::FetchFilesAnswer;
use self::overview::FetchAnswer;
use super::command::{RunCommand, parse_project};
use super::workspace::Workspace;
use crate::base::error::Result;
use crate::base::monitor::ProgressEvent;
use crate::model::project::Scope;
use crate::scan::ScanState;
use crate::scan::discover::ScanScope;
use crate::scan::load::scan_all;
use crate::storage::availability::Reach;

/// Show where projects are, how big they are and how their replicas compare
///
/// Answers come from the index, without access to a disk, for offline databases
/// too; `--live` scans first. Each project has a table with a row for each
/// category and a column for each database. A cell shows the state, the number of
/// files and their size:
///
///   present   same as the fullest replica
///   partial   fewer files than the fullest, or a part could not be read
///   differs   as many files as the fullest, but other names, sizes or times; or files that
///             differed in an earlier `--checksum`
///   missing   no folder
///   offline   the database was offline at the last scan
///   unknown   not scanned yet: `load`
///
/// With `--files` the files of each replica are listed below the table. `plain`
/// and `csv` then have a row for each file instead of one for each replica.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  fetch all
  fetch client acme
  fetch project acme/spot --live
  fetch project acme/spot --files"
)]
pub(crate) struct FetchArgs {
    #[command(subcommand)]
    subcommand: FetchSubcommand,
}

#[derive(Debug, Subcommand)]
enum FetchSubcommand {
    /// Show every project
    #[command(after_help = "Examples:\n  fetch all\n  fetch all --live")]
    All {
        #[command(flatten)]
        options: FetchOptions,
    },
    /// Show the projects of one client
    #[command(after_help = "Examples:\n  fetch client acme\n  fetch client acme --files")]
    Client {
        /// The client
        #[arg(value_name = "CLIENT")]
        client: OsString,
        #[command(flatten)]
        options: FetchOptions,
    },
    /// Show one project
    #[command(after_help = "Examples:
  fetch project acme/spot
  fetch project acme/spot --live
  fetch project acme/spot --files --no-sequences")]
    Project {
        /// The project
        #[arg(value_name = "PROJECT")]
        project: OsString,
        #[command(flatten)]
        options: FetchOptions,
    },
}

/// Options of all three subcommands.
#[derive(Clone, Copy, Debug, Args)]
struct FetchOptions {
    /// Scan the databases first
    #[arg(long)]
    live: bool,
    /// List the files of every replica, with one line for each image sequence
    #[arg(long)]
    files: bool,
    /// List every frame of an image sequence
    #[arg(long, requires = "files")]
    no_sequences: bool,
}

impl FetchSubcommand {
    const fn options(&self) -> FetchOptions {
        match self {
            Self::All { options }
            | Self::Client { options, .. }
            | Self::Project { options, .. } => *options,
        }
    }

    fn scope(self, workspace: &Workspace) -> Result<Scope> {
        Ok(match self {
            Self::All { .. } => Scope::All,
            Self::Client { client, .. } => Scope::Client(Scope::parse_client(&client)?),
            Self::Project { project, .. } => match workspace.last_answer.scope(&project)? {
                scope @ Scope::Projects(_) => scope,
                _ => Scope::Project(parse_project(&project, workspace, Some("fetch client"))?),
            },
        })
    }
}

impl FetchArgs {
    /// True if the answer lists files and is therefore a stream.
    pub(crate) const fn lists_files(&self) -> bool {
        self.subcommand.options().files
    }

    /// Prepares the list of files; it is read from the index while it is printed.
    pub(crate) fn stream_files(self, workspace: &mut Workspace) -> Result<FetchFilesAnswer<'_>> {
        let options = self.subcommand.options();
        let scope = self.subcommand.scope(workspace)?;
        let is_complete = !options.live || scan_databases(workspace, &scope)?;
        FetchFilesAnswer::new(workspace, &scope, is_complete, !options.no_sequences)
    }
}

impl RunCommand for FetchArgs {
    type Answer = FetchAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<FetchAnswer> {
        let options = self.subcommand.options();
        let scope = self.subcommand.scope(workspace)?;
        let is_complete = !options.live || scan_databases(workspace, &scope)?;
        FetchAnswer::read(workspace, &scope, is_complete)
    }
}

/// Scans all databases. Returns false if a part could not be read.
fn scan_databases(workspace: &mut Workspace, scope: &Scope) -> Result<bool> {
    if workspace.dry_run {
        let notice = "dry run: nothing is scanned; the answer is that of the last scans";
        workspace.monitor.on_event(&ProgressEvent::Notice(notice));
        return Ok(true);
    }
    workspace.adopt_moved_databases(Reach::All)?;
    let (index, registry) = (&mut workspace.index, &workspace.registry);
    let databases: Vec<_> = registry.databases().iter().collect();
    let scan_scope = ScanScope::all_categories(registry, scope.clone());
    let monitor = workspace.monitor.as_ref();
    let scans = scan_all(index, registry, &databases, &scan_scope, monitor)?;
    let is_done = |state| matches!(state, ScanState::Complete | ScanState::Away);
    Ok(scans.iter().all(|scan| is_done(scan.state)))
}
