//! What the index knows of the contents of two databases, and learns while their files are read.
//!
//! It is told every so often, not at the end: memory does not grow with what is read, and reading that is stopped or
//! dies goes on where it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::index::{DatabaseId, FileDigest, FileDigests, Index};
use crate::model::project::path_within;
use crate::snapshot::time_alias::AlteredTimesByFolder;

/// The index is told after so many files at the latest.
const MAX_UNWRITTEN_FILES: usize = 4096;

/// And after so many bytes of one side: 4 GiB.
const MAX_UNWRITTEN_BYTES: u64 = 4 << 30;

/// What is known of the contents of two databases.
#[derive(Debug)]
pub struct ContentRecord {
    pub(super) index: Index,
    /// Their rows in the index, as far as they have one.
    pub(super) databases: [Option<DatabaseId>; 2],
    uses_known: bool,
    pub(super) is_writable: bool,
    /// What the index was not told yet, by folder.
    unwritten: BTreeMap<PathBuf, [FileDigests; 2]>,
    files: usize,
    bytes: u64,
    failure: Option<Error>,
}

impl ContentRecord {
    /// Of the databases with these rows, by a handle of its own; of one without a row nothing is known or kept.
    pub const fn new(index: Index, databases: [Option<DatabaseId>; 2]) -> Self {
        Self {
            uses_known: true,
            is_writable: !(index.is_read_only() || matches!(databases, [None, None])),
            index,
            databases,
            unwritten: BTreeMap::new(),
            files: 0,
            bytes: 0,
            failure: None,
        }
    }

    /// Whether what was known before counts, for files that still have the size and time they had.
    pub const fn with_known(mut self, uses_known: bool) -> Self {
        self.uses_known = uses_known;
        self
    }

    /// What is known of a folder below the roots, on both.
    pub(super) fn known_digests(&self, folder: &Path) -> Result<[FileDigests; 2]> {
        let known = |database: Option<DatabaseId>| match database {
            Some(id) if self.uses_known => self.index.digests(id, folder),
            _ => Ok(FileDigests::new()),
        };
        Ok([known(self.databases[0])?, known(self.databases[1])?])
    }

    /// Takes in what was read of files in a folder below the roots, on both sides.
    pub(super) fn add(&mut self, folder: PathBuf, read: Vec<(Name, [FileDigest; 2])>) {
        if !self.is_writable || read.is_empty() {
            return;
        }
        let contents = self.unwritten.entry(folder).or_default();
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

    /// Keeps the times that the second database shows in the place of those of the first, of the files of a replica.
    ///
    /// # Errors
    /// The index could not be written.
    pub fn store_altered_times(
        &mut self,
        replica: &Path,
        held: &AlteredTimesByFolder,
    ) -> Result<()> {
        let Some(id) = self.databases[1].filter(|_| self.is_writable) else {
            return Ok(());
        };
        let whole = held
            .iter()
            .map(|(folder, times)| (path_within(replica, folder), times.clone()));
        self.index.add_altered_times(id, &whole.collect())
    }

    /// Tells the index the rest.
    ///
    /// # Errors
    /// The index could not be written, now or before: nothing is kept from then on.
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
        for (folder, contents) in &unwritten {
            for (database, contents) in self.databases.into_iter().zip(contents) {
                rows.extend(database.map(|id| (id, folder.as_path(), contents)));
            }
        }
        if let Err(error) = self.index.add_digests(&rows) {
            self.is_writable = false;
            self.failure = Some(error);
        }
    }
}
