//! Detection of changes to the index by any process.

use super::Index;
use super::cache::ChangeCounter;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;

impl Index {
    /// Returns the current state.
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
