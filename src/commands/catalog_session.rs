//! The catalog in a session: pulled at its start, and told of what each run learned at its end.
//!
//! Rule: answers come from the index. A server that is away is a notice, and what is marked waits for the next exchange.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use super::workspace::Workspace;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::catalog::{
    Catalog, CatalogAddress, ExchangedStorage, ensure_schema, exchange, exchange_studio,
    read_revisions,
};
use crate::index::Index;
use crate::index::overview;
use crate::model::registry::{Database, Registry};
use crate::storage::availability::folder_identity;
use crate::storage::ensure_identity::ensure_identity;
use crate::storage::{Layout, Storage};

/// Longest wait at the start of a session for the identity file of a storage that was never scanned here.
const IDENTITY_TIMEOUT: Duration = Duration::from_millis(200);

/// Exchanges what is known of all storages. Returns the number of storages with news from other workstations.
///
/// # Errors
/// [`Error::Catalog`]; the index cannot be written.
pub(super) fn exchange_all(
    (index, registry): (&mut Index, &Registry),
    address: &CatalogAddress,
    monitor: &dyn Monitor,
) -> Result<u64> {
    let storages = shared_storages(index, registry.databases(), monitor)?;
    let mut catalog = Catalog::connect(address)?;
    if let Some(notice) = catalog.notice() {
        monitor.on_event(&ProgressEvent::Notice(notice));
    }
    ensure_schema(&mut catalog)?;
    let revisions = read_revisions(&mut catalog)?;
    index.state_policies(&registry.stated_policies())?;
    // First, because a policy may keep files from being freed.
    exchange_studio(&mut catalog, (index, registry), revisions.studio)?;
    let mut news = 0;
    for storage in &storages {
        let id = index.database_id(&storage.root)?;
        let known = match id {
            Some(id) => index.shared_revision(id)?,
            None => None,
        };
        let there = revisions
            .storages
            .get(&storage.identity)
            .copied()
            .unwrap_or_default();
        let waits = match id {
            Some(id) => known.is_none() || index.has_unshared(id)?,
            None => false,
        };
        if known.unwrap_or_default() == there && !waits {
            continue;
        }
        let report = exchange(&mut catalog, index, storage)?;
        news += u64::from(report.pulled.replicas + report.pulled.folders_with_evidence > 0);
    }
    Ok(news)
}

/// Returns the storages whose identity is known, or can be read at once. Two with one identity, as a drive and its clone, are
/// left out: it is unknown which of them the catalog means.
fn shared_storages(
    index: &Index,
    databases: &[Database],
    monitor: &dyn Monitor,
) -> Result<Vec<ExchangedStorage>> {
    let mut storages: Vec<ExchangedStorage> = Vec::new();
    for database in databases {
        let identity = match index.identity(&database.root)? {
            Some(identity) => Some(identity),
            None if database.is_remote() => None,
            None => folder_identity(database, IDENTITY_TIMEOUT),
        };
        storages.extend(identity.map(|identity| ExchangedStorage {
            identity,
            name: database.name.clone(),
            root: database.root.clone(),
            keeps_tags: database.is_remote(),
        }));
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for storage in &storages {
        *numbers.entry(storage.identity.clone()).or_default() += 1;
    }
    storages.retain(|storage| {
        let is_unique = numbers.get(&storage.identity) == Some(&1);
        if !is_unique {
            let notice = format!(
                "{} is not shared through the catalog: another storage has the same identity file",
                storage.name
            );
            monitor.on_event(&ProgressEvent::Notice(&notice));
        }
        is_unique
    });
    Ok(storages)
}

/// Makes an identity file for each scanned storage that has none, so that other workstations know it. One that may not be
/// written stays local.
pub(super) fn ensure_identities(
    (index, registry): (&mut Index, &Registry),
    databases: &[Database],
    monitor: &dyn Monitor,
) -> Result<()> {
    let layout = Layout::new(registry)?;
    for database in databases {
        let known = index.database(&database.root)?;
        if known.identity.is_some() || known.id.is_none() || known.offline_since.is_some() {
            continue;
        }
        let made = Storage::open(index, &layout, database)
            .and_then(|storage| ensure_identity(index, &storage));
        match made {
            Ok(_) => {}
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                let why = match &error {
                    Error::Io { source, .. } if source.kind() == ErrorKind::ReadOnlyFilesystem => {
                        "it is read-only".to_owned()
                    }
                    error => error.full_message(),
                };
                let notice = format!(
                    "{} is not shared through the catalog: no identity file can be written there: {why}",
                    database.name
                );
                monitor.on_event(&ProgressEvent::Notice(&notice));
            }
        }
    }
    Ok(())
}

/// Exchanges what is known after a run. A server that is away is a notice: what the run learned waits.
pub(super) fn exchange_after_run(
    (index, registry): (&mut Index, &Registry),
    address: &CatalogAddress,
    monitor: &dyn Monitor,
) -> Result<()> {
    ensure_identities((index, registry), registry.databases(), monitor)?;
    match exchange_all((index, registry), address, monitor) {
        Err(error @ Error::Catalog { .. }) => {
            let notice = format!("{}; what this run learned waits", error.full_message());
            monitor.on_event(&ProgressEvent::Notice(&notice));
            Ok(())
        }
        exchanged => exchanged.map(drop),
    }
}

impl Workspace {
    /// Pulls what other workstations learned. A failure is a notice: the answers of the session come from what is known.
    pub fn pull_catalog(&mut self) -> Result<()> {
        let pulled = self.exchange_at_start();
        self.learn_policies()?;
        self.report_policy_conflicts();
        pulled
    }

    fn exchange_at_start(&mut self) -> Result<()> {
        let Some(address) = self.settings.catalog.clone() else {
            return Ok(());
        };
        if self.dry_run || self.index.is_read_only() {
            return Ok(());
        }
        let monitor = self.monitor.as_ref();
        match exchange_all((&mut self.index, &self.registry), &address, monitor) {
            Ok(0) => Ok(()),
            Ok(_) => {
                overview::refresh(&mut self.index, &self.registry);
                Ok(())
            }
            Err(error @ Error::Catalog { .. }) => {
                let notice = format!(
                    "{}; answers are as of the last exchange",
                    error.full_message()
                );
                self.monitor.on_event(&ProgressEvent::Notice(&notice));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
