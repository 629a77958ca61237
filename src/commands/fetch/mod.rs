//! `fetch`: shows the replicas of projects, their sizes and their differences.
//!
//! Answers from the index; with `--live` it scans the databases first. An offline replica is shown as it was last seen, never
//! as missing.

mod answer;
mod evidence;
mod files;
mod line;
mod policy;
mod table;

use std::ffi::OsString;

use clap::Args;

use self::answer::{FetchAnswer, FetchLayout};
use self::files::{FetchFilesAnswer, ListingOptions};
use super::check::check_known;
use super::command::{RunCommand, parse_project};
use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::monitor::ProgressEvent;
use crate::model::project::Scope;
use crate::scan::ScanState;
use crate::scan::discover::ScanScope;
use crate::scan::load::scan_all;
use crate::storage::availability::Reach;

/// Show where projects are, how big they are and how their copies compare
///
/// Answers come from the index, without access to a disk, for offline storages too;
/// `--live` scans first. One project has a table with a row for each category and a
/// column for each storage; several have a line each, or with `--full` a table each.
///
/// Each copy is measured against all files that any storage holds of this project
/// and category:
///
///   whole           it lacks nothing, and nothing in it is older
///   lacks N         N files of other storages are not here
///   N older         of N files another storage holds a newer version
///   N differ        N files have the size and time of another copy, and other content,
///                   or its time and another size
///   N unreadable    N files or folders could not be read
///   N damaged       N files no longer have the content that was known of them
///   missing         no folder
///   offline         the storage was offline at the last scan; the rest is as it was then
///   not scanned     `load` scans it
///
/// On a narrow screen signs stand for the words; a line below explains them.
///
/// With `--files` the files of each copy are listed below the table. `plain` and `csv`
/// then have a row for each file instead of one for each copy.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the line"
)]
#[command(
    verbatim_doc_comment,
    override_usage = "fetch [OPTIONS] <PROJECT>",
    after_help = "Examples:
  fetch all
  fetch acme
  fetch acme/spot --live
  fetch acme/spot --files --no-sequences
  fetch client acme --full
  fetch project acme/spot --paths"
)]
pub(crate) struct FetchArgs {
    /// The project, a client for all of its projects, or `all`; `client` or `project` may precede it
    #[arg(value_name = "PROJECT")]
    scope: OsString,
    /// The name after `client` or `project`
    #[arg(value_name = "NAME", hide = true)]
    name: Option<OsString>,
    /// Scan the storages first
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    layout: FetchLayout,
    /// List the files of every copy, with one line for each image sequence
    #[arg(long)]
    files: bool,
    /// List every frame of an image sequence
    #[arg(long, requires = "files")]
    no_sequences: bool,
    /// Show with each file how its content is known, and since when
    #[arg(long, requires = "files")]
    evidence: bool,
}

impl FetchArgs {
    /// Resolves the names of the line.
    pub(crate) fn check(&self, workspace: &Workspace) -> Result<()> {
        check_known(&self.scope(workspace)?, workspace)?;
        workspace.last_answer.assume();
        Ok(())
    }

    /// True if the databases are scanned first.
    pub(super) const fn scans(&self) -> bool {
        self.live
    }

    /// True if the answer lists files and is therefore a stream.
    pub(crate) const fn lists_files(&self) -> bool {
        self.files
    }

    /// Prepares the list of files; it is read from the index while it is printed.
    pub(crate) fn stream_files(self, workspace: &mut Workspace) -> Result<FetchFilesAnswer<'_>> {
        let (answer, scope) = self.fetch(workspace)?;
        let options = ListingOptions {
            group_sequences: !self.no_sequences,
            evidence: self.evidence,
        };
        FetchFilesAnswer::new(workspace, answer, &scope, options)
    }

    fn fetch(&self, workspace: &mut Workspace) -> Result<(FetchAnswer, Scope)> {
        let scope = self.scope(workspace)?;
        let is_complete = !self.live || scan_databases(workspace, &scope)?;
        let answer = FetchAnswer::read(workspace, &scope, self.layout, is_complete)?;
        Ok((answer, scope))
    }

    /// Returns the scope: `acme`, `acme/spot`, `all`, `client NAME` or `project NAME`.
    fn scope(&self, workspace: &Workspace) -> Result<Scope> {
        let Some(name) = &self.name else {
            return workspace.last_answer.scope(&self.scope);
        };
        match self.scope.to_str() {
            Some("client") => Ok(Scope::Client(Scope::parse_client(name)?)),
            Some("project") => match workspace.last_answer.scope(name)? {
                scope @ Scope::Projects(_) => Ok(scope),
                _ => Ok(Scope::Project(parse_project(
                    name,
                    workspace,
                    Some("fetch"),
                )?)),
            },
            _ => Err(Error::UnexpectedWord {
                word: name.as_os_str().into(),
                hint: "write a project as CLIENT/PROJECT, a client by its name, or `all`"
                    .to_owned(),
            }),
        }
    }
}

impl RunCommand for FetchArgs {
    type Answer = FetchAnswer;

    fn run(self, workspace: &mut Workspace) -> Result<FetchAnswer> {
        Ok(self.fetch(workspace)?.0)
    }
}

/// Scans all databases. Returns false if a part could not be read.
pub(super) fn scan_databases(workspace: &mut Workspace, scope: &Scope) -> Result<bool> {
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
