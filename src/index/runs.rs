//! The journal of runs.

use rusqlite::params;

use super::Index;
use super::failure::Explain as _;
use crate::error::Result;
use crate::moment::Moment;

impl Index {
    /// Notes that a run begins; gives its number.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn begin_run(&mut self, command: &str) -> Result<i64> {
        self.require_writable()?;
        self.follow()?;
        let sql = "INSERT INTO runs (command, started_at, state) VALUES (?1, ?2, 'running')";
        self.connection
            .execute(sql, params![command, Moment::now().seconds])
            .explain("write", &self.path)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn end_run(&mut self, run: i64, state: &str) -> Result<()> {
        let sql = "UPDATE runs SET ended_at = ?2, state = ?3 WHERE id = ?1";
        self.connection
            .execute(sql, params![run, Moment::now().seconds, state])
            .explain("write", &self.path)?;
        Ok(())
    }
}
