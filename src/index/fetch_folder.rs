//! Private folders in which fetched files of remotes wait for their final names. A folder is recorded before it is created,
//! so that the next run finds and removes exactly the folders of a killed run.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::Index;
use super::sql::{bytes, read_path};
use crate::base::error::Result;

/// A private folder that a run created and has not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchFolderRecord {
    /// Its name in the own folder.
    pub name: String,
    /// The root of the database that its files come from.
    pub source: PathBuf,
}

impl Index {
    /// Records a folder before it is created at a root.
    pub fn record_fetch_folder(&mut self, root: &Path, folder: &FetchFolderRecord) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO staging (root, folder, source) VALUES (?1, ?2, ?3)";
        self.execute(
            sql,
            params![bytes(root), folder.name, bytes(&folder.source)],
        )
    }

    /// Returns the recorded folders at a root. The caller must hold the database's lock: otherwise they may be in use.
    pub fn fetch_folders(&self, root: &Path) -> Result<Vec<FetchFolderRecord>> {
        let sql = "SELECT folder, source FROM staging WHERE root = ?1 ORDER BY folder";
        self.rows(sql, [bytes(root)], |row| {
            Ok(FetchFolderRecord {
                name: row.get(0)?,
                source: read_path(row, 1)?,
            })
        })
    }

    /// Deletes the record of a folder that was removed.
    pub fn forget_fetch_folder(&mut self, root: &Path, name: &str) -> Result<()> {
        let sql = "DELETE FROM staging WHERE root = ?1 AND folder = ?2";
        self.execute(sql, params![bytes(root), name])
    }
}
