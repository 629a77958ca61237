//! A request to append generations to the histories of a replica.

use std::collections::BTreeMap;

use crate::base::timestamp::Timestamp;
use crate::mhl::hash_list::Process;
use crate::model::project::ProjectId;
use crate::model::registry::Category;
use crate::snapshot::content_hash::{ContentHashes, HashFormat};
use crate::storage::LocalStorage;

/// The hashes of a file that the calling run computed from the bytes on this storage.
#[derive(Clone, Debug)]
pub struct GivenHashes {
    pub hashes: ContentHashes,
    /// The time at which the file was read.
    pub at: Timestamp,
}

/// The files that a generation is about.
#[derive(Debug)]
pub enum SealScope {
    /// All files: new ones are added, and recorded ones are checked again.
    Whole,
    /// Files that a run copied, and new ones with evidence `read`.
    Copied(CopiedFiles),
    /// Recorded files that a run read again. No file is added.
    Checked(BTreeMap<String, GivenHashes>),
}

/// The files that a run copied.
#[derive(Debug)]
pub struct CopiedFiles {
    /// By path below the replica. Files without hashes are hashed from their evidence, or read.
    pub files: BTreeMap<String, Option<GivenHashes>>,
    /// True if an earlier run was killed in the replica: it may have copied files of which nothing is known. New files are
    /// then read.
    pub was_killed: bool,
}

/// A request to append generations to the histories of a replica.
#[derive(Debug)]
pub struct SealRequest<'a> {
    pub storage: &'a LocalStorage,
    pub category: &'a Category,
    pub project: &'a ProjectId,
    pub process: Process,
    /// The format of new files.
    pub format: HashFormat,
    pub scope: SealScope,
    /// The time at which the run began: it is part of the names of the hash lists.
    pub started: Timestamp,
    /// A remark for readers of the hash list.
    pub comment: Option<String>,
    /// Reports what would be recorded, and writes nothing.
    pub dry_run: bool,
}

impl SealRequest<'_> {
    /// The patterns of `exclude`, for the list of ignored files.
    pub(super) fn exclusions(&self) -> &[String] {
        &self.storage.layout.patterns
    }

    /// The hashes that the calling run computed of a file.
    pub(super) fn given(&self, path: &str) -> Option<&GivenHashes> {
        match &self.scope {
            SealScope::Whole => None,
            SealScope::Copied(copied) => copied.files.get(path)?.as_ref(),
            SealScope::Checked(files) => files.get(path),
        }
    }
}
