//! Digests of files that were read whole: by copies that were verified, and by comparisons of content.
//!
//! They are kept a row a folder and a group of files: the files as a manifest, and their digests one after the other.
//! What was read later stands for itself; a folder's rows are brought together once there are many.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, params};

use super::Index;
use super::checksum::{row_checksum, verify_row};
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{MalformedManifest, ManifestBuilder, ManifestFile, ManifestFiles};

/// From so many rows on the rows of a folder are brought together.
const MERGE_ROWS: i64 = 16;

/// A file whose content was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Its size.
    pub bytes: u64,
    /// Its modification time when it was read.
    pub modified: Timestamp,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// The contents of files of one folder, by their names.
pub type FileDigests = BTreeMap<Name, FileDigest>;

impl Index {
    /// Keeps what was read of files: for each the database, the folder below its root, and the contents.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn add_digests(&mut self, new_digests: &[(i64, &Path, &FileDigests)]) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (database, folder, contents) in new_digests {
            let rows = insert(&transaction, *database, folder, contents).explain("write", &path)?;
            if rows >= MERGE_ROWS {
                merge_rows(&transaction, *database, folder).explain("write", &path)?;
            }
        }
        transaction.commit().explain("write", &path)
    }

    /// Forgets what was read of the files of a folder, before some of them are replaced by others of their size and time.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn forget_digests(&mut self, database: i64, folder: &Path) -> Result<()> {
        let sql = "DELETE FROM digests WHERE database_id = ?1 AND folder = ?2";
        let parameters = params![database, folder.as_os_str().as_bytes()];
        self.connection
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// What is known of the contents of files in a folder of a database. It holds of those that still have their size
    /// and time.
    ///
    /// # Errors
    /// The index cannot be read or is damaged.
    pub fn digests(&self, database: i64, folder: &Path) -> Result<FileDigests> {
        read_digests(&self.connection, database, folder).explain("read", &self.path)
    }
}

/// Adds a row; gives how many the folder has now.
fn insert(
    connection: &Connection,
    database: i64,
    folder: &Path,
    contents: &FileDigests,
) -> rusqlite::Result<i64> {
    let mut packer = ManifestBuilder::with_capacity(contents.len());
    let mut digests = Vec::with_capacity(contents.len() * size_of::<u128>());
    for (name, content) in contents {
        packer.add(&ManifestFile {
            name: name.as_bytes(),
            bytes: content.bytes,
            modified: content.modified,
            target: None,
        });
        digests.extend_from_slice(&content.digest.0.to_le_bytes());
    }
    let folder = folder.as_os_str().as_bytes();
    let sql = "INSERT INTO digests (database_id, folder, part, manifest, digests, checksum) VALUES (?1, ?2,
                   (SELECT coalesce(max(part) + 1, 0) FROM digests WHERE database_id = ?1 AND folder = ?2), ?3, ?4, ?5)
               RETURNING part";
    let manifest = packer.finish();
    let checksum = row_checksum(&[folder, manifest.packed(), &digests]);
    let parameters = params![database, folder, manifest.packed(), digests, checksum];
    let mut query = connection.prepare_cached(sql)?;
    let part: i64 = query.query_row(parameters, |row| row.get(0))?;
    Ok(part + 1)
}

/// Makes one row of all that a folder has.
fn merge_rows(connection: &Connection, database: i64, folder: &Path) -> rusqlite::Result<()> {
    let contents = read_digests(connection, database, folder)?;
    let sql = "DELETE FROM digests WHERE database_id = ?1 AND folder = ?2";
    let mut query = connection.prepare_cached(sql)?;
    query.execute(params![database, folder.as_os_str().as_bytes()])?;
    insert(connection, database, folder, &contents).map(|_| ())
}

fn read_digests(
    connection: &Connection,
    database: i64,
    folder: &Path,
) -> rusqlite::Result<FileDigests> {
    let sql = "SELECT manifest, digests, checksum FROM digests WHERE database_id = ?1 AND folder = ?2 ORDER BY part";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![database, folder.as_os_str().as_bytes()])?;
    let mut contents = FileDigests::new();
    while let Some(row) = rows.next()? {
        let (manifest, digests) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let parts = [folder.as_os_str().as_bytes(), manifest, digests];
        verify_row(row.get_ref(2)?.as_blob()?, &parts)?;
        // A row that cannot be understood is one that is not there: its files are read again.
        unpack_digests(manifest, digests, &mut contents).unwrap_or_default();
    }
    Ok(contents)
}

fn unpack_digests(
    manifest: &[u8],
    digests: &[u8],
    contents: &mut FileDigests,
) -> Result<(), MalformedManifest> {
    let mut files = ManifestFiles::of(manifest);
    let mut digests = digests.as_chunks().0.iter();
    while let (Some(file), Some(digest)) = (files.next()?, digests.next()) {
        let content = FileDigest {
            bytes: file.bytes,
            modified: file.modified,
            digest: Digest(u128::from_le_bytes(*digest)),
        };
        contents.insert(Name::from_bytes(file.name.to_vec()), content);
    }
    Ok(())
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
    fn what_was_read_last_stands_and_many_rows_become_one() {
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
