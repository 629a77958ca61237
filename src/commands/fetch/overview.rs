//! The answer of `fetch` from the index: one table for each project, and the location of each replica.

use serde::Serialize;

use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::unit;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::index::overview::{ProjectSummary, ReplicaStatus, ReplicaSummary};
use crate::model::project::Scope;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// The replicas of projects, compared with each other.
#[derive(Debug, Serialize)]
pub(crate) struct FetchAnswer {
    pub(super) projects: Vec<ProjectSummary>,
    /// False if `--live` could not read a part of a database.
    #[serde(skip)]
    is_complete: bool,
    #[serde(skip)]
    setup_hint: Option<&'static str>,
}

impl FetchAnswer {
    pub(super) fn read(workspace: &Workspace, scope: &Scope, is_complete: bool) -> Result<Self> {
        let (index, registry) = (&workspace.index, &workspace.registry);
        let projects = overview::compare(index, registry, scope)?;
        let listed = projects.iter().map(|summary| &summary.project);
        workspace.last_answer.keep(listed);
        Ok(Self {
            projects,
            is_complete,
            setup_hint: registry.setup_hint(),
        })
    }

    /// Returns the message for an answer without projects.
    pub(super) fn empty_message(&self) -> &'static str {
        let empty = "no projects; `load` scans for them, `list databases` shows where";
        self.setup_hint.unwrap_or(empty)
    }
}

/// Returns the cell of a replica: state, files and size.
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
            "offline, never scanned".to_owned()
        }
        _ if replica.state == ReplicaStatus::Offline => "offline, was missing".to_owned(),
        _ => replica.state.word().to_owned(),
    };
    Cell::Styled(text, tone)
}

/// Adds the table of one project.
pub(super) fn add_table(state: &ProjectSummary, page: &mut Page) {
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

/// Returns the line of a replica below the table: its path and the age of its last scan.
pub(super) fn location_cells(replica: &ReplicaSummary) -> Vec<Cell> {
    let age = replica
        .indexed_at
        .map_or_else(String::new, |at| format!(" (scanned {})", at.ago()));
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

/// Returns the replicas of a project whose files are in the index.
pub(super) fn known_replicas(project: &ProjectSummary) -> impl Iterator<Item = &ReplicaSummary> {
    let replicas = project.replicas.iter();
    replicas.filter(|replica| replica.files.is_some())
}

impl Answer for FetchAnswer {
    const COMMAND: &'static str = "fetch";

    fn write_page(&self, page: &mut Page) {
        if self.projects.is_empty() {
            page.line(self.empty_message());
        }
        for project in &self.projects {
            add_table(project, page);
            known_replicas(project).for_each(|replica| page.cells(location_cells(replica)));
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
