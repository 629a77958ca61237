//! The check of a line's names without running it.

use std::ffi::OsStr;

use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::index::overview;
use crate::model::project::Scope;

/// Resolves the word of a PROJECT.
///
/// # Errors
/// The word is malformed, or no tracked database has such a project.
pub(super) fn check_scope(word: &OsStr, workspace: &Workspace) -> Result<()> {
    check_known(&workspace.last_answer.scope(word)?, workspace)
}

/// Resolves the projects of a scope.
///
/// # Errors
/// No tracked database has such a project.
pub(super) fn check_known(scope: &Scope, workspace: &Workspace) -> Result<()> {
    let (index, registry) = (&workspace.index, &workspace.registry);
    match overview::known_projects(index, registry, scope) {
        // A database that was never scanned may have it.
        Err(Error::UnknownName { .. }) if !has_scanned_all(workspace)? => Ok(()),
        known => known.map(drop),
    }
}

/// True if every tracked database was scanned.
fn has_scanned_all(workspace: &Workspace) -> Result<bool> {
    for database in workspace.registry.databases() {
        let known = workspace.index.database(&database.root)?;
        let scanned = overview::last_scan(&workspace.index, &workspace.registry, &known)?;
        if scanned.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
