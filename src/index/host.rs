//! Workstations: this one, which publishes what it knows, and others whose scans and evidence were taken over.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::checksum::corruption_error;
use super::sql::{execute, from_seconds, one, read_u64};
use super::{DatabaseId, HostId, Index};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::os::host;

/// The row of this workstation.
const OWN_ROW: i64 = 0;

/// Length of the longest key and of the longest name of another workstation.
const MAX_LENGTH: usize = 64;

/// A workstation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// 128 random bits in hexadecimal that the workstation made for itself.
    pub key: String,
    /// Its host name, for people.
    pub name: String,
    /// Time of the newest of its results that this index knows.
    pub seen_at: Timestamp,
}

impl KnownHost {
    /// Returns a workstation that another one named, with a name that is safe to show; `None` if its key is malformed.
    pub fn foreign(key: String, name: &str, seen_at: Timestamp) -> Option<Self> {
        let is_key = (1..=MAX_LENGTH).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let name = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-');
        let name: String = name.take(MAX_LENGTH).collect();
        is_key.then_some(Self { key, name, seen_at })
    }
}

impl Index {
    /// Returns this workstation as others know it. Its key lasts as long as the index.
    pub fn own_host(&mut self) -> Result<KnownHost> {
        let (key, name, now) = (host::random_id()?, host::name(), Timestamp::now());
        self.write(|transaction| {
            let sql = "INSERT INTO hosts (id, key, name, seen_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (id) DO UPDATE SET name = ?3, seen_at = ?4 RETURNING key";
            let parameters = params![OWN_ROW, key, name, now.seconds];
            let key = one(transaction, sql, parameters, |row| row.get(0))?;
            Ok(KnownHost {
                key,
                name: name.clone(),
                seen_at: from_seconds(now.seconds),
            })
        })
    }

    /// Returns all workstations with their rows; `None` for this one, which is among them once it was asked for.
    pub fn known_hosts(&self) -> Result<Vec<(Option<HostId>, KnownHost)>> {
        let sql = "SELECT id, key, name, seen_at FROM hosts";
        self.rows(sql, [], |row| {
            let id: i64 = row.get(0)?;
            let host = KnownHost {
                key: row.get(1)?,
                name: row.get(2)?,
                seen_at: from_seconds(row.get(3)?),
            };
            Ok(((id != OWN_ROW).then_some(HostId(id)), host))
        })
    }

    /// Returns the names of all other workstations.
    pub fn host_names(&self) -> Result<BTreeMap<HostId, String>> {
        let sql = "SELECT id, name FROM hosts WHERE id <> ?1";
        self.rows(sql, [OWN_ROW], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

/// The last scans of one storage that one workstation made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostScans {
    /// The storage.
    pub database: DatabaseId,
    /// The workstation; `None` for this one.
    pub host: Option<HostId>,
    /// Number of replicas whose last scan is one of the workstation.
    pub replicas: u64,
    /// Time of the newest of these scans.
    pub newest: Timestamp,
}

impl Index {
    /// Returns who scanned the replicas of each storage last, and when.
    pub fn host_scans(&self) -> Result<Vec<HostScans>> {
        let sql = "SELECT database_id, host_id, count(*), max(looked_at)
                   FROM replicas LEFT JOIN origins ON origins.replica_id = replicas.id
                   GROUP BY database_id, host_id ORDER BY database_id, host_id";
        self.rows(sql, [], |row| {
            Ok(HostScans {
                database: row.get(0)?,
                host: row.get(1)?,
                replicas: read_u64(row, 2)?,
                newest: from_seconds(row.get(3)?),
            })
        })
    }
}

/// The workstations that another index names, by its numbers, as this index numbers them.
#[derive(Debug)]
pub struct ForeignHosts {
    publisher: Option<HostId>,
    others: BTreeMap<HostId, Option<HostId>>,
}

impl ForeignHosts {
    /// Returns the row in this index of a workstation in the other one; `None` within is this workstation. `None` if the other
    /// index does not name it.
    pub fn number_here(&self, host: i64) -> Option<Option<HostId>> {
        self.others.get(&HostId(host)).copied()
    }

    /// Returns the row in this index of a workstation in the other one, `None` there being its publisher; `None` here is this
    /// workstation.
    ///
    /// # Errors
    /// The other index does not name the workstation.
    pub(super) fn own(&self, host: Option<HostId>) -> rusqlite::Result<Option<HostId>> {
        let Some(host) = host else {
            return Ok(self.publisher);
        };
        let known = self.others.get(&host).copied();
        known.ok_or_else(|| corruption_error("a workstation is unknown"))
    }
}

impl Index {
    /// Adds the workstations that another index names.
    pub fn add_hosts(
        &mut self,
        publisher: &KnownHost,
        others: Vec<(HostId, KnownHost)>,
    ) -> Result<ForeignHosts> {
        self.write(|transaction| {
            let others = others
                .into_iter()
                .map(|(id, host)| Ok((id, ensure_host(transaction, &host)?)));
            Ok(ForeignHosts {
                publisher: ensure_host(transaction, publisher)?,
                others: others.collect::<rusqlite::Result<_>>()?,
            })
        })
    }
}

/// Returns the row of a workstation; `None` for this one. A new one is added, and the name of a known one brought up to date.
fn ensure_host(
    connection: &Connection,
    KnownHost { key, name, seen_at }: &KnownHost,
) -> rusqlite::Result<Option<HostId>> {
    let sql = "INSERT INTO hosts (key, name, seen_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (key) DO UPDATE SET
                   name = iif(id = 0 OR seen_at > ?3, name, ?2), seen_at = max(seen_at, ?3)
               RETURNING id";
    let parameters = params![key, name, seen_at.seconds];
    let id: i64 = one(connection, sql, parameters, |row| row.get(0))?;
    Ok((id != OWN_ROW).then_some(HostId(id)))
}

/// Records that a replica's last scan is one of another workstation; `None`: of this one.
pub(super) fn record_origin(
    connection: &Connection,
    replica: i64,
    host: Option<HostId>,
) -> rusqlite::Result<()> {
    match host {
        Some(host) => {
            let sql = "INSERT OR REPLACE INTO origins (replica_id, host_id) VALUES (?1, ?2)";
            execute(connection, sql, params![replica, host])
        }
        None => execute(
            connection,
            "DELETE FROM origins WHERE replica_id = ?1",
            [replica],
        ),
    }
}
