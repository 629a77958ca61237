//! Whether the index is as it was: a number that changes with every writing, by whom ever.

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

/// What an index was at a moment; equal to another of the same handle if nothing was written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeCounter {
    file_id: Option<(u64, u64)>,
    data_version: i64,
    own_changes: u64,
}

impl Index {
    /// What it is now.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn change_counter(&self) -> Result<ChangeCounter> {
        let sql = "PRAGMA data_version";
        let version = self.connection.query_row(sql, [], |row| row.get(0));
        Ok(ChangeCounter {
            file_id: self.file_id,
            data_version: version.explain("read", &self.path)?,
            own_changes: self.connection.total_changes(),
        })
    }
}
