//! What was sent to a database and proven to be there: each file as it was at its source, with what a listing of the
//! destination shows of that version.
//!
//! A row a folder and source: a folder in which nothing changed since costs one comparison.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, params};

use super::Index;
use super::checksum::{row_checksum, verify_row};
use super::sqlite_error::Explain as _;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{Manifest, ManifestBuilder, ManifestFile};

/// A file as it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentFile {
    /// Its size.
    pub bytes: u64,
    /// Its modification time at the source.
    pub modified: Timestamp,
    /// What tells it from every other file on the file system it came from, whatever its name; 0 where that is not kept.
    pub file_id: u64,
    /// What a listing of the destination shows of this version; 0 where that is not known.
    pub tag: u64,
    /// Stands for the target of a symbolic link; 0 for a file.
    pub link_digest: u64,
}

impl SentFile {
    /// A file or symbolic link as it is at its source.
    pub fn of(file: &ManifestFile<'_>) -> Self {
        Self {
            bytes: file.bytes,
            modified: file.modified,
            link_digest: file.target.map_or(0, link_digest),
            ..Self::default()
        }
    }

    /// Whether the source holds what was sent: a file by its size and time, a link by its target.
    pub fn matches(&self, file: &ManifestFile<'_>) -> bool {
        match file.target {
            Some(target) => self.link_digest == link_digest(target),
            None => (self.link_digest, self.bytes, self.modified) == (0, file.bytes, file.modified),
        }
    }
}

/// The files of one folder, by their names.
pub type SentFolder = BTreeMap<Name, SentFile>;

/// What is to be noted down of folders of one replica: files that are there, and names of which that is no longer known.
#[derive(Clone, Debug, Default)]
pub struct SentChanges {
    folders: BTreeMap<PathBuf, (SentFolder, Vec<Name>)>,
}

/// The same of several replicas, by their folders below the root.
pub type SentRecord = BTreeMap<PathBuf, SentChanges>;

impl SentChanges {
    /// Notes a file that is there, by its path below the replica's folder.
    pub fn add(&mut self, path: &Path, file: SentFile) {
        let (folder, name) = split(path);
        self.folders.entry(folder).or_default().0.insert(name, file);
    }

    /// Notes a file that is not there any more as somebody sent it.
    pub fn remove(&mut self, path: &Path) {
        let (folder, name) = split(path);
        self.folders.entry(folder).or_default().1.push(name);
    }

    /// Notes a folder that is there with these files, which may be none.
    pub fn add_folder(&mut self, folder: &Path, files: SentFolder) {
        let noted = self.folders.entry(folder.to_owned()).or_default();
        noted.0.extend(files);
    }

    /// Whether there is nothing to note.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// The folders, with the files that are there.
    pub fn folders(&self) -> impl Iterator<Item = (&Path, &SentFolder)> {
        let folders = self.folders.iter();
        folders.map(|(folder, (files, _))| (folder.as_path(), files))
    }
}

/// What one source sent of one folder, packed.
#[derive(Clone, Debug)]
pub struct SentRow {
    /// The folder, below the replica's.
    pub folder: PathBuf,
    /// The root of the database it came from.
    pub source: PathBuf,
    /// Names, sizes and times.
    pub manifest: Manifest,
    file_ids: Vec<u8>,
    tags: Vec<u8>,
}

impl SentRow {
    /// Its files. A row that cannot be understood has none: they are sent again.
    pub fn files(&self) -> SentFolder {
        let number = |bytes: &[u8], place: usize| {
            let number = bytes.as_chunks().0.get(place).copied();
            number.map(u64::from_le_bytes).unwrap_or_default()
        };
        let mut files = SentFolder::new();
        let mut packed = self.manifest.files();
        let mut place = 0;
        while let Ok(Some(file)) = packed.next() {
            let sent = SentFile {
                bytes: file.bytes,
                modified: file.modified,
                file_id: number(&self.file_ids, place),
                tag: number(&self.tags, place),
                link_digest: file.target.map_or(0, parse_link_digest),
            };
            files.insert(Name::from_bytes(file.name.to_vec()), sent);
            place += 1;
        }
        files
    }

    /// Packs the files of a folder.
    pub fn pack(folder: &Path, source: &Path, files: &SentFolder) -> Self {
        let mut packer = ManifestBuilder::with_capacity(files.len());
        let (mut numbers, mut marks) = (Vec::new(), Vec::new());
        for (name, file) in files {
            let link = format!("{:016x}", file.link_digest);
            packer.add(&ManifestFile {
                name: name.as_bytes(),
                bytes: file.bytes,
                modified: file.modified,
                target: (file.link_digest != 0).then_some(link.as_bytes()),
            });
            numbers.extend_from_slice(&file.file_id.to_le_bytes());
            marks.extend_from_slice(&file.tag.to_le_bytes());
        }
        Self {
            folder: folder.to_owned(),
            source: source.to_owned(),
            manifest: packer.finish(),
            file_ids: numbers,
            tags: marks,
        }
    }
}

impl Index {
    /// What was sent of a replica to a destination, by whatever source, sorted by folder.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn sent_rows(&self, destination: &Path, replica: &Path) -> Result<Vec<SentRow>> {
        let sql = "SELECT folder, source, manifest, numbers, marks, checksum FROM sent
                   WHERE destination = ?1 AND replica = ?2 ORDER BY folder, source";
        let parameters = params![bytes(destination), bytes(replica)];
        let rows = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut query| query.query_map(parameters, read_sent_row)?.collect());
        rows.explain("read", &self.path)
    }

    /// The replicas of which anybody sent something to a destination.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn all_sent_replicas(&self, destination: &Path) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT replica FROM sent WHERE destination = ?1";
        let rows = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_map([bytes(destination)], |row| read_path(row, 0))?
                .collect()
        });
        rows.explain("read", &self.path)
    }

    /// The replicas of which a source sent something to a destination.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn sent_replicas(&self, destination: &Path, source: &Path) -> Result<Vec<PathBuf>> {
        let sql = "SELECT DISTINCT replica FROM sent WHERE destination = ?1 AND source = ?2 ORDER BY replica";
        let parameters = params![bytes(destination), bytes(source)];
        let rows = self.connection.prepare_cached(sql).and_then(|mut query| {
            query
                .query_map(parameters, |row| read_path(row, 0))?
                .collect()
        });
        rows.explain("read", &self.path)
    }

    /// Forgets folders of a replica that are no longer at a destination, as far as nothing is known to be in them.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn forget_sent_folders(
        &mut self,
        destination: &Path,
        folders: &[(PathBuf, PathBuf)],
    ) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let sql = "DELETE FROM sent WHERE destination = ?1 AND replica = ?2 AND folder = ?3 AND manifest = x''";
        for (replica, folder) in folders {
            let parameters = params![bytes(destination), bytes(replica), bytes(folder)];
            transaction
                .prepare_cached(sql)
                .and_then(|mut query| query.execute(parameters))
                .explain("write", &path)?;
        }
        transaction.commit().explain("write", &path)
    }

    /// Notes what is at a destination now: the files that a source sent, and the names that are no longer there as anybody
    /// sent them.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn update_sent(
        &mut self,
        destination: &Path,
        source: &Path,
        record: &SentRecord,
    ) -> Result<()> {
        if record.values().all(SentChanges::is_empty) {
            return Ok(());
        }
        let path = self.path.clone();
        let transaction = self.transaction()?;
        for (replica, changes) in record {
            for (folder, (sent, removed)) in &changes.folders {
                let key = SentFolderKey {
                    destination,
                    replica,
                    folder,
                };
                key.update(&transaction, source, sent, removed)
                    .explain("write", &path)?;
            }
        }
        transaction.commit().explain("write", &path)
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
        sent: &SentFolder,
        removed: &[Name],
    ) -> rusqlite::Result<()> {
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
                // What another source sent was replaced or is gone.
                files.retain(|name, _| !sent.contains_key(name));
                if files.len() != before {
                    self.write(connection, &row.source, &files)?;
                }
            }
        }
        // A folder with nothing in it is a row too: it was made there.
        if !has_row && (!sent.is_empty() || removed.is_empty()) {
            self.write(connection, source, sent)?;
        }
        Ok(())
    }

    fn rows(&self, connection: &Connection) -> rusqlite::Result<Vec<SentRow>> {
        let sql = "SELECT folder, source, manifest, numbers, marks, checksum FROM sent
                   WHERE destination = ?1 AND replica = ?2 AND folder = ?3";
        let parameters = params![
            bytes(self.destination),
            bytes(self.replica),
            bytes(self.folder)
        ];
        connection
            .prepare_cached(sql)?
            .query_map(parameters, read_sent_row)?
            .collect()
    }

    fn write(
        &self,
        connection: &Connection,
        source: &Path,
        files: &SentFolder,
    ) -> rusqlite::Result<()> {
        let row = SentRow::pack(self.folder, source, files);
        let sql = "INSERT INTO sent (destination, replica, folder, source, manifest, numbers, marks, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                   ON CONFLICT (destination, replica, folder, source) DO UPDATE SET
                       manifest = ?5, numbers = ?6, marks = ?7, checksum = ?8";
        let (folder, source) = (bytes(self.folder), bytes(source));
        let manifest = row.manifest.packed();
        let parameters = params![
            bytes(self.destination),
            bytes(self.replica),
            folder,
            source,
            manifest,
            row.file_ids,
            row.tags,
            row_checksum(&[folder, source, manifest, &row.file_ids, &row.tags])
        ];
        connection.prepare_cached(sql)?.execute(parameters)?;
        Ok(())
    }
}

/// What stands for the target of a link; never 0.
pub fn link_digest(target: &[u8]) -> u64 {
    Digest::of_bytes(target).low_64().max(1)
}

/// The same as it is written in a row.
fn parse_link_digest(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    u64::from_str_radix(text, 16).unwrap_or(1)
}

/// The folder of a file, and its name.
fn split(path: &Path) -> (PathBuf, Name) {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    (folder, Name::from(path.file_name().unwrap_or_default()))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn read_path(row: &Row<'_>, column: usize) -> rusqlite::Result<PathBuf> {
    Ok(OsString::from_vec(row.get(column)?).into())
}

fn read_sent_row(row: &Row<'_>) -> rusqlite::Result<SentRow> {
    let parts = [
        row.get_ref(0)?.as_blob()?,
        row.get_ref(1)?.as_blob()?,
        row.get_ref(2)?.as_blob()?,
        row.get_ref(3)?.as_blob()?,
        row.get_ref(4)?.as_blob()?,
    ];
    verify_row(row.get_ref(5)?.as_blob()?, &parts)?;
    Ok(SentRow {
        folder: read_path(row, 0)?,
        source: read_path(row, 1)?,
        manifest: Manifest::from_packed(row.get(2)?),
        file_ids: row.get(3)?,
        tags: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn links_are_kept_with_what_stands_for_their_targets() {
        let mut files = one("a", 1);
        let file = |target| ManifestFile {
            name: b"b",
            bytes: 0,
            modified: Timestamp::UNKNOWN,
            target,
        };
        let link = SentFile::of(&file(Some(b"../x.mov".as_slice())));
        files.insert(Name::from("b"), link);
        let row = SentRow::pack(Path::new("x"), Path::new("/work"), &files);
        assert_eq!(row.files(), files);
        assert!(link.matches(&file(Some(b"../x.mov".as_slice()))));
        assert!(!link.matches(&file(Some(b"../y.mov".as_slice()))));
        assert!(!link.matches(&file(None)));
    }

    #[test]
    fn what_another_source_sends_takes_the_place_of_what_was_there() {
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
