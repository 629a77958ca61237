//! The storages of a report, as the places of copies.

use serde::Serialize;

use crate::base::timestamp::Timestamp;
use crate::trust::place::Place;
use crate::trust::status::StudioStatus;

/// A storage.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of the storage"
)]
pub struct ReportedStorage {
    pub database: String,
    pub offsite: bool,
    pub shelf: bool,
    /// True for a remote of rclone.
    pub remote: bool,
    /// True if its last scan found it offline.
    pub offline: bool,
    /// The other storages on its medium, which are no other copies.
    pub same_medium: Vec<String>,
    pub scanned_at: Option<Timestamp>,
    /// Number of entries that are in no project.
    pub outside: u64,
}

/// Returns the storages in the order of the start-up file.
pub(super) fn storages(places: &[Place], status: &StudioStatus) -> Vec<ReportedStorage> {
    let storage = |(number, place): (usize, &Place)| {
        let others = places.iter().enumerate();
        let others = others.filter(|(other, one)| *other != number && one.medium == place.medium);
        let outside = status.outside.iter().find(|(other, _)| *other == number);
        ReportedStorage {
            database: place.name().to_owned(),
            offsite: place.is_offsite(),
            shelf: place.database.attributes.is_shelf,
            remote: place.database.is_remote(),
            offline: place.is_offline,
            same_medium: others.map(|(_, one)| one.name().to_owned()).collect(),
            scanned_at: place.scanned_at,
            outside: outside.map_or(0, |(_, entries)| *entries),
        }
    };
    places.iter().enumerate().map(storage).collect()
}
