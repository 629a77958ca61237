//! Blocks: groups whose files pair up one by one between the same folders, or at the same paths below them.

use std::collections::HashMap;

use rusqlite::Connection;

use super::store::{self, StoredPlace};
use crate::model::project::ProjectId;
use crate::snapshot::digest::Digest;

/// Greatest number of folders that a block has. Files at more places are shown one by one.
pub(super) const MAX_FOLDERS: usize = 8;

/// Number of folders that are kept in memory.
const MAX_KEPT: usize = 4096;

/// Folders that were read from the store.
#[derive(Debug, Default)]
pub(super) struct BlockFinder {
    kept: HashMap<i64, StoredPlace>,
}

/// The block of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundBlock {
    pub(super) id: u64,
    /// The end of the folders' paths that all have in common.
    pub(super) suffix: Vec<u8>,
}

/// A folder of a group with the databases that hold its file.
pub(super) type HeldFolder = (i64, Vec<u16>);

impl BlockFinder {
    /// Returns the block of a group with one file in each of these folders. Returns `None` for a group that stays alone.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        is_proven: bool,
        folders: &[HeldFolder],
    ) -> rusqlite::Result<Option<FoundBlock>> {
        if folders.len() > MAX_FOLDERS {
            return Ok(None);
        }
        let mut places = Vec::with_capacity(folders.len());
        for (id, databases) in folders {
            places.push((self.read(connection, *id)?, databases));
        }
        if (1..places.len()).any(|place| {
            places[..place]
                .iter()
                .any(|other| other.0 == places[place].0)
        }) {
            return Ok(None);
        }
        let suffix = common_suffix(places.iter().map(|(place, _)| &*place.path));
        let mut keys: Vec<Vec<u8>> = places
            .iter()
            .map(|(place, databases)| key(place, suffix.len(), databases))
            .collect();
        keys.sort_unstable();
        keys.push(vec![u8::from(is_proven)]);
        Ok(Some(FoundBlock {
            id: Digest::of_bytes(&keys.concat()).low_64(),
            suffix,
        }))
    }

    fn read(&mut self, connection: &Connection, id: i64) -> rusqlite::Result<StoredPlace> {
        if let Some(place) = self.kept.get(&id) {
            return Ok(place.clone());
        }
        if self.kept.len() >= MAX_KEPT {
            self.kept.clear();
        }
        let place = store::folder(connection, id)?;
        self.kept.insert(id, place.clone());
        Ok(place)
    }
}

/// Returns the bytes of a folder without the suffix, which no other folder has.
fn key(place: &StoredPlace, suffix: usize, databases: &[u16]) -> Vec<u8> {
    let ProjectId { client, project } = &place.project;
    let base = &place.path[..place.path.len() - suffix];
    let mut key = place.category.to_le_bytes().to_vec();
    for part in [client.as_bytes(), project.as_bytes(), base] {
        key.extend_from_slice(&(part.len() as u64).to_le_bytes());
        key.extend_from_slice(part);
    }
    for database in databases {
        key.extend_from_slice(&database.to_le_bytes());
    }
    key
}

/// Returns the longest end of whole components that paths have in common, with the `/` before it.
fn common_suffix<'a>(mut paths: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let Some(first) = paths.next() else {
        return Vec::new();
    };
    let mut length = first.len();
    for path in paths {
        let pairs = first.iter().rev().zip(path.iter().rev());
        let equal = pairs.take_while(|(a, b)| a == b).count().min(length);
        length = whole_suffix(first, equal).min(whole_suffix(path, equal));
    }
    first[first.len() - length..].to_vec()
}

/// Returns the greatest length up to this one of an end that begins at a component.
fn whole_suffix(path: &[u8], length: usize) -> usize {
    let start = path.len() - length;
    let slash = path[start..].iter().position(|byte| *byte == b'/');
    slash.map_or(0, |slash| length - slash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffix(paths: &[&str]) -> String {
        String::from_utf8(common_suffix(paths.iter().map(|path| path.as_bytes()))).unwrap()
    }

    #[test]
    fn suffix_has_whole_components() {
        assert_eq!(
            suffix(&["/a/plates/sh010", "/b/plates/sh010"]),
            "/plates/sh010"
        );
        assert_eq!(
            suffix(&["/plates/sh010", "/b/plates/sh010"]),
            "/plates/sh010"
        );
        assert_eq!(suffix(&["/plates", "/plates"]), "/plates");
        assert_eq!(suffix(&["/plates", "/old-plates"]), "");
        assert_eq!(suffix(&["", "/plates"]), "");
        assert_eq!(suffix(&["/a/x/y", "/b/x/y", "/c/z/y"]), "/y");
    }
}
