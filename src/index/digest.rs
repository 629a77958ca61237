//! Digests of files that were read completely, by verified copies and content comparisons.
//!
//! A row holds the files of one folder that were read together: a manifest, and their digests in the same order. Later rows
//! replace earlier ones; a folder with many rows is merged into one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::checksum::{parse_manifest, row_checksum, verify_row};
use super::sql::{bytes, execute, one, read_path, subtree_bounds};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile, ManifestRef};

/// Number of rows of a folder that are merged into one.
const MERGE_ROWS: i64 = 16;

const DELETE_SQL: &str = "DELETE FROM digests WHERE database_id = ?1 AND folder = ?2";

/// The digest of a file, valid while the file keeps its size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// The size in bytes.
    pub bytes: u64,
    /// The modification time when the file was read.
    pub modified: Timestamp,
    /// The digest of the content.
    pub digest: Digest,
}

/// Digests of the files of one folder, by name.
pub type FileDigests = BTreeMap<Name, FileDigest>;

impl Index {
    /// Adds digests: for each folder the database, the path below its root, and the files.
    pub fn add_digests(&mut self, new_digests: &[(DatabaseId, &Path, &FileDigests)]) -> Result<()> {
        self.write(|transaction| {
            for (database, folder, files) in new_digests {
                if insert(transaction, *database, folder, files)? >= MERGE_ROWS {
                    merge_rows(transaction, *database, folder)?;
                }
            }
            Ok(())
        })
    }

    /// Deletes the digests of a folder. Called before files are replaced by others that may have the same size and time.
    pub fn forget_digests(&mut self, database: DatabaseId, folder: &Path) -> Result<()> {
        self.execute(DELETE_SQL, params![database, bytes(folder)])
    }

    /// Returns the folders in which both databases have digests that may differ: a folder and all folders below it are
    /// searched. Rows that a copy wrote for both at once are equal, and are not decoded.
    pub fn folders_of_unequal_digests(
        &self,
        databases: [DatabaseId; 2],
        folder: &Path,
    ) -> Result<Vec<PathBuf>> {
        let [from, to] = subtree_bounds(folder);
        // The folder itself may be recorded with a slash at its end.
        let sql = "SELECT folder, checksum FROM digests
                   WHERE database_id = ?4 AND (folder = ?1 OR (folder >= ?2 AND folder < ?3))
                   ORDER BY folder, part";
        let read = |database: DatabaseId| -> Result<BTreeMap<PathBuf, Vec<Vec<u8>>>> {
            let parameters = params![bytes(folder), from, to, database];
            let rows: Vec<(PathBuf, Vec<u8>)> =
                self.rows(sql, parameters, |row| Ok((read_path(row, 0)?, row.get(1)?)))?;
            let mut checksums = BTreeMap::<_, Vec<_>>::new();
            for (folder, checksum) in rows {
                checksums.entry(folder).or_default().push(checksum);
            }
            Ok(checksums)
        };
        let first = read(databases[0])?;
        if first.is_empty() {
            return Ok(Vec::new());
        }
        let second = read(databases[1])?;
        let unequal = first.into_iter().filter(|(folder, checksums)| {
            let other = second.get(folder);
            other.is_some_and(|other| other != checksums)
        });
        Ok(unequal.map(|(folder, _)| folder).collect())
    }

    /// Returns the digests of files in a folder. The caller compares sizes and times.
    pub fn digests(&self, database: DatabaseId, folder: &Path) -> Result<FileDigests> {
        read_digests(&self.connection, database, folder).explain("read", &self.path)
    }
}

/// Adds a row and returns the number of rows of the folder.
fn insert(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    files: &FileDigests,
) -> rusqlite::Result<i64> {
    let mut manifest = ManifestBuilder::with_capacity(files.len());
    let mut digests = Vec::with_capacity(files.len() * size_of::<u128>());
    for (name, file) in files {
        manifest.add(&ManifestFile::regular(
            name.as_bytes(),
            file.bytes,
            file.modified,
        ));
        digests.extend_from_slice(&file.digest.0.to_le_bytes());
    }
    let (folder, manifest) = (bytes(folder), manifest.finish());
    let sql = "INSERT INTO digests (database_id, folder, part, manifest, digests, checksum) VALUES (?1, ?2,
                   (SELECT coalesce(max(part) + 1, 0) FROM digests WHERE database_id = ?1 AND folder = ?2), ?3, ?4, ?5)
               RETURNING part + 1";
    let checksum = row_checksum(&[folder, manifest.packed(), &digests]);
    let parameters = params![database, folder, manifest.packed(), digests, checksum];
    one(connection, sql, parameters, |row| row.get(0))
}

fn merge_rows(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<()> {
    let files = read_digests(connection, database, folder)?;
    execute(connection, DELETE_SQL, params![database, bytes(folder)])?;
    insert(connection, database, folder, &files).map(|_| ())
}

fn read_digests(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<FileDigests> {
    let sql = "SELECT manifest, digests, checksum FROM digests WHERE database_id = ?1 AND folder = ?2 ORDER BY part";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![database, bytes(folder)])?;
    let mut files = FileDigests::new();
    while let Some(row) = rows.next()? {
        let (manifest, digests) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let checksum = row.get_ref(2)?.as_blob()?;
        verify_row(checksum, &[bytes(folder), manifest, digests])?;
        add_digests(parse_manifest(manifest)?, digests, &mut files);
    }
    Ok(files)
}

fn add_digests(manifest: ManifestRef<'_>, digests: &[u8], found: &mut FileDigests) {
    let mut files = manifest.files();
    let mut digests = digests.as_chunks().0.iter();
    while let (Some(file), Some(digest)) = (files.next(), digests.next()) {
        let digest = FileDigest {
            bytes: file.bytes,
            modified: file.modified,
            digest: Digest(u128::from_le_bytes(*digest)),
        };
        found.insert(Name::from_bytes(file.name.to_vec()), digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(number: u128) -> FileDigest {
        FileDigest {
            bytes: 7,
            modified: Timestamp::default(),
            digest: Digest(number),
        }
    }

    #[test]
    fn latest_digest_wins_and_rows_merge() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        let mut index = Index::open(&path).unwrap().index;
        let (root, folder) = (Path::new("/nas"), Path::new("footage/acme/spot"));
        let known = index.database(root).unwrap();
        index
            .write_scan(root, &known)
            .unwrap()
            .finish(false)
            .unwrap();
        let id = index.database(root).unwrap().id.unwrap();
        let rows = |index: &Index| -> i64 {
            let sql = "SELECT count(*) FROM digests";
            index
                .connection
                .query_row(sql, [], |row| row.get(0))
                .unwrap()
        };
        for number in 0..40_u8 {
            let read = [
                (
                    Name::from_bytes(vec![b'a' + number % 20]),
                    content(number.into()),
                ),
                (Name::from("each time"), content(number.into())),
            ];
            index.add_digests(&[(id, folder, &read.into())]).unwrap();
            assert!(rows(&index) < MERGE_ROWS, "{number}");
        }
        let contents = index.digests(id, folder).unwrap();
        assert_eq!(contents.len(), 21);
        assert_eq!(contents[&Name::from("each time")], content(39));
        assert_eq!(contents[&Name::from("a")], content(20));
        assert_eq!(index.digests(id, root).unwrap(), FileDigests::new());
        index.forget_digests(id, folder).unwrap();
        assert_eq!(rows(&index), 0);
    }
}
