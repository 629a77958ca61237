//! Evidence: what is known of the contents of files, how and since when. Copies, comparisons, syncs and `verify` write it.
//!
//! A row holds the files of one folder that were read together: a manifest, and in the same order their digests and proofs.
//! Later rows replace earlier ones; a folder with many rows is merged into one. Evidence holds while a file keeps its size
//! and time.

mod catalog_row;
mod coverage;
mod coverage_row;
mod file;
mod folder;
mod foreign;
mod pack;
mod reader;
mod replica;
mod row;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

pub(super) use self::catalog_row::pack_outgoing;
pub use self::coverage::CoverageTable;
pub(super) use self::coverage_row::store_if_without_evidence;
pub use self::coverage_row::{Coverage, StoredCoverage};
use self::file::with_damage;
pub use self::file::{FileEvidence, FolderEvidence, state_tag};
use self::folder::{delete, insert, merge_rows, read_folder};
pub(super) use self::foreign::{ForeignRow, remove_row, replace_row, take_row};
pub use self::pack::{EvidenceKind, Proof};
pub use self::reader::EvidenceReader;
pub use self::replica::{KnownContent, ProvenFolder};
use super::publication::count_change;
use super::shared::mark_evidence;
use super::sql::{bytes, read_path, subtree_bounds};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::name::Name;

/// Number of rows of a folder that are merged into one.
const MERGE_ROWS: i64 = 16;

/// Origin of the contents of files with new evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentOrigin {
    /// This program wrote them: earlier evidence is of other files.
    Written,
    /// They were there. A file that has the size and time of earlier evidence and another digest is damaged.
    Found,
}

/// New evidence of files in one folder.
#[derive(Clone, Copy, Debug)]
pub struct NewEvidence<'a> {
    /// The database.
    pub database: DatabaseId,
    /// The path below its root.
    pub folder: &'a Path,
    /// The files.
    pub files: &'a FolderEvidence,
    /// The origin of their contents.
    pub origin: ContentOrigin,
}

impl Index {
    /// Adds evidence. Returns the files that are damaged: database and path below its root. They keep their earlier digest.
    pub fn add_evidence(
        &mut self,
        added: &[NewEvidence<'_>],
    ) -> Result<Vec<(DatabaseId, PathBuf)>> {
        let mut damaged = Vec::new();
        self.write(|transaction| {
            for new in added {
                let (database, folder) = (new.database, new.folder);
                let files = match new.origin {
                    ContentOrigin::Written => Cow::Borrowed(new.files),
                    ContentOrigin::Found => {
                        let known = read_folder(transaction, database, folder)?;
                        with_damage(new.files, &known)
                    }
                };
                let names = files.iter().filter(|(_, file)| !file.proof.is_intact());
                damaged.extend(names.map(|(name, _)| (database, folder.join(name.as_path()))));
                if insert(transaction, database, folder, &files)? >= MERGE_ROWS {
                    merge_rows(transaction, database, folder)?;
                }
                record_change(transaction, database, folder, false)?;
            }
            Ok(())
        })?;
        Ok(damaged)
    }

    /// Deletes the evidence of files in a folder. Called before they are replaced by others that may have the same size and
    /// time.
    pub fn forget_evidence<'n>(
        &mut self,
        database: DatabaseId,
        folder: &Path,
        names: impl IntoIterator<Item = &'n Name>,
    ) -> Result<()> {
        self.write(|transaction| {
            let mut files = read_folder(transaction, database, folder)?;
            let before = files.len();
            for name in names {
                files.remove(name);
            }
            if files.len() == before {
                return Ok(());
            }
            delete(transaction, database, folder)?;
            if !files.is_empty() {
                insert(transaction, database, folder, &files)?;
            }
            record_change(transaction, database, folder, true)
        })
    }

    /// Moves the evidence of files to another folder of the same database, with the files.
    pub fn move_evidence<'n>(
        &mut self,
        database: DatabaseId,
        [from, to]: [&Path; 2],
        names: impl IntoIterator<Item = &'n Name>,
    ) -> Result<()> {
        self.write(|transaction| {
            let mut files = read_folder(transaction, database, from)?;
            let moved: FolderEvidence = names
                .into_iter()
                .filter_map(|name| files.remove_entry(name))
                .collect();
            if moved.is_empty() {
                return Ok(());
            }
            delete(transaction, database, from)?;
            if !files.is_empty() {
                insert(transaction, database, from, &files)?;
            }
            insert(transaction, database, to, &moved)?;
            record_change(transaction, database, from, true)?;
            record_change(transaction, database, to, false)
        })
    }

    /// Merges the rows of each folder of a database into one.
    pub(super) fn merge_evidence_rows(&mut self, database: DatabaseId) -> Result<()> {
        // Older versions wrote a slash at the end of some folders.
        let sql = "SELECT folder FROM digests WHERE database_id = ?1
                   GROUP BY folder HAVING count(*) > 1 OR substr(folder, -1) = x'2f'";
        let folders: Vec<PathBuf> = self.rows(sql, [database], |row| read_path(row, 0))?;
        self.write(|transaction| {
            let mut folders = folders.iter();
            folders.try_for_each(|folder| merge_rows(transaction, database, folder))
        })
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

    /// Returns the evidence of files in a folder. The caller compares sizes and times.
    pub fn evidence(&self, database: DatabaseId, folder: &Path) -> Result<FolderEvidence> {
        read_folder(&self.connection, database, folder).explain("read", &self.path)
    }
}

/// Records that the evidence of a folder changed. `is_forgotten`: some of it was removed.
fn record_change(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    is_forgotten: bool,
) -> rusqlite::Result<()> {
    coverage::forget(connection, database, folder)?;
    count_change(connection, database)?;
    mark_evidence(connection, database, folder, is_forgotten)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;
    use crate::snapshot::digest::Digest;

    fn content(number: u32) -> FileEvidence {
        FileEvidence {
            bytes: 7,
            modified: Timestamp::default(),
            digest: Digest(number.into()),
            proof: Proof {
                kind: EvidenceKind::Read,
                at: Timestamp {
                    seconds: number.into(),
                    nanoseconds: 0,
                },
                tag: number.into(),
                host: None,
            },
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
            let files = &read.into();
            let (database, origin) = (id, ContentOrigin::Written);
            let new = NewEvidence {
                database,
                folder,
                files,
                origin,
            };
            index.add_evidence(&[new]).unwrap();
            assert!(rows(&index) < MERGE_ROWS, "{number}");
        }
        let before = rows(&index);
        for _ in 0..3 {
            let files = &index.evidence(id, folder).unwrap();
            let (database, origin) = (id, ContentOrigin::Found);
            let new = NewEvidence {
                database,
                folder,
                files,
                origin,
            };
            index.add_evidence(&[new]).unwrap();
            assert!(rows(&index) <= before + 1, "one row of the same files");
        }
        let contents = index.evidence(id, folder).unwrap();
        assert_eq!(contents.len(), 21);
        assert_eq!(contents[&Name::from("each time")], content(39));
        assert_eq!(contents[&Name::from("a")], content(20));
        assert_eq!(index.evidence(id, root).unwrap(), FolderEvidence::new());
        let names: Vec<Name> = contents.keys().cloned().collect();
        index.forget_evidence(id, folder, &names[1..]).unwrap();
        let left = index.evidence(id, folder).unwrap();
        assert_eq!(left.keys().collect::<Vec<_>>(), [&names[0]]);
        index.forget_evidence(id, folder, &names).unwrap();
        assert_eq!(rows(&index), 0);
    }

    #[test]
    fn reader_reads_each_folder_once() {
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
        let database = index.database(root).unwrap().id.unwrap();
        let names = ["f1", "f2"].map(Name::from);
        let files = names.clone().map(|name| (name, content(1))).into();
        let new = NewEvidence {
            database,
            folder,
            files: &files,
            origin: ContentOrigin::Written,
        };
        index.add_evidence(&[new]).unwrap();
        let mut reader = EvidenceReader::new(&index, root).unwrap();
        assert_eq!(reader.file(folder, &names[0]).unwrap(), Some(content(1)));
        let other = Connection::open(&path).unwrap();
        other.execute("DELETE FROM digests", []).unwrap();
        assert_eq!(reader.file(folder, &names[1]).unwrap(), Some(content(1)));
        let mut unknown = EvidenceReader::new(&index, Path::new("/other")).unwrap();
        assert_eq!(unknown.file(folder, &names[0]).unwrap(), None);
    }
}
