//! The catalog in a session: pulled before a question, and told of what each run learned at its end.
//!
//! Rule: answers come from the index. A server that is away is a notice, and what is marked waits for the next exchange. A
//! catalog that may only be read is pulled, and one notice of a session says that the rest waits.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::catalog_pace::WriteRefusal;
use super::workspace::Workspace;
use crate::base::error::{CatalogProblem, Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::catalog::{
    Catalog, CatalogAddress, ExchangedStorage, ensure_schema, exchange, storage_revisions,
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
    (address, refusal): (&CatalogAddress, &WriteRefusal),
    monitor: &dyn Monitor,
) -> Result<u64> {
    let storages = shared_storages(index, registry.databases(), monitor)?;
    let mut catalog = Catalog::connect(address)?;
    if let Some(notice) = catalog.notice() {
        monitor.on_event(&ProgressEvent::Notice(notice));
    }
    ensure_schema(&mut catalog)?;
    let known_refusal = refusal.recent(address, Instant::now());
    if let Some(why) = &known_refusal {
        catalog.refuse_writes(why.clone());
    }
    let revisions = storage_revisions(&mut catalog)?;
    let mut news = 0;
    for storage in &storages {
        let id = index.database_id(&storage.root)?;
        let known = match id {
            Some(id) => index.shared_revision(id)?,
            None => None,
        };
        let there = revisions
            .get(&storage.identity)
            .copied()
            .unwrap_or_default();
        let waits = match id {
            Some(id) => known.is_none() || index.has_unshared(id)?,
            None => false,
        };
        let is_pushed = waits && catalog.write_refusal().is_none();
        if known.unwrap_or_default() == there && !is_pushed {
            continue;
        }
        let report = exchange(&mut catalog, index, storage)?;
        news += u64::from(report.pulled.replicas + report.pulled.folders_with_evidence > 0);
    }
    match catalog.write_refusal() {
        Some(why) if known_refusal.is_none() => note_refusal((address, refusal), why, monitor),
        _ => {}
    }
    Ok(news)
}

/// Says once that a catalog takes no changes.
fn note_refusal(
    (address, refusal): (&CatalogAddress, &WriteRefusal),
    why: &CatalogProblem,
    monitor: &dyn Monitor,
) {
    if !refusal.record(address, Instant::now(), why) {
        return;
    }
    let who = match why {
        CatalogProblem::NoRights { role } => {
            format!("the role `{role}` may only read the catalog `{address}`")
        }
        _ => format!("the catalog `{address}` accepts no changes"),
    };
    let notice =
        format!("{who}; what this workstation learns waits, and what others share is answered");
    monitor.on_event(&ProgressEvent::Notice(&notice));
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
    catalog: (&CatalogAddress, &WriteRefusal),
    monitor: &dyn Monitor,
) -> Result<()> {
    ensure_identities((index, registry), registry.databases(), monitor)?;
    match exchange_all((index, registry), catalog, monitor) {
        Err(error @ Error::Catalog { .. }) => {
            let notice = format!("{}; what this run learned waits", error.full_message());
            monitor.on_event(&ProgressEvent::Notice(&notice));
            Ok(())
        }
        exchanged => exchanged.map(drop),
    }
}

impl Workspace {
    /// Pulls what other workstations learned, before a question. A failure is a notice: the answer comes from what is known.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(super) fn pull_catalog(&mut self) -> Result<()> {
        let Some(address) = self.settings.catalog.clone() else {
            return Ok(());
        };
        let is_due = self.catalog_pace.is_due(&address, Instant::now());
        if !is_due || self.dry_run || self.index.is_read_only() {
            return Ok(());
        }
        let monitor = self.monitor.as_ref();
        let catalog = (&address, self.catalog_pace.refusal());
        let pulled = exchange_all((&mut self.index, &self.registry), catalog, monitor);
        let has_failed = pulled.is_err();
        match pulled {
            Ok(0) => {}
            Ok(_) => overview::refresh(&mut self.index, &self.registry),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error @ Error::Catalog { .. }) => {
                let notice = format!(
                    "{}; answers are as of the last exchange",
                    error.full_message()
                );
                self.monitor.on_event(&ProgressEvent::Notice(&notice));
            }
            Err(error) => self.monitor.on_event(&ProgressEvent::Problem(&error)),
        }
        self.catalog_pace
            .record(address, Instant::now(), has_failed);
        Ok(())
    }
}
