//! The name and root of a storage on a workstation, written in a short transaction of its own.

use postgres::Transaction;

use super::failure::ExchangeFailure;
use super::host::CatalogHosts;
use super::replica_key::bytes_of;
use super::statement::{READ_NAMESAKES, WRITE_ALIAS};
use super::storage_row::{ExchangedStorage, read_storage};
use crate::catalog::connection::Catalog;
use crate::index::{HostId, Index};

/// Writes the name and root of a storage on this workstation. Returns the workstations that call another storage so.
pub(super) fn tell_name(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
) -> Result<Vec<String>, ExchangeFailure> {
    let own = index.own_host()?;
    let known_hosts = index.known_hosts()?;
    let mut transaction = catalog.begin()?;
    let Some(row) = read_storage(&mut transaction, storage, true)? else {
        return Ok(Vec::new());
    };
    CatalogHosts::write(&mut transaction, &own, &known_hosts, row.clock.now)?;
    let hosts = CatalogHosts::read(&mut transaction, row.clock)?;
    if let Some(host) = hosts.numbers(&known_hosts).get(&None) {
        write_alias(&mut transaction, row.id, *host, storage)?;
    }
    let rows = transaction.query(READ_NAMESAKES, &[&row.id, &storage.name])?;
    transaction.commit()?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Writes the name and root of the storage with this row on a workstation.
pub(super) fn write_alias(
    transaction: &mut Transaction<'_>,
    row: i64,
    host: HostId,
    storage: &ExchangedStorage,
) -> Result<(), postgres::Error> {
    let root = bytes_of(&storage.root);
    transaction.execute(WRITE_ALIAS, &[&row, &host.0, &storage.name, &root])?;
    Ok(())
}
