//! What to heal, and what was healed.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::confirmation::Confirmation;
use crate::index::RunState;
use crate::model::project::Scope;
use crate::model::registry::{Category, Database};

/// A request to heal the files of a database.
#[derive(Debug)]
pub struct HealRequest<'a> {
    pub scope: Scope,
    pub categories: Vec<&'a Category>,
    pub target: &'a Database,
    pub dry_run: bool,
    pub confirmation: Confirmation,
}

/// Result of healing.
#[derive(Debug, Default)]
pub struct HealReport {
    /// The files with an intact content now; in a dry run, those that would be healed.
    pub healed: Vec<HealedFile>,
    /// Files that could not be healed, with the reason.
    pub failed: Vec<(PathBuf, String)>,
    pub bytes: u64,
    /// Folders of the old versions of the damaged files.
    pub version_folders: Vec<PathBuf>,
    pub is_interrupted: bool,
    pub is_unrecorded: bool,
    pub elapsed: Duration,
}

/// A file that was healed.
#[derive(Clone, Debug)]
pub struct HealedFile {
    /// Its full path.
    pub path: PathBuf,
    /// The name of the database with the intact copy.
    pub source: String,
    pub is_missing: bool,
}

impl HealReport {
    /// The state of the run.
    pub const fn state(&self) -> RunState {
        if self.is_interrupted {
            RunState::Interrupted
        } else if !self.failed.is_empty() || self.is_unrecorded {
            RunState::Partial
        } else {
            RunState::Complete
        }
    }
}
