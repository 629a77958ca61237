//! What the index says of the tracked databases: which clients and projects there are, and how their replicas compare.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::{Index, KnownDatabase, KnownReplica};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::suggest::suggest;
use crate::base::timestamp::Timestamp;
use crate::language::lexer::quote;
use crate::model::project::{ProjectId, Scope, composed_name};
use crate::model::registry::{Category, Database, Registry};

/// How a replica compares with the others of the same project and category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaStatus {
    /// It agrees with the fullest replica.
    Present,
    /// It was looked for and is not there.
    Missing,
    /// It has fewer files than the fullest replica, or not all of it could be read.
    Partial,
    /// It has as many files as the fullest replica, but other names, sizes or times, or contents that were compared.
    Differs,
    /// Its database was not there at the last look; what is known is older.
    Offline,
    /// Nobody ever looked.
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

/// What is known of one replica.
#[derive(Clone, Debug, Serialize)]
pub struct ReplicaSummary {
    /// The category's name.
    pub category: String,
    /// The database's name.
    pub database: String,
    /// Where it is or would be.
    pub path: Name,
    /// How it compares.
    pub state: ReplicaStatus,
    /// Files and links; `None` where nothing is there or known.
    pub files: Option<u64>,
    /// Apparent bytes.
    pub bytes: Option<u64>,
    /// The newest modification time.
    pub newest: Option<Timestamp>,
    /// When it was looked at.
    pub indexed_at: Option<Timestamp>,
}

/// One project on all databases.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectSummary {
    /// The project.
    pub project: ProjectId,
    /// One for each category and database, in the order in which they were added.
    pub replicas: Vec<ReplicaSummary>,
}

/// All clients that are on any tracked database.
///
/// # Errors
/// The index cannot be read.
pub fn clients(index: &Index, registry: &Registry) -> Result<BTreeSet<Name>> {
    let projects = projects(index, registry, registry.databases())?;
    let all: BTreeSet<Name> = projects.into_iter().map(|project| project.client).collect();
    let is_shown = |client: &&Name| {
        let composed = composed_name(client);
        composed == **client || !all.contains(&composed)
    };
    Ok(all.iter().filter(is_shown).cloned().collect())
}

/// All projects that are on any of these databases.
///
/// # Errors
/// The index cannot be read.
pub fn projects(
    index: &Index,
    registry: &Registry,
    databases: &[Database],
) -> Result<BTreeSet<ProjectId>> {
    let (mut projects, mut duplicates) = (Vec::new(), BTreeSet::new());
    for database in databases {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        let mut own = Vec::new();
        for category in registry.categories() {
            own.append(&mut index.projects(id, &category.path)?);
        }
        duplicates.extend(duplicate_spellings(&own));
        projects.append(&mut own);
    }
    // All at once: one set after the other put into a large one would take the longer, the more databases there are.
    let mut projects: BTreeSet<ProjectId> = projects.into_iter().collect();
    let is_known = |project: &ProjectId| {
        let composed = project.composed();
        composed == *project || duplicates.contains(&composed)
    };
    let other: Vec<ProjectId> = projects
        .iter()
        .filter(|project| !is_known(project))
        .cloned()
        .collect();
    let mut shown = BTreeSet::new();
    for project in other {
        let composed = project.composed();
        // Of several spellings on several databases the composed one is shown, or the first.
        if projects.contains(&composed) || !shown.insert(composed) {
            projects.remove(&project);
        }
    }
    Ok(projects)
}

/// The projects, in composed form, of which one database holds two spellings: they are two projects there.
fn duplicate_spellings(projects: &[ProjectId]) -> BTreeSet<ProjectId> {
    let is_odd = |project: &&ProjectId| !project.path().as_os_str().as_encoded_bytes().is_ascii();
    let odd: BTreeSet<&ProjectId> = projects.iter().filter(is_odd).collect();
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for project in odd {
        let composed = project.composed();
        if !seen.insert(composed.clone()) {
            twice.insert(composed);
        }
    }
    twice
}

/// Shows the client and the project of every replica that is on any tracked database, those of each in order.
///
/// # Errors
/// The index cannot be read.
pub fn visit_projects(
    index: &Index,
    registry: &Registry,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<()> {
    let _snapshot = index.read_transaction()?;
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        for category in registry.categories() {
            index.visit_projects(id, &category.path, &mut visit)?;
        }
    }
    Ok(())
}

/// One of the projects, for examples.
///
/// # Errors
/// The index cannot be read.
pub fn example_project(index: &Index, registry: &Registry) -> Result<Option<ProjectId>> {
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        for category in registry.categories() {
            let found = index.first_project(id, &category.path)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// The projects of a scope.
///
/// # Errors
/// [`Error::UnknownName`] for a client or project that is on no tracked database, with the nearest names.
pub fn known_projects(index: &Index, registry: &Registry, scope: &Scope) -> Result<Vec<ProjectId>> {
    let all = projects(index, registry, registry.databases())?;
    let matching: Vec<ProjectId> = all
        .iter()
        .filter(|project| scope.contains(project))
        .cloned()
        .collect();
    if !matching.is_empty() || *scope == Scope::All {
        return Ok(matching);
    }
    let (noun, names): (_, BTreeSet<Name>) = match scope {
        Scope::Client(_) => (
            "client",
            all.iter().map(|project| project.client.clone()).collect(),
        ),
        _ => ("project", all.iter().map(ProjectId::name).collect()),
    };
    Err(unknown_name_error(noun, scope.name(), &names))
}

/// Says that a name is not known, and which come near.
pub fn unknown_name_error(noun: &'static str, name: Name, names: &BTreeSet<Name>) -> Error {
    let typed = name.to_string();
    let words: Vec<String> = names.iter().map(|name| quote(name.as_os_str())).collect();
    let near = suggest(&typed, words.iter().map(String::as_str))
        .into_iter()
        .map(str::to_owned)
        .collect();
    let known = if words.len() <= 12 { words } else { Vec::new() };
    Error::UnknownName {
        noun,
        name,
        suggestions: near,
        known,
    }
}

/// Adds to a failure that nothing of a scope is in a database which databases hold it in these categories.
///
/// # Errors
/// The index cannot be read.
pub fn add_holders(
    error: Error,
    index: &Index,
    registry: &Registry,
    categories: &[&Category],
    scope: &Scope,
) -> Result<Error> {
    let Error::ReplicaNotFound {
        project,
        place,
        database,
        suggestions: near,
        ..
    } = error
    else {
        return Ok(error);
    };
    let mut elsewhere = Vec::new();
    for known in registry.databases() {
        let Some(id) = index.database_id(&known.root)? else {
            continue;
        };
        for category in categories {
            let projects = index.projects(id, &category.path)?;
            if *scope != Scope::All && projects.iter().any(|project| scope.contains(project)) {
                elsewhere.push(known.name.clone());
                break;
            }
        }
    }
    elsewhere.retain(|name| *name != database);
    Ok(Error::ReplicaNotFound {
        project,
        place,
        database,
        suggestions: near,
        elsewhere,
    })
}

/// One category of one database, as the index knows it.
struct IndexedCategory<'a> {
    database: &'a Database,
    category: &'a Category,
    known: KnownDatabase,
    scanned_at: Option<Timestamp>,
    replicas: BTreeMap<ProjectId, KnownReplica>,
}

impl IndexedCategory<'_> {
    /// A replica of a project, which may have another spelling here.
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

/// How the replicas of some projects compare.
///
/// # Errors
/// [`Error::UnknownName`] for a client or project that is on no tracked database; the index cannot be read.
pub fn compare(index: &Index, registry: &Registry, scope: &Scope) -> Result<Vec<ProjectSummary>> {
    let projects = known_projects(index, registry, scope)?;
    let mut categories = Vec::new();
    for category in registry.categories() {
        let mut row = Vec::new();
        for database in registry.databases() {
            row.push(read_category(index, database, category)?);
        }
        categories.push(row);
    }
    let projects = projects.into_iter();
    let mut projects: Vec<ProjectSummary> = projects
        .map(|project| ProjectSummary {
            replicas: categories
                .iter()
                .flat_map(|row| compare_row(row, &project))
                .collect(),
            project,
        })
        .collect();
    content::mark_content_differences(index, registry, &mut projects)?;
    Ok(projects)
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

/// One project in one category on all databases.
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
