//! The state of a catalog: its server, and what it says of storages and of the workstations that use them.

use std::time::{Duration, Instant};

use super::connection::Catalog;
use crate::base::error::Result;

/// Number of round trips that are measured.
const ROUND_TRIPS: usize = 5;

const READ_SERVER: &str = "
SELECT version()";

const READ_STORAGES: &str = "
SELECT identity, name, revision FROM auto_backup.databases ORDER BY name, identity";

const READ_SCANS: &str = "
SELECT d.identity, h.name, CAST(extract(epoch FROM now()) AS bigint) - max(r.scanned_at)
FROM auto_backup.replicas r
JOIN auto_backup.databases d ON d.id = r.database_id
JOIN auto_backup.hosts h ON h.id = r.host_id
GROUP BY d.identity, h.name ORDER BY h.name";

const READ_ALIASES: &str = "
SELECT d.identity, h.key, h.name, a.name, a.root
FROM auto_backup.aliases a
JOIN auto_backup.databases d ON d.id = a.database_id
JOIN auto_backup.hosts h ON h.id = a.host_id
ORDER BY h.name, h.key";

/// The server of a catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogServer {
    /// Its program and version, such as `PostgreSQL 15.18`.
    pub program: String,
    /// Median time of a statement that does nothing.
    pub latency: Duration,
}

/// A storage as the catalog knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogStorage {
    /// Its identity.
    pub identity: String,
    /// The name that it was given first.
    pub name: String,
    /// Its revision.
    pub revision: i64,
    /// The last scan of each workstation.
    pub scans: Vec<CatalogScan>,
    /// The name and root that each workstation gives it.
    pub aliases: Vec<StorageAlias>,
}

/// The last scan of a storage by a workstation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogScan {
    /// Name of the workstation.
    pub host: String,
    /// Seconds since then, by the clock of the server.
    pub age: i64,
}

/// A storage on one workstation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAlias {
    /// Key of the workstation.
    pub host_key: String,
    /// Name of the workstation.
    pub host: String,
    /// The name of the storage there.
    pub name: String,
    /// The root of the storage there.
    pub root: Vec<u8>,
}

/// Returns the state of the server.
pub fn server_state(catalog: &mut Catalog) -> Result<CatalogServer> {
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    let mut rows = Vec::new();
    for _ in 0..ROUND_TRIPS {
        let start = Instant::now();
        rows = catalog.query(READ_SERVER, &[])?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let version: String = match rows.first() {
        Some(row) => catalog.get(row, 0)?,
        None => String::new(),
    };
    let words: Vec<&str> = version.split_whitespace().take(2).collect();
    Ok(CatalogServer {
        program: words.join(" "),
        latency: times[ROUND_TRIPS / 2],
    })
}

/// Returns all storages of the catalog that this role may see.
pub fn catalog_storages(catalog: &mut Catalog) -> Result<Vec<CatalogStorage>> {
    let rows = catalog.query(READ_STORAGES, &[])?;
    let mut storages = Vec::with_capacity(rows.len());
    for row in &rows {
        storages.push(CatalogStorage {
            identity: catalog.get(row, 0)?,
            name: catalog.get(row, 1)?,
            revision: catalog.get(row, 2)?,
            scans: Vec::new(),
            aliases: Vec::new(),
        });
    }
    for row in &catalog.query(READ_SCANS, &[])? {
        let identity: String = catalog.get(row, 0)?;
        let scan = CatalogScan {
            host: catalog.get(row, 1)?,
            age: catalog.get(row, 2)?,
        };
        if let Some(of) = storages.iter_mut().find(|one| one.identity == identity) {
            of.scans.push(scan);
        }
    }
    for row in &catalog.query(READ_ALIASES, &[])? {
        let identity: String = catalog.get(row, 0)?;
        let alias = StorageAlias {
            host_key: catalog.get(row, 1)?,
            host: catalog.get(row, 2)?,
            name: catalog.get(row, 3)?,
            root: catalog.get(row, 4)?,
        };
        if let Some(of) = storages.iter_mut().find(|one| one.identity == identity) {
            of.aliases.push(alias);
        }
    }
    Ok(storages)
}
