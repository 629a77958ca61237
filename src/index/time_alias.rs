//! Modification times that a storage does not return as they were set: out of its range, rounded, or shifted.
//!
//! For each such file the index stores the time that the storage reports and the original time. While a file has its size
//! and the reported time, scans and copies treat it as a file with the original time.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::sql::{SUBTREE, bytes, execute, optional, read_path, subtree_bounds};
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::manifest::{MalformedManifest, Manifest, ManifestFile, ManifestRef};
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes, AlteredTimesByFolder};

impl Index {
    /// Adds times of a database; a later one replaces an earlier one of the same file.
    pub fn add_altered_times(
        &mut self,
        database: DatabaseId,
        altered: &AlteredTimesByFolder,
    ) -> Result<()> {
        if altered.values().all(BTreeMap::is_empty) {
            return Ok(());
        }
        self.write(|transaction| {
            for (folder, times) in altered {
                merge_times(transaction, database, folder, times)?;
            }
            Ok(())
        })
    }

    /// Returns the altered times of a replica, by folder below the replica's. A database that is not in the index has none.
    pub fn altered_times(
        &self,
        database: Option<DatabaseId>,
        replica: &Path,
    ) -> Result<AlteredTimesByFolder> {
        let Some(database) = database else {
            return Ok(AlteredTimesByFolder::new());
        };
        let sql =
            format!("SELECT folder, shown, meant FROM held WHERE database_id = ?4 AND {SUBTREE}");
        let [from, to] = subtree_bounds(replica);
        let parameters = params![bytes(replica), from, to, database];
        let times: AlteredTimesByFolder = self.rows(&sql, parameters, |row| {
            Ok((read_path(row, 0)?, read_times(row, 1, 2)?))
        })?;
        let below = times.into_iter().filter_map(|(folder, times)| {
            let folder = folder.strip_prefix(replica).ok()?.to_owned();
            Some((folder, times))
        });
        Ok(below.collect())
    }

    /// Returns the altered times of the files in one folder of a database.
    pub fn altered_times_in(&self, database: DatabaseId, folder: &Path) -> Result<AlteredTimes> {
        let sql = "SELECT shown, meant FROM held WHERE database_id = ?1 AND folder = ?2";
        let times = self.optional(sql, params![database, bytes(folder)], |row| {
            read_times(row, 0, 1)
        })?;
        Ok(times.unwrap_or_default())
    }

    /// True if any altered time of a database is known.
    pub fn has_altered_times(&self, database: DatabaseId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM held WHERE database_id = ?1)";
        self.one(sql, [database], |row| row.get(0))
    }
}

pub(super) fn merge_times(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    times: &AlteredTimes,
) -> rusqlite::Result<()> {
    let sql = "SELECT shown, meant FROM held WHERE database_id = ?1 AND folder = ?2";
    let key = params![database, bytes(folder)];
    let stored = optional(connection, sql, key, |row| read_times(row, 0, 1))?;
    let mut all = stored.unwrap_or_default();
    all.extend(times.iter().map(|(name, time)| (name.clone(), *time)));
    let (reported, original) = (
        pack_times(&all, |time| time.reported),
        pack_times(&all, |time| time.original),
    );
    let sql =
        "INSERT OR REPLACE INTO held (database_id, folder, shown, meant) VALUES (?1, ?2, ?3, ?4)";
    execute(
        connection,
        sql,
        params![database, bytes(folder), reported, original],
    )
}

/// Packs names and sizes with one of the two times.
pub(super) fn pack_times(times: &AlteredTimes, time_of: fn(&AlteredTime) -> Timestamp) -> Vec<u8> {
    let files = times
        .iter()
        .map(|(name, time)| ManifestFile::regular(name.as_bytes(), time.bytes, time_of(time)));
    Manifest::of_files(files).0.packed().to_vec()
}

/// Reads the times in two columns. A row that cannot be parsed is empty, so that its files are compared again.
pub(super) fn read_times(
    row: &Row<'_>,
    reported: usize,
    original: usize,
) -> rusqlite::Result<AlteredTimes> {
    let (reported, original) = (row.get_ref(reported)?, row.get_ref(original)?);
    Ok(unpack_times(reported.as_blob()?, original.as_blob()?).unwrap_or_default())
}

pub(super) fn unpack_times(
    reported: &[u8],
    original: &[u8],
) -> Result<AlteredTimes, MalformedManifest> {
    let mut reported = ManifestRef::parse(reported)?.files();
    let mut original = ManifestRef::parse(original)?.files();
    let mut times = AlteredTimes::new();
    while let (Some(a), Some(b)) = (reported.next(), original.next()) {
        if (a.name, a.bytes) != (b.name, b.bytes) {
            return Err(MalformedManifest);
        }
        let time = AlteredTime {
            bytes: a.bytes,
            reported: a.modified,
            original: b.modified,
        };
        times.insert(Name::from_bytes(a.name.to_vec()), time);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp {
            seconds,
            nanoseconds: 0,
        }
    }

    #[test]
    fn later_time_aliases_replace_earlier_ones() {
        let temporary = tempfile::tempdir().unwrap();
        let mut index = Index::open(&temporary.path().join("index")).unwrap().index;
        let root = Path::new("/nas");
        let known = index.database(root).unwrap();
        let look = index.write_scan(root, &known).unwrap();
        look.finish(false).unwrap();
        let id = index.database(root).unwrap().id.unwrap();
        assert!(!index.has_altered_times(id).unwrap());
        let time = |meant| AlteredTime {
            bytes: 7,
            reported: at(1),
            original: at(meant),
        };
        let folder = |files: &[(&str, i64)]| -> AlteredTimes {
            let files = files.iter();
            files
                .map(|(name, meant)| (Name::from(*name), time(*meant)))
                .collect()
        };
        for (path, files) in [
            ("f/acme/spot", &[("a", 2), ("b", 3)][..]),
            ("f/acme/spot/x", &[("c", 4)]),
            ("f/acme/spot 2", &[("d", 5)]),
            ("f/acme/spot", &[("b", 9)]),
        ] {
            let held = [(PathBuf::from(path), folder(files))].into();
            index.add_altered_times(id, &held).unwrap();
        }
        let held = index
            .altered_times(Some(id), Path::new("f/acme/spot"))
            .unwrap();
        assert_eq!(held.len(), 2);
        assert_eq!(held[Path::new("")], folder(&[("a", 2), ("b", 9)]));
        assert_eq!(
            index.altered_times(Some(id), Path::new("")).unwrap().len(),
            3
        );
        assert!(index.has_altered_times(id).unwrap());
    }
}
