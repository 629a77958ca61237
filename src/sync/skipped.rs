//! Excluded paths of a replica: paths that an exclusion rule matches, and folders of another category.
//!
//! A sync neither sends, deletes nor reports them, even if they were sent before.

use std::path::{Path, PathBuf};

use super::run::SyncRun;
use crate::base::name::Name;
use crate::model::exclusion::Exclusions;

/// Excluded paths below the folder of one replica.
pub(super) struct ExcludedPaths<'a> {
    exclusions: Option<&'a Exclusions>,
    /// The replica's folder below the root.
    pub(super) relative: &'a Path,
    /// Folders of categories nested inside the replica's category, relative to the root.
    inner_categories: Vec<PathBuf>,
}

impl ExcludedPaths<'_> {
    /// Excludes nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            exclusions: None,
            relative: Path::new(""),
            inner_categories: Vec::new(),
        }
    }

    /// True if a folder, or a folder above it, is excluded.
    pub(super) fn excludes_folder(&self, path: &Path) -> bool {
        let excluded = |exclusions: &Exclusions| exclusions.excludes_folder(path);
        self.exclusions.is_some_and(excluded) || self.is_in_other_category(path)
    }

    /// True if a file's own name is excluded. Does not check its folder.
    pub(super) fn excludes_file(&self, folder: &Path, name: &Name) -> bool {
        let excluded =
            |exclusions: &Exclusions| exclusions.excludes(folder, name.as_os_str(), false);
        self.exclusions.is_some_and(excluded)
    }

    /// True if a file, or a folder above it, is excluded.
    pub(super) fn excludes_path(&self, path: &Path) -> bool {
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = Name::from(path.file_name().unwrap_or_default());
        self.excludes_file(folder, &name)
            || self.excludes_folder(folder)
            || self.is_in_other_category(path)
    }

    fn is_in_other_category(&self, path: &Path) -> bool {
        let mut inner = self.inner_categories.iter();
        !self.inner_categories.is_empty()
            && inner.any(|inner| self.relative.join(path).starts_with(inner))
    }
}

impl SyncRun<'_> {
    /// Returns the excluded paths of a replica.
    pub(super) fn excluded_paths<'a>(&'a self, relative: &'a Path) -> ExcludedPaths<'a> {
        let category = self.match_replica(relative).map(|(category, _)| category);
        ExcludedPaths {
            exclusions: Some(&self.source.layout().exclusions),
            relative,
            inner_categories: category.map_or(Vec::new(), |category| {
                self.registry.inner_categories(category)
            }),
        }
    }

    /// True if a path below the root is excluded.
    pub(super) fn is_excluded(&self, path: &Path) -> bool {
        self.replica_of(path).is_some_and(|replica| {
            let below = path.strip_prefix(&replica).unwrap_or(path);
            self.excluded_paths(&replica).excludes_path(below)
        })
    }
}
