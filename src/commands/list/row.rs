//! One row of a list, and the sums in it.

use serde::Serialize;

use crate::base::hash_format::HashFormat;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::index::overview::{ReplicaSummary, UnionTotals};
use crate::model::project::ProjectId;
use crate::model::registry::DatabaseAttributes;
use crate::storage::availability::Availability;

/// Sums over projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ListSum {
    /// Number of projects with at least one selected copy.
    pub(super) projects: u64,
    /// Number of files and links.
    pub(super) files: u64,
    /// Apparent bytes.
    pub(super) bytes: u64,
    /// Number of databases with a whole copy; over several projects or categories the lowest one.
    pub(super) copies: Option<u64>,
    /// The newest modification time.
    pub(super) newest: Option<Timestamp>,
    /// Time of the oldest scan that the sums come from.
    pub(super) scanned_at: Option<Timestamp>,
}

/// One row of a list.
#[derive(Debug)]
pub(super) struct ListRow {
    pub(super) name: Name,
    /// The projects in it, if it is that of a project or client.
    pub(super) projects: Vec<ProjectId>,
    pub(super) sum: ListSum,
    pub(super) place: ListPlace,
}

/// What a row names besides its sums.
#[derive(Debug)]
pub(super) enum ListPlace {
    /// The names of the databases that hold files of a project or client.
    HeldBy(Vec<String>),
    /// The path of a category below every root, and the hash format of its histories, if it keeps some.
    Path(Name, Option<HashFormat>),
    Database(ListedDatabase),
}

/// A database with its state.
#[derive(Debug, Serialize)]
pub(super) struct ListedDatabase {
    pub(super) root: Name,
    pub(super) online: bool,
    pub(super) attributes: DatabaseAttributes,
    #[serde(skip)]
    pub(super) availability: Availability,
    /// The names of the media that hold it, as the user states them or as a scan saw them.
    pub(super) media: Vec<String>,
    /// Bytes free on a local database, as last seen if it is offline; `None` if they are not known.
    pub(super) free: Option<u64>,
    /// Bytes of its file system in total.
    pub(super) total: Option<u64>,
}

impl ListRow {
    /// Free bytes of a database.
    pub(super) const fn free(&self) -> Option<u64> {
        match &self.place {
            ListPlace::Database(database) => database.free,
            _ => None,
        }
    }
}

impl ListSum {
    /// Adds the union of a category of one project, with its number of whole copies.
    pub(super) fn add_union(&mut self, union: UnionTotals, replicas: &[&ReplicaSummary]) {
        self.files += union.files;
        self.bytes = self.bytes.saturating_add(union.bytes);
        let copies = replicas.iter().filter(|replica| replica.is_whole()).count() as u64;
        self.copies = Some(self.copies.map_or(copies, |least| least.min(copies)));
        for replica in replicas {
            self.add_times(replica);
        }
    }

    /// Adds one replica of a project.
    pub(super) fn add_replica(&mut self, replica: &ReplicaSummary) {
        self.files += replica.files.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(replica.bytes.unwrap_or_default());
        self.add_times(replica);
    }

    /// Adds the sum of a project.
    pub(super) fn add_project(&mut self, project: &Self) {
        self.projects += 1;
        self.files += project.files;
        self.bytes = self.bytes.saturating_add(project.bytes);
        self.copies = match (self.copies, project.copies) {
            (Some(least), Some(copies)) => Some(least.min(copies)),
            (least, copies) => least.or(copies),
        };
        self.newest = self.newest.max(project.newest);
        self.scanned_at = earlier(self.scanned_at, project.scanned_at);
    }

    fn add_times(&mut self, replica: &ReplicaSummary) {
        self.newest = self.newest.max(replica.newest);
        self.scanned_at = earlier(self.scanned_at, replica.indexed_at);
    }
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
