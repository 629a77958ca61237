//! What a sync leaves alone in a replica whatever the record says of it: what is excluded now, and what belongs to another
//! category now.

use std::path::{Path, PathBuf};

use super::SyncRun;
use super::collect::SyncReplica;
use crate::base::name::Name;
use crate::model::exclusion::Exclusions;

/// Decides for paths below the folder of one replica.
pub(super) struct ExcludedPaths<'a> {
    exclusions: Option<&'a Exclusions>,
    /// The replica's folder below the root.
    relative: &'a Path,
    /// The folders of categories inside this one, below the root.
    inner_categories: Vec<PathBuf>,
}

impl ExcludedPaths<'_> {
    /// Leaves nothing alone.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            exclusions: None,
            relative: Path::new(""),
            inner_categories: Vec::new(),
        }
    }

    /// Whether a folder is left alone, or lies in one that is.
    pub(super) fn excludes_folder(&self, path: &Path) -> bool {
        let excluded = |exclusions: &&Exclusions| exclusions.excludes_folder(path);
        self.exclusions.as_ref().is_some_and(excluded) || self.is_in_other_category(path)
    }

    /// Whether a file of a folder that is not left alone is.
    pub(super) fn excludes_file(&self, folder: &Path, name: &Name) -> bool {
        let excluded =
            |exclusions: &&Exclusions| exclusions.excludes(folder, name.as_os_str(), false);
        self.exclusions.as_ref().is_some_and(excluded)
    }

    /// Whether something of this path is left alone, or lies in a folder that is.
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
    /// What is left alone in a replica.
    pub(super) fn excluded_paths<'a>(&'a self, relative: &'a Path) -> ExcludedPaths<'a> {
        let category = self.match_replica(relative).map(|(category, _)| category);
        ExcludedPaths {
            exclusions: Some(&self.exclusions),
            relative,
            inner_categories: category.map_or(Vec::new(), |category| {
                self.registry.inner_categories(category)
            }),
        }
    }

    /// What changed in a replica since it was sent.
    pub(super) fn replica_changes(
        &self,
        replica: &SyncReplica<'_>,
    ) -> super::changes::ReplicaChanges {
        let left_alone = self.excluded_paths(&replica.relative);
        let source = &self.request.source.root;
        super::changes::ReplicaChanges::between(
            &replica.sent_rows,
            &replica.tree,
            source,
            &left_alone,
        )
    }

    /// Whether something below both roots is left alone by now.
    pub(super) fn is_excluded(&self, whole: &Path) -> bool {
        self.replica_of(whole).is_some_and(|replica| {
            let path = whole.strip_prefix(&replica).unwrap_or(whole);
            self.excluded_paths(&replica).excludes_path(path)
        })
    }
}
