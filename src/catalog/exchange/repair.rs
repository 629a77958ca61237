//! The repair of damaged rows: this workstation marks what it knows of them, so that the next push writes them anew.
//!
//! Rule: nothing older replaces a scan that is newer in the catalog, and evidence that nobody here knows stays as it is.

use std::collections::BTreeSet;

use postgres::Transaction;

use super::attempt::repeat;
use super::damage::CatalogDamage;
use super::failure::ExchangeFailure;
use super::replica_key::{bytes_of, path_of, read_key};
use super::statement::{
    READ_EVIDENCE_PATHS, READ_LISTED_CATEGORIES, READ_REPLICA_IDS, READ_SCAN_TIME,
    REMOVE_CATEGORIES, REMOVE_EVIDENCE, REMOVE_REPLICAS,
};
use super::storage_row::{ExchangedStorage, StorageRow, read_storage};
use crate::base::error::Result;
use crate::catalog::connection::Catalog;
use crate::index::{DatabaseId, Index, SharedReplicaKey};

/// Marks what this workstation knows of damaged rows, and removes rows without a possible name. The next exchange writes the
/// marked rows anew.
///
/// # Errors
/// [`Error::Catalog`](crate::base::error::Error::Catalog), also for a role that may only read; the index cannot be written.
pub fn mark_damaged(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
    damaged: &[CatalogDamage],
) -> Result<()> {
    let database = index.ensure_shared(&storage.root, &storage.identity)?;
    let has_nameless = damaged
        .iter()
        .any(|damage| matches!(damage, CatalogDamage::Nameless(_)));
    if has_nameless {
        // It is unknown what the row was, so that all is compared again.
        index.share_database(database)?;
    }
    repeat(catalog, "scan the storage", |catalog| {
        let mut transaction = catalog.begin()?;
        let Some(row) = read_storage(&mut transaction, storage, true)? else {
            return Ok(());
        };
        for damage in damaged {
            match damage {
                CatalogDamage::Replica(key) => {
                    mark_replica(&mut transaction, index, (database, &row), key)?;
                }
                CatalogDamage::Evidence(folder) => {
                    if !index.evidence(database, folder)?.is_empty() {
                        index.mark_damaged_evidence(database, folder)?;
                    }
                }
                CatalogDamage::Nameless(_) => {}
            }
        }
        if has_nameless {
            remove_nameless(&mut transaction, row.id)?;
        }
        transaction.commit()?;
        Ok(())
    })
}

/// Marks a replica unless the catalog has a newer scan of it.
fn mark_replica(
    transaction: &mut Transaction<'_>,
    index: &mut Index,
    (database, row): (DatabaseId, &StorageRow),
    key: &SharedReplicaKey,
) -> Result<(), ExchangeFailure> {
    let Some(known) = index.replica(database, &key.category, &key.project)? else {
        return Ok(());
    };
    let (client, project) = (&key.project.client, &key.project.project);
    let category = bytes_of(&key.category);
    let there = transaction.query_opt(
        READ_SCAN_TIME,
        &[&row.id, &category, &client.as_bytes(), &project.as_bytes()],
    )?;
    let there: Option<i64> = there.map(|there| there.get(0));
    let here = row.clock.server_seconds(known.scanned_at);
    if there.is_none_or(|there| there <= here) {
        index.mark_damaged_replica(database, (&key.category, &key.project))?;
    }
    Ok(())
}

/// Removes the rows of a storage whose names no scan could have found.
fn remove_nameless(transaction: &mut Transaction<'_>, storage: i64) -> Result<(), ExchangeFailure> {
    let rows = transaction.query(READ_REPLICA_IDS, &[&storage])?;
    let nameless = rows.iter().filter(|row| read_key(row, 1).is_none());
    let ids: Vec<i64> = nameless.map(|row| row.get(0)).collect();
    transaction.execute(REMOVE_REPLICAS, &[&ids])?;
    let rows = transaction.query(READ_LISTED_CATEGORIES, &[&storage])?;
    let paths = rows.iter().map(|row| row.get::<_, Vec<u8>>(0));
    let nameless: Vec<Vec<u8>> = paths.filter(|path| path_of(path).is_none()).collect();
    transaction.execute(REMOVE_CATEGORIES, &[&storage, &nameless])?;
    let rows = transaction.query(READ_EVIDENCE_PATHS, &[&storage])?;
    let nameless: BTreeSet<(i64, Vec<u8>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get::<_, Vec<u8>>(1)))
        .filter(|(_, path)| path_of(path).is_none())
        .collect();
    for (replica, path) in nameless {
        transaction.execute(REMOVE_EVIDENCE, &[&replica, &path])?;
    }
    Ok(())
}
