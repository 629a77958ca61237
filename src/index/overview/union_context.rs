//! Facts beside the replicas that unions are computed from: files that are known to differ, and the exclusions of now.

use std::cell::OnceCell;
use std::path::Path;

use crate::base::error::Result;
use crate::index::{DifferingFolder, Index};
use crate::model::exclusion::Exclusions;
use crate::model::registry::Registry;

/// What all unions of one overview have in common.
#[derive(Debug)]
pub(super) struct UnionContext {
    /// Files with contents that are known to differ, in the order of their folders; read once, and only if needed.
    differing: OnceCell<Vec<DifferingFolder>>,
    /// Files that they exclude are in no union, also if a scan from before the rule holds them.
    pub(super) exclusions: Exclusions,
    /// The exclusion rules as bytes: a stored union is outdated under other rules.
    pub(super) exclusion_key: Vec<u8>,
}

impl UnionContext {
    /// Compiles the exclusions of a registry.
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let rules = registry.exclusion_rules();
        let mut exclusion_key = vec![u8::from(rules.include_housekeeping)];
        for pattern in &rules.patterns {
            exclusion_key.extend(pattern.as_bytes());
            exclusion_key.push(0);
        }
        Ok(Self {
            differing: OnceCell::new(),
            exclusions: Exclusions::new(rules)?,
            exclusion_key,
        })
    }

    /// Returns the known differences in the folders of a replica.
    pub(super) fn differing_in(&self, index: &Index, replica: &Path) -> Result<&[DifferingFolder]> {
        if self.differing.get().is_none() {
            let mut folders = if index.has_differing_files()? {
                index.all_differing_files()?
            } else {
                Vec::new()
            };
            // Paths are compared by components, so that a folder and those below it are neighbors.
            folders.sort_by(|a, b| a.folder.cmp(&b.folder));
            self.differing.get_or_init(|| folders);
        }
        let folders = self.differing.get().map(Vec::as_slice).unwrap_or_default();
        let first = folders.partition_point(|known| known.folder.as_path() < replica);
        let length = folders[first..].partition_point(|known| known.folder.starts_with(replica));
        Ok(&folders[first..first + length])
    }
}
