//! Evidence: what is known of the contents of files, how and since when. Copies, comparisons, syncs and `verify` write it.
//!
//! A row holds the files of one folder that were read together: a manifest, and in the same order their digests and proofs.
//! Later rows replace earlier ones; a folder with many rows is merged into one. Evidence holds while a file keeps its size
//! and time.

mod coverage;
mod pack;
mod replica;
mod row;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

pub use self::coverage::{Coverage, CoverageTable, StoredCoverage};
pub use self::pack::{EvidenceKind, Proof};
pub use self::replica::{KnownContent, ProvenFolder};
use self::row::{SELECT_SQL, contents_checksum, folder_forms, verified_contents};
use super::checksum::{parse_manifest, row_checksum};
use super::sql::{bytes, execute, one, read_path, subtree_bounds};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::os::stat::Stat;
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::{ManifestBuilder, ManifestFile, ManifestRef};

/// Number of rows of a folder that are merged into one.
const MERGE_ROWS: i64 = 16;

const DELETE_SQL: &str = "DELETE FROM digests WHERE database_id = ?1 AND folder IN (?2, ?3)";

/// What is known of the content of a file, valid while the file keeps its size and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileEvidence {
    /// The size in bytes.
    pub bytes: u64,
    /// The modification time when the content was known.
    pub modified: Timestamp,
    /// The digest of the content.
    pub digest: Digest,
    /// How and when the content became known.
    pub proof: Proof,
}

impl FileEvidence {
    /// True if a file that a scan shows with this size and time is the one that the evidence is of.
    pub fn holds_for(&self, bytes: u64, modified: Timestamp, precision: TimePrecision) -> bool {
        self.bytes == bytes && self.modified.equals_at(modified, precision)
    }
}

impl Proof {
    /// The proof of bytes that were read now, from a file in this state. `has_stable_ids`: the file system keeps the inode
    /// numbers of its files.
    pub fn read_now(stat: &Stat, has_stable_ids: bool) -> Self {
        Self {
            kind: EvidenceKind::Read,
            at: Timestamp {
                nanoseconds: 0,
                ..Timestamp::now()
            },
            tag: state_tag(stat, has_stable_ids),
        }
    }

    /// False if the change time or the id of a file is not the one of the proof: then a program may have written to it and set
    /// its time back. Without a recorded state, size and time decide.
    pub fn is_of_state(&self, stat: &Stat, has_stable_ids: bool) -> bool {
        self.tag == 0 || self.tag == state_tag(stat, has_stable_ids)
    }
}

/// Returns a hash of 32 bits of change time and inode; never 0.
pub fn state_tag(stat: &Stat, has_stable_ids: bool) -> u64 {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&stat.status_changed.seconds.to_le_bytes());
    bytes[8..12].copy_from_slice(&stat.status_changed.nanoseconds.to_le_bytes());
    if has_stable_ids {
        bytes[12..].copy_from_slice(&stat.inode.to_le_bytes());
    }
    (Digest::of_bytes(&bytes).low_64() & u64::from(u32::MAX)).max(1)
}

/// Evidence of the files of one folder, by name.
pub type FolderEvidence = BTreeMap<Name, FileEvidence>;

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
                coverage::forget(transaction, database, folder)?;
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
            coverage::forget(transaction, database, folder)
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
            coverage::forget(transaction, database, from)?;
            coverage::forget(transaction, database, to)
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

/// Marks the files whose content is not the known one as damaged.
fn with_damage<'a>(found: &'a FolderEvidence, known: &FolderEvidence) -> Cow<'a, FolderEvidence> {
    let mut files = Cow::Borrowed(found);
    for (name, file) in found {
        let earlier = known.get(name).filter(|earlier| {
            earlier.proof.kind != EvidenceKind::Claimed
                && earlier.bytes == file.bytes
                // A storage may hold the time at a coarser precision than the one that was recorded.
                && TimePrecision::ALL
                    .iter()
                    .any(|precision| earlier.modified.truncate_to(*precision) == file.modified)
                && earlier.digest != file.digest
        });
        if let Some(earlier) = earlier {
            let kind = EvidenceKind::Damaged;
            let damaged = FileEvidence {
                digest: earlier.digest,
                proof: Proof { kind, ..file.proof },
                ..*file
            };
            files.to_mut().insert(name.clone(), damaged);
        }
    }
    files
}

/// Adds a row in the place of an earlier one of the same files, and returns the number of rows of the folder.
fn insert(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
    files: &FolderEvidence,
) -> rusqlite::Result<i64> {
    let mut manifest = ManifestBuilder::with_capacity(files.len());
    let mut digests = Vec::with_capacity(files.len() * size_of::<u128>());
    let mut proofs = Vec::with_capacity(files.len());
    for (name, file) in files {
        manifest.add(&ManifestFile::regular(
            name.as_bytes(),
            file.bytes,
            file.modified,
        ));
        digests.extend_from_slice(&file.digest.0.to_le_bytes());
        proofs.push(file.proof);
    }
    let [folder, _] = folder_forms(folder);
    let (folder, manifest) = (folder.as_slice(), manifest.finish());
    let earlier = "DELETE FROM digests WHERE database_id = ?1 AND folder = ?2 AND manifest = ?3";
    execute(
        connection,
        earlier,
        params![database, folder, manifest.packed()],
    )?;
    let sql = "INSERT INTO digests (database_id, folder, part, manifest, digests, checksum, proofs) VALUES (?1, ?2,
                   (SELECT coalesce(max(part) + 1, 0) FROM digests WHERE database_id = ?1 AND folder = ?2), ?3, ?4, ?5, ?6)
               RETURNING part + 1";
    // The proofs have a checksum of their own: the first is equal for two databases with equal contents.
    let checksum = contents_checksum(folder, manifest.packed(), &digests, &proofs);
    let mut proofs = pack::pack(&proofs);
    proofs.extend_from_slice(&row_checksum(&[&checksum, &proofs]));
    let parameters = params![
        database,
        folder,
        manifest.packed(),
        digests,
        checksum,
        proofs
    ];
    one(connection, sql, parameters, |row| row.get(0))
}

fn delete(connection: &Connection, database: DatabaseId, folder: &Path) -> rusqlite::Result<()> {
    let [plain, slashed] = folder_forms(folder);
    execute(connection, DELETE_SQL, params![database, plain, slashed])
}

fn merge_rows(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<()> {
    let files = read_folder(connection, database, folder)?;
    delete(connection, database, folder)?;
    insert(connection, database, folder, &files).map(|_| ())
}

fn read_folder(
    connection: &Connection,
    database: DatabaseId,
    folder: &Path,
) -> rusqlite::Result<FolderEvidence> {
    let [plain, slashed] = folder_forms(folder);
    let mut query = connection.prepare_cached(SELECT_SQL)?;
    let mut rows = query.query(params![database, plain, slashed])?;
    let mut files = FolderEvidence::new();
    while let Some(row) = rows.next()? {
        let (manifest, digests) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
        let checksum = row.get_ref(2)?.as_blob()?;
        let proofs = row.get_ref(3)?.as_blob()?;
        let (digests, proofs) = verified_contents(
            row.get_ref(4)?.as_blob()?,
            [manifest, digests, checksum, proofs],
        )?;
        add_files(parse_manifest(manifest)?, digests, &proofs, &mut files);
    }
    Ok(files)
}

fn add_files(
    manifest: ManifestRef<'_>,
    digests: &[[u8; 16]],
    proofs: &[Proof],
    found: &mut FolderEvidence,
) {
    let mut files = manifest.files();
    let mut contents = digests.iter().zip(proofs);
    while let (Some(file), Some((digest, proof))) = (files.next(), contents.next()) {
        let evidence = FileEvidence {
            bytes: file.bytes,
            modified: file.modified,
            digest: Digest(u128::from_le_bytes(*digest)),
            proof: *proof,
        };
        found.insert(Name::from_bytes(file.name.to_vec()), evidence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
