//! What to remove, and what was removed.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::confirmation::Confirmation;
use crate::index::RunState;
use crate::model::project::ProjectId;
use crate::model::registry::{Category, Database};
use crate::trust::safe::SafeAnswer;

/// A request to remove replicas from a database.
#[derive(Debug)]
pub struct FreeRequest<'a> {
    pub replicas: Vec<(&'a Category, ProjectId)>,
    pub target: &'a Database,
    /// Erases the files instead of keeping them as old versions.
    pub erase: bool,
    /// Names of offline databases whose last scan counts.
    pub trusted: Vec<String>,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// Result of freeing.
#[derive(Debug, Default)]
pub struct FreeReport {
    pub replicas: Vec<FreedReplica>,
    /// Files that could not be moved, with the reason.
    pub failed: Vec<(PathBuf, String)>,
    /// Folders of the old versions.
    pub version_folders: Vec<PathBuf>,
    pub is_interrupted: bool,
    pub is_unrecorded: bool,
    pub elapsed: Duration,
}

/// The result for one replica.
#[derive(Clone, Debug)]
pub struct FreedReplica {
    pub project: ProjectId,
    pub category: String,
    /// Its full path.
    pub path: PathBuf,
    /// Number of files and links that were moved or erased; in a dry run, that would be.
    pub files: u64,
    pub bytes: u64,
    /// Number of entries that stay in its folder: they are excluded from scans, or came meanwhile.
    pub left: u64,
    /// The proof, or what is lacking.
    pub answer: Option<SafeAnswer>,
    /// Why it was not removed.
    pub refusal: Option<String>,
}

impl FreeReport {
    pub fn files(&self) -> u64 {
        self.replicas.iter().map(|replica| replica.files).sum()
    }

    pub fn bytes(&self) -> u64 {
        let bytes = self.replicas.iter().map(|replica| replica.bytes);
        bytes.fold(0, u64::saturating_add)
    }

    /// Number of replicas that were not removed.
    pub fn refused(&self) -> u64 {
        self.replicas
            .iter()
            .filter(|replica| replica.refusal.is_some())
            .count() as u64
    }

    /// The state of the run.
    pub fn state(&self) -> RunState {
        if self.is_interrupted {
            RunState::Interrupted
        } else if self.refused() > 0 || !self.failed.is_empty() || self.is_unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }
}

impl FreedReplica {
    pub(super) fn refused(
        (category, project): (&Category, &ProjectId),
        path: PathBuf,
        refusal: String,
    ) -> Self {
        Self {
            project: project.clone(),
            category: category.name.clone(),
            path,
            files: 0,
            bytes: 0,
            left: 0,
            answer: None,
            refusal: Some(refusal),
        }
    }
}
