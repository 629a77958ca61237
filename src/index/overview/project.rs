//! Clients and projects on the tracked databases.

use std::collections::BTreeSet;

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::noun::Noun;
use crate::base::suggest::suggest;
use crate::index::Index;
use crate::language::lexer::quote;
use crate::model::project::{ProjectId, Scope, composed_name};
use crate::model::registry::{Category, Database, Registry};

/// Returns the clients on all tracked databases.
pub fn clients(index: &Index, registry: &Registry) -> Result<BTreeSet<Name>> {
    let projects = projects(index, registry, registry.databases())?;
    let all: BTreeSet<Name> = projects.into_iter().map(|project| project.client).collect();
    let is_shown = |client: &&Name| {
        let composed = composed_name(client);
        composed == **client || !all.contains(&composed)
    };
    Ok(all.iter().filter(is_shown).cloned().collect())
}

/// Returns the projects on these databases. A project with several Unicode normal forms is listed once, unless one database
/// has both forms: they are two projects there.
pub fn projects(
    index: &Index,
    registry: &Registry,
    databases: &[Database],
) -> Result<BTreeSet<ProjectId>> {
    let mut lists = Vec::new();
    for database in databases {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        let mut own = Vec::new();
        for category in registry.categories() {
            own.append(&mut index.projects(id, category.key())?);
        }
        lists.push(own);
    }
    Ok(distinct_projects(lists))
}

/// Merges the projects of several databases, in which the same project may have several Unicode normal forms.
pub(super) fn distinct_projects(lists: Vec<Vec<ProjectId>>) -> BTreeSet<ProjectId> {
    let (mut projects, mut duplicates) = (Vec::new(), BTreeSet::new());
    for mut own in lists {
        duplicates.extend(duplicate_spellings(&own));
        projects.append(&mut own);
    }
    // Collected once: merging set after set would take longer with each database.
    let mut projects: BTreeSet<ProjectId> = projects.into_iter().collect();
    let is_known = |project: &ProjectId| {
        if project.is_ascii() {
            return true;
        }
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
        // The composed form is preferred, then the first.
        if projects.contains(&composed) || !shown.insert(composed) {
            projects.remove(&project);
        }
    }
    projects
}

/// Returns the composed forms of projects that one database holds in two forms.
fn duplicate_spellings(projects: &[ProjectId]) -> BTreeSet<ProjectId> {
    let is_odd = |project: &&ProjectId| !project.is_ascii();
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

/// Passes client and project of every replica on the tracked databases to `visit`; a project may occur several times.
pub fn visit_projects(
    index: &Index,
    registry: &Registry,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<()> {
    visit_project_sizes(index, registry, |replica| {
        visit(replica.client, replica.project);
    })
}

/// Size of one present replica.
#[derive(Clone, Copy, Debug)]
pub struct ProjectSize<'a> {
    /// Name of the client's folder.
    pub client: &'a [u8],
    /// Name of the project's folder.
    pub project: &'a [u8],
    /// Position of the database in the registry.
    pub database: usize,
    /// Position of the category in the registry.
    pub category: usize,
    /// Apparent bytes.
    pub bytes: u64,
}

/// Passes every present replica on the tracked databases to `visit`. For completion: checksums are not verified.
pub fn visit_project_sizes(
    index: &Index,
    registry: &Registry,
    mut visit: impl FnMut(ProjectSize<'_>),
) -> Result<()> {
    let _view = index.read_transaction()?;
    for (database, known) in registry.databases().iter().enumerate() {
        let Some(id) = index.database_id(&known.root)? else {
            continue;
        };
        for (category, known) in registry.categories().iter().enumerate() {
            index.visit_projects(id, known.key(), |client, project, bytes| {
                visit(ProjectSize {
                    client,
                    project,
                    database,
                    category,
                    bytes,
                });
            })?;
        }
    }
    Ok(())
}

/// Returns any project, as an example for help texts.
pub fn example_project(index: &Index, registry: &Registry) -> Result<Option<ProjectId>> {
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        for category in registry.categories() {
            let found = index.first_project(id, category.key())?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// Returns the projects in a scope.
///
/// # Errors
/// [`Error::UnknownName`] with suggestions for a client or project that no tracked database has.
pub fn known_projects(index: &Index, registry: &Registry, scope: &Scope) -> Result<Vec<ProjectId>> {
    select_projects(&projects(index, registry, registry.databases())?, scope)
}

/// Returns those of all projects that are in a scope. Fails like [`known_projects`].
pub(super) fn select_projects(all: &BTreeSet<ProjectId>, scope: &Scope) -> Result<Vec<ProjectId>> {
    let matching: Vec<ProjectId> = all
        .iter()
        .filter(|project| scope.contains(project))
        .cloned()
        .collect();
    if !matching.is_empty() || *scope == Scope::All {
        return Ok(matching);
    }
    Err(unknown_name_error(all, scope))
}

/// Returns the error of an unknown client or project, with similar names. The short name of a project can be taken for a
/// client's, so projects are suggested for a client that resembles no other.
fn unknown_name_error(all: &BTreeSet<ProjectId>, scope: &Scope) -> Error {
    let typed = scope.name().to_string();
    let projects = || quoted(all.iter().map(ProjectId::name));
    let (noun, names) = match scope {
        Scope::Client(_) => (
            Noun::Client,
            quoted(all.iter().map(|project| project.client.clone())),
        ),
        _ => (Noun::Project, projects()),
    };
    let mut near = similar(&typed, &names);
    if near.is_empty() && noun == Noun::Client {
        near = similar(&typed, &projects());
    }
    Error::UnknownName {
        noun,
        name: scope.name(),
        suggestions: near,
        known: if names.len() <= 12 { names } else { Vec::new() },
    }
}

/// Returns names as words of a line, each once.
fn quoted(names: impl Iterator<Item = Name>) -> Vec<String> {
    let names: BTreeSet<Name> = names.collect();
    names.iter().map(|name| quote(name.as_os_str())).collect()
}

fn similar(typed: &str, words: &[String]) -> Vec<String> {
    let near = suggest(typed, words.iter().map(String::as_str));
    near.into_iter().map(str::to_owned).collect()
}

/// Adds the databases that have a scope in these categories to [`Error::ReplicaNotFound`], or else those that have it in
/// others: ``WORK in category `footage` ``. A project that exists is never taken for a misspelled one. Returns other errors
/// unchanged.
pub fn add_holders(
    mut error: Error,
    index: &Index,
    registry: &Registry,
    categories: &[&Category],
    scope: &Scope,
) -> Result<Error> {
    let Error::ReplicaNotFound {
        database,
        elsewhere,
        suggestions,
        ..
    } = &mut error
    else {
        return Ok(error);
    };
    *elsewhere = holders(index, registry, categories, scope)?;
    elsewhere.retain(|name| name != database);
    if elsewhere.is_empty() {
        for category in registry.categories() {
            let names = holders(index, registry, &[category], scope)?;
            if !names.is_empty() {
                let (names, category) = (names.join(", "), &category.name);
                elsewhere.push(format!("{names} in category `{category}`"));
            }
        }
    }
    if !elsewhere.is_empty() {
        suggestions.clear();
    }
    Ok(error)
}

/// Returns the names of the databases that have a scope in these categories.
fn holders(
    index: &Index,
    registry: &Registry,
    categories: &[&Category],
    scope: &Scope,
) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if *scope == Scope::All {
        return Ok(names);
    }
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        for category in categories {
            let projects = index.projects(id, category.key())?;
            if projects.iter().any(|project| scope.contains(project)) {
                names.push(database.name.clone());
                break;
            }
        }
    }
    Ok(names)
}
