//! The entries of databases that are in no project: one packed row for each database.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rusqlite::{Connection, params};

use super::checksum::{corruption_error, row_checksum, verify_row};
use super::sql::{execute, from_seconds, optional, read_u64};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::timestamp::Timestamp;
use crate::model::layout;
use crate::model::outside::{OutsideEntry, OutsideListing};
use crate::os::stat::EntryKind;

/// The size of a file whose size is unknown.
const UNKNOWN_SIZE: u64 = u64::MAX;

/// Entries in no project, as the last scan of a whole database found them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownOutside {
    /// Time of the scan.
    pub scanned_at: Timestamp,
    /// Sorted by path.
    pub entries: Vec<OutsideEntry>,
    /// Number of folders that the scan could not read: their entries are from earlier scans.
    pub unread: u64,
}

impl Index {
    /// Returns the entries of a database in no project; `None` before its first whole scan.
    pub fn outside(&self, database: DatabaseId) -> Result<Option<KnownOutside>> {
        read_outside(&self.connection, database).explain("read", &self.path)
    }
}

pub(super) fn read_outside(
    connection: &Connection,
    database: DatabaseId,
) -> rusqlite::Result<Option<KnownOutside>> {
    let sql = "SELECT looked_at, unread, entries, checksum FROM outside WHERE database_id = ?1";
    optional(connection, sql, [database], |row| {
        let packed: Vec<u8> = row.get(2)?;
        let stored: Vec<u8> = row.get(3)?;
        verify_row(&stored, &[&packed])?;
        let entries = unpack(&packed)
            .ok_or_else(|| corruption_error("the entries outside projects cannot be read"))?;
        Ok(KnownOutside {
            scanned_at: from_seconds(row.get(0)?),
            entries,
            unread: read_u64(row, 1)?,
        })
    })
}

/// Writes what a scan found. Entries in folders that it could not read stay as they were.
pub(super) fn write_outside(
    connection: &Connection,
    database: DatabaseId,
    scanned_at: Timestamp,
    found: &OutsideListing,
) -> rusqlite::Result<()> {
    let mut entries = found.entries.clone();
    if !found.unread.is_empty() {
        let is_unread = |entry: &OutsideEntry| {
            let mut unread = found.unread.iter();
            unread.any(|folder| layout::is_within(&entry.path, folder))
        };
        let known = read_outside(connection, database)?;
        let known = known.into_iter().flat_map(|known| known.entries);
        entries.extend(known.filter(is_unread));
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|a, b| a.path == b.path);
    }
    let packed = pack(&entries);
    let sql = "INSERT OR REPLACE INTO outside (database_id, looked_at, unread, entries, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let parameters = params![
        database,
        scanned_at.seconds,
        (found.unread.len() as u64).cast_signed(),
        packed,
        row_checksum(&[&packed])
    ];
    execute(connection, sql, parameters)
}

const KINDS: [EntryKind; 4] = [
    EntryKind::File,
    EntryKind::Folder,
    EntryKind::Link,
    EntryKind::Special,
];

/// Packs each entry as its kind, size and length of the path, all little-endian, and the path.
fn pack(entries: &[OutsideEntry]) -> Vec<u8> {
    let mut packed = Vec::new();
    for entry in entries {
        let path = entry.path.as_os_str().as_bytes();
        let kind = KINDS.iter().position(|kind| *kind == entry.kind);
        packed.push(kind.and_then(|kind| u8::try_from(kind).ok()).unwrap_or(0));
        packed.extend(entry.bytes.unwrap_or(UNKNOWN_SIZE).to_le_bytes());
        packed.extend((path.len() as u64).to_le_bytes());
        packed.extend(path);
    }
    packed
}

/// Unpacks the form of [`pack`]; `None` if it is malformed.
fn unpack(mut packed: &[u8]) -> Option<Vec<OutsideEntry>> {
    let mut entries = Vec::new();
    while let Some((kind, rest)) = packed.split_first() {
        let (bytes, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (path, rest) = rest.split_at_checked(length)?;
        let bytes = Some(u64::from_le_bytes(*bytes)).filter(|bytes| *bytes != UNKNOWN_SIZE);
        entries.push(OutsideEntry {
            path: OsString::from_vec(path.to_vec()).into(),
            kind: *KINDS.get(usize::from(*kind))?,
            bytes,
        });
        packed = rest;
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::*;

    #[test]
    fn packed_entries_are_read_back() {
        let odd = Path::new(OsStr::from_bytes(b"a/\xff\n"));
        let entries: Vec<OutsideEntry> = KINDS
            .iter()
            .flat_map(|kind| {
                [(odd, Some(0)), (Path::new("b"), None)].map(|(path, bytes)| OutsideEntry {
                    path: path.to_owned(),
                    kind: *kind,
                    bytes,
                })
            })
            .collect();
        let packed = pack(&entries);
        assert_eq!(unpack(&packed), Some(entries));
        assert_eq!(unpack(&packed[..packed.len() - 1]), None);
        assert_eq!(unpack(&[]), Some(Vec::new()));
    }
}
