//! The replicas of one category on all databases, and their unions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::derived::{DerivedRows, IndexedDatabase};
use super::summary::{ProjectSummary, ReplicaState, ReplicaSummary, UnionTotals};
use super::union::{UnionGroup, UnionMember};
use super::union_context::UnionContext;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::{
    Coverage, CoverageTable, Index, KnownDatabase, KnownReplica, StoredCoverage, StoredUnion,
};
use crate::model::address;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database, Registry};
use crate::snapshot::union::{Shortfall, Union};

/// The replicas of one category on all databases.
pub(super) struct CategoryReplicas<'a> {
    category: &'a Category,
    databases: Vec<DatabaseReplicas<'a>>,
    stored: BTreeMap<ProjectId, StoredUnion>,
}

/// The replicas of one category on one database.
struct DatabaseReplicas<'a> {
    database: &'a Database,
    category: &'a Category,
    known: &'a KnownDatabase,
    coverages: &'a CoverageTable,
    scanned_at: Option<Timestamp>,
    /// Sorted by project.
    replicas: &'a [KnownReplica],
}

impl DatabaseReplicas<'_> {
    /// The projects that the database holds in this category.
    fn present_projects(&self) -> impl Iterator<Item = &ProjectId> {
        let present = self.replicas.iter().filter(|replica| replica.present);
        present.map(|replica| &replica.project)
    }

    /// Returns the replica of a project, whose names may have another Unicode normal form here.
    fn replica(&self, project: &ProjectId) -> Option<&KnownReplica> {
        let place = self
            .replicas
            .binary_search_by(|replica| replica.project.cmp(project));
        if let Ok(place) = place {
            return Some(&self.replicas[place]);
        }
        if project.is_ascii() {
            return None;
        }
        let composed = project.composed();
        let mut replicas = self.replicas.iter();
        replicas.find(|replica| replica.project.composed() == composed)
    }
}

impl<'a> CategoryReplicas<'a> {
    pub(super) fn read(
        index: &Index,
        registry: &'a Registry,
        category: &'a Category,
        databases: &'a [IndexedDatabase],
    ) -> Result<Self> {
        let rows = registry.databases().iter().zip(databases);
        let rows = rows.map(|(database, known)| of_database(index, database, category, known));
        Ok(Self {
            category,
            databases: rows.collect::<Result<_>>()?,
            stored: index.unions(category.key())?,
        })
    }

    /// Adds the union and the replicas of this category to the summary of a project. Adds nothing if the category cannot
    /// hold the project: it has no replica there that could be missing.
    pub(super) fn add_to(
        &self,
        summary: &mut ProjectSummary,
        index: &Index,
        context: &UnionContext,
        computed: &mut DerivedRows,
    ) -> Result<()> {
        let project = &summary.project;
        let databases = self.databases.iter();
        let replicas: Vec<_> = databases.map(|one| one.replica(project)).collect();
        let members = self.members(&replicas);
        if members.is_empty() && self.category.leaves_out(project) {
            return Ok(());
        }
        let path = self.category.replica_path(project);
        let differing = context.differing_in(index, &path)?;
        let group = UnionGroup::new(
            index,
            (self.category.key(), project),
            &members,
            (context, differing),
        );
        let union = self.union(&group, &mut computed.unions)?;
        let coverages = self.coverages(index, &replicas, &mut computed.coverages)?;
        summary.unions.push(UnionTotals {
            files: union.files,
            bytes: union.bytes,
        });
        summary
            .replicas
            .extend(self.summaries((project, &path), &replicas, &union, coverages));
        Ok(())
    }

    /// The projects that the database at this place holds.
    pub(super) fn present_projects(&self, place: usize) -> impl Iterator<Item = &ProjectId> {
        self.databases[place].present_projects()
    }

    /// Returns the present ones of a project's replicas, in the order of the databases.
    fn members<'r>(&self, replicas: &[Option<&'r KnownReplica>]) -> Vec<UnionMember<'r>> {
        let rows = self.databases.iter().zip(replicas);
        let members = rows.filter_map(|(indexed, replica)| {
            Some(UnionMember {
                database: indexed.known.id?,
                replica: replica.filter(|replica| replica.present)?,
            })
        });
        members.collect()
    }

    /// Returns the coverage of each replica that is present.
    fn coverages(
        &self,
        index: &Index,
        replicas: &[Option<&KnownReplica>],
        computed: &mut Vec<StoredCoverage>,
    ) -> Result<Vec<Option<Coverage>>> {
        let rows = self.databases.iter().zip(replicas);
        let coverages = rows.map(|(indexed, replica)| {
            let present = replica.filter(|replica| replica.present);
            let Some((id, replica)) = indexed.known.id.zip(present) else {
                return Ok(None);
            };
            let place = (id, self.category.key());
            let coverage = index.coverage(place, replica, indexed.coverages, computed);
            coverage.map(Some)
        });
        coverages.collect()
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
    fn summaries(
        &self,
        (project, path): (&ProjectId, &Path),
        replicas: &[Option<&KnownReplica>],
        union: &Union,
        coverages: Vec<Option<Coverage>>,
    ) -> Vec<ReplicaSummary> {
        let mut shortfalls = union.shortfalls.iter();
        let rows = self.databases.iter().zip(replicas).zip(coverages);
        let summaries = rows.map(|((indexed, known), coverage)| {
            let root = &indexed.database.root;
            let path = match known {
                Some(replica) if replica.project != *project => {
                    address::join(root, &self.category.replica_path(&replica.project))
                }
                _ => address::join(root, path),
            };
            let is_member = known.is_some_and(|replica| replica.present);
            let shortfall = is_member.then(|| shortfalls.next().copied()).flatten();
            summarize_replica(indexed, (path, *known), (union, shortfall), coverage)
        });
        summaries.collect()
    }
}

/// Returns the replicas of a database that are in a category.
fn of_database<'a>(
    index: &Index,
    database: &'a Database,
    category: &'a Category,
    indexed: &'a IndexedDatabase,
) -> Result<DatabaseReplicas<'a>> {
    let scanned_at = match indexed.known.id {
        Some(id) => index.category_scanned_at(id, category.key())?,
        None => None,
    };
    let replicas = indexed.replicas.get(category.key());
    Ok(DatabaseReplicas {
        database,
        category,
        known: &indexed.known,
        coverages: &indexed.coverages,
        scanned_at,
        replicas: replicas.map(Vec::as_slice).unwrap_or_default(),
    })
}

fn summarize_replica(
    indexed: &DatabaseReplicas<'_>,
    (path, known): (PathBuf, Option<&KnownReplica>),
    (union, shortfall): (&Union, Option<Shortfall>),
    coverage: Option<Coverage>,
) -> ReplicaSummary {
    let present = known.filter(|replica| replica.present);
    let unreadable = present.map(|replica| replica.aggregate.unreadable);
    let damaged = coverage.as_ref().map_or(0, |coverage| coverage.damaged);
    let state = if indexed.known.offline_since.is_some() {
        ReplicaState::Offline
    } else if let Some(shortfall) = shortfall {
        if shortfall.is_whole() && unreadable == Some(0) && damaged == 0 {
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
        damaged: shortfall.map(|_| damaged),
        coverage,
        files: present.map(|replica| replica.aggregate.files),
        bytes: present.map(|replica| replica.aggregate.bytes),
        newest: present.and_then(|replica| replica.aggregate.newest),
        indexed_at: known
            .map(|replica| replica.scanned_at)
            .or(indexed.scanned_at),
    }
}
