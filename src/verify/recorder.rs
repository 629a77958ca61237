//! Writes evidence to the index while files are read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::batch::BatchResult;
use crate::base::error::Error;
use crate::index::{ContentOrigin, DatabaseId, FolderEvidence, Index, NewEvidence};

/// Number of files after which evidence is written.
const MAX_UNWRITTEN: usize = 4096;

/// Evidence that was not written yet.
#[derive(Debug)]
pub(super) struct EvidenceRecorder<'a> {
    index: &'a mut Index,
    unwritten: BTreeMap<(DatabaseId, PathBuf), FolderEvidence>,
    files: usize,
    failure: Option<Error>,
}

impl<'a> EvidenceRecorder<'a> {
    pub(super) fn new(index: &'a mut Index) -> Self {
        Self {
            index,
            unwritten: BTreeMap::new(),
            files: 0,
            failure: None,
        }
    }

    /// Adds the evidence of a batch.
    pub(super) fn add(&mut self, batch: BatchResult) {
        let Some(id) = batch.id else {
            return;
        };
        let folder = self.unwritten.entry((id, batch.folder)).or_default();
        for (name, verdict) in batch.files {
            if let Some(evidence) = verdict.evidence() {
                folder.insert(name, *evidence);
                self.files += 1;
            }
        }
    }

    /// The index, with what was written.
    pub(super) const fn index(&self) -> &Index {
        self.index
    }

    pub(super) const fn is_full(&self) -> bool {
        self.files >= MAX_UNWRITTEN
    }

    /// Writes what was added. After a failure nothing more is written.
    pub(super) fn flush(&mut self) {
        let unwritten = std::mem::take(&mut self.unwritten);
        self.files = 0;
        if self.failure.is_some() || unwritten.is_empty() {
            return;
        }
        let rows: Vec<NewEvidence<'_>> = unwritten
            .iter()
            .filter(|(_, files)| !files.is_empty())
            .map(|((database, folder), files)| NewEvidence {
                database: *database,
                folder,
                files,
                origin: ContentOrigin::Found,
            })
            .collect();
        if let Err(error) = self.index.add_evidence(&rows) {
            self.failure = Some(error);
        }
    }

    /// The first failure to write the index, if any.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }
}
