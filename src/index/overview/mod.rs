//! Overview of all tracked databases from the index alone: their clients and projects, and the status of each replica.
//!
//! A project has one replica per category and database. Each replica is measured against the union of all of them, those
//! of offline databases included as they were last seen. An offline replica is `offline`, never `missing`.

mod category;
mod derived;
mod last_scan;
mod project;
mod size_history;
mod size_samples;
mod studio;
mod summary;
mod union;
mod union_context;

pub use self::last_scan::last_scan;
pub use self::project::{
    ProjectSize, add_holders, clients, example_project, known_projects, projects,
    visit_project_sizes, visit_projects,
};
pub use self::size_history::{ReplicaSizes, SizeHistory};
pub use self::size_samples::{SampledLine, SampledSizes, SizeSum, sample_times};
pub use self::studio::StudioOverview;
pub use self::summary::{ProjectSummary, ReplicaState, ReplicaSummary, UnionTotals, is_held};

use super::Index;
use crate::base::error::Result;
use crate::base::ignore::ignore;
use crate::model::project::Scope;
use crate::model::registry::Registry;

/// Reads the projects in a scope and their replicas.
///
/// # Errors
/// [`crate::base::error::Error::UnknownName`] for a client or project that no tracked database has.
pub fn read(index: &Index, registry: &Registry, scope: &Scope) -> Result<StudioOverview> {
    let _view = index.read_transaction()?;
    studio::summarize(index, registry, scope)
}

/// Reads the projects in a scope as [`read`] does, and stores the shortfalls that were computed for it.
pub fn read_and_store(
    index: &mut Index,
    registry: &Registry,
    scope: &Scope,
) -> Result<StudioOverview> {
    let overview = read(index, registry, scope)?;
    if !index.is_read_only() {
        ignore(
            index.store_unions(&overview.computed.unions),
            "shortfalls are derived: the next overview computes them again",
        );
        ignore(
            index.store_coverages(&overview.computed.coverages),
            "coverages are derived: the next overview computes them again",
        );
    }
    Ok(overview)
}

/// Brings the stored shortfalls up to date after the index changed, so that the next overview reads no folder.
pub fn refresh(index: &mut Index, registry: &Registry) {
    ignore(
        read_and_store(index, registry, &Scope::All),
        "shortfalls are derived: the next overview computes them again, and reports the failure",
    );
}
