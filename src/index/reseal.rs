//! Checksums that are computed again, for tests that change the index with another program.

use rusqlite::{Connection, params};

use super::checksum::{row_checksum, store_checksum, store_roots_checksum};
use super::size_record::recompute_size_checksums;
use super::sql::{execute, rows};
use super::{DatabaseId, Index};
use crate::base::error::Result;

impl Index {
    /// Computes the checksums of all databases, folders and sizes over time again, after another program, such as a test, changed the index.
    #[doc(hidden)]
    pub fn recompute_checksums(&mut self) -> Result<()> {
        self.write(|transaction| {
            transaction.execute_batch(
                "UPDATE replicas SET folder_rows = (SELECT count(*) FROM folders WHERE replica_id = replicas.id)",
            )?;
            recompute_folder_checksums(transaction)?;
            recompute_size_checksums(transaction)?;
            let sql = "SELECT id FROM databases";
            let databases: Vec<DatabaseId> = rows(transaction, sql, [], |row| row.get(0))?;
            for database in databases {
                store_checksum(transaction, database)?;
            }
            store_roots_checksum(transaction)
        })
    }
}

fn recompute_folder_checksums(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT id, path, fingerprints, manifest FROM folders";
    let checksums: Vec<(i64, [u8; 16])> = rows(connection, sql, [], |row| {
        let [path, fingerprints, manifest] = [1, 2, 3].map(|column| row.get_ref(column));
        let parts = [path?, fingerprints?, manifest?].map(|part| part.as_blob());
        let [path, fingerprints, manifest] = parts;
        Ok((
            row.get(0)?,
            row_checksum(&[path?, fingerprints?, manifest?]),
        ))
    })?;
    for (id, checksum) in checksums {
        let sql = "UPDATE folders SET checksum = ?2 WHERE id = ?1";
        execute(connection, sql, params![id, checksum])?;
    }
    Ok(())
}
