//! Digests of the folders of a replica, their times and permissions, at its last sync.

use std::path::Path;

use rusqlite::params;

use super::Index;
use super::sql::{bytes, execute};
use crate::base::error::Result;
use crate::snapshot::digest::Digest;

impl Index {
    /// Returns the digest of a replica's folders at the source when they were last synced to a destination, if it is known.
    pub fn sent_folders_digest(
        &self,
        destination: &Path,
        source: &Path,
        replica: &Path,
    ) -> Result<Option<Digest>> {
        let sql = "SELECT digest FROM sent_folders
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3";
        self.optional(sql, [destination, source, replica].map(bytes), |row| {
            Ok(Digest(u128::from_le_bytes(row.get(0)?)))
        })
    }

    /// Stores the digests of synced replicas.
    pub fn store_sent_folders_digests<'a>(
        &mut self,
        destination: &Path,
        source: &Path,
        replicas: impl IntoIterator<Item = (&'a Path, Digest)>,
    ) -> Result<()> {
        let mut replicas = replicas.into_iter().peekable();
        if replicas.peek().is_none() {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO sent_folders (destination, source, replica, digest)
                   VALUES (?1, ?2, ?3, ?4)";
        self.write(|transaction| {
            for (replica, digest) in replicas {
                let [destination, source, replica] = [destination, source, replica].map(bytes);
                let digest = digest.0.to_le_bytes();
                execute(
                    transaction,
                    sql,
                    params![destination, source, replica, digest],
                )?;
            }
            Ok(())
        })
    }
}
