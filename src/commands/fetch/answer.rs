//! The answer of `fetch` from the index: a table for one project, a line for each of several.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use super::policy::{PolicyVerdict, policy_verdicts};
use super::{line, policy, table};
use crate::base::error::Result;
use crate::base::exit_status::ExitStatus;
use crate::base::timestamp::Timestamp;
use crate::commands::workspace::Workspace;
use crate::index::overview;
use crate::index::overview::{ProjectSummary, ReplicaState, ReplicaSummary};
use crate::model::project::Scope;
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// The layout for people.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct FetchLayout {
    /// Show a table for each project
    #[arg(long)]
    full: bool,
    /// Show the path of each copy
    #[arg(long)]
    paths: bool,
}

/// The replicas of projects, compared with each other.
#[derive(Debug, Serialize)]
pub(crate) struct FetchAnswer {
    pub(super) projects: Vec<ProjectSummary>,
    policy: Vec<PolicyVerdict>,
    #[serde(skip)]
    pub(super) database_names: Vec<String>,
    #[serde(skip)]
    layout: FetchLayout,
    /// False if `--live` could not read a part of a database.
    #[serde(skip)]
    is_complete: bool,
    #[serde(skip)]
    setup_hint: Option<String>,
}

impl FetchAnswer {
    /// Reads the answer from the index, and stores the shortfalls that had to be computed for it.
    pub(super) fn read(
        workspace: &mut Workspace,
        scope: &Scope,
        layout: FetchLayout,
        is_complete: bool,
    ) -> Result<Self> {
        let setup_hint = workspace.setup_hint();
        let (index, registry) = (&mut workspace.index, &workspace.registry);
        let overview = overview::read_and_store(index, registry, scope)?;
        let databases = registry.databases().iter();
        let policy = policy_verdicts(index, registry, &overview)?;
        let listed = overview.projects.iter().map(|summary| &summary.project);
        workspace.last_answer.keep(listed);
        Ok(Self {
            projects: overview.projects,
            policy,
            database_names: databases.map(|database| database.name.clone()).collect(),
            layout,
            is_complete,
            setup_hint,
        })
    }

    /// Returns the message for an answer without projects.
    pub(super) fn empty_message(&self) -> &str {
        let empty = "no projects; `load` scans for them, `list databases` shows where";
        self.setup_hint.as_deref().unwrap_or(empty)
    }

    /// True if each project has a table.
    fn has_tables(&self) -> bool {
        self.layout.full || self.projects.len() == 1
    }
}

/// Returns the ages of the scans: `scanned: WORK, NAS just now; SHELF 40 days ago (offline)`.
pub(super) fn scan_ages(projects: &[ProjectSummary], databases: &[String]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for name in databases {
        let replicas = projects.iter().flat_map(|project| &project.replicas);
        let replicas = replicas.filter(|replica| replica.database == *name);
        let states: BTreeSet<_> = replicas.clone().map(|replica| replica.indexed_at).collect();
        let is_offline = replicas
            .clone()
            .any(|replica| replica.state == ReplicaState::Offline);
        // The oldest scan says how old the answer is.
        let oldest = states.into_iter().flatten().next();
        let age = oldest.map_or_else(|| "never".to_owned(), Timestamp::ago);
        let age = if is_offline {
            format!("{age} (offline)")
        } else {
            age
        };
        match groups.iter_mut().find(|(other, _)| *other == age) {
            Some((_, names)) => names.push(name),
            None => groups.push((age, vec![name])),
        }
    }
    let groups = groups
        .iter()
        .map(|(age, names)| format!("{} {age}", names.join(", ")));
    format!("scanned: {}", groups.collect::<Vec<_>>().join("; "))
}

impl Answer for FetchAnswer {
    const COMMAND: &'static str = "fetch";

    fn write_page(&self, page: &mut Page) {
        if self.projects.is_empty() {
            page.line(self.empty_message());
            return;
        }
        if !self.has_tables() {
            line::add_lines(&self.projects, &self.database_names, page);
        }
        for project in &self.projects {
            if self.has_tables() {
                table::add_table(project, page);
                let name = project.project.name();
                let verdicts = self.policy.iter().filter(|one| one.project == name);
                policy::add_lines(verdicts, page);
            }
            if self.layout.paths {
                project
                    .known_replicas()
                    .for_each(|replica| page.cells(table::path_cells(replica)));
            }
        }
        page.line(scan_ages(&self.projects, &self.database_names));
    }

    fn records(&self) -> Records {
        let rows = self.projects.iter().flat_map(|summary| {
            let held = summary
                .categories()
                .filter(|(union, replicas)| overview::is_held(*union, replicas));
            held.flat_map(|(_, replicas)| replicas)
                .map(|replica| record(summary, replica))
        });
        let headings = &[
            "project",
            "category",
            "database",
            "path",
            "state",
            "lacks",
            "older",
            "differs",
            "unreadable",
            "files",
            "bytes",
            "newest",
            "indexed_at",
            "damaged",
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

fn record(summary: &ProjectSummary, replica: &ReplicaSummary) -> Vec<Cell> {
    let [lacks, older, differs, unreadable, damaged] = replica
        .faults()
        .map(|number| Cell::optional(number, Cell::Count));
    vec![
        Cell::from(&summary.project.name()),
        replica.category.as_str().into(),
        replica.database.as_str().into(),
        Cell::from(&replica.path),
        Cell::text(replica.state.word()),
        lacks,
        older,
        differs,
        unreadable,
        Cell::optional(replica.files, Cell::Count),
        Cell::optional(replica.bytes, Cell::Bytes),
        Cell::optional(replica.newest, Cell::Timestamp),
        Cell::optional(replica.indexed_at, Cell::Timestamp),
        damaged,
    ]
}
