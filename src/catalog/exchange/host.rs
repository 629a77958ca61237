//! The workstations of the catalog, and their numbers there and in this index.

use std::collections::BTreeMap;

use postgres::{Row, Transaction};

use super::statement::{READ_HOSTS, TOUCH_HOST, WRITE_HOSTS};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::{ForeignHosts, HostId, Index, KnownHost};

/// This program, as the catalog names it.
const PROGRAM: &str = concat!("auto-backup ", env!("CARGO_PKG_VERSION"));

/// The workstations of the catalog.
#[derive(Debug)]
pub(super) struct CatalogHosts {
    all: Vec<(HostId, KnownHost)>,
}

impl CatalogHosts {
    /// Reads all.
    pub(super) fn read(transaction: &mut Transaction<'_>) -> Result<Self, postgres::Error> {
        let rows = transaction.query(READ_HOSTS, &[])?;
        Ok(Self {
            all: rows.iter().filter_map(read_host).collect(),
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
fn read_host(row: &Row) -> Option<(HostId, KnownHost)> {
    let seen_at = Timestamp {
        seconds: row.get(3),
        nanoseconds: 0,
    };
    let host = KnownHost::foreign(row.get(1), row.get(2), seen_at)?;
    Some((HostId(row.get(0)), host))
}
