//! `fetch`: where projects are, how big, and how their replicas compare.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Run, one_project};
use crate::catalogue::{self, ProjectState, ReplicaState, State};
use crate::error::Result;
use crate::exit_status::ExitStatus;
use crate::loading::look_at_all;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;
use crate::project::Scope;
use crate::scan::LookState;
use crate::survey::Extent;
use crate::units;
use crate::workspace::Workspace;

/// Show where projects are, how big they are and how their replicas compare
///
/// Answers from the index without touching a disk, also for databases that are
/// offline; `--live` looks first. For each project a table: categories down,
/// databases across, and in each cell a word, the files and their size:
///
///   present   it agrees with the fullest replica
///   partial   it has fewer files than the fullest, or some of it could not be read
///   differs   as many files as the fullest, but other names, sizes or times
///   missing   it is not there
///   offline   its database was not there at the last look
///   unknown   nobody looked yet: `load`
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  fetch all
  fetch client acme
  fetch project acme/spot --live"
)]
pub(crate) struct Fetch {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show every project
    #[command(after_help = "Examples:\n  fetch all\n  fetch all --live")]
    All {
        /// Look at the disks first
        #[arg(long)]
        live: bool,
    },
    /// Show the projects of a client
    #[command(after_help = "Examples:\n  fetch client acme")]
    Client {
        /// The client
        #[arg(value_name = "CLIENT")]
        client: OsString,
        /// Look at the disks first
        #[arg(long)]
        live: bool,
    },
    /// Show one project
    #[command(
        after_help = "Examples:\n  fetch project acme/spot\n  fetch project acme/spot --live"
    )]
    Project {
        /// The project
        #[arg(value_name = "PROJECT")]
        project: OsString,
        /// Look at the disks first
        #[arg(long)]
        live: bool,
    },
}

impl What {
    /// Which projects, and whether to look first.
    fn scope(self, workspace: &Workspace) -> Result<(Scope, bool)> {
        Ok(match self {
            Self::All { live } => (Scope::All, live),
            Self::Client { client, live } => (Scope::Client(Scope::client(&client)?), live),
            Self::Project { project, live } => {
                let project = one_project(&project, workspace, Some("fetch client"))?;
                (Scope::Project(project), live)
            }
        })
    }
}

/// How the replicas of the projects compare.
#[derive(Debug, Serialize)]
pub(crate) struct Fetched {
    projects: Vec<ProjectState>,
    #[serde(skip)]
    seen_all: bool,
    #[serde(skip)]
    lacking: Option<&'static str>,
}

impl Run for Fetch {
    type Answer = Fetched;

    fn run(self, workspace: &mut Workspace) -> Result<Fetched> {
        let (scope, live) = self.what.scope(workspace)?;
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let mut seen_all = true;
        if live {
            let databases: Vec<_> = registry.databases().iter().collect();
            let extent = Extent::of(registry, scope.clone());
            let monitor = workspace.monitor.as_ref();
            let looks = look_at_all(index, registry, &databases, &extent, monitor)?;
            seen_all = looks.iter().all(|look| look.state == LookState::Complete);
        }
        Ok(Fetched {
            projects: catalogue::compare(index, registry, &scope)?,
            seen_all,
            lacking: registry.lacking(),
        })
    }
}

/// The cell of a replica: its word, and what is there.
fn cell(replica: &ReplicaState) -> Cell {
    let tone = match replica.state {
        State::Present => Tone::Good,
        State::Partial | State::Differs => Tone::Warning,
        State::Missing => Tone::Bad,
        State::Offline | State::Unknown => Tone::Faint,
    };
    let text = match (replica.files, replica.bytes) {
        (Some(files), Some(bytes)) => {
            format!(
                "{}, {}, {}",
                replica.state.word(),
                units::counted(files, "file"),
                units::bytes(bytes)
            )
        }
        _ => replica.state.word().to_owned(),
    };
    Cell::Toned(text, tone)
}

/// One project's table, and where its replicas are.
fn project_page(state: &ProjectState, page: &mut Page) {
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
            row.push(cell(replica));
        }
    }
    page.table_of(headings, rows.into_iter().map(|(_, row)| row).collect());
    for replica in state
        .replicas
        .iter()
        .filter(|replica| replica.files.is_some())
    {
        let age = replica
            .indexed_at
            .map_or_else(String::new, |at| format!(" (looked at {})", at.ago()));
        page.cells(vec![
            Cell::text("  "),
            replica.category.as_str().into(),
            Cell::text(" on "),
            replica.database.as_str().into(),
            Cell::text(": "),
            Cell::from(&replica.path),
            Cell::Toned(age, Tone::Faint),
        ]);
    }
}

impl Answer for Fetched {
    const COMMAND: &'static str = "fetch";

    fn page(&self, page: &mut Page) {
        if self.projects.is_empty() {
            let empty = "no projects; `load` looks for them, `list databases` shows where";
            page.line(self.lacking.unwrap_or(empty));
        }
        for project in &self.projects {
            project_page(project, page);
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
                    Cell::known(replica.files, Cell::Count),
                    Cell::known(replica.bytes, Cell::Bytes),
                    Cell::known(replica.newest, Cell::Moment),
                    Cell::known(replica.indexed_at, Cell::Moment),
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

    fn status(&self) -> ExitStatus {
        if self.seen_all {
            ExitStatus::Done
        } else {
            ExitStatus::Partial
        }
    }
}
