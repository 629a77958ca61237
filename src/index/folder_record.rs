//! What the folders of a replica were like, their times and permissions, when it was last synced.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::snapshot::digest::Digest;

impl Index {
    /// The digest that stands for the folders of a replica at a source as they were last brought to a destination; `None`
    /// where that is not known.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn sent_folders_digest(
        &self,
        destination: &Path,
        source: &Path,
        replica: &Path,
    ) -> Result<Option<Digest>> {
        let sql = "SELECT digest FROM sent_folders
                   WHERE destination = ?1 AND source = ?2 AND replica = ?3";
        let keys = [destination, source, replica].map(|path| path.as_os_str().as_bytes());
        let query = self.connection.prepare_cached(sql);
        let digest = query.and_then(|mut query| {
            query
                .query_row(keys, |row| row.get::<_, [u8; 16]>(0))
                .optional()
        });
        let digest = digest.explain("read", &self.path)?;
        Ok(digest.map(|bytes| Digest(u128::from_le_bytes(bytes))))
    }

    /// Keeps such digests of replicas.
    ///
    /// # Errors
    /// The index cannot be written.
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
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let sql = "INSERT OR REPLACE INTO sent_folders (destination, source, replica, digest)
                   VALUES (?1, ?2, ?3, ?4)";
        for (replica, digest) in replicas {
            let [destination, source, replica] =
                [destination, source, replica].map(|path| path.as_os_str().as_bytes());
            let query = transaction.prepare_cached(sql);
            query
                .and_then(|mut query| {
                    query.execute(params![
                        destination,
                        source,
                        replica,
                        digest.0.to_le_bytes()
                    ])
                })
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }
}
