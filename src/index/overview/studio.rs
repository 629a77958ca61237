//! The overview of a studio: all projects in a scope, in all categories.

use super::category::CategoryReplicas;
use super::derived::{DerivedRows, IndexedDatabase};
use super::project::{distinct_projects, select_projects};
use super::summary::ProjectSummary;
use super::union_context::UnionContext;
use crate::base::error::Result;
use crate::index::Index;
use crate::model::project::Scope;
use crate::model::registry::Registry;

/// Projects with their replicas, and the rows that had to be computed for them.
#[derive(Debug, Default)]
pub struct StudioOverview {
    /// The projects, sorted.
    pub projects: Vec<ProjectSummary>,
    /// Rows to be stored.
    pub computed: DerivedRows,
}

/// Measures the replicas of the projects in a scope against their unions.
pub(super) fn summarize(
    index: &Index,
    registry: &Registry,
    scope: &Scope,
) -> Result<StudioOverview> {
    let databases = registry.databases().iter();
    let databases = databases.map(|database| IndexedDatabase::read(index, database));
    let databases = databases.collect::<Result<Vec<IndexedDatabase>>>()?;
    let categories = registry.categories().iter();
    let columns = categories
        .map(|category| CategoryReplicas::read(index, registry, category, &databases))
        .collect::<Result<Vec<_>>>()?;
    let own_projects = |place: usize| {
        let held = columns
            .iter()
            .flat_map(|column| column.present_projects(place));
        held.cloned().collect()
    };
    let all = distinct_projects((0..databases.len()).map(own_projects).collect());
    let context = UnionContext::new(registry)?;
    let mut overview = StudioOverview::default();
    for project in select_projects(&all, scope)? {
        let mut summary = ProjectSummary {
            unions: Vec::new(),
            replicas: Vec::with_capacity(columns.len() * databases.len()),
            project,
        };
        for column in &columns {
            column.add_to(&mut summary, index, &context, &mut overview.computed)?;
        }
        overview.projects.push(summary);
    }
    Ok(overview)
}
