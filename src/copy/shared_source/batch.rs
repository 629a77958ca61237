//! Small files of one folder, read together into one block.

use std::ops::Range;
use std::sync::Arc;

use super::job::UnionFile;
use super::pool::SharedBlock;
use crate::base::error::Error;
use crate::snapshot::digest::Digest;
use crate::storage::copy_file::{ContentError, SourceContent, SourceMetadata};

/// Files with their contents.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) files: Vec<BatchFile>,
    block: SharedBlock,
}

/// One of the files.
#[derive(Debug)]
pub(super) struct BatchFile {
    pub(super) file: UnionFile,
    /// Its content, or the reason why it could not be read.
    pub(super) content: Result<BatchedContent, Arc<Error>>,
}

/// The content of a file within a block.
#[derive(Debug)]
pub(super) struct BatchedContent {
    pub(super) metadata: SourceMetadata,
    /// Offset in the file, and place in the block.
    pub(super) pieces: Vec<(u64, Range<usize>)>,
    pub(super) digest: Option<Digest>,
}

/// The content of a file, as one destination takes it.
#[derive(Debug)]
pub(crate) struct BatchContent<'b> {
    content: &'b BatchedContent,
    bytes: &'b [u8],
    next: usize,
}

impl Batch {
    pub(super) const fn new(files: Vec<BatchFile>, block: SharedBlock) -> Self {
        Self { files, block }
    }

    /// Returns the content of a file of this batch.
    pub(super) fn content<'b>(
        &'b self,
        file: &'b BatchFile,
    ) -> Result<BatchContent<'b>, Arc<Error>> {
        Ok(BatchContent {
            content: file.content.as_ref().map_err(Arc::clone)?,
            bytes: &self.block.bytes,
            next: 0,
        })
    }
}

impl SourceContent for BatchContent<'_> {
    fn metadata(&self) -> &SourceMetadata {
        &self.content.metadata
    }

    fn next(&mut self) -> Result<Option<(u64, &[u8])>, ContentError> {
        let piece = self.content.pieces.get(self.next);
        self.next += 1;
        Ok(piece.map(|(offset, range)| (*offset, &self.bytes[range.clone()])))
    }

    fn digest(&self) -> Option<Digest> {
        self.content.digest
    }
}
