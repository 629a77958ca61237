//! Overview of all tracked databases from the index alone: their clients and projects, and the status of each replica.
//!
//! A project has one replica per category and database. The fullest one is the measure for the others. An offline database
//! is `offline`, never `missing`.

mod content;
mod project;
mod summary;

pub use self::project::{
    add_holders, clients, example_project, known_projects, projects, visit_projects,
};
pub use self::summary::{ProjectSummary, ReplicaStatus, ReplicaSummary};

use super::Index;
use crate::base::error::Result;
use crate::model::project::Scope;
use crate::model::registry::Registry;

/// Compares the replicas of the projects in a scope.
///
/// # Errors
/// [`crate::base::error::Error::UnknownName`] for a client or project that no tracked database has.
pub fn compare(index: &Index, registry: &Registry, scope: &Scope) -> Result<Vec<ProjectSummary>> {
    let projects = known_projects(index, registry, scope)?;
    let mut projects = summary::summarize(index, registry, projects)?;
    content::mark_content_differences(index, registry, &mut projects)?;
    Ok(projects)
}
