//! The part of the index that `in WHERE` names: a storage, a category, a client or a project.

use std::ffi::OsStr;

use crate::base::error::Result;
use crate::commands::check::check_known;
use crate::commands::unknown_place::unknown_place_error;
use crate::commands::workspace::Workspace;
use crate::index::Index;
use crate::index::overview;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database, Registry};

/// The part of the index that `in WHERE` names.
pub(super) struct SearchPlace<'a> {
    pub(super) databases: &'a [Database],
    pub(super) categories: &'a [Category],
    pub(super) scope: Scope,
}

impl<'a> SearchPlace<'a> {
    /// The whole index.
    pub(super) fn all(registry: &'a Registry) -> Self {
        Self {
            databases: registry.databases(),
            categories: registry.categories(),
            scope: Scope::All,
        }
    }

    /// True if it includes the storage of this name.
    pub(super) fn has_database(&self, name: &str) -> bool {
        self.databases.iter().any(|database| database.name == name)
    }

    /// True if it includes the category of this name.
    pub(super) fn has_category(&self, name: &str) -> bool {
        self.categories.iter().any(|category| category.name == name)
    }

    /// Looks up a storage, a category, or else a client or project.
    ///
    /// # Errors
    /// Nothing has this name.
    pub(super) fn parse(index: &Index, registry: &'a Registry, word: &OsStr) -> Result<Self> {
        let all = Self::all(registry);
        let name = word.to_str().unwrap_or_default();
        if let Ok(database) = registry.database(name) {
            let databases = std::slice::from_ref(database);
            return Ok(Self { databases, ..all });
        }
        if let Ok(category) = registry.category(name) {
            let categories = std::slice::from_ref(category);
            return Ok(Self { categories, ..all });
        }
        let scope = Scope::parse(word)?;
        overview::known_projects(index, registry, &scope)
            .map_err(|error| unknown_place_error(error, registry))?;
        Ok(Self { scope, ..all })
    }
}

/// Resolves the word of a WHERE.
///
/// # Errors
/// Nothing has this name.
pub(super) fn check(word: &OsStr, workspace: &Workspace) -> Result<()> {
    let registry = &workspace.registry;
    let name = word.to_str().unwrap_or_default();
    if registry.database(name).is_ok() || registry.category(name).is_ok() {
        return Ok(());
    }
    check_known(&Scope::parse(word)?, workspace)
        .map_err(|error| unknown_place_error(error, registry))
}
