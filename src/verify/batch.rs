//! The results of files of one folder that one thread read.

use std::path::PathBuf;

use super::file::Verdict;
use crate::base::name::Name;
use crate::index::DatabaseId;
use crate::snapshot::content_hash::ContentHashes;

/// The results of one batch.
#[derive(Debug)]
pub(super) struct BatchResult {
    /// The number of the database in the request.
    pub(super) database: usize,
    pub(super) id: Option<DatabaseId>,
    /// The folder below the root.
    pub(super) folder: PathBuf,
    /// The path of the folder.
    pub(super) path: PathBuf,
    pub(super) files: Vec<(Name, Verdict)>,
    /// The hashes of those that are compared with a history.
    pub(super) hashes: Vec<(Name, ContentHashes)>,
}

impl BatchResult {
    /// Bytes that were read.
    pub(super) fn bytes(&self) -> u64 {
        let evidence = self
            .files
            .iter()
            .filter_map(|(_, verdict)| verdict.evidence());
        evidence.map(|evidence| evidence.bytes).sum()
    }
}
