//! The journal of what runs are writing to: what a run that died left behind is found by the next one.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::params;

use super::Index;
use super::failure::Explain as _;
use crate::error::Result;

impl Index {
    /// Notes that a run writes to these folders below a root; it is the only one that does.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin_writing(&mut self, run: i64, root: &Path, folders: &[&Path]) -> Result<()> {
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

    /// The folders below a root that other runs were writing to when they died. Only for who holds the database's lock.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn left_unfinished(&self, run: i64, root: &Path) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT folder FROM under_way WHERE root = ?2 AND run != ?1";
        let rows = self.connection.prepare_cached(sql).and_then(|mut query| {
            let parameters = params![run, root.as_os_str().as_bytes()];
            let rows = query.query_map(parameters, |row| row.get::<_, Vec<u8>>(0))?;
            rows.map(|folder| Ok(OsString::from_vec(folder?).into()))
                .collect()
        });
        rows.explain("read", &self.path)
    }

    /// Notes that nothing of this run, and of those that died before it, is left behind at a root.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn end_writing(&mut self, root: &Path) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let root = root.as_os_str().as_bytes();
        let died = "UPDATE runs SET state = 'interrupted' WHERE state = 'running'
                    AND id IN (SELECT run FROM under_way WHERE root = ?1)
                    AND id < (SELECT max(run) FROM under_way WHERE root = ?1)";
        let swept = "DELETE FROM under_way WHERE root = ?1";
        for sql in [died, swept] {
            transaction.execute(sql, [root]).explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }
}
