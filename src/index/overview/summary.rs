//! Summaries of projects and replicas, each replica measured against the union of all.

use serde::Serialize;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::Coverage;
use crate::model::project::ProjectId;

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
    /// Number of files whose content was found damaged.
    pub damaged: Option<u64>,
    /// Number of files and links; `None` if it is missing or unknown.
    pub files: Option<u64>,
    /// Apparent bytes.
    pub bytes: Option<u64>,
    /// The newest modification time.
    pub newest: Option<Timestamp>,
    /// Time of its last scan.
    pub indexed_at: Option<Timestamp>,
    /// The evidence of its files; `None` if it is missing or unknown.
    #[serde(skip)]
    pub coverage: Option<Coverage>,
}

impl ReplicaSummary {
    /// True if nothing is lacking, older, different, unreadable or damaged, as far as the last scan of a replica that is there shows.
    pub fn is_whole(&self) -> bool {
        self.files.is_some() && self.faults() == [Some(0); 5]
    }

    /// The numbers of files that it lacks, and that are older, different, unreadable and damaged.
    pub const fn faults(&self) -> [Option<u64>; 5] {
        [
            self.lacks,
            self.older,
            self.differs,
            self.unreadable,
            self.damaged,
        ]
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
    /// One for each category that can hold the project.
    #[serde(skip)]
    pub unions: Vec<UnionTotals>,
    /// One replica for each category that can hold the project and each database, in the order of the start-up file.
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
