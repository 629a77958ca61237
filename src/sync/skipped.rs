//! What a sync leaves alone in a replica whatever the record says of it: what is excluded now, and what belongs to another
//! category now.

use std::path::{Path, PathBuf};

use super::Sync;
use super::collect::Gathered;
use crate::base::name::Name;
use crate::model::exclusion::Exclusions;

/// Decides for paths below the folder of one replica.
pub(super) struct LeftAlone<'a> {
    exclusions: Option<&'a Exclusions>,
    /// The replica's folder below the root.
    relative: &'a Path,
    /// The folders of categories inside this one, below the root.
    inner: Vec<PathBuf>,
}

impl LeftAlone<'_> {
    /// Leaves nothing alone.
    #[cfg(test)]
    pub(super) fn nothing() -> Self {
        Self {
            exclusions: None,
            relative: Path::new(""),
            inner: Vec::new(),
        }
    }

    /// Whether a folder is left alone, or lies in one that is.
    pub(super) fn folder(&self, path: &Path) -> bool {
        let excluded = |exclusions: &&Exclusions| exclusions.excludes_below(path);
        self.exclusions.as_ref().is_some_and(excluded) || self.is_another(path)
    }

    /// Whether a file of a folder that is not left alone is.
    pub(super) fn file(&self, folder: &Path, name: &Name) -> bool {
        let excluded =
            |exclusions: &&Exclusions| exclusions.excludes(folder, name.as_os_str(), false);
        self.exclusions.as_ref().is_some_and(excluded)
    }

    /// Whether something of this path is left alone, or lies in a folder that is.
    pub(super) fn path(&self, path: &Path) -> bool {
        let folder = path.parent().unwrap_or(Path::new(""));
        let name = Name::from(path.file_name().unwrap_or_default());
        self.file(folder, &name) || self.folder(folder) || self.is_another(path)
    }

    fn is_another(&self, path: &Path) -> bool {
        let mut inner = self.inner.iter();
        !self.inner.is_empty() && inner.any(|inner| self.relative.join(path).starts_with(inner))
    }
}

impl Sync<'_> {
    /// What is left alone in a replica.
    pub(super) fn left_alone<'a>(&'a self, relative: &'a Path) -> LeftAlone<'a> {
        let category = self.meant(relative).map(|(category, _)| category);
        LeftAlone {
            exclusions: Some(&self.exclusions),
            relative,
            inner: category.map_or(Vec::new(), |category| {
                self.registry.inner_categories(category)
            }),
        }
    }

    /// What changed in a replica since it was sent.
    pub(super) fn changes(&self, replica: &Gathered<'_>) -> super::changes::Changes {
        let left_alone = self.left_alone(&replica.relative);
        let source = &self.request.source.root;
        super::changes::Changes::between(&replica.rows, &replica.tree, source, &left_alone)
    }

    /// Whether something below both roots is left alone by now.
    pub(super) fn is_left_alone(&self, whole: &Path) -> bool {
        self.replica_of(whole).is_some_and(|replica| {
            let path = whole.strip_prefix(&replica).unwrap_or(whole);
            self.left_alone(&replica).path(path)
        })
    }
}
