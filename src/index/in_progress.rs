//! The journal of what runs are writing to: what a run that died left behind is found by the next one.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

impl Index {
    /// Notes that a run writes to these folders below a root; it is the only one that does.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn mark_in_progress(&mut self, run: i64, root: &Path, folders: &[&Path]) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let sql = "INSERT OR IGNORE INTO under_way (run, root, folder) VALUES (?1, ?2, ?3)";
        for folder in folders {
            let parameters = params![
                run,
                root.as_os_str().as_bytes(),
                folder.as_os_str().as_bytes()
            ];
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// The folders below a root that other runs were writing to when they died, and whether their temporary files were
    /// removed since. Only for who holds the database's lock.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn unfinished_folders(&self, run: i64, root: &Path) -> Result<Vec<(PathBuf, bool)>> {
        let sql = "SELECT folder, min(swept) FROM under_way WHERE root = ?2 AND run != ?1 GROUP BY folder";
        let rows = self.connection.prepare_cached(sql).and_then(|mut query| {
            let parameters = params![run, root.as_os_str().as_bytes()];
            let read = |row: &Row<'_>| {
                let folder = OsString::from_vec(row.get(0)?);
                Ok((folder.into(), row.get(1)?))
            };
            query.query_map(parameters, read)?.collect()
        });
        rows.explain("read", &self.path)
    }

    /// Notes that no temporary file is left in a folder below a root that a run was writing to when it died.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn mark_cleaned_up(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let sql = "UPDATE under_way SET swept = 1 WHERE root = ?1 AND folder = ?2";
        let parameters = params![root.as_os_str().as_bytes(), folder.as_os_str().as_bytes()];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// Notes that these folders below a root are as they should be, and that runs which died in them did.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn clear_in_progress(&mut self, run: i64, root: &Path, folders: &[&Path]) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let died = "UPDATE runs SET state = 'interrupted' WHERE state = 'running' AND id IN
                    (SELECT run FROM under_way WHERE root = ?1 AND folder = ?2 AND run != ?3)";
        let done = "DELETE FROM under_way WHERE root = ?1 AND folder = ?2";
        let root = root.as_os_str().as_bytes();
        for folder in folders {
            let folder = folder.as_os_str().as_bytes();
            transaction
                .execute(died, params![root, folder, run])
                .and_then(|_| transaction.execute(done, params![root, folder]))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }
}
