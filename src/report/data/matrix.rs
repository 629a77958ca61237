//! The copies of a report by category and storage.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::overview::{
    ProjectSummary, ReplicaState, ReplicaSummary, StudioOverview, UnionTotals, is_held,
};
use crate::model::project::Scope;

/// The kind of what a matrix or a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatrixSubject {
    /// All clients.
    Studio,
    /// The projects of one client.
    Client,
    /// One project.
    Project,
    /// Several projects.
    Projects,
}

impl MatrixSubject {
    /// Returns the kind of a scope.
    pub(super) const fn of(scope: &Scope) -> Self {
        match scope {
            Scope::All => Self::Studio,
            Scope::Client(_) => Self::Client,
            Scope::Project(_) => Self::Project,
            Scope::Projects(_) => Self::Projects,
        }
    }
}

/// The copies of one project, or of several together, by category and storage.
#[derive(Debug, Serialize)]
pub struct CopyMatrix {
    pub name: Name,
    pub subject: MatrixSubject,
    pub rows: Vec<MatrixRow>,
}

/// The copies in one category.
#[derive(Debug, Serialize)]
pub struct MatrixRow {
    pub category: String,
    /// Number of projects that have, or may have, files in it.
    pub projects: u64,
    /// Number of files and links, each counted once.
    pub files: u64,
    pub bytes: u64,
    /// One for each storage, in the order of the start-up file.
    pub cells: Vec<CopyCell>,
}

/// The copies in one category on one storage.
#[derive(Debug, Default, Serialize)]
pub struct CopyCell {
    pub database: String,
    /// The state of the copy; `None` for several projects.
    pub state: Option<ReplicaState>,
    /// Number of projects with files here.
    pub held: u64,
    /// Number of projects whose copy is whole.
    pub whole: u64,
    /// Number of projects of which it is not known.
    pub unknown: u64,
    pub files: u64,
    pub bytes: u64,
    /// Numbers of files that the copies lack, and that are older, different, unreadable and damaged. Projects without a
    /// copy here lack nothing.
    pub lacks: u64,
    pub older: u64,
    pub differs: u64,
    pub unreadable: u64,
    pub damaged: u64,
    /// Number of files whose content was neither read nor stated by the storage.
    pub unproven_files: u64,
    pub unproven_bytes: u64,
    /// Time of the oldest proof of the other files.
    pub oldest_proof: Option<Timestamp>,
}

/// Returns the matrices of an overview: the totals of several projects, then those of each client or project.
pub(super) fn matrices(
    overview: &StudioOverview,
    subject: MatrixSubject,
    scope: &Name,
) -> Vec<CopyMatrix> {
    let of_project = |project: &ProjectSummary| {
        matrix(project.project.name(), MatrixSubject::Project, [project])
    };
    let projects = overview.projects.iter();
    let mut matrices = Vec::new();
    match subject {
        MatrixSubject::Studio => {
            let mut clients: BTreeMap<&Name, Vec<&ProjectSummary>> = BTreeMap::new();
            for project in projects.clone() {
                let client = clients.entry(&project.project.client).or_default();
                client.push(project);
            }
            if clients.len() > 1 {
                matrices.push(matrix(scope.clone(), subject, projects));
            }
            matrices.extend(
                clients.into_iter().map(|(client, projects)| {
                    matrix(client.clone(), MatrixSubject::Client, projects)
                }),
            );
        }
        MatrixSubject::Client | MatrixSubject::Projects if overview.projects.len() > 1 => {
            matrices.push(matrix(scope.clone(), subject, projects.clone()));
            matrices.extend(projects.map(of_project));
        }
        _ => matrices.extend(projects.map(of_project)),
    }
    matrices.retain(|matrix| !matrix.rows.is_empty());
    matrices
}

fn matrix<'a>(
    name: Name,
    subject: MatrixSubject,
    projects: impl IntoIterator<Item = &'a ProjectSummary>,
) -> CopyMatrix {
    let mut rows: Vec<MatrixRow> = Vec::new();
    for project in projects {
        for (union, replicas) in project.categories() {
            let Some(first) = replicas.first().filter(|_| is_held(union, replicas)) else {
                continue;
            };
            let place = rows.iter().position(|row| row.category == first.category);
            let place = place.unwrap_or_else(|| {
                rows.push(MatrixRow::empty(&first.category, replicas));
                rows.len() - 1
            });
            rows[place].add(union, replicas, subject == MatrixSubject::Project);
        }
    }
    CopyMatrix {
        name,
        subject,
        rows,
    }
}

impl MatrixRow {
    fn empty(category: &str, replicas: &[ReplicaSummary]) -> Self {
        let cells = replicas.iter().map(|replica| CopyCell {
            database: replica.database.clone(),
            ..CopyCell::default()
        });
        Self {
            category: category.to_owned(),
            projects: 0,
            files: 0,
            bytes: 0,
            cells: cells.collect(),
        }
    }

    fn add(&mut self, union: UnionTotals, replicas: &[ReplicaSummary], is_single: bool) {
        self.projects += 1;
        self.files = self.files.saturating_add(union.files);
        self.bytes = self.bytes.saturating_add(union.bytes);
        for (cell, replica) in self.cells.iter_mut().zip(replicas) {
            cell.add(replica);
            cell.state = Some(replica.state).filter(|_| is_single);
        }
    }
}

impl CopyCell {
    fn add(&mut self, replica: &ReplicaSummary) {
        self.unknown += u64::from(replica.files.is_none() && replica.lacks.is_none());
        let Some(files) = replica.files else {
            return;
        };
        self.held += 1;
        self.whole += u64::from(replica.is_whole());
        self.files = self.files.saturating_add(files);
        self.bytes = self.bytes.saturating_add(replica.bytes.unwrap_or_default());
        let own = [
            &mut self.lacks,
            &mut self.older,
            &mut self.differs,
            &mut self.unreadable,
            &mut self.damaged,
        ];
        for (sum, number) in own.into_iter().zip(replica.faults()) {
            *sum = sum.saturating_add(number.unwrap_or_default());
        }
        if let Some(coverage) = &replica.coverage {
            self.unproven_files = self.unproven_files.saturating_add(coverage.unproven_files);
            self.unproven_bytes = self.unproven_bytes.saturating_add(coverage.unproven_bytes);
            let oldest = self.oldest_proof.into_iter().chain(coverage.oldest);
            self.oldest_proof = oldest.min();
        }
    }
}
