//! A storage that takes part in a catalog, and its row there.

use std::path::PathBuf;

use postgres::Row;

use crate::base::timestamp::Timestamp;

/// A storage that takes part in a catalog.
#[derive(Clone, Debug)]
pub struct ExchangedStorage {
    /// The identity that all workstations know it by.
    pub identity: String,
    /// Its name on this workstation.
    pub name: String,
    /// Its root on this workstation, which is its key in the index.
    pub root: PathBuf,
    /// True if the recorded state of a file is the same for all workstations, as at a remote.
    pub keeps_tags: bool,
}

/// The row of a storage in the catalog, and the time of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct StorageRow {
    pub(super) id: i64,
    pub(super) revision: i64,
    pub(super) purged_revision: i64,
    /// Seconds of the server's clock minus those of this workstation.
    clock_offset: i64,
    pub(super) now: i64,
}

impl StorageRow {
    pub(super) fn read(row: &Row) -> Self {
        let now: i64 = row.get(3);
        Self {
            id: row.get(0),
            revision: row.get(1),
            purged_revision: row.get(2),
            clock_offset: now - Timestamp::now().seconds,
            now,
        }
    }

    /// Returns a time of this workstation by the server's clock.
    pub(super) const fn server_seconds(&self, at: Timestamp) -> i64 {
        at.seconds.saturating_add(self.clock_offset)
    }

    /// Returns a time of the server by the clock of this workstation.
    pub(super) const fn local_time(&self, seconds: i64) -> Timestamp {
        Timestamp {
            seconds: seconds.saturating_sub(self.clock_offset),
            nanoseconds: 0,
        }
    }
}
