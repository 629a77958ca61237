//! The workstations of the catalog, and their numbers there and in this index.

use std::collections::BTreeMap;

use postgres::{Row, Transaction};

use super::server_clock::ServerClock;
use super::statement::{READ_HOSTS, TOUCH_HOST, WRITE_HOSTS};
use crate::base::error::Result;
use crate::index::{ForeignHosts, HostId, Index, KnownHost};

/// This program, as the catalog names it.
const PROGRAM: &str = concat!("auto-backup ", env!("CARGO_PKG_VERSION"));

/// The workstations of the catalog.
#[derive(Debug)]
pub(super) struct CatalogHosts {
    all: Vec<(HostId, KnownHost)>,
}

impl CatalogHosts {
    /// Reads all, with times by the clock of this workstation.
    pub(super) fn read(
        transaction: &mut Transaction<'_>,
        clock: ServerClock,
    ) -> Result<Self, postgres::Error> {
        let rows = transaction.query(READ_HOSTS, &[])?;
        let hosts = rows.iter().filter_map(|row| read_host(row, clock));
        Ok(Self {
            all: hosts.collect(),
        })
    }

    /// Adds the workstations that this index names, and says that this one is alive.
    pub(super) fn write(
        transaction: &mut Transaction<'_>,
        own: &KnownHost,
        known: &[(Option<HostId>, KnownHost)],
        now: i64,
    ) -> Result<(), postgres::Error> {
        let keys: Vec<&str> = known.iter().map(|(_, host)| &*host.key).collect();
        let names: Vec<&str> = known.iter().map(|(_, host)| &*host.name).collect();
        transaction.execute(WRITE_HOSTS, &[&keys, &names, &now, &PROGRAM])?;
        transaction.execute(TOUCH_HOST, &[&own.key, &own.name, &PROGRAM, &now])?;
        Ok(())
    }

    /// Adds them to this index, and returns the numbers that it gives to those of the catalog.
    pub(super) fn add_to(&self, index: &mut Index, own: &KnownHost) -> Result<ForeignHosts> {
        index.add_hosts(own, self.all.clone())
    }

    /// Returns the numbers that the catalog gives to those of this index.
    pub(super) fn numbers(
        &self,
        known: &[(Option<HostId>, KnownHost)],
    ) -> BTreeMap<Option<HostId>, HostId> {
        let by_key: BTreeMap<&str, HostId> = self
            .all
            .iter()
            .map(|(id, host)| (&*host.key, *id))
            .collect();
        let numbers = known
            .iter()
            .filter_map(|(id, host)| Some((*id, *by_key.get(&*host.key)?)));
        numbers.collect()
    }
}

/// Reads a workstation; `None` if its key is malformed.
fn read_host(row: &Row, clock: ServerClock) -> Option<(HostId, KnownHost)> {
    let seen_at = clock.past_time(row.get(3));
    let host = KnownHost::foreign(row.get(1), row.get(2), seen_at)?;
    Some((HostId(row.get(0)), host))
}
