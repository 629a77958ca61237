//! Folders that runs are writing to: the next run cleans up after a killed one.

use std::path::{Path, PathBuf};

use rusqlite::params;

use super::sql::{bytes, execute, read_path, rows};
use super::studio::mark_run;
use super::{Index, RunId};
use crate::base::error::Result;

impl Index {
    /// Records that a run writes to these folders below a root. The caller must hold the database's lock.
    pub fn mark_in_progress(&mut self, run: RunId, root: &Path, folders: &[&Path]) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO under_way (run, root, folder) VALUES (?1, ?2, ?3)";
        self.write(|transaction| {
            for folder in folders {
                execute(transaction, sql, params![run, bytes(root), bytes(folder)])?;
            }
            Ok(())
        })
    }

    /// Returns the folders below a root in which other runs were killed, each with `true` if its temporary files were
    /// removed since. The caller must hold the database's lock: otherwise the runs may be alive.
    pub fn unfinished_folders(&self, run: RunId, root: &Path) -> Result<Vec<(PathBuf, bool)>> {
        let sql = "SELECT folder, min(swept) FROM under_way WHERE root = ?2 AND run != ?1 GROUP BY folder";
        self.rows(sql, params![run, bytes(root)], |row| {
            Ok((read_path(row, 0)?, row.get(1)?))
        })
    }

    /// Records that the temporary files of killed runs were removed from a folder below a root.
    pub fn mark_cleaned_up(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let sql = "UPDATE under_way SET swept = 1 WHERE root = ?1 AND folder = ?2";
        self.execute(sql, [root, folder].map(bytes))
    }

    /// Records that a run finished these folders below a root. Other runs recorded there were interrupted.
    pub fn clear_in_progress(&mut self, run: RunId, root: &Path, folders: &[&Path]) -> Result<()> {
        let interrupted = "UPDATE runs SET state = 'interrupted' WHERE state = 'running' AND id IN
                           (SELECT run FROM under_way WHERE root = ?1 AND folder = ?2 AND run != ?3) RETURNING id";
        let finished = "DELETE FROM under_way WHERE root = ?1 AND folder = ?2";
        self.write(|transaction| {
            for folder in folders {
                let [root, folder] = [root, folder].map(bytes);
                let parameters = params![root, folder, run];
                let ended: Vec<RunId> =
                    rows(transaction, interrupted, parameters, |row| row.get(0))?;
                for run in ended {
                    mark_run(transaction, run)?;
                }
                execute(transaction, finished, params![root, folder])?;
            }
            Ok(())
        })
    }
}
