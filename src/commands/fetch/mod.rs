//! `fetch`: where projects are, how big, and how their replicas compare.

mod files;

use std::ffi::OsString;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::files::FetchFilesAnswer;
use super::workspace::Workspace;
use super::{RunCommand, parse_project};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::monitor::ProgressEvent;
use crate::base::unit;
use crate::index::overview;
use crate::index::overview::{ProjectSummary, ReplicaStatus, ReplicaSummary};
use crate::model::project::Scope;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
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

/// How the replicas of the projects compare.
#[derive(Debug, Serialize)]
pub(crate) struct FetchAnswer {
    projects: Vec<ProjectSummary>,
    #[serde(skip)]
    is_complete: bool,
    #[serde(skip)]
    setup_hint: Option<&'static str>,
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
        read_overview(workspace, &scope, is_complete)
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

/// What the index says.
fn read_overview(workspace: &Workspace, scope: &Scope, is_complete: bool) -> Result<FetchAnswer> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    Ok(FetchAnswer {
        projects: overview::compare(index, registry, scope)?,
        is_complete,
        setup_hint: registry.setup_hint(),
    })
}

/// The cell of a replica: its word, and what is there.
fn replica_cell(replica: &ReplicaSummary) -> Cell {
    let tone = match replica.state {
        ReplicaStatus::Present => Tone::Good,
        ReplicaStatus::Partial | ReplicaStatus::Differs | ReplicaStatus::Offline => Tone::Warning,
        ReplicaStatus::Missing => Tone::Bad,
        ReplicaStatus::Unknown => Tone::Faint,
    };
    let text = match (replica.files, replica.bytes) {
        (Some(files), Some(bytes)) => {
            format!(
                "{}, {}, {}",
                replica.state.word(),
                unit::format_counted(files, "file"),
                unit::format_bytes(bytes)
            )
        }
        _ if replica.state == ReplicaStatus::Offline && replica.indexed_at.is_none() => {
            "offline, never looked at".to_owned()
        }
        _ if replica.state == ReplicaStatus::Offline => "offline, was missing".to_owned(),
        _ => replica.state.word().to_owned(),
    };
    Cell::Styled(text, tone)
}

/// One project's table.
fn add_table(state: &ProjectSummary, page: &mut Page) {
    page.heading(&state.project.name());
    let mut headings = vec![Cell::text("category")];
    let mut rows: Vec<(&str, Vec<Cell>)> = Vec::new();
    for replica in &state.replicas {
        if rows
            .last()
            .is_none_or(|(category, _)| *category != replica.category)
        {
            rows.push((&replica.category, vec![replica.category.as_str().into()]));
        }
        if rows.len() == 1 {
            headings.push(replica.database.as_str().into());
        }
        if let Some((_, row)) = rows.last_mut() {
            row.push(replica_cell(replica));
        }
    }
    page.table_with_headings(headings, rows.into_iter().map(|(_, row)| row).collect());
}

/// Where a replica is, and how old what is known of it.
fn location_cells(replica: &ReplicaSummary) -> Vec<Cell> {
    let age = replica
        .indexed_at
        .map_or_else(String::new, |at| format!(" (looked at {})", at.ago()));
    vec![
        Cell::text("  "),
        replica.category.as_str().into(),
        Cell::text(" on "),
        replica.database.as_str().into(),
        Cell::text(": "),
        Cell::from(&replica.path),
        Cell::Styled(age, Tone::Faint),
    ]
}

impl FetchAnswer {
    /// What is said where there is no project.
    fn empty_message(&self) -> &'static str {
        let empty = "no projects; `load` looks for them, `list databases` shows where";
        self.setup_hint.unwrap_or(empty)
    }
}

impl Answer for FetchAnswer {
    const COMMAND: &'static str = "fetch";

    fn write_page(&self, page: &mut Page) {
        if self.projects.is_empty() {
            page.line(self.empty_message());
        }
        for project in &self.projects {
            add_table(project, page);
            let known_replicas = project.replicas.iter().filter(|one| one.files.is_some());
            known_replicas.for_each(|replica| page.cells(location_cells(replica)));
        }
    }

    fn records(&self) -> Records {
        let rows = self.projects.iter().flat_map(|state| {
            state.replicas.iter().map(|replica| {
                vec![
                    Cell::from(&state.project.name()),
                    replica.category.as_str().into(),
                    replica.database.as_str().into(),
                    Cell::from(&replica.path),
                    Cell::text(replica.state.word()),
                    Cell::optional(replica.files, Cell::Count),
                    Cell::optional(replica.bytes, Cell::Bytes),
                    Cell::optional(replica.newest, Cell::Timestamp),
                    Cell::optional(replica.indexed_at, Cell::Timestamp),
                ]
            })
        });
        let headings = &[
            "project",
            "category",
            "database",
            "path",
            "state",
            "files",
            "bytes",
            "newest",
            "indexed_at",
        ];
        Records {
            headings,
            rows: rows.collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.is_complete {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }
}
