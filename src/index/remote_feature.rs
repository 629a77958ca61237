//! Features of remotes and versions of rclone programs. They are valid while the program and its configuration stay the
//! same, so each is requested once.

use std::path::Path;

use rusqlite::params;

use super::Index;
use super::sql::bytes;
use crate::base::error::Result;
use crate::rclone::{RcloneVersion, RemoteFeatures};

impl Index {
    /// Returns the version of the rclone program with this stamp, if it is known.
    pub fn program_version(&self, stamp: &str) -> Option<RcloneVersion> {
        let sql = "SELECT version FROM programs WHERE stamp = ?1";
        // A program whose version cannot be read is asked again.
        let version: String = self.one(sql, [stamp], |row| row.get(0)).ok()?;
        RcloneVersion::from_number(&version)
    }

    /// Stores the version of an rclone program.
    pub fn store_program_version(&self, stamp: &str, version: RcloneVersion) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO programs (stamp, version) VALUES (?1, ?2)";
        self.execute(sql, params![stamp, version.to_string()])
    }

    /// Returns the features of the remote with this root, if they are known for this program and configuration.
    pub fn features(&self, root: &Path, stamp: &str) -> Result<Option<RemoteFeatures>> {
        let sql = "SELECT abilities FROM remotes WHERE root = ?1 AND stamp = ?2";
        let found: Option<String> =
            self.optional(sql, params![bytes(root), stamp], |row| row.get(0))?;
        // Features that cannot be parsed are requested again.
        Ok(found.and_then(|text| RemoteFeatures::from_json(&text)))
    }

    /// Stores the features of a remote.
    pub fn store_features(
        &self,
        root: &Path,
        stamp: &str,
        features: &RemoteFeatures,
    ) -> Result<()> {
        let sql = "INSERT INTO remotes (root, stamp, abilities) VALUES (?1, ?2, ?3)
                   ON CONFLICT (root) DO UPDATE SET stamp = ?2, abilities = ?3";
        self.execute(sql, params![bytes(root), stamp, features.to_json()])
    }
}
