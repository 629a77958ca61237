//! Values of a walk: its targets, and the visited folders.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::FolderContents;
use crate::base::error::Error;
use crate::model::layout::InnerFolders;
use crate::os::stat::Stat;

/// A replica to walk.
#[derive(Debug)]
pub struct WalkTarget {
    /// The replica's folder below the root.
    pub path: PathBuf,
    /// Folders of other categories, below the root: they are not part of the replica.
    pub inner_folders: Arc<InnerFolders>,
}

impl WalkTarget {
    /// True if the whole replica belongs to another category.
    pub(super) fn is_in_other_category(&self) -> bool {
        self.inner_folders.covers(&self.path)
    }

    /// True if this path below the replica's folder belongs to another category.
    pub(super) fn is_inner_category(&self, path: &Path) -> bool {
        !self.inner_folders.is_empty() && self.inner_folders.contains(&self.path.join(path))
    }
}

/// One visited folder of a replica.
#[derive(Debug)]
pub struct FolderVisit<'a> {
    /// Path below the replica's folder; empty for that folder itself.
    pub path: &'a Path,
    pub outcome: VisitOutcome<'a>,
}

#[derive(Debug)]
pub enum VisitOutcome<'a> {
    /// The folder's content, and the stat of a replica's own folder.
    Read(&'a mut FolderContents, Option<Stat>),
    /// The folder cannot be opened or read: its content is unknown.
    Unreadable(Error),
    Missing,
}

/// Converts a visited folder, on a walker's thread.
pub type VisitFn<T> = dyn Fn(FolderVisit<'_>) -> T + Send + Sync;

/// Results that a walker sends at once.
#[derive(Debug)]
pub struct VisitBatch<T> {
    /// Converted folders, with the indexes of their replicas.
    pub folders: Vec<(usize, T)>,
    /// Indexes of replicas whose last folder was sent before.
    pub complete: Vec<usize>,
}
