//! `list hosts`: lists who scanned which storages, and when.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::commands::workspace::Workspace;
use crate::index::{HostId, KnownHost};
use crate::output::answer::{Answer, Records};
use crate::output::cell::Cell;
use crate::output::page::Page;

/// The workstations whose scans this one knows.
#[derive(Debug, Serialize)]
pub(crate) struct HostsAnswer {
    hosts: Vec<HostRow>,
}

#[derive(Debug, Serialize)]
struct HostRow {
    name: String,
    /// True for this workstation.
    own: bool,
    /// Time of the newest of its results that this workstation knows.
    seen_at: Timestamp,
    /// The storages of which it made last scans.
    databases: Vec<HostDatabase>,
}

#[derive(Debug, Serialize)]
struct HostDatabase {
    name: String,
    /// Number of projects in categories whose last scan is one of the workstation.
    replicas: u64,
    scanned_at: Timestamp,
}

impl HostRow {
    /// Returns when another workstation was seen last.
    fn seen_elsewhere(&self) -> Option<Timestamp> {
        Some(self.seen_at).filter(|_| !self.own)
    }
}

/// Reads the answer from the index.
pub(super) fn read(workspace: &mut Workspace) -> Result<HostsAnswer> {
    let own = workspace.index.own_host()?;
    let (index, registry) = (&workspace.index, &workspace.registry);
    let mut databases: BTreeMap<Option<HostId>, Vec<HostDatabase>> = BTreeMap::new();
    let scans = index.host_scans()?;
    for database in registry.databases() {
        let Some(id) = index.database_id(&database.root)? else {
            continue;
        };
        for scan in scans.iter().filter(|scan| scan.database == id) {
            databases.entry(scan.host).or_default().push(HostDatabase {
                name: database.name.clone(),
                replicas: scan.replicas,
                scanned_at: scan.newest,
            });
        }
    }
    let row = |(id, host): (Option<HostId>, KnownHost)| HostRow {
        databases: databases.remove(&id).unwrap_or_default(),
        own: id.is_none(),
        seen_at: host.seen_at,
        name: host.name,
    };
    let others = index.known_hosts()?.into_iter();
    let others = others.filter(|(id, _)| id.is_some());
    let mut hosts: Vec<HostRow> = [(None, own)].into_iter().chain(others).map(row).collect();
    hosts.sort_by(|one, other| (!one.own, &one.name).cmp(&(!other.own, &other.name)));
    Ok(HostsAnswer { hosts })
}

impl Answer for HostsAnswer {
    const COMMAND: &'static str = "list";

    fn write_page(&self, page: &mut Page) {
        let mut rows = Vec::new();
        for host in &self.hosts {
            let name = if host.own {
                format!("{} (this one)", host.name)
            } else {
                host.name.clone()
            };
            let cells = |name: &str, database: Option<&HostDatabase>| {
                vec![
                    Cell::text(name),
                    Cell::optional(host.seen_elsewhere(), |at| Cell::text(at.ago())),
                    Cell::optional(database, |one| Cell::text(one.name.as_str())),
                    Cell::optional(database, |one| Cell::Count(one.replicas)),
                    Cell::optional(database, |one| Cell::text(one.scanned_at.ago())),
                ]
            };
            if host.databases.is_empty() {
                rows.push(cells(&name, None));
            }
            for database in &host.databases {
                rows.push(cells(&name, Some(database)));
            }
        }
        let headings = ["workstation", "seen", "storage", "projects", "scanned"];
        page.table(&headings, rows);
    }

    fn records(&self) -> Records {
        let cells = |host: &HostRow, database: Option<&HostDatabase>| {
            vec![
                Cell::text(host.name.as_str()),
                Cell::optional(host.seen_elsewhere(), Cell::Timestamp),
                Cell::optional(database, |one| Cell::text(one.name.as_str())),
                Cell::optional(database, |one| Cell::Count(one.replicas)),
                Cell::optional(database, |one| Cell::Timestamp(one.scanned_at)),
            ]
        };
        let mut rows = Vec::new();
        for host in &self.hosts {
            if host.databases.is_empty() {
                rows.push(cells(host, None));
            }
            rows.extend(host.databases.iter().map(|one| cells(host, Some(one))));
        }
        Records {
            headings: &["host", "seen_at", "database", "replicas", "scanned_at"],
            rows,
        }
    }
}
