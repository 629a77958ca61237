//! The exchange of what is known of one storage: pull what the catalog knows better, push what it lacks.
//!
//! A push is one transaction. It locks the row of the storage, so that pushes of one storage come one after the other; it
//! pulls what others pushed meanwhile, writes its rows with the next revision, and raises that of the storage. For each
//! replica the newest scan counts, by the clock of the server. Without anything to push, one query shows whether there is
//! anything to pull. A role that may only read pulls, and what it would push waits.
//!
//! Rule: an exchange may end at any statement and be repeated.

mod alias;
mod attempt;
mod check;
mod damage;
mod failure;
mod host;
mod pull;
mod push;
mod repair;
mod replica_key;
mod row_batch;
mod server_clock;
mod statement;
mod storage_row;
mod studio;

use std::collections::BTreeMap;

pub use self::check::check_storage;
pub use self::damage::{CatalogDamage, CheckedStorage};
pub use self::repair::mark_damaged;
pub use self::storage_row::ExchangedStorage;

use self::alias::tell_name;
use self::attempt::repeat;
use self::failure::ExchangeFailure;
use self::host::CatalogHosts;
use self::pull::Pull;
use self::push::{Push, Pushed};
use self::statement::READ_REVISIONS;
use self::storage_row::read_storage;
pub use self::studio::{StudioReport, check_studio, exchange_studio};
use super::connection::Catalog;
use crate::base::error::Result;
use crate::index::{DatabaseId, Index, PulledChanges, SharedRevisions};

/// The result of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeReport {
    /// What was pulled.
    pub pulled: PulledChanges,
    /// Number of replicas that were pushed.
    pub pushed_replicas: u64,
    /// Number of folders that were pushed, with files or evidence.
    pub pushed_folders: u64,
    /// The revision of the storage that this index knows now.
    pub revision: i64,
    /// What is damaged in the catalog and was left out. This workstation keeps what it knew of it.
    pub damaged: Vec<CatalogDamage>,
    /// Workstations that call another storage by the name of this one, if the catalog was told that name now.
    pub namesakes: Vec<String>,
}

impl ExchangeReport {
    /// Returns the result of this part and the next one.
    fn followed_by(mut self, next: Self) -> Self {
        self.damaged.extend(next.damaged);
        Self {
            pulled: self.pulled + next.pulled,
            pushed_replicas: self.pushed_replicas + next.pushed_replicas,
            pushed_folders: self.pushed_folders + next.pushed_folders,
            revision: next.revision,
            damaged: self.damaged,
            namesakes: next.namesakes,
        }
    }
}

/// The revisions of a catalog: what an index must know to need no exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogRevisions {
    /// By the identity of the storage.
    pub storages: BTreeMap<String, i64>,
    /// Of policies, runs and failed files.
    pub studio: i64,
    /// Of what these are revisions: another epoch is another catalog, or a restored one.
    pub epoch: String,
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
        epoch: rows.first().map(|row| row.get(3)).unwrap_or_default(),
    })
}

/// Exchanges what is known of a storage. `there`: its revision in the catalog.
///
/// What others learned is pulled first, without a lock and in its own time. The push then pulls what came meanwhile.
///
/// # Errors
/// [`crate::base::error::Error::Catalog`]; the index cannot be written. What was marked then stays marked.
pub fn exchange(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
    there: i64,
) -> Result<ExchangeReport> {
    let database = index.ensure_shared(&storage.root, &storage.identity)?;
    let known = index.shared_revisions(database)?.unwrap_or_default();
    let mut report = ExchangeReport {
        revision: there,
        ..ExchangeReport::default()
    };
    for is_push in [false, true] {
        let is_due = if is_push {
            catalog.may_push() && index.has_unshared(database)?
        } else {
            known.seen != there
        };
        if is_due {
            let next = repeat(catalog, "scan the storage", |catalog| {
                let is_push = is_push && catalog.may_push();
                exchange_once(catalog, index, storage, (database, is_push))
            })?;
            report = report.followed_by(next);
        }
    }
    report.namesakes = ensure_name_told(catalog, index, storage, database)?;
    Ok(report)
}

/// Tells the name of the storage on this workstation, unless the catalog knows it. Returns the workstations that call another
/// storage so.
fn ensure_name_told(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
    database: DatabaseId,
) -> Result<Vec<String>> {
    if index.told_name(database)?.as_ref() == Some(&storage.name) {
        return Ok(Vec::new());
    }
    let namesakes = repeat(catalog, "scan the storage", |catalog| {
        if catalog.may_push() {
            tell_name(catalog, index, storage)
        } else {
            Ok(Vec::new())
        }
    })?;
    // A role that may only read does not try again.
    if catalog.may_push() || catalog.write_refusal().is_some() {
        index.record_told_name(database, &storage.name)?;
    }
    Ok(namesakes)
}

fn exchange_once(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
    (database, is_push): (DatabaseId, bool),
) -> Result<ExchangeReport, ExchangeFailure> {
    // One state of the index for the whole exchange, while the other handle writes what is pulled.
    let reader = index.try_clone()?;
    let _view = reader.read_transaction()?;
    let known = reader.database(&storage.root)?;
    let revisions = reader.shared_revisions(database)?.unwrap_or_default();
    let unshared = reader.unshared(database)?;
    let is_push = is_push && !unshared.is_empty();
    let address = catalog.address().clone();
    let mut transaction = if is_push {
        catalog.begin()?
    } else {
        catalog.begin_snapshot()?
    };
    let row = read_storage(&mut transaction, storage, is_push)?;
    let revision = row.map_or(0, |row| row.revision);
    if revision < revisions.seen {
        drop(transaction);
        return forget_catalog(index, database);
    }
    let Some(row) = row.filter(|_| is_push || revision > revisions.seen) else {
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
        storage,
        database,
        known: &known,
        row: &row,
        // The pull before this push has read all that it could.
        known_revision: if is_push {
            revisions.seen
        } else {
            revisions.complete
        },
        unshared: &unshared,
        is_push,
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
    let revisions = SharedRevisions {
        complete: if pulled.damaged.is_empty() && !(is_push && revisions.is_incomplete()) {
            pushed.revision
        } else {
            revisions.complete
        },
        seen: pushed.revision,
    };
    if is_push || unshared.is_empty() {
        index.record_shared(database, &unshared, revisions)?;
    } else {
        index.record_pulled(database, &pulled.newer_here, revisions)?;
    }
    Ok(ExchangeReport {
        pulled: pulled.changes,
        pushed_replicas: pushed.replicas,
        pushed_folders: pushed.folders,
        revision: pushed.revision,
        damaged: pulled.damaged,
        namesakes: Vec::new(),
    })
}

/// Begins anew with a catalog that lost revisions, such as one that was restored from a backup: all is compared again.
fn forget_catalog(
    index: &mut Index,
    database: DatabaseId,
) -> Result<ExchangeReport, ExchangeFailure> {
    index.share_database(database)?;
    Err(ExchangeFailure::Overtaken)
}
