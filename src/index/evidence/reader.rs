//! The evidence of single files, read folder by folder.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::file::{FileEvidence, FolderEvidence};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::index::{DatabaseId, Index};

/// Number of folders whose evidence is kept in memory.
const KEPT_FOLDERS: usize = 64;

/// Reads the evidence of files on one database. Each folder is read once if its files are asked for one after another.
#[derive(Debug)]
pub struct EvidenceReader<'a> {
    index: &'a Index,
    database: Option<DatabaseId>,
    folders: HashMap<PathBuf, FolderEvidence>,
}

impl<'a> EvidenceReader<'a> {
    /// A reader for the database with this root. One that the index does not know has no evidence.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn new(index: &'a Index, root: &Path) -> Result<Self> {
        Ok(Self {
            index,
            database: index.database_id(root)?,
            folders: HashMap::new(),
        })
    }

    /// Returns the evidence of a file, by its folder below the root and its name. The caller compares size and time.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn file(&mut self, folder: &Path, name: &Name) -> Result<Option<FileEvidence>> {
        let Some(database) = self.database else {
            return Ok(None);
        };
        if !self.folders.contains_key(folder) {
            if self.folders.len() == KEPT_FOLDERS {
                self.folders.clear();
            }
            let files = self.index.evidence(database, folder)?;
            self.folders.insert(folder.to_owned(), files);
        }
        let files = self.folders.get(folder);
        Ok(files.and_then(|files| files.get(name)).copied())
    }
}
