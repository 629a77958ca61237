//! `catalog status`: the server, what waits, who scanned last, and who writes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde::Serialize;

use crate::base::error::{Error, Result};
use crate::base::exit_status::ExitStatus;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::base::unit;
use crate::catalog::{
    Catalog, CatalogAddress, CatalogServer, CatalogStorage, LeaseRecord, catalog_storages,
    ensure_schema, list, server_state,
};
use crate::commands::catalog_session::{connect, shared_storages};
use crate::commands::workspace::Workspace;
use crate::index::WaitingChanges;
use crate::output::answer::{Answer, Records};
use crate::output::cell::{Cell, Tone};
use crate::output::page::Page;

/// The state of the catalog.
#[derive(Debug, Serialize)]
pub(super) struct CatalogStatusAnswer {
    address: String,
    encrypted: bool,
    /// Name of this workstation.
    host: String,
    /// `None` if the server is away.
    server: Option<String>,
    latency_ms: Option<f64>,
    /// The reason why the server cannot be used.
    error: Option<String>,
    databases: Vec<CatalogStorageRow>,
    leases: Vec<LeaseRow>,
    /// Names that two storages have, or storages with several names.
    names: Vec<String>,
}

/// A storage of this workstation, or one that only others use.
#[derive(Debug, Serialize)]
struct CatalogStorageRow {
    name: String,
    /// True if this workstation has added it.
    added: bool,
    /// True if it takes part: its identity is known.
    shared: bool,
    /// The revision that this workstation knows.
    revision: Option<i64>,
    /// The revision of the catalog.
    newest_revision: Option<i64>,
    /// Number of projects of which the catalog lacks something.
    waiting_projects: u64,
    /// Number of folders of which the catalog lacks evidence.
    waiting_evidence: u64,
    /// The workstation with the newest scan.
    scanned_by: Option<String>,
    scanned_at: Option<Timestamp>,
    /// The names and roots of the storage on workstations.
    aliases: Vec<AliasRow>,
}

#[derive(Debug, Serialize)]
struct AliasRow {
    host: String,
    name: String,
    root: Name,
}

#[derive(Debug, Serialize)]
struct LeaseRow {
    database: String,
    host: String,
    process: u32,
    run: i64,
    command: String,
    seconds_left: i64,
}

/// The state as the server says it.
struct ServerAnswer {
    state: CatalogServer,
    storages: Vec<CatalogStorage>,
    leases: Vec<LeaseRecord>,
}

/// Reads the state of the catalog. A server that is away is part of the answer.
pub(super) fn read(
    workspace: &mut Workspace,
    address: &CatalogAddress,
) -> Result<CatalogStatusAnswer> {
    let monitor = workspace.monitor.as_ref();
    let asked = connect(address, monitor).and_then(|mut catalog| ask(&mut catalog));
    let (answer, error) = match asked {
        Ok(answer) => (Some(answer), None),
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => (None, Some(error.full_message())),
    };
    let host = workspace.index.own_host()?.name;
    let (index, registry) = (&workspace.index, &workspace.registry);
    let shared = shared_storages(index, registry.databases(), monitor)?;
    let mut there: BTreeMap<String, CatalogStorage> = BTreeMap::new();
    if let Some(answer) = &answer {
        let storages = answer.storages.iter();
        there.extend(storages.map(|one| (one.identity.clone(), one.clone())));
    }
    let mut rows = Vec::new();
    for database in registry.databases() {
        let identity = shared.iter().find(|one| one.root == database.root);
        let identity = identity.map(|one| one.identity.as_str());
        let id = index.database_id(&database.root)?;
        let (revision, waiting) = match id {
            Some(id) => (
                index.shared_revisions(id)?.map(|known| known.seen),
                index.waiting_changes(id)?,
            ),
            None => (None, WaitingChanges::default()),
        };
        let known = identity.and_then(|identity| there.remove(identity));
        rows.push(CatalogStorageRow {
            added: true,
            shared: identity.is_some(),
            revision,
            waiting_projects: waiting.replicas,
            waiting_evidence: waiting.evidence_folders,
            ..CatalogStorageRow::of(database.name.clone(), known.as_ref())
        });
    }
    rows.extend(there.into_values().map(|storage| CatalogStorageRow {
        shared: true,
        ..CatalogStorageRow::of(storage.name.clone(), Some(&storage))
    }));
    let leases = answer.as_ref().map_or(&[][..], |answer| &answer.leases);
    Ok(CatalogStatusAnswer {
        address: address.to_string(),
        encrypted: address.is_encrypted(),
        host,
        latency_ms: answer.as_ref().map(|answer| {
            let microseconds = answer.state.latency.as_secs_f64() * 1e6;
            microseconds.round() / 1000.0
        }),
        server: answer.as_ref().map(|answer| answer.state.program.clone()),
        error,
        names: conflicts(&rows),
        leases: leases.iter().map(LeaseRow::new).collect(),
        databases: rows,
    })
}

fn ask(catalog: &mut Catalog) -> Result<ServerAnswer> {
    let state = server_state(catalog)?;
    ensure_schema(catalog)?;
    Ok(ServerAnswer {
        state,
        storages: catalog_storages(catalog)?,
        leases: list(catalog)?,
    })
}

/// Returns what a person should know of the names: of two storages with one name, and of one with several.
fn conflicts(rows: &[CatalogStorageRow]) -> Vec<String> {
    let mut messages = Vec::new();
    for row in rows {
        let others: Vec<String> = row
            .aliases
            .iter()
            .filter(|alias| alias.name != row.name)
            .map(|alias| format!("`{}` on {}", alias.name, alias.host))
            .collect();
        if !others.is_empty() {
            messages.push(format!("{} is called {}", row.name, others.join(", ")));
        }
    }
    for (place, row) in rows.iter().enumerate() {
        for other in &rows[place + 1..] {
            let alias = other.aliases.iter().find(|alias| alias.name == row.name);
            let host = alias.map(|alias| alias.host.as_str());
            if let Some(host) = host.or_else(|| (other.name == row.name).then_some("others")) {
                messages.push(format!(
                    "{} is another storage on {host}: they have different identity files",
                    row.name
                ));
            }
        }
    }
    messages
}

impl CatalogStorageRow {
    fn of(name: String, known: Option<&CatalogStorage>) -> Self {
        let scans = known.map_or(&[][..], |known| &known.scans);
        let newest = scans.iter().min_by_key(|scan| scan.age);
        let aliases = known.map_or(&[][..], |known| &known.aliases);
        Self {
            name,
            added: false,
            shared: false,
            revision: None,
            newest_revision: known.map(|known| known.revision),
            waiting_projects: 0,
            waiting_evidence: 0,
            scanned_by: newest.map(|scan| scan.host.clone()),
            scanned_at: newest.map(|scan| Timestamp {
                seconds: Timestamp::now().seconds - scan.age,
                nanoseconds: 0,
            }),
            aliases: aliases
                .iter()
                .map(|alias| AliasRow {
                    host: alias.host.clone(),
                    name: alias.name.clone(),
                    root: Name::from(OsStr::from_bytes(&alias.root)),
                })
                .collect(),
        }
    }

    /// Returns what the catalog lacks of the storage, or why it takes no part.
    fn waits(&self) -> Cell {
        let parts: Vec<String> = [
            (self.waiting_projects, "project"),
            (self.waiting_evidence, "folder with evidence"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| unit::format_counted(count, noun))
        .collect();
        if !self.added {
            Cell::Styled("not added here".to_owned(), Tone::Faint)
        } else if !self.shared {
            Cell::Styled("no identity file".to_owned(), Tone::Warning)
        } else if parts.is_empty() {
            Cell::Styled("nothing".to_owned(), Tone::Good)
        } else {
            Cell::Styled(parts.join(", "), Tone::Warning)
        }
    }
}

impl LeaseRow {
    fn new(record: &LeaseRecord) -> Self {
        let holder = &record.held.holder;
        Self {
            database: record.name.clone(),
            host: holder.host.clone(),
            process: holder.process,
            run: holder.run,
            command: holder.what.clone(),
            seconds_left: record.held.seconds_left,
        }
    }

    fn sentence(&self) -> String {
        let Self {
            database,
            host,
            process,
            run,
            command,
            seconds_left,
        } = self;
        let state = if *seconds_left > 0 {
            format!("for another {seconds_left} s unless it is renewed")
        } else {
            "expired".to_owned()
        };
        format!(
            "{database} is written by `{command}` on {host} (process {process}, run {run}), {state}"
        )
    }
}

impl Answer for CatalogStatusAnswer {
    const COMMAND: &'static str = "catalog";

    fn write_page(&self, page: &mut Page) {
        let encryption = if self.encrypted {
            "encrypted"
        } else {
            "not encrypted"
        };
        match (&self.server, self.latency_ms) {
            (Some(server), Some(latency)) => page.line(format!(
                "{}: {server}, {encryption}, answers in {latency:.1} ms; this is {}",
                self.address, self.host
            )),
            _ => page.cells(vec![Cell::Styled(
                self.error.clone().unwrap_or_default(),
                Tone::Bad,
            )]),
        }
        let rows = self.databases.iter().map(|row| {
            let revision = |number: Option<i64>| {
                Cell::optional(
                    number.and_then(|number| u64::try_from(number).ok()),
                    Cell::Count,
                )
            };
            vec![
                Cell::text(row.name.as_str()),
                row.waits(),
                revision(row.revision),
                revision(row.newest_revision),
                Cell::optional(row.scanned_by.as_deref(), Cell::from),
                Cell::optional(row.scanned_at, |at| Cell::text(at.ago())),
            ]
        });
        let headings = [
            "storage",
            "waits",
            "known",
            "newest",
            "scanned by",
            "scanned",
        ];
        page.table(&headings, rows.collect());
        for lease in &self.leases {
            page.line(lease.sentence());
        }
        for message in &self.names {
            page.line(message.as_str());
        }
    }

    fn records(&self) -> Records {
        let row = |row: &CatalogStorageRow| {
            let revision = |number: Option<i64>| {
                Cell::optional(
                    number.and_then(|number| u64::try_from(number).ok()),
                    Cell::Count,
                )
            };
            vec![
                Cell::text(row.name.as_str()),
                Cell::text(if row.shared { "yes" } else { "no" }),
                revision(row.revision),
                revision(row.newest_revision),
                Cell::Count(row.waiting_projects),
                Cell::Count(row.waiting_evidence),
                Cell::optional(row.scanned_by.as_deref(), Cell::from),
                Cell::optional(row.scanned_at, Cell::Timestamp),
            ]
        };
        Records {
            headings: &[
                "database",
                "shared",
                "revision",
                "newest_revision",
                "waiting_projects",
                "waiting_evidence",
                "scanned_by",
                "scanned_at",
            ],
            rows: self.databases.iter().map(row).collect(),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.error.is_some() {
            ExitStatus::Failed
        } else {
            ExitStatus::Done
        }
    }
}
