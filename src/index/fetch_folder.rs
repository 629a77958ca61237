//! Private folders in which files of remotes wait for their names: noted before they are made, so that what a run leaves when
//! it dies is found by the next one and nothing else is.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

/// A private folder that a run made and did not remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchFolderRecord {
    /// Its name in our own folder.
    pub name: String,
    /// The root of the database whose files are in it.
    pub source: PathBuf,
}

impl Index {
    /// Notes a folder that is about to be made at a root.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_fetch_folder(&mut self, root: &Path, folder: &FetchFolderRecord) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO staging (root, folder, source) VALUES (?1, ?2, ?3)";
        let parameters = params![bytes(root), folder.name, bytes(&folder.source)];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// Returns the folders at a root that were noted and not removed. Only for who holds the database's lock.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn fetch_folders(&self, root: &Path) -> Result<Vec<FetchFolderRecord>> {
        let sql = "SELECT folder, source FROM staging WHERE root = ?1 ORDER BY folder";
        let read = |row: &Row<'_>| {
            Ok(FetchFolderRecord {
                name: row.get(0)?,
                source: OsString::from_vec(row.get(1)?).into(),
            })
        };
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map([bytes(root)], read)?.collect());
        rows.explain("read", &self.path)
    }

    /// Forgets a folder that was removed.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn forget_fetch_folder(&mut self, root: &Path, name: &str) -> Result<()> {
        let sql = "DELETE FROM staging WHERE root = ?1 AND folder = ?2";
        self.connection
            .execute(sql, params![bytes(root), name])
            .explain("write", &self.path)?;
        Ok(())
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}
