//! Storages as places of copies: which of them are one medium, and which are off-site.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::index::overview::last_scan;
use crate::index::{DatabaseId, Index};
use crate::model::registry::{Database, Registry};

/// A storage as the place of copies.
#[derive(Clone, Debug)]
pub struct Place {
    /// The database.
    pub database: Database,
    /// Its row in the index; `None` before its first scan.
    pub id: Option<DatabaseId>,
    /// Number of its medium. Storages with one number are one copy.
    pub medium: usize,
    /// The names of the media that hold it; none if they are unknown.
    pub media: Vec<String>,
    /// Time of its last scan; `None` before the first.
    pub scanned_at: Option<Timestamp>,
    /// True if its last scan found it offline.
    pub is_offline: bool,
}

impl Place {
    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.database.name
    }

    /// True if it is kept in another building.
    pub const fn is_offsite(&self) -> bool {
        self.database.attributes.is_offsite
    }
}

/// Returns the places of all tracked databases, in the order of the registry.
pub fn places(index: &Index, registry: &Registry) -> Result<Vec<Place>> {
    let _view = index.read_transaction()?;
    let mut places = Vec::new();
    for database in registry.databases() {
        let known = index.database(&database.root)?;
        let media = index.media_names(database, known.id)?;
        places.push(Place {
            database: database.clone(),
            id: known.id,
            medium: 0,
            media,
            scanned_at: last_scan(index, registry, &known)?,
            is_offline: known.offline_since.is_some(),
        });
    }
    let names: Vec<&[String]> = places.iter().map(|place| place.media.as_slice()).collect();
    let media = group_by_medium(&names);
    for (place, medium) in places.iter_mut().zip(media) {
        place.medium = medium;
    }
    Ok(places)
}

/// Numbers the media of storages. Storages that share a name have one number, and so have those without any name, as long as
/// nothing proves that they are apart.
fn group_by_medium(names: &[&[String]]) -> Vec<usize> {
    let mut groups: Vec<(BTreeSet<&str>, Vec<usize>)> = Vec::new();
    for (place, names) in names.iter().enumerate() {
        let mut own: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        if own.is_empty() {
            own.insert("");
        }
        let mut members = vec![place];
        groups.retain(|(other, others)| {
            let is_apart = own.is_disjoint(other);
            if !is_apart {
                own.extend(other);
                members.extend(others);
            }
            is_apart
        });
        groups.push((own, members));
    }
    let mut media = vec![0; names.len()];
    for (number, (_, members)) in groups.iter().enumerate() {
        for place in members {
            media[*place] = number;
        }
    }
    media
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storages_with_a_common_medium_are_one() {
        let names = [
            vec!["disk 1"],
            vec!["disk 2"],
            vec![],
            vec!["disk 3"],
            vec!["disk 2", "disk 1"],
            vec![],
        ];
        let names = names.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let names: Vec<&[String]> = names.iter().map(Vec::as_slice).collect();
        let media = group_by_medium(&names);
        let is_one = |a: usize, b: usize| media[a] == media[b];
        // A RAID over both disks is lost with either.
        assert!(is_one(0, 1) && is_one(0, 4));
        assert!(is_one(2, 5) && !is_one(2, 0));
        assert!(!is_one(3, 0) && !is_one(3, 2));
    }
}
