//! Whether the index is as it was: a number that changes with every writing, by whom ever.

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

/// What an index was at a moment; equal to another of the same handle if nothing was written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    file: Option<(u64, u64)>,
    by_others: i64,
    by_this: u64,
}

impl Index {
    /// What it is now.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn stamp(&self) -> Result<Stamp> {
        let sql = "PRAGMA data_version";
        let version = self.connection.query_row(sql, [], |row| row.get(0));
        Ok(Stamp {
            file: self.file,
            by_others: version.explain("read", &self.path)?,
            by_this: self.connection.total_changes(),
        })
    }
}
