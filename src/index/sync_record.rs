//! The record of files that were sent to a database and verified there, with the version tag of each.
//!
//! A row holds the files of one folder from one source: an unchanged folder costs one comparison.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::checksum::{read_manifest, row_checksum, verify_row};
use super::sent_file::PackedSentFiles;
use super::sql::{bytes, execute, read_path, rows};
use super::{Index, SentFile, SentFolder, SentRow};
use crate::base::error::Result;
use crate::base::name::Name;

/// The columns that [`read_sent_row`] reads.
const COLUMNS: &str = "folder, source, manifest, numbers, marks, checksum";

/// Changes to the record of one replica: files that were verified, and names whose state is unknown now.
#[derive(Clone, Debug, Default)]
pub struct SentChanges {
    folders: BTreeMap<PathBuf, FolderChanges>,
}

/// Changes to the record of one folder.
#[derive(Clone, Debug, Default)]
struct FolderChanges {
    /// Verified files that were added together.
    packed: PackedSentFiles,
    /// Verified files that were added one by one.
    single: SentFolder,
    removed: Vec<Name>,
}

impl FolderChanges {
    /// All verified files.
    fn sent(&self) -> SentFolder {
        let mut sent = self.packed.files();
        sent.extend(self.single.iter().map(|(name, file)| (name.clone(), *file)));
        sent
    }
}

/// Changes to the record of several replicas, by their folders below the root.
pub type SentRecord = BTreeMap<PathBuf, SentChanges>;

impl SentChanges {
    /// Adds a verified file, by its path below the replica's folder.
    pub fn add(&mut self, path: &Path, file: SentFile) {
        let (folder, name) = split(path);
        let changes = self.folders.entry(folder).or_default();
        changes.single.insert(name, file);
    }

    /// Removes a file that no longer exists as it was sent.
    pub fn remove(&mut self, path: &Path) {
        let (folder, name) = split(path);
        self.folders.entry(folder).or_default().removed.push(name);
    }

    /// Adds a folder, which may be empty, with its verified files.
    pub fn add_folder(&mut self, folder: &Path, files: SentFolder) {
        let changes = self.folders.entry(folder.to_owned()).or_default();
        let mut all = changes.packed.files();
        all.extend(files);
        changes.packed = PackedSentFiles::pack(&all);
    }

    /// True if nothing changes.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// The folders with their verified files.
    pub fn folders(&self) -> impl Iterator<Item = (&Path, SentFolder)> {
        let folders = self.folders.iter();
        folders.map(|(folder, changes)| (folder.as_path(), changes.sent()))
    }
}

impl Index {
    /// Returns the record of a replica at a destination, from all sources, sorted by folder.
    pub fn sent_rows(&self, destination: &Path, replica: &Path) -> Result<Vec<SentRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sent WHERE destination = ?1 AND replica = ?2 ORDER BY folder, source"
        );
        self.rows(&sql, [destination, replica].map(bytes), read_sent_row)
    }

    /// Returns the replicas at a destination that any source sent files of.
    pub fn all_sent_replicas(&self, destination: &Path) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT replica FROM sent WHERE destination = ?1";
        self.rows(sql, [bytes(destination)], |row| read_path(row, 0))
    }

    /// Returns the replicas at a destination that one source sent files of, sorted.
    pub fn sent_replicas(&self, destination: &Path, source: &Path) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT replica FROM sent WHERE destination = ?1 AND source = ?2 ORDER BY replica";
        self.rows(sql, [destination, source].map(bytes), |row| {
            read_path(row, 0)
        })
    }

    /// Deletes the rows of folders, as replica and path below it, that no longer exist at a destination. Rows with files
    /// stay.
    pub fn forget_sent_folders(
        &mut self,
        destination: &Path,
        folders: &[(PathBuf, PathBuf)],
    ) -> Result<()> {
        let sql = "DELETE FROM sent WHERE destination = ?1 AND replica = ?2 AND folder = ?3 AND manifest = x''";
        self.write(|transaction| {
            for (replica, folder) in folders {
                execute(transaction, sql, [destination, replica, folder].map(bytes))?;
            }
            Ok(())
        })
    }

    /// Deletes the record of all files of a replica that a source sent: they were removed there on purpose, and no sync is to
    /// remove them elsewhere.
    pub fn forget_sent_from(&mut self, source: &Path, replica: &Path) -> Result<()> {
        self.write(|transaction| {
            for sql in [
                "DELETE FROM sent WHERE source = ?1 AND replica = ?2",
                "DELETE FROM sent_folders WHERE source = ?1 AND replica = ?2",
            ] {
                execute(transaction, sql, [source, replica].map(bytes))?;
            }
            Ok(())
        })
    }

    /// Records the current state of a destination: files that a source sent, and names that no longer exist as they were
    /// sent.
    pub fn update_sent(
        &mut self,
        destination: &Path,
        source: &Path,
        record: &SentRecord,
    ) -> Result<()> {
        if record.values().all(SentChanges::is_empty) {
            return Ok(());
        }
        self.write(|transaction| {
            for (replica, changes) in record {
                for (folder, changes) in &changes.folders {
                    let key = SentFolderKey {
                        destination,
                        replica,
                        folder,
                    };
                    key.update(transaction, source, changes)?;
                }
            }
            Ok(())
        })
    }
}

/// A folder of a replica at a destination.
struct SentFolderKey<'a> {
    destination: &'a Path,
    replica: &'a Path,
    folder: &'a Path,
}

impl SentFolderKey<'_> {
    fn update(
        &self,
        connection: &Connection,
        source: &Path,
        changes: &FolderChanges,
    ) -> rusqlite::Result<()> {
        let (sent, removed) = (changes.sent(), &changes.removed);
        let mut has_row = false;
        for row in self.rows(connection)? {
            let is_own_row = row.source == source;
            has_row |= is_own_row;
            let mut files = row.files();
            let before = files.len();
            for name in removed {
                files.remove(name);
            }
            if is_own_row {
                files.extend(sent.iter().map(|(name, file)| (name.clone(), *file)));
                self.write(connection, source, &files)?;
            } else {
                // This source replaced the files of another one.
                files.retain(|name, _| !sent.contains_key(name));
                if files.len() != before {
                    self.write(connection, &row.source, &files)?;
                }
            }
        }
        // An empty folder has a row as well: it was created at the destination.
        if !has_row && (!sent.is_empty() || removed.is_empty()) {
            self.write(connection, source, &sent)?;
        }
        Ok(())
    }

    fn rows(&self, connection: &Connection) -> rusqlite::Result<Vec<SentRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sent WHERE destination = ?1 AND replica = ?2 AND folder = ?3"
        );
        let key = [self.destination, self.replica, self.folder].map(bytes);
        rows(connection, &sql, key, read_sent_row)
    }

    fn write(
        &self,
        connection: &Connection,
        source: &Path,
        files: &SentFolder,
    ) -> rusqlite::Result<()> {
        let packed = PackedSentFiles::pack(files);
        let sql = "INSERT INTO sent (destination, replica, folder, source, manifest, numbers, marks, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT (destination, replica, folder, source) DO UPDATE SET
                       manifest = ?5, numbers = ?6, marks = ?7, checksum = ?8";
        let (folder, source) = (bytes(self.folder), bytes(source));
        let manifest = packed.manifest.packed();
        let parameters = params![
            bytes(self.destination),
            bytes(self.replica),
            folder,
            source,
            manifest,
            packed.file_ids,
            packed.tags,
            row_checksum(&[folder, source, manifest, &packed.file_ids, &packed.tags])
        ];
        execute(connection, sql, parameters)
    }
}

/// Splits a path into folder and name.
fn split(path: &Path) -> (PathBuf, Name) {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    (folder, Name::from(path.file_name().unwrap_or_default()))
}

fn read_sent_row(row: &Row<'_>) -> rusqlite::Result<SentRow> {
    let mut parts: [&[u8]; 6] = Default::default();
    for (column, part) in parts.iter_mut().enumerate() {
        *part = row.get_ref(column)?.as_blob()?;
    }
    let [.., checksum] = parts;
    verify_row(checksum, &parts[..5])?;
    Ok(SentRow {
        folder: read_path(row, 0)?,
        source: read_path(row, 1)?,
        packed: PackedSentFiles {
            manifest: read_manifest(row, 2)?,
            file_ids: row.get(3)?,
            tags: row.get(4)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::index::SentFile;

    fn file(bytes: u64) -> SentFile {
        SentFile {
            bytes,
            modified: Timestamp {
                seconds: 7,
                nanoseconds: 8,
            },
            file_id: bytes + 1,
            tag: bytes + 2,
            link_digest: 0,
        }
    }

    fn one(name: &str, bytes: u64) -> SentFolder {
        [(Name::from(name), file(bytes))].into()
    }

    #[test]
    fn newest_source_owns_the_sent_file() {
        let temporary = tempfile::tempdir().unwrap();
        let mut index = Index::open(&temporary.path().join("index")).unwrap().index;
        let [cloud, work, nas, replica] = ["s3:b", "/work", "/nas", "footage/a/b"].map(Path::new);
        let mut both = one("a", 1);
        both.extend(one("b", 2));
        let folder = |files: SentFolder, gone: Option<&str>| {
            let mut changes = SentChanges::default();
            changes.add_folder(Path::new("x"), files);
            if let Some(gone) = gone {
                changes.remove(Path::new(gone));
            }
            SentRecord::from([(replica.to_owned(), changes)])
        };
        index.update_sent(cloud, work, &folder(both, None)).unwrap();
        index
            .update_sent(cloud, nas, &folder(one("a", 9), None))
            .unwrap();
        let rows = index.sent_rows(cloud, replica).unwrap();
        let of = |source: &Path| {
            rows.iter()
                .find(|row| row.source == source)
                .unwrap()
                .files()
        };
        assert_eq!(of(work), one("b", 2));
        assert_eq!(of(nas), one("a", 9));
        assert_eq!(index.sent_replicas(cloud, nas).unwrap(), [replica]);

        index
            .update_sent(cloud, work, &folder(SentFolder::new(), Some("x/a")))
            .unwrap();
        let rows = index.sent_rows(cloud, replica).unwrap();
        assert_eq!(rows.iter().map(|row| row.files().len()).sum::<usize>(), 1);
        index.forget_database(cloud).unwrap();
        assert!(index.sent_rows(cloud, replica).unwrap().is_empty());
    }
}
