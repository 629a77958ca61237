//! A replica with its files and histories.

use std::io;
use std::path::{Path, PathBuf};

use super::request::SealRequest;
use crate::base::error::{IoResultExt as _, Result};
use crate::mhl::history::FOLDER_NAME;
use crate::mhl::history_set::HistorySet;
use crate::os::folder::Folder;
use crate::snapshot::tree::Tree;

/// A replica with its files and histories.
pub(super) struct ReplicaHistories {
    /// The folder of the replica.
    pub(super) folder: Folder,
    /// Its path below the root.
    pub(super) relative: PathBuf,
    pub(super) tree: Tree,
    pub(super) histories: HistorySet,
}

impl ReplicaHistories {
    /// Walks a replica and loads its histories.
    ///
    /// # Errors
    /// The replica cannot be read, or does not exist.
    pub(super) fn load(request: &SealRequest<'_>) -> Result<Self> {
        let storage = request.storage;
        let project = storage.stored_spelling(request.category, request.project);
        let relative: PathBuf = request
            .category
            .replica_path(&project)
            .components()
            .collect();
        let mut tree = storage.tree(request.category, &project)?;
        let whole = tree
            .problems
            .iter()
            .position(|problem| problem.path.as_os_str().is_empty());
        if let Some(place) = whole {
            return Err(tree.problems.swap_remove(place).error);
        }
        let path = storage.root.path().join(&relative);
        if tree.folders.is_empty() {
            let missing = io::Error::from(io::ErrorKind::NotFound);
            return Err(missing).at("open", path);
        }
        let folder = storage.root.open_descendant(&relative)?;
        let histories = HistorySet::load(&folder, history_folders(&tree))?;
        Ok(Self {
            folder,
            relative,
            tree,
            histories,
        })
    }
}

/// The folders of a tree that contain a folder of a history.
fn history_folders(tree: &Tree) -> impl Iterator<Item = &Path> {
    let folders = tree.folders.keys();
    folders
        .filter(|path| path.file_name().is_some_and(|name| name == FOLDER_NAME))
        .filter_map(|path| path.parent())
}
