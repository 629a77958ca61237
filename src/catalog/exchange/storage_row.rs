//! A storage that takes part in a catalog, and its row there.

use std::path::PathBuf;

use postgres::{Row, Transaction};

use super::server_clock::ServerClock;
use super::statement::{INSERT_STORAGE, LOCK_STORAGE, READ_STORAGE};
use crate::base::timestamp::Timestamp;

/// A storage that takes part in a catalog.
#[derive(Clone, Debug)]
pub struct ExchangedStorage {
    /// The identity that all workstations know it by.
    pub identity: String,
    /// Its name on this workstation.
    pub name: String,
    /// Its root on this workstation, which is its key in the index.
    pub root: PathBuf,
    /// True if the recorded state of a file is the same for all workstations, as at a remote.
    pub keeps_tags: bool,
}

/// The row of a storage in the catalog, and the time of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct StorageRow {
    pub(super) id: i64,
    pub(super) revision: i64,
    pub(super) purged_revision: i64,
    pub(super) clock: ServerClock,
}

impl StorageRow {
    fn read(row: &Row, began: Timestamp) -> Self {
        Self {
            id: row.get(0),
            revision: row.get(1),
            purged_revision: row.get(2),
            clock: ServerClock::new(row.get(3), began),
        }
    }
}

/// Returns the row of a storage, if it has one, in a transaction that has just begun. A push makes it, and locks it until the
/// transaction ends.
pub(super) fn read_storage(
    transaction: &mut Transaction<'_>,
    storage: &ExchangedStorage,
    is_push: bool,
) -> Result<Option<StorageRow>, postgres::Error> {
    let began = Timestamp::now();
    let sql = if is_push {
        transaction.execute(INSERT_STORAGE, &[&storage.identity, &storage.name])?;
        LOCK_STORAGE
    } else {
        READ_STORAGE
    };
    let row = transaction.query_opt(sql, &[&storage.identity])?;
    Ok(row.as_ref().map(|row| StorageRow::read(row, began)))
}
