//! Comparison of the replicas of projects with each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, KnownDatabase, KnownReplica};
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database, Registry};

/// Comparison of a replica with the others of its project and category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaStatus {
    /// It agrees with the fullest replica.
    Present,
    /// The last scan found it missing.
    Missing,
    /// It has fewer files than the fullest replica, or could not be read completely.
    Partial,
    /// It has as many files as the fullest replica, with other names, sizes, times or contents.
    Differs,
    /// Its database is offline. The other fields are from an earlier scan.
    Offline,
    /// It was never scanned.
    Unknown,
}

impl ReplicaStatus {
    /// The word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::Partial => "partial",
            Self::Differs => "differs",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }
}

/// Overview of one replica.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicaSummary {
    /// The name of the category.
    pub category: String,
    /// The name of the database.
    pub database: String,
    /// The path of the replica, also if it is missing.
    pub path: Name,
    /// Its status.
    pub state: ReplicaStatus,
    /// Number of files and links; `None` if it is missing or unknown.
    pub files: Option<u64>,
    /// Apparent bytes.
    pub bytes: Option<u64>,
    /// The newest modification time.
    pub newest: Option<Timestamp>,
    /// Time of its last scan.
    pub indexed_at: Option<Timestamp>,
}

/// Overview of one project on all databases.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectSummary {
    /// The project.
    pub project: ProjectId,
    /// One replica for each category and database, in the order of the start-up file.
    pub replicas: Vec<ReplicaSummary>,
}

struct IndexedCategory<'a> {
    database: &'a Database,
    category: &'a Category,
    known: KnownDatabase,
    scanned_at: Option<Timestamp>,
    replicas: BTreeMap<ProjectId, KnownReplica>,
}

impl IndexedCategory<'_> {
    /// Returns the replica of a project, whose names may have another Unicode normal form here.
    fn replica(&self, project: &ProjectId) -> Option<&KnownReplica> {
        let exact = self.replicas.get(project);
        if exact.is_some() || project.path().as_os_str().as_encoded_bytes().is_ascii() {
            return exact;
        }
        let composed = project.composed();
        let mut replicas = self.replicas.iter();
        let other = replicas.find(|(other, _)| other.composed() == composed);
        other.map(|(_, replica)| replica)
    }
}

/// Compares the replicas of projects by their totals and fingerprints.
pub(super) fn summarize(
    index: &Index,
    registry: &Registry,
    projects: Vec<ProjectId>,
) -> Result<Vec<ProjectSummary>> {
    let mut categories = Vec::new();
    for category in registry.categories() {
        let mut row = Vec::new();
        for database in registry.databases() {
            row.push(read_category(index, database, category)?);
        }
        categories.push(row);
    }
    let projects = projects.into_iter();
    let projects = projects.map(|project| ProjectSummary {
        replicas: categories
            .iter()
            .flat_map(|row| compare_row(row, &project))
            .collect(),
        project,
    });
    Ok(projects.collect())
}

fn read_category<'a>(
    index: &Index,
    database: &'a Database,
    category: &'a Category,
) -> Result<IndexedCategory<'a>> {
    let known = index.database(&database.root)?;
    let mut indexed = IndexedCategory {
        database,
        category,
        known,
        scanned_at: None,
        replicas: BTreeMap::new(),
    };
    if let Some(id) = indexed.known.id {
        indexed.scanned_at = index.category_scanned_at(id, &category.path)?;
        let replicas = index.replicas(id, &category.path)?.into_iter();
        indexed.replicas = replicas
            .map(|replica| (replica.project.clone(), replica))
            .collect();
    }
    Ok(indexed)
}

/// Compares the replicas of one project in one category on all databases.
fn compare_row(row: &[IndexedCategory<'_>], project: &ProjectId) -> Vec<ReplicaSummary> {
    let present = row
        .iter()
        .filter_map(|indexed| indexed.replica(project))
        .filter(|replica| replica.present);
    let fullest = present.max_by_key(|replica| {
        let sum = &replica.aggregate;
        (sum.files, sum.unreadable == 0, sum.newest, sum.bytes)
    });
    row.iter()
        .map(|indexed| summarize_replica(indexed, project, fullest))
        .collect()
}

fn summarize_replica(
    indexed: &IndexedCategory<'_>,
    project: &ProjectId,
    fullest: Option<&KnownReplica>,
) -> ReplicaSummary {
    let known = indexed.replica(project);
    let project = known.map_or(project, |replica| &replica.project);
    let present = known.filter(|replica| replica.present);
    let path: PathBuf = Registry::replica(indexed.database, indexed.category, project).path();
    ReplicaSummary {
        category: indexed.category.name.clone(),
        database: indexed.database.name.clone(),
        path: path.into(),
        state: replica_status(indexed, known, fullest),
        files: present.map(|replica| replica.aggregate.files),
        bytes: present.map(|replica| replica.aggregate.bytes),
        newest: present.and_then(|replica| replica.aggregate.newest),
        indexed_at: known
            .map(|replica| replica.scanned_at)
            .or(indexed.scanned_at),
    }
}

fn replica_status(
    indexed: &IndexedCategory<'_>,
    known: Option<&KnownReplica>,
    fullest: Option<&KnownReplica>,
) -> ReplicaStatus {
    if indexed.known.offline_since.is_some() {
        return ReplicaStatus::Offline;
    }
    match (known, fullest) {
        (None, _) if indexed.scanned_at.is_none() => ReplicaStatus::Unknown,
        (None, _) => ReplicaStatus::Missing,
        (Some(replica), _) if !replica.present => ReplicaStatus::Missing,
        (Some(replica), _) if replica.aggregate.unreadable > 0 => ReplicaStatus::Partial,
        (Some(replica), Some(fullest)) if !replica.aggregate.agrees_with(&fullest.aggregate) => {
            if replica.aggregate.files < fullest.aggregate.files {
                ReplicaStatus::Partial
            } else {
                ReplicaStatus::Differs
            }
        }
        _ => ReplicaStatus::Present,
    }
}
