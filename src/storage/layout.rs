//! The rules that all databases of a studio share.

use std::sync::Arc;

use crate::base::error::Result;
use crate::model::exclusion::Exclusions;
use crate::model::registry::Registry;

/// The exclusion rules, as the registry had them when a command began.
#[derive(Clone, Debug)]
pub struct Layout {
    pub exclusions: Arc<Exclusions>,
    /// The patterns of `exclude`.
    pub patterns: Vec<String>,
}

impl Layout {
    /// Compiles the exclusion rules of a registry.
    pub fn new(registry: &Registry) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            exclusions: Arc::new(Exclusions::new(registry.exclusion_rules())?),
            patterns: registry.exclusions().to_vec(),
        }))
    }
}
