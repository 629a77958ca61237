//! The layout that all databases of a studio share: categories, and the files that are left out.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::error::Result;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, replica_path};
use crate::model::registry::{Category, Registry};

/// Categories and exclusion rules, as the registry had them when a command began.
#[derive(Clone, Debug)]
pub struct Layout {
    registry: Registry,
    pub exclusions: Arc<Exclusions>,
}

impl Layout {
    /// Compiles the exclusion rules of a registry.
    pub fn new(registry: &Registry) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            exclusions: Arc::new(Exclusions::new(registry.exclusion_rules())?),
            registry: registry.clone(),
        }))
    }

    /// Returns the folders of the categories nested inside a category.
    pub fn inner_categories(&self, category: &Category) -> Vec<PathBuf> {
        self.registry.inner_categories(category)
    }

    /// True if a project's folder in a category is part of a category nested inside it.
    pub fn is_in_inner_category(&self, category: &Category, project: &ProjectId) -> bool {
        let replica = replica_path(&category.path, project);
        let mut inner = self.inner_categories(category).into_iter();
        inner.any(|inner| replica.starts_with(inner))
    }
}
