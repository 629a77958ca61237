//! The state of one sync, shared by its steps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::request::SyncRequest;
use crate::base::monitor::Monitor;
use crate::base::timestamp::Timestamp;
use crate::index::RunId;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Registry};
use crate::scan::discover;
use crate::storage::Storage;

/// A sync in progress. Its steps are methods in the files of this folder.
pub(super) struct SyncRun<'a> {
    pub(super) registry: &'a Registry,
    pub(super) request: &'a SyncRequest<'a>,
    /// Time at which reading the source began.
    pub(super) started: Timestamp,
    pub(super) source: Arc<Storage>,
    pub(super) destination: &'a Storage,
    pub(super) run: RunId,
    pub(super) monitor: &'a dyn Monitor,
}

impl<'a> SyncRun<'a> {
    /// Returns the roots of the source and of the destination.
    pub(super) fn roots(&self) -> (&Path, &Path) {
        (&self.request.source.root, &self.request.destination.root)
    }

    /// True if only failed files are retried, and the record shows what the destination holds instead of them.
    pub(super) fn retries_by_record(&self) -> bool {
        self.request.retry_failed && self.destination.uses_rclone()
    }

    /// Returns the path at the destination of a path below the root.
    pub(super) fn destination_path(&self, path: &Path) -> PathBuf {
        self.request.destination.path(path)
    }

    /// Returns the category and project of a replica's folder if both are in scope.
    pub(super) fn match_replica(&self, relative: &Path) -> Option<(&'a Category, ProjectId)> {
        discover::match_replica(&self.request.categories, &self.request.scope, relative)
    }

    /// Returns the folder of the replica that holds a path, if it is in scope.
    pub(super) fn replica_of(&self, path: &Path) -> Option<PathBuf> {
        let mut categories = self.request.categories.iter();
        let (project, replica) = categories.find_map(|category| category.locate(path))?;
        self.request.scope.contains(&project).then_some(replica)
    }
}
