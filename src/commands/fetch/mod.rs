//! `fetch`: where projects are, how big, and how their replicas compare.

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

/// Show where projects are, how big they are and how their replicas compare
///
/// Answers from the index without touching a disk, also for databases that are
/// offline; `--live` looks first. For each project a table: categories down,
/// databases across, and in each cell a word, the files and their size:
///
///   present   it agrees with the fullest replica
///   partial   it has fewer files than the fullest, or some of it could not be read
///   differs   as many files as the fullest, but other names, sizes or times; or files that
///             an earlier `--checksum` found to differ
///   missing   it is not there
///   offline   its database was not there at the last look
///   unknown   nobody looked yet: `load`
///
/// With `--files` the files of every replica stand below its table; `plain` and
/// `csv` then have a row for each file instead of one for each replica.
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
    /// Show the projects of a client
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

/// How much is shown.
#[derive(Clone, Copy, Debug, Args)]
struct FetchOptions {
    /// Look at the disks first
    #[arg(long)]
    live: bool,
    /// List the files of every replica too, frames of an image sequence as one line
    #[arg(long)]
    files: bool,
    /// Show every file, and no sequences
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

    /// Which projects.
    fn scope(self, workspace: &Workspace) -> Result<Scope> {
        Ok(match self {
            Self::All { .. } => Scope::All,
            Self::Client { client, .. } => Scope::Client(Scope::parse_client(&client)?),
            Self::Project { project, .. } => {
                Scope::Project(parse_project(&project, workspace, Some("fetch client"))?)
            }
        })
    }
}

impl FetchArgs {
    /// Whether single files are asked for.
    pub(crate) const fn lists_files(&self) -> bool {
        self.subcommand.options().files
    }

    /// Prepares a listing of the files; the printer has it made while it writes.
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

/// Looks at all databases; gives whether all of it could be seen.
fn scan_databases(workspace: &mut Workspace, scope: &Scope) -> Result<bool> {
    if workspace.dry_run {
        let notice = "dry run: no disk is looked at; this is what the last looks saw";
        workspace.monitor.on_event(&ProgressEvent::Notice(notice));
        return Ok(true);
    }
    let (index, registry) = (&mut workspace.index, &workspace.registry);
    let databases: Vec<_> = registry.databases().iter().collect();
    let scan_scope = ScanScope::all_categories(registry, scope.clone());
    let monitor = workspace.monitor.as_ref();
    let scans = scan_all(index, registry, &databases, &scan_scope, monitor)?;
    Ok(scans.iter().all(|look| look.state == ScanState::Complete))
}
