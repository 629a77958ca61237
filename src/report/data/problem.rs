//! The files with problems in the last runs of a report: failed, damaged, missing.

use std::path::Path;

use serde::Serialize;

use super::run::ReportedRun;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{Index, OutcomeKind, RunId, RunItem};
use crate::model::address;
use crate::model::project::Scope;
use crate::model::registry::Registry;

/// Number of runs whose items are read, the newest first, and of items of each.
const MAX_RUNS: usize = 25;
const MAX_ITEMS: usize = 40;

/// A file that a run could not finish, or found damaged.
#[derive(Debug, Serialize)]
pub struct RunProblem {
    pub run: RunId,
    pub outcome: OutcomeKind,
    /// The storage; `None` if it is no longer tracked.
    pub database: Option<String>,
    /// The path below the root of the storage, or the whole path without one.
    pub path: Name,
    pub reason: Option<String>,
}

/// True for an outcome that somebody should look at.
const fn is_problem(outcome: OutcomeKind) -> bool {
    matches!(
        outcome,
        OutcomeKind::Failed
            | OutcomeKind::Refused
            | OutcomeKind::Conflict
            | OutcomeKind::Damaged
            | OutcomeKind::Missing
            | OutcomeKind::Unreadable
    )
}

/// Returns the first problems of the last runs, as far as they concern a scope.
pub(super) fn problems(
    index: &Index,
    registry: &Registry,
    scope: &Scope,
    runs: &[ReportedRun],
) -> Result<Vec<RunProblem>> {
    let mut problems = Vec::new();
    for run in runs.iter().take(MAX_RUNS) {
        let end = problems.len() + MAX_ITEMS;
        index.visit_run_items(run.run, &mut |item| {
            if is_problem(item.outcome) {
                problems.extend(located(registry, scope, run.run, item));
            }
            Ok(problems.len() < end)
        })?;
    }
    Ok(problems)
}

/// Finds the storage of an item; `None` if the item is outside the scope.
fn located(
    registry: &Registry,
    scope: &Scope,
    run: RunId,
    item: &RunItem<'_>,
) -> Option<RunProblem> {
    let mut databases = registry.databases().iter();
    let within = databases.find_map(|database| {
        let path = address::strip(&database.root, item.path)?;
        Some((database.name.clone(), path))
    });
    let is_meant = |path: &Path| {
        let mut categories = registry.categories().iter();
        let found = categories.find_map(|category| category.locate(path));
        found.is_some_and(|(project, _)| scope.contains(&project))
    };
    let path = within
        .as_ref()
        .map_or(item.path, |(_, path)| path.as_path());
    if *scope != Scope::All && !is_meant(path) {
        return None;
    }
    Some(RunProblem {
        run,
        outcome: item.outcome,
        path: path.into(),
        database: within.as_ref().map(|(name, _)| name.clone()),
        reason: item.reason.map(str::to_owned),
    })
}
