//! Modification times that a storage does not return as they were set: out of its range, rounded, or shifted.
//!
//! For each such file the index keeps the time the storage shows and the time it stands for. While a file has its size
//! and the time shown, scans and copies take it for a file of the time meant.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Index;
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::manifest::{MalformedManifest, ManifestBuilder, ManifestFile, ManifestFiles};
use crate::snapshot::time_alias::{AlteredTime, AlteredTimes, AlteredTimesByFolder};

impl Index {
    /// Adds times to those known of a database; a later one replaces an earlier one of the same file.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn add_altered_times(
        &mut self,
        database: i64,
        altered: &AlteredTimesByFolder,
    ) -> Result<()> {
        if altered.values().all(BTreeMap::is_empty) {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (folder, times) in altered {
            merge_folder(&transaction, database, folder, times).explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// The times known of a folder of a database and of all folders below it.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn altered_times(&self, database: i64, below: &Path) -> Result<AlteredTimesByFolder> {
        read_subtree(&self.connection, database, below).explain("read", &self.path)
    }

    /// Whether any such time is known of a database.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn has_altered_times(&self, database: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM held WHERE database_id = ?1)";
        let query = self.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.query_row([database], |row| row.get(0)))
            .explain("read", &self.path)
    }
}

fn merge_folder(
    connection: &Connection,
    database: i64,
    folder: &Path,
    times: &AlteredTimes,
) -> rusqlite::Result<()> {
    let sql = "SELECT shown, meant FROM held WHERE database_id = ?1 AND folder = ?2";
    let key = folder.as_os_str().as_bytes();
    let mut query = connection.prepare_cached(sql)?;
    let before = query
        .query_row(params![database, key], |row| {
            Ok(unpack_times(
                row.get_ref(0)?.as_blob()?,
                row.get_ref(1)?.as_blob()?,
            ))
        })
        .optional()?;
    let mut all = before.unwrap_or_default();
    all.extend(times.iter().map(|(name, time)| (name.clone(), *time)));
    let [shown, meant] = [
        |time: &AlteredTime| time.reported,
        |time: &AlteredTime| time.original,
    ]
    .map(|of: fn(&AlteredTime) -> Timestamp| pack_times(&all, of));
    let sql =
        "INSERT OR REPLACE INTO held (database_id, folder, shown, meant) VALUES (?1, ?2, ?3, ?4)";
    let mut query = connection.prepare_cached(sql)?;
    query.execute(params![database, key, shown, meant])?;
    Ok(())
}

/// Packs the names and sizes with one of the two times.
pub(super) fn pack_times(times: &AlteredTimes, time_of: fn(&AlteredTime) -> Timestamp) -> Vec<u8> {
    let mut packer = ManifestBuilder::with_capacity(times.len());
    for (name, time) in times {
        packer.add(&ManifestFile {
            name: name.as_bytes(),
            bytes: time.bytes,
            modified: time_of(time),
            target: None,
        });
    }
    packer.finish().packed().to_vec()
}

/// Unpacks a row; one that cannot be understood counts as empty, so that its files are compared anew.
pub(super) fn unpack_times(shown: &[u8], meant: &[u8]) -> AlteredTimes {
    let read = || -> Result<AlteredTimes, MalformedManifest> {
        let (mut shown, mut meant) = (ManifestFiles::of(shown), ManifestFiles::of(meant));
        let mut times = AlteredTimes::new();
        while let (Some(a), Some(b)) = (shown.next()?, meant.next()?) {
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
    };
    read().unwrap_or_default()
}

fn read_subtree(
    connection: &Connection,
    database: i64,
    below: &Path,
) -> rusqlite::Result<AlteredTimesByFolder> {
    // `0` follows `/`: between the two are all paths below the folder.
    let sql = "SELECT folder, shown, meant FROM held
               WHERE database_id = ?1 AND (folder = ?2 OR ?2 = x'' OR (folder > ?3 AND folder < ?4))";
    let own = below.as_os_str().as_bytes();
    let (from, to) = ([own, b"/"].concat(), [own, b"0"].concat());
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![database, own, from, to])?;
    let mut altered = AlteredTimesByFolder::new();
    while let Some(row) = rows.next()? {
        let folder = OsString::from_vec(row.get(0)?);
        let times = unpack_times(row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?);
        altered.insert(folder.into(), times);
    }
    Ok(altered)
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
    fn later_times_replace_earlier_ones() {
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
        let held = index.altered_times(id, Path::new("f/acme/spot")).unwrap();
        assert_eq!(held.len(), 2);
        assert_eq!(
            held[Path::new("f/acme/spot")],
            folder(&[("a", 2), ("b", 9)])
        );
        assert_eq!(index.altered_times(id, Path::new("")).unwrap().len(), 3);
        assert!(index.has_altered_times(id).unwrap());
    }
}
