//! Detection of changes to the index by any process.

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::os::file_id::FileId;

/// State of an index at one moment. Two equal states of one handle mean that nothing was written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeCounter {
    file_id: Option<FileId>,
    /// Changes by other connections.
    data_version: i64,
    own_changes: u64,
}

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
