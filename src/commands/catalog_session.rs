//! The catalog in a session: pulled before a question, and told of what each run learned at its end.
//!
//! Rule: answers come from the index. A server that is away is a notice, and what is marked waits for the next exchange.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::catalog_pace::WriteRefusal;
use super::workspace::Workspace;
use crate::base::error::{CatalogProblem, Error, Result};
use crate::base::monitor::{Monitor, ProgressEvent};
use crate::catalog::{
    Catalog, CatalogAddress, ExchangeReport, ExchangedStorage, ensure_schema, exchange,
    exchange_studio, read_revisions,
};
use crate::index::Index;
use crate::index::overview;
use crate::model::registry::{Database, Registry};
use crate::storage::availability::folder_identity;
use crate::storage::ensure_identity::ensure_identity;
use crate::storage::{Layout, Storage};

/// Longest wait at the start of a session for the identity file of a storage that was never scanned here.
const IDENTITY_TIMEOUT: Duration = Duration::from_millis(200);

/// Number of damaged things that one notice names.
const NAMED_DAMAGE: usize = 3;

/// The direction of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExchangeDirection {
    /// Pull, and push what the catalog lacks.
    Both,
    /// Only pull: what the catalog lacks waits.
    Pull,
}

/// Exchanges what is known of all storages. Returns what was exchanged, for each storage with news in either direction.
///
/// # Errors
/// [`Error::Catalog`]; the index cannot be written. What could be exchanged was exchanged all the same.
pub(super) fn exchange_all(
    (index, registry): (&mut Index, &Registry),
    (address, refusal): (&CatalogAddress, &WriteRefusal),
    direction: ExchangeDirection,
    monitor: &dyn Monitor,
) -> Result<Vec<(String, ExchangeReport)>> {
    let storages = shared_storages(index, registry.databases(), monitor)?;
    let mut catalog = connect(address, monitor)?;
    ensure_schema(&mut catalog)?;
    if direction == ExchangeDirection::Pull {
        catalog.pull_only();
    }
    let known_refusal = refusal.recent(address, Instant::now());
    if let Some(why) = &known_refusal {
        catalog.refuse_writes(why.clone());
    }
    let revisions = read_revisions(&mut catalog)?;
    index.enter_epoch(&revisions.epoch)?;
    index.state_policies(&registry.stated_policies())?;
    // First, because a policy may keep files from being freed.
    let studio = exchange_studio(&mut catalog, (index, registry), revisions.studio);
    if let Ok(report) = &studio {
        note_damage(address, None, &report.damaged, monitor);
    }
    let mut failure = studio.err();
    let mut reports = Vec::new();
    for storage in storages {
        let there = revisions.storages.get(&storage.identity);
        let there = there.copied().unwrap_or_default();
        // One that fails, as with damaged rows, keeps no other from being exchanged.
        match exchange_storage(&mut catalog, index, &storage, there) {
            Ok(report) => {
                if let Some(report) = &report {
                    note_findings(address, &storage.name, report, monitor);
                }
                reports.extend(report.map(|report| (storage.name, report)));
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(why) = catalog.write_refusal().filter(|_| known_refusal.is_none())
        && anything_waits(index, registry)?
    {
        note_refusal((address, refusal), why, monitor);
    }
    if reports.iter().any(|(_, report)| has_news(report)) {
        overview::refresh(index, registry);
    }
    failure.map_or(Ok(reports), Err)
}

/// Exchanges what is known of a storage, unless there is nothing new. `there`: its revision in the catalog.
fn exchange_storage(
    catalog: &mut Catalog,
    index: &mut Index,
    storage: &ExchangedStorage,
    there: i64,
) -> Result<Option<ExchangeReport>> {
    let id = index.database_id(&storage.root)?;
    let known = match id {
        Some(id) => index.shared_revisions(id)?,
        None => None,
    };
    let waits = match id {
        Some(id) => known.is_none() || index.has_unshared(id)?,
        None => false,
    };
    let is_told = match id {
        Some(id) => index.told_name(id)?.as_ref() == Some(&storage.name),
        None => false,
    };
    let is_push = (waits || !is_told) && catalog.may_push();
    if known.unwrap_or_default().seen == there && !is_push {
        return Ok(None);
    }
    exchange(catalog, index, storage, there).map(Some)
}

/// Says what a person should know of a storage in the catalog: what is damaged, and who calls another storage so.
fn note_findings(
    address: &CatalogAddress,
    storage: &str,
    report: &ExchangeReport,
    monitor: &dyn Monitor,
) {
    if !report.namesakes.is_empty() {
        let notice = format!(
            "{storage} is another storage on {}: they have different identity files",
            report.namesakes.join(" and ")
        );
        monitor.on_event(&ProgressEvent::Notice(&notice));
    }
    let damaged: Vec<String> = report.damaged.iter().map(ToString::to_string).collect();
    note_damage(address, Some(storage), &damaged, monitor);
}

/// Says what is damaged in the catalog, of a storage or of the studio.
fn note_damage(
    address: &CatalogAddress,
    storage: Option<&str>,
    damaged: &[String],
    monitor: &dyn Monitor,
) {
    if damaged.is_empty() {
        return;
    }
    let of = storage.map_or_else(String::new, |name| format!(" of {name}"));
    let named = damaged[..damaged.len().min(NAMED_DAMAGE)].join(", ");
    let more = match damaged.len().saturating_sub(NAMED_DAMAGE) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let notice = format!(
        "the catalog `{address}` has damaged rows{of}, which are left out: {named}{more}; `catalog check --repair` writes them anew where they are known"
    );
    monitor.on_event(&ProgressEvent::Notice(&notice));
}

/// True if the catalog lacks anything that this workstation knows.
fn anything_waits(index: &Index, registry: &Registry) -> Result<bool> {
    if index.has_unshared_studio()? {
        return Ok(true);
    }
    for database in registry.databases() {
        if let Some(id) = index.database_id(&database.root)?
            && index.has_unshared(id)?
        {
            return Ok(true);
        }
    }
    Ok(false)
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
    let notice = format!("{who}; what this workstation learns waits");
    monitor.on_event(&ProgressEvent::Notice(&notice));
}

/// Opens a session with the server of a catalog.
pub(super) fn connect(address: &CatalogAddress, monitor: &dyn Monitor) -> Result<Catalog> {
    let catalog = Catalog::connect(address)?;
    if let Some(notice) = catalog.notice() {
        monitor.on_event(&ProgressEvent::Notice(notice));
    }
    Ok(catalog)
}

/// True if an exchange changed what this workstation knows.
const fn has_news(report: &ExchangeReport) -> bool {
    report.pulled.replicas + report.pulled.folders_with_evidence > 0
}

/// Returns the storages whose identity is known, or can be read at once. Two with one identity, as a drive and its clone, are
/// left out: it is unknown which of them the catalog means.
pub(super) fn shared_storages(
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
    let both = ExchangeDirection::Both;
    match exchange_all((index, registry), catalog, both, monitor) {
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
    /// [`Error::Interrupted`]; the index cannot be read.
    pub(super) fn pull_catalog(&mut self) -> Result<()> {
        let pulled = self.exchange_if_due();
        self.learn_policies()?;
        self.report_policy_conflicts();
        pulled
    }

    fn exchange_if_due(&mut self) -> Result<()> {
        let Some(address) = self.settings.catalog.clone() else {
            return Ok(());
        };
        let is_due = self.catalog_pace.is_due(&address, Instant::now());
        if !is_due || self.dry_run || self.index.is_read_only() {
            return Ok(());
        }
        let monitor = self.monitor.as_ref();
        let pulled = exchange_all(
            (&mut self.index, &self.registry),
            (&address, self.catalog_pace.refusal()),
            ExchangeDirection::Both,
            monitor,
        );
        let has_failed = pulled.is_err();
        match pulled {
            Ok(_) => {}
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error @ Error::Catalog { .. }) => {
                let notice = format!(
                    "{}; answers are as of the last exchange, and what this workstation learns waits",
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
