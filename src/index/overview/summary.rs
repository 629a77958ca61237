//! The replicas of projects, each measured against the union of all.

use std::collections::BTreeMap;

use serde::Serialize;

use super::union::{KnownDifferences, UnionGroup, UnionMember};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::{Index, KnownDatabase, KnownReplica, StoredUnion};
use crate::model::address;
use crate::model::project::{ProjectId, replica_path};
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::union::{Shortfall, Union};

/// State of a replica, measured against the union of all replicas of its project and category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// It lacks nothing, nothing in it is older or differs, and all of it could be read.
    Whole,
    /// It lacks files, or some of its files are older, differ or could not be read.
    Incomplete,
    /// The last scan found it missing.
    Missing,
    /// Its database is offline. The other fields are from an earlier scan.
    Offline,
    /// It was never scanned.
    Unknown,
}

impl ReplicaState {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Incomplete => "incomplete",
            Self::Missing => "missing",
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
    /// Its state.
    pub state: ReplicaState,
    /// Number of files and links that other replicas hold and this one does not; all of them if it is missing.
    pub lacks: Option<u64>,
    /// Number of files of which another replica holds a newer version.
    pub older: Option<u64>,
    /// Number of files that differ from another replica, neither of them newer.
    pub differs: Option<u64>,
    /// Number of files and folders that could not be read.
    pub unreadable: Option<u64>,
    /// Number of files and links; `None` if it is missing or unknown.
    pub files: Option<u64>,
    /// Apparent bytes.
    pub bytes: Option<u64>,
    /// The newest modification time.
    pub newest: Option<Timestamp>,
    /// Time of its last scan.
    pub indexed_at: Option<Timestamp>,
}

impl ReplicaSummary {
    /// True if nothing is lacking, older, different or unreadable, as far as the last scan of a replica that is there shows.
    pub fn is_whole(&self) -> bool {
        self.files.is_some() && self.faults() == [Some(0); 4]
    }

    /// The numbers of files that it lacks, and that are older, different and unreadable.
    pub const fn faults(&self) -> [Option<u64>; 4] {
        [self.lacks, self.older, self.differs, self.unreadable]
    }
}

/// The union of all replicas of a project in one category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnionTotals {
    /// Number of files and links in any replica.
    pub files: u64,
    /// Apparent bytes of the newest version of each.
    pub bytes: u64,
}

/// Overview of one project on all databases.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectSummary {
    /// The project.
    pub project: ProjectId,
    /// One for each category.
    #[serde(skip)]
    pub unions: Vec<UnionTotals>,
    /// One replica for each category and database, in the order of the start-up file.
    pub replicas: Vec<ReplicaSummary>,
}

/// True if any database holds a category of a project, or may hold it.
pub fn is_held(union: UnionTotals, replicas: &[ReplicaSummary]) -> bool {
    let may_hold = |replica: &ReplicaSummary| replica.files.is_some() || replica.lacks.is_none();
    union.files > 0 || replicas.iter().any(may_hold)
}

impl ProjectSummary {
    /// The replicas by category, each with the totals of their union.
    pub fn categories(&self) -> impl Iterator<Item = (UnionTotals, &[ReplicaSummary])> {
        let databases = self.replicas.len() / self.unions.len().max(1);
        let rows = self.replicas.chunks(databases.max(1));
        self.unions.iter().copied().zip(rows)
    }

    /// The replicas whose files are in the index.
    pub fn known_replicas(&self) -> impl Iterator<Item = &ReplicaSummary> {
        let replicas = self.replicas.iter();
        replicas.filter(|replica| replica.files.is_some())
    }
}

/// The replicas of one category on all databases.
struct CategoryReplicas<'a> {
    databases: Vec<DatabaseReplicas<'a>>,
    stored: BTreeMap<ProjectId, StoredUnion>,
}

/// The replicas of one category on one database.
struct DatabaseReplicas<'a> {
    database: &'a Database,
    category: &'a Category,
    known: &'a KnownDatabase,
    scanned_at: Option<Timestamp>,
    replicas: BTreeMap<ProjectId, KnownReplica>,
}

impl DatabaseReplicas<'_> {
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

/// Projects with their replicas, and the shortfalls that had to be computed for them.
#[derive(Debug, Default)]
pub struct StudioOverview {
    /// The projects, sorted.
    pub projects: Vec<ProjectSummary>,
    /// Shortfalls to be stored, so that the next overview reads no folder.
    pub computed: Vec<StoredUnion>,
}

/// Measures the replicas of projects against their unions.
pub(super) fn summarize(
    index: &Index,
    registry: &Registry,
    projects: Vec<ProjectId>,
) -> Result<StudioOverview> {
    let differences = KnownDifferences::default();
    let mut overview = StudioOverview::default();
    let summaries = projects.into_iter().map(|project| ProjectSummary {
        project,
        unions: Vec::new(),
        replicas: Vec::new(),
    });
    overview.projects = summaries.collect();
    let databases = registry.databases().iter();
    let databases = databases.map(|database| index.database(&database.root));
    let databases = databases.collect::<Result<Vec<KnownDatabase>>>()?;
    for category in registry.categories() {
        let column = CategoryReplicas::read(index, registry, category, &databases)?;
        for summary in &mut overview.projects {
            let project = &summary.project;
            let members = column.members(project);
            let replica = replica_path(&category.path, project);
            let differing = differences.of_replica(index, &replica)?;
            let group = UnionGroup::new(index, (&category.path, project), &members, differing);
            let union = column.union(&group, &mut overview.computed)?;
            summary.unions.push(UnionTotals {
                files: union.files,
                bytes: union.bytes,
            });
            summary.replicas.extend(column.summaries(project, &union));
        }
    }
    Ok(overview)
}

impl<'a> CategoryReplicas<'a> {
    fn read(
        index: &Index,
        registry: &'a Registry,
        category: &'a Category,
        databases: &'a [KnownDatabase],
    ) -> Result<Self> {
        let rows = registry.databases().iter().zip(databases);
        let rows = rows.map(|(database, known)| read_replicas(index, database, category, known));
        Ok(Self {
            databases: rows.collect::<Result<_>>()?,
            stored: index.unions(&category.path)?,
        })
    }

    /// Returns the replicas that hold a project, in the order of the databases.
    fn members(&self, project: &ProjectId) -> Vec<UnionMember<'_>> {
        let members = self.databases.iter().filter_map(|indexed| {
            Some(UnionMember {
                database: indexed.known.id?,
                replica: indexed.replica(project).filter(|replica| replica.present)?,
            })
        });
        members.collect()
    }

    /// Returns the union of a group: from its aggregates, from the stored row, or from its folders and then added to
    /// `computed`.
    fn union(&self, group: &UnionGroup<'_>, computed: &mut Vec<StoredUnion>) -> Result<Union> {
        if let Some(union) = group.agreed() {
            return Ok(union);
        }
        let basis = group.basis();
        let stored = self.stored.get(group.project());
        if let Some(known) = stored.filter(|known| known.basis == basis) {
            return Ok(known.union.clone());
        }
        let shortfall = group.compute(basis)?;
        let union = shortfall.union.clone();
        computed.push(shortfall);
        Ok(union)
    }

    /// Returns a summary for each database. The union has a shortfall for each replica that is present.
    fn summaries(&self, project: &ProjectId, union: &Union) -> Vec<ReplicaSummary> {
        let mut shortfalls = union.shortfalls.iter();
        let summaries = self.databases.iter().map(|indexed| {
            let is_member = indexed
                .replica(project)
                .is_some_and(|replica| replica.present);
            let shortfall = is_member.then(|| shortfalls.next().copied()).flatten();
            summarize_replica(indexed, project, union, shortfall)
        });
        summaries.collect()
    }
}

fn read_replicas<'a>(
    index: &Index,
    database: &'a Database,
    category: &'a Category,
    known: &'a KnownDatabase,
) -> Result<DatabaseReplicas<'a>> {
    let mut indexed = DatabaseReplicas {
        database,
        category,
        known,
        scanned_at: None,
        replicas: BTreeMap::new(),
    };
    if let Some(id) = known.id {
        indexed.scanned_at = index.category_scanned_at(id, &category.path)?;
        let replicas = index.replicas(id, &category.path)?.into_iter();
        indexed.replicas = replicas
            .map(|replica| (replica.project.clone(), replica))
            .collect();
    }
    Ok(indexed)
}

fn summarize_replica(
    indexed: &DatabaseReplicas<'_>,
    project: &ProjectId,
    union: &Union,
    shortfall: Option<Shortfall>,
) -> ReplicaSummary {
    let known = indexed.replica(project);
    let project = known.map_or(project, |replica| &replica.project);
    let present = known.filter(|replica| replica.present);
    let relative = replica_path(&indexed.category.path, project);
    let path = address::join(&indexed.database.root, &relative);
    let unreadable = present.map(|replica| replica.aggregate.unreadable);
    let state = if indexed.known.offline_since.is_some() {
        ReplicaState::Offline
    } else if let Some(shortfall) = shortfall {
        if shortfall.is_whole() && unreadable == Some(0) {
            ReplicaState::Whole
        } else {
            ReplicaState::Incomplete
        }
    } else if known.is_none() && indexed.scanned_at.is_none() {
        ReplicaState::Unknown
    } else {
        ReplicaState::Missing
    };
    let is_missing = shortfall.is_none() && (known.is_some() || indexed.scanned_at.is_some());
    let missing = Shortfall {
        lacks: union.files,
        ..Shortfall::default()
    };
    let shortfall = shortfall.or(is_missing.then_some(missing));
    ReplicaSummary {
        category: indexed.category.name.clone(),
        database: indexed.database.name.clone(),
        path: path.into(),
        state,
        lacks: shortfall.map(|shortfall| shortfall.lacks),
        older: shortfall.map(|shortfall| shortfall.older),
        differs: shortfall.map(|shortfall| shortfall.differs),
        unreadable: shortfall.map(|_| unreadable.unwrap_or_default()),
        files: present.map(|replica| replica.aggregate.files),
        bytes: present.map(|replica| replica.aggregate.bytes),
        newest: present.and_then(|replica| replica.aggregate.newest),
        indexed_at: known
            .map(|replica| replica.scanned_at)
            .or(indexed.scanned_at),
    }
}
