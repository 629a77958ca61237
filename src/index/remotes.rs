//! What remotes can do, asked for once: the answer holds for as long as rclone and its configuration stay what they are.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::Index;
use super::failure::Explain as _;
use crate::error::Result;
use crate::remote::Abilities;

impl Index {
    /// What the remote with this root can do, if that was asked when program and configuration had this stamp.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn abilities(&self, root: &Path, stamp: &str) -> Result<Option<Abilities>> {
        let sql = "SELECT abilities FROM remotes WHERE root = ?1 AND stamp = ?2";
        let parameters = params![root.as_os_str().as_bytes(), stamp];
        let found: Option<String> = self
            .connection
            .query_row(sql, parameters, |row| row.get(0))
            .optional()
            .explain("read", &self.path)?;
        // What cannot be understood is asked again.
        Ok(found.and_then(|text| Abilities::read(&text)))
    }

    /// Keeps what a remote can do.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn keep_abilities(&self, root: &Path, stamp: &str, abilities: &Abilities) -> Result<()> {
        let sql = "INSERT INTO remotes (root, stamp, abilities) VALUES (?1, ?2, ?3)
                   ON CONFLICT (root) DO UPDATE SET stamp = ?2, abilities = ?3";
        let parameters = params![root.as_os_str().as_bytes(), stamp, abilities.written()];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }
}
