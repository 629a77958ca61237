//! The digests that the index knows for two databases, and those that are computed during a comparison.
//!
//! New digests are written at intervals: memory stays bounded, and an interrupted comparison continues later with the
//! digests it had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::index::{ContentOrigin, DatabaseId, FileEvidence, FolderEvidence, Index, NewEvidence};
use crate::model::project::path_within;
use crate::snapshot::time_alias::AlteredTimesByFolder;

/// Number of files after which digests are written.
const MAX_UNWRITTEN_FILES: usize = 4096;

/// Number of bytes of one side after which digests are written: 4 GiB.
const MAX_UNWRITTEN_BYTES: u64 = 4 << 30;

/// The known contents of two databases.
#[derive(Debug)]
pub struct ContentRecord {
    pub(super) index: Index,
    /// Their rows in the index; `None` for a database that has none.
    pub(super) databases: [Option<DatabaseId>; 2],
    uses_known: bool,
    /// True if the first database stands for an offloaded folder.
    is_offload: bool,
    pub(super) is_writable: bool,
    /// New digests by the folders on both sides.
    unwritten: BTreeMap<[PathBuf; 2], [FolderEvidence; 2]>,
    files: usize,
    bytes: u64,
    failure: Option<Error>,
}

impl ContentRecord {
    /// Creates the record of two databases with an index handle of its own. For a database without a row, no digest is
    /// known or stored.
    pub const fn new(index: Index, databases: [Option<DatabaseId>; 2]) -> Self {
        Self {
            uses_known: true,
            is_offload: false,
            is_writable: !(index.is_read_only() || matches!(databases, [None, None])),
            index,
            databases,
            unwritten: BTreeMap::new(),
            files: 0,
            bytes: 0,
            failure: None,
        }
    }

    /// Sets whether known digests count for files that still have their size and time.
    pub const fn with_known(mut self, uses_known: bool) -> Self {
        self.uses_known = uses_known;
        self
    }

    /// Sets whether the first database stands for an offloaded folder: a file of another content is then no damage.
    pub const fn with_offload(mut self, is_offload: bool) -> Self {
        self.is_offload = is_offload;
        self
    }

    /// The known digests of two folders, each below the root of its database.
    pub(super) fn known_digests(&self, folders: &[PathBuf; 2]) -> Result<[FolderEvidence; 2]> {
        let known = |side: usize| match self.databases[side] {
            Some(id) if self.uses_known => self.index.evidence(id, &folders[side]),
            _ => Ok(FolderEvidence::new()),
        };
        Ok([known(0)?, known(1)?])
    }

    /// Adds the digests of files in two folders, each below the root of its database.
    pub(super) fn add(&mut self, folders: [PathBuf; 2], read: Vec<(Name, [FileEvidence; 2])>) {
        if !self.is_writable || read.is_empty() {
            return;
        }
        let contents = self.unwritten.entry(folders).or_default();
        for (name, [a, b]) in read {
            self.files += 1;
            self.bytes += a.bytes;
            contents[0].insert(name.clone(), a);
            contents[1].insert(name, b);
        }
        if self.files >= MAX_UNWRITTEN_FILES || self.bytes >= MAX_UNWRITTEN_BYTES {
            self.flush();
        }
    }

    /// Stores the times that the second database reports instead of those of the first.
    pub(super) fn store_altered_times(&mut self, replica: &Path, altered: &AlteredTimesByFolder) {
        let Some(id) = self.databases[1].filter(|_| self.is_writable) else {
            return;
        };
        let full = altered
            .iter()
            .map(|(folder, times)| (path_within(replica, folder), times.clone()));
        let stored = self.index.add_altered_times(id, &full.collect());
        self.keep_failure(stored);
    }

    /// Keeps the first failure until the end: a comparison goes on without its record.
    pub(super) fn keep_failure(&mut self, stored: Result<()>) {
        if let Err(error) = stored {
            self.is_writable = false;
            self.failure.get_or_insert(error);
        }
    }

    /// Writes the remaining digests.
    ///
    /// # Errors
    /// A write failed, now or before. No digest was stored after the first failure.
    pub fn finish(mut self) -> Result<()> {
        self.flush();
        self.failure.map_or(Ok(()), Err)
    }

    fn flush(&mut self) {
        let unwritten = std::mem::take(&mut self.unwritten);
        (self.files, self.bytes) = (0, 0);
        if unwritten.is_empty() || !self.is_writable {
            return;
        }
        let mut rows = Vec::new();
        for (folders, contents) in &unwritten {
            let first = if self.is_offload {
                ContentOrigin::Written
            } else {
                ContentOrigin::Found
            };
            let origins = [first, ContentOrigin::Found];
            let sides = self.databases.into_iter().zip(folders).zip(contents);
            for (((database, folder), files), origin) in sides.zip(origins) {
                rows.extend(database.map(|database| NewEvidence {
                    database,
                    folder,
                    files,
                    origin,
                }));
            }
        }
        let stored = self.index.add_evidence(&rows);
        self.keep_failure(stored.map(drop));
    }
}
