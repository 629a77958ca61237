//! The check of all rows: each one is read as by a pull of everything, and nothing is written.

use super::attempt::repeat;
use super::damage::CheckedStorage;
use super::failure::ExchangeFailure;
use super::host::CatalogHosts;
use super::pull::Pull;
use super::storage_row::{ExchangedStorage, read_storage};
use crate::base::error::Result;
use crate::catalog::connection::Catalog;
use crate::index::{DatabaseId, Index, Unshared};

/// Checks all rows of a storage.
///
/// # Errors
/// [`Error::Catalog`](crate::base::error::Error::Catalog); the index cannot be read.
pub fn check_storage(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
) -> Result<CheckedStorage> {
    repeat(catalog, "scan the storage", |catalog| {
        check_once(catalog, index, storage)
    })
}

fn check_once(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
) -> Result<CheckedStorage, ExchangeFailure> {
    let known = index.database(&storage.root)?;
    let own = index.own_host()?;
    let mut transaction = catalog.begin_snapshot()?;
    let Some(row) = read_storage(&mut transaction, storage, false)? else {
        return Ok(CheckedStorage::default());
    };
    let hosts = CatalogHosts::read(&mut transaction, row.clock)?.add_to(index, &own)?;
    let pull = Pull {
        index,
        storage,
        database: known.id.unwrap_or(DatabaseId(0)),
        known: &known,
        row: &row,
        known_revision: 0,
        unshared: &Unshared::default(),
        is_push: false,
    };
    let mut checked = pull.check(&mut transaction, &hosts)?;
    checked.damaged.sort_unstable();
    Ok(checked)
}
