//! Writing a published index: rows are copied as they are, with their checksums.

use std::path::Path;

use rusqlite::{Connection, params};

use super::tables;
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::host::KnownHost;
use crate::index::sql::execute;
use crate::index::sqlite_error::Explain as _;
use crate::index::{DatabaseId, Index};

/// The name of the new file among the schemas of the connection.
const SCHEMA: &str = "publication";

/// Copies the rows of all other workstations: evidence names them by their numbers.
const COPY_HOSTS: &str = "INSERT INTO published_hosts (id, key, name, seen_at) SELECT id, key, name, seen_at FROM hosts WHERE id > 0";

/// Copies the rows of the database ?1.
const COPIES: [&str; 6] = [
    "INSERT INTO published_categories (category, scanned_at) SELECT category, looked_at FROM looks WHERE database_id = ?1",
    "INSERT INTO published_outside (scanned_at, unread, entries, checksum)
     SELECT looked_at, unread, entries, checksum FROM outside WHERE database_id = ?1",
    "INSERT INTO published_replicas (id, category, client, project, present, scanned_at, host, bytes, unreadable, precision,
                                     folder_rows)
     SELECT id, category, client, project, present, looked_at,
            (SELECT host_id FROM origins WHERE replica_id = replicas.id), bytes, unreadable, step, folder_rows
     FROM replicas WHERE database_id = ?1",
    "INSERT INTO published_folders (replica_id, path, fingerprints, manifest, checksum)
     SELECT replica_id, path, fingerprints, manifest, checksum
     FROM folders WHERE replica_id IN (SELECT id FROM replicas WHERE database_id = ?1) ORDER BY replica_id, path",
    "INSERT INTO published_evidence (folder, manifest, digests, checksum, proofs)
     SELECT folder, manifest, digests, checksum, proofs FROM digests WHERE database_id = ?1 AND proofs <> x'' ORDER BY folder",
    "INSERT INTO published_times (folder, reported, original)
     SELECT folder, shown, meant FROM held WHERE database_id = ?1",
];

/// The identity of a published index.
#[derive(Clone, Copy, Debug)]
pub struct PublicationName<'a> {
    /// The identity of the database.
    pub identity: &'a str,
    /// The name of the database on this workstation, for people.
    pub name: &'a str,
}

impl Index {
    /// Writes what is known of a database to a new file at `path`, which must not exist. The file is not flushed.
    ///
    /// # Errors
    /// The disk is full, or the index is damaged.
    pub fn write_publication(
        &mut self,
        database: DatabaseId,
        name: PublicationName<'_>,
        path: &Path,
    ) -> Result<()> {
        let host = self.own_host()?;
        self.merge_evidence_rows(database)?;
        self.verify(database)?;
        let connection = &self.connection;
        let attach = format!("ATTACH ?1 AS {SCHEMA}");
        connection
            .execute(&attach, [path.to_string_lossy()])
            .explain("create", path)?;
        let written = copy_rows(connection, database, name, &host).explain("write", path);
        // The statements that name the new file would keep it attached.
        connection.flush_prepared_statement_cache();
        let detached = connection.execute_batch(&format!("DETACH {SCHEMA}"));
        written.and(detached.explain("write", path))
    }
}

fn copy_rows(
    connection: &Connection,
    database: DatabaseId,
    name: PublicationName<'_>,
    host: &KnownHost,
) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA {SCHEMA}.journal_mode = OFF; PRAGMA {SCHEMA}.synchronous = OFF;"
    ))?;
    let transaction = connection.unchecked_transaction()?;
    tables::create(&transaction, SCHEMA)?;
    execute(&transaction, COPY_HOSTS, [])?;
    for copy in COPIES {
        execute(&transaction, copy, [database])?;
    }
    let sql = "INSERT INTO published_header (identity, name, host_key, host_name, published_at, scanned_at,
                                             evidence_rows, checksum)
               SELECT ?2, ?3, ?4, ?5, ?6, looked_at, (SELECT count(*) FROM published_evidence), x''
               FROM databases WHERE id = ?1";
    let parameters = params![
        database,
        name.identity,
        name.name,
        host.key,
        host.name,
        Timestamp::now().seconds,
    ];
    execute(&transaction, sql, parameters)?;
    let sql = "UPDATE published_header SET checksum = ?1";
    execute(&transaction, sql, params![tables::checksum(&transaction)?])?;
    transaction.commit()
}
