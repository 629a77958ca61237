//! Excluded paths of a replica: paths that an exclusion rule matches, and folders of another category.
//!
//! A sync neither sends, deletes nor reports them, even if they were sent before.

use std::path::Path;
use std::sync::Arc;

use super::run::SyncRun;
use crate::base::name::Name;
use crate::model::exclusion::Exclusions;
use crate::model::layout::InnerFolders;

/// Excluded paths below the folder of one replica.
pub(super) struct ExcludedPaths<'a> {
    exclusions: Option<&'a Exclusions>,
    /// The replica's folder below the root.
    pub(super) relative: &'a Path,
    /// Folders of other categories, relative to the root.
    inner_folders: Arc<InnerFolders>,
}

impl ExcludedPaths<'_> {
    /// Excludes nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            exclusions: None,
            relative: Path::new(""),
            inner_folders: Arc::default(),
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
        !self.inner_folders.is_empty() && self.inner_folders.covers(&self.relative.join(path))
    }
}

impl SyncRun<'_> {
    /// Returns the excluded paths of a replica.
    pub(super) fn excluded_paths<'a>(&'a self, relative: &'a Path) -> ExcludedPaths<'a> {
        let category = self.match_replica(relative).map(|(category, _)| category);
        ExcludedPaths {
            exclusions: Some(&self.source.layout().exclusions),
            relative,
            inner_folders: category
                .map_or_else(Arc::default, |category| Arc::clone(&category.inner)),
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
