//! The exchange of what is known of one storage: pull what the catalog knows better, push what it lacks.
//!
//! A push is one transaction. It locks the row of the storage, so that pushes of one storage come one after the other; it
//! pulls what others pushed meanwhile, writes its rows with the next revision, and raises that of the storage. For each
//! replica the newest scan counts, by the clock of the server. Without anything to push, one query shows whether there is
//! anything to pull. A role that may only read pulls, and what it would push waits.
//!
//! Rule: an exchange may end at any statement and be repeated.

mod attempt;
mod failure;
mod host;
mod pull;
mod push;
mod replica_key;
mod row_batch;
mod server_clock;
mod statement;
mod storage_row;
mod studio;

use std::collections::BTreeMap;

use postgres::Transaction;

pub use self::storage_row::ExchangedStorage;

use self::attempt::repeat;
use self::failure::ExchangeFailure;
use self::host::CatalogHosts;
use self::pull::Pull;
use self::push::{Push, Pushed};
use self::statement::{INSERT_STORAGE, LOCK_STORAGE, READ_REVISIONS, READ_STORAGE};
use self::storage_row::StorageRow;
pub use self::studio::{StudioReport, exchange_studio};
use super::connection::Catalog;
use crate::base::error::Result;
use crate::index::{DatabaseId, Index, PulledChanges};

/// The result of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExchangeReport {
    /// What was pulled.
    pub pulled: PulledChanges,
    /// Number of replicas that were pushed.
    pub pushed_replicas: u64,
    /// Number of folders that were pushed, with files or evidence.
    pub pushed_folders: u64,
    /// The revision of the storage that this index knows now.
    pub revision: i64,
}

/// The revisions of a catalog: what an index must know to need no exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogRevisions {
    /// By the identity of the storage.
    pub storages: BTreeMap<String, i64>,
    /// Of policies, runs and failed files.
    pub studio: i64,
}

/// Returns the revisions of a catalog, by one query.
pub fn read_revisions(catalog: &mut Catalog) -> Result<CatalogRevisions> {
    let rows = catalog.query(READ_REVISIONS, &[])?;
    let storages = rows
        .iter()
        .filter_map(|row| Some((row.get::<_, Option<String>>(0)?, row.get(1))));
    Ok(CatalogRevisions {
        storages: storages.collect(),
        studio: rows.first().map_or(0, |row| row.get(2)),
    })
}

/// Exchanges what is known of a storage.
///
/// # Errors
/// [`crate::base::error::Error::Catalog`]; the index cannot be written. What was marked then stays marked.
pub fn exchange(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
) -> Result<ExchangeReport> {
    let database = index.ensure_shared(&storage.root, &storage.identity)?;
    repeat(catalog, "scan the storage", |catalog| {
        exchange_once(catalog, index, storage, database)
    })
}

fn exchange_once(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
    database: DatabaseId,
) -> Result<ExchangeReport, ExchangeFailure> {
    // One state of the index for the whole exchange, while the other handle writes what is pulled.
    let reader = index.try_clone()?;
    let _view = reader.read_transaction()?;
    let known = reader.database(&storage.root)?;
    let known_revision = reader.shared_revision(database)?.unwrap_or_default();
    let unshared = reader.unshared(database)?;
    let is_push = catalog.may_push() && !unshared.is_empty();
    let address = catalog.address().clone();
    let mut transaction = if is_push {
        catalog.begin()?
    } else {
        catalog.begin_snapshot()?
    };
    let row = read_storage(&mut transaction, storage, is_push)?;
    let revision = row.map_or(0, |row| row.revision);
    if revision < known_revision {
        drop(transaction);
        return forget_catalog(index, database);
    }
    let Some(row) = row.filter(|_| is_push || revision > known_revision) else {
        return Ok(ExchangeReport {
            revision,
            ..ExchangeReport::default()
        });
    };
    let own = index.own_host()?;
    let known_hosts = index.known_hosts()?;
    if is_push {
        CatalogHosts::write(&mut transaction, &own, &known_hosts, row.clock.now)?;
    }
    let hosts = CatalogHosts::read(&mut transaction, row.clock)?;
    let pull = Pull {
        index,
        address: &address,
        storage,
        database,
        known: &known,
        row: &row,
        known_revision,
        unshared: &unshared,
    };
    let pulled = pull.run(&mut transaction, (&hosts, &own))?;
    let pushed = if is_push {
        let push = Push {
            reader: &reader,
            index,
            address: &address,
            storage,
            database,
            row: &row,
            unshared: &unshared,
            numbers: hosts.numbers(&known_hosts),
        };
        push.run(&mut transaction, &pulled)?
    } else {
        Pushed::nothing(revision)
    };
    transaction.commit()?;
    if is_push || unshared.is_empty() {
        index.record_shared(database, &unshared, pushed.revision)?;
    } else {
        index.record_pulled(database, &pulled.newer_here, pushed.revision)?;
    }
    Ok(ExchangeReport {
        pulled: pulled.changes,
        pushed_replicas: pushed.replicas,
        pushed_folders: pushed.folders,
        revision: pushed.revision,
    })
}

/// Returns the row of a storage, if it has one. A push makes it, and locks it until the transaction ends.
fn read_storage(
    transaction: &mut Transaction<'_>,
    storage: &ExchangedStorage,
    is_push: bool,
) -> Result<Option<StorageRow>, postgres::Error> {
    let sql = if is_push {
        transaction.execute(INSERT_STORAGE, &[&storage.identity, &storage.name])?;
        LOCK_STORAGE
    } else {
        READ_STORAGE
    };
    let row = transaction.query_opt(sql, &[&storage.identity])?;
    Ok(row.as_ref().map(StorageRow::read))
}

/// Begins anew with a catalog that lost revisions, such as one that was restored from a backup: all is compared again.
fn forget_catalog(
    index: &mut Index,
    database: DatabaseId,
) -> Result<ExchangeReport, ExchangeFailure> {
    index.share_database(database)?;
    Err(ExchangeFailure::Overtaken)
}
