//! What remotes can do, asked for once: the answer holds for as long as rclone and its configuration stay what they are.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::rclone::{RcloneVersion, RemoteFeatures};

impl Index {
    /// The version of the rclone program with this stamp, if it was asked before.
    pub fn program_version(&self, stamp: &str) -> Option<RcloneVersion> {
        let sql = "SELECT version FROM programs WHERE stamp = ?1";
        let found: Option<String> = self
            .connection
            .query_row(sql, [stamp], |row| row.get(0))
            .ok();
        found.and_then(|version| RcloneVersion::from_number(&version))
    }

    /// Keeps the version of an rclone program.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn store_program_version(&self, stamp: &str, version: RcloneVersion) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO programs (stamp, version) VALUES (?1, ?2)";
        self.connection
            .execute(sql, params![stamp, version.to_string()])
            .explain("write", &self.path)?;
        Ok(())
    }

    /// What the remote with this root can do, if that was asked when program and configuration had this stamp.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn features(&self, root: &Path, stamp: &str) -> Result<Option<RemoteFeatures>> {
        let sql = "SELECT abilities FROM remotes WHERE root = ?1 AND stamp = ?2";
        let parameters = params![root.as_os_str().as_bytes(), stamp];
        let found: Option<String> = self
            .connection
            .query_row(sql, parameters, |row| row.get(0))
            .optional()
            .explain("read", &self.path)?;
        // What cannot be understood is asked again.
        Ok(found.and_then(|text| RemoteFeatures::from_json(&text)))
    }

    /// Keeps what a remote can do.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn store_features(
        &self,
        root: &Path,
        stamp: &str,
        features: &RemoteFeatures,
    ) -> Result<()> {
        let sql = "INSERT INTO remotes (root, stamp, abilities) VALUES (?1, ?2, ?3)
                   ON CONFLICT (root) DO UPDATE SET stamp = ?2, abilities = ?3";
        let parameters = params![root.as_os_str().as_bytes(), stamp, features.to_json()];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }
}
