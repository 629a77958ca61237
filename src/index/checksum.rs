//! Checksums of what the index holds: `SQLite` has none of its own, and a bit that flips on a disk or in memory changes an
//! answer without a word.
//!
//! A row that holds files has a checksum of its own. A database's row, its replicas and what is known of its categories have
//! one together, so that a row which can no longer be found is noticed too. All databases have one of their roots.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, Transaction, ffi, params};

use super::sqlite_error::Explain as _;
use super::{ChangeCounter, Index};
use crate::base::error::Result;
use crate::snapshot::digest::Digest;

/// The name under which the checksum of all roots is kept.
const ROOTS_KEY: &str = "databases";

/// What belongs to one database, apart from its folders: its own row, and those of other tables.
const DATABASE_QUERIES: [&str; 4] = [
    "SELECT id, root, identity, looked_at, revision, offline_since, birth FROM databases WHERE id = ?1",
    "SELECT category, looked_at, 'look' FROM looks WHERE database_id = ?1",
    "SELECT category, 'mount' FROM mounts WHERE database_id = ?1",
    REPLICA_QUERY,
];

/// The replicas of a database; the category comes first.
const REPLICA_QUERY: &str = "
    SELECT category, client, project, id, present, looked_at, revision, files, bytes, folders, newest, newest_ns,
           unreadable, step, fingerprints, folder_rows
    FROM replicas WHERE database_id = ?1";

/// Number of replicas in each category of a database.
type ReplicaCounts = BTreeMap<Vec<u8>, usize>;

/// Databases of which the checksum was right, as long as the index is as it was then.
#[derive(Debug, Default)]
pub(super) struct VerifiedDatabases {
    change_counter: Option<ChangeCounter>,
    databases: BTreeMap<i64, ReplicaCounts>,
}

/// The checksum of several parts of a row, in the form in which it is kept.
pub(super) fn row_checksum(parts: &[&[u8]]) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Digest::of_bytes(&bytes).0.to_le_bytes()
}

/// Fails unless the checksum of these parts is the one that was kept.
pub(super) fn verify_row(kept: &[u8], parts: &[&[u8]]) -> rusqlite::Result<()> {
    if kept == row_checksum(parts) {
        Ok(())
    } else {
        Err(corruption_error("the checksum of a row is wrong"))
    }
}

/// The error of a damaged index.
pub(super) fn corruption_error(what: &str) -> rusqlite::Error {
    let corrupt = ffi::Error {
        code: ErrorCode::DatabaseCorrupt,
        extended_code: ffi::SQLITE_CORRUPT,
    };
    rusqlite::Error::SqliteFailure(corrupt, Some(what.to_owned()))
}

/// Adds the values of a row to a sum over rows.
fn add_row(
    sum: &mut u128,
    row: &Row<'_>,
    columns: usize,
    bytes: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    bytes.clear();
    for column in 0..columns {
        let (kind, value): (u8, &[u8]) = match row.get_ref(column)? {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => (1, &number.to_le_bytes()),
            ValueRef::Real(number) => (2, &number.to_le_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(value);
    }
    *sum = sum.wrapping_add(Digest::of_bytes(bytes).0);
    Ok(())
}

/// The checksum of a database, and the number of its replicas in each category.
fn database_checksum(
    connection: &Connection,
    database: i64,
) -> rusqlite::Result<([u8; 16], ReplicaCounts)> {
    let (mut sum, mut counts, mut bytes) = (0, ReplicaCounts::new(), Vec::new());
    for sql in DATABASE_QUERIES {
        let mut query = connection.prepare_cached(sql)?;
        let columns = query.column_count();
        let mut rows = query.query([database])?;
        while let Some(row) = rows.next()? {
            add_row(&mut sum, row, columns, &mut bytes)?;
            if sql == REPLICA_QUERY {
                let category = row.get_ref(0)?.as_blob()?;
                match counts.get_mut(category) {
                    Some(count) => *count += 1,
                    None => drop(counts.insert(category.to_vec(), 1)),
                }
            }
        }
    }
    Ok((sum.to_le_bytes(), counts))
}

fn roots_checksum(connection: &Connection) -> rusqlite::Result<[u8; 16]> {
    let (mut sum, mut bytes) = (0, Vec::new());
    let mut query = connection.prepare_cached("SELECT root, id FROM databases")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        add_row(&mut sum, row, 2, &mut bytes)?;
    }
    Ok(sum.to_le_bytes())
}

/// Keeps the checksum of a database, once everything that a transaction changes of it is written.
pub(super) fn store_checksum(connection: &Connection, database: i64) -> rusqlite::Result<()> {
    let (checksum, _) = database_checksum(connection, database)?;
    let sql = "UPDATE databases SET checksum = ?2 WHERE id = ?1";
    connection
        .prepare_cached(sql)?
        .execute(params![database, checksum])?;
    store_roots_checksum(connection)
}

/// Keeps the checksum of all roots.
pub(super) fn store_roots_checksum(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO checksums (name, checksum) VALUES (?1, ?2)";
    let parameters = params![ROOTS_KEY, roots_checksum(connection)?];
    connection.prepare_cached(sql)?.execute(parameters)?;
    Ok(())
}

impl Index {
    /// Takes what the index holds for true and computes its checksums anew, after it was changed by another program: by a
    /// test, or by a person who repairs it.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn recompute_checksums(&mut self) -> Result<()> {
        let path = self.path.clone();
        let write = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            store_all_checksums(&transaction)?;
            transaction.commit()
        };
        write(&mut self.connection).explain("write", &path)
    }
}

/// Gives checksums to everything that an older program wrote.
pub(super) fn store_all_checksums(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "UPDATE replicas SET folder_rows = (SELECT count(*) FROM folders WHERE replica_id = replicas.id)",
    )?;
    for (table, columns) in [
        ("folders", &["path", "fingerprints", "manifest"][..]),
        ("digests", &["folder", "manifest", "digests"]),
        (
            "sent",
            &["folder", "source", "manifest", "numbers", "marks"],
        ),
    ] {
        store_row_checksums(transaction, table, "rowid", columns)?;
    }
    store_run_file_checksums(transaction)?;
    let mut query = transaction.prepare("SELECT id FROM databases")?;
    let ids: Vec<i64> = query
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in ids {
        store_checksum(transaction, id)?;
    }
    store_roots_checksum(transaction)
}

fn store_row_checksums(
    transaction: &Transaction<'_>,
    table: &str,
    key: &str,
    columns: &[&str],
) -> rusqlite::Result<()> {
    let sql = format!(
        "SELECT {key}, {} FROM {table} ORDER BY {key}",
        columns.join(", ")
    );
    let mut query = transaction.prepare(&sql)?;
    let mut write = transaction.prepare(&format!(
        "UPDATE {table} SET checksum = ?2 WHERE {key} = ?1"
    ))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let parts = (1..=columns.len()).map(|column| {
            row.get_ref(column)?
                .as_blob()
                .map_err(rusqlite::Error::from)
        });
        let parts: Vec<&[u8]> = parts.collect::<rusqlite::Result<_>>()?;
        write.execute(params![row.get::<_, i64>(0)?, row_checksum(&parts)])?;
    }
    Ok(())
}

fn store_run_file_checksums(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut query = transaction.prepare("SELECT run, root, folder, manifest FROM run_files")?;
    let sql = "UPDATE run_files SET checksum = ?4 WHERE run = ?1 AND root = ?2 AND folder = ?3";
    let mut write = transaction.prepare(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (root, folder) = (row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?);
        let checksum = row_checksum(&[root, folder, row.get_ref(3)?.as_blob()?]);
        write.execute(params![row.get::<_, i64>(0)?, root, folder, checksum])?;
    }
    Ok(())
}

impl Index {
    /// Lets what is read until it is dropped be of one moment, so that what others write meanwhile is not taken for damage.
    pub(super) fn begin_read(&self) -> Result<Option<Transaction<'_>>> {
        let is_autocommit = self.connection.is_autocommit();
        let reading = is_autocommit.then(|| self.connection.unchecked_transaction());
        reading.transpose().explain("read", &self.path)
    }

    /// Fails if what is known of a database is not what was written; nothing is read again while nothing changes.
    pub(super) fn verify(&self, database: i64) -> Result<()> {
        self.with_verified(database, |_| Ok(()))
    }

    /// Fails if the roots of all databases are not those that were written.
    pub(super) fn verify_roots(&self) -> Result<()> {
        let sql = "SELECT checksum FROM checksums WHERE name = ?1";
        let right = self.connection.prepare_cached(sql).and_then(|mut query| {
            let kept: Vec<u8> = query.query_row([ROOTS_KEY], |row| row.get(0))?;
            Ok(kept == roots_checksum(&self.connection)?)
        });
        match right {
            Ok(true) => Ok(()),
            Ok(false) | Err(rusqlite::Error::QueryReturnedNoRows) => {
                Err(corruption_error("the checksum of the databases is wrong"))
            }
            Err(error) => Err(error),
        }
        .explain("read", &self.path)
    }

    /// Fails unless so many replicas were found in a category.
    pub(super) fn verify_count(&self, database: i64, category: &[u8], found: usize) -> Result<()> {
        self.with_verified(database, |counts| {
            if counts.get(category).copied().unwrap_or_default() == found {
                Ok(())
            } else {
                Err(corruption_error("replicas are missing"))
            }
        })
    }

    fn with_verified(
        &self,
        database: i64,
        inspect: impl FnOnce(&ReplicaCounts) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let _reading = self.begin_read()?;
        let now = self.change_counter()?;
        let mut verified = self.verified.borrow_mut();
        if verified.change_counter != Some(now) {
            *verified = VerifiedDatabases {
                change_counter: Some(now),
                ..VerifiedDatabases::default()
            };
        }
        let counts = match verified.databases.entry(database) {
            Entry::Occupied(counts) => counts.into_mut(),
            Entry::Vacant(place) => {
                place.insert(self.read_verified(database).explain("read", &self.path)?)
            }
        };
        inspect(counts).explain("read", &self.path)
    }

    fn read_verified(&self, database: i64) -> rusqlite::Result<ReplicaCounts> {
        let sql = "SELECT checksum FROM databases WHERE id = ?1";
        let mut query = self.connection.prepare_cached(sql)?;
        let kept: Vec<u8> = query.query_row([database], |row| row.get(0))?;
        let (checksum, counts) = database_checksum(&self.connection, database)?;
        if kept == checksum {
            Ok(counts)
        } else {
            Err(corruption_error("the checksum of a database is wrong"))
        }
    }
}

/// Databases that need not be read again.
pub(super) type VerifiedCache = RefCell<VerifiedDatabases>;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::base::error::{Error, IndexProblem};
    use crate::base::name::Name;
    use crate::base::timestamp::Timestamp;
    use crate::index::{FileDigest, RunStart, SentChanges, SentFile, SentRecord};
    use crate::model::project::{ProjectId, Scope};
    use crate::snapshot::manifest::{ManifestBuilder, ManifestFile};
    use crate::snapshot::tree::ScannedFolder;

    const ROOT: &str = "/mnt/work";
    const CATEGORIES: [&str; 2] = ["footage", "scratch/render"];

    fn project(name: &str) -> ProjectId {
        ProjectId {
            client: Name::from("acme"),
            project: Name::from(name),
        }
    }

    fn folder(path: &str, files: u64) -> ScannedFolder {
        let mut packer = ManifestBuilder::default();
        let mut seen = ScannedFolder {
            path: path.into(),
            ..ScannedFolder::default()
        };
        for number in 0..files {
            let modified = Timestamp {
                seconds: 1_767_323_045,
                nanoseconds: 7,
            };
            packer.add(&ManifestFile {
                name: format!("frame.{number:04}.exr").as_bytes(),
                bytes: 1000 + number,
                modified,
                target: None,
            });
            seen.totals.add(1000 + number, modified);
        }
        seen.manifest = packer.finish();
        seen
    }

    /// An index with something in every table that has checksums.
    fn fill(path: &Path) {
        let mut index = Index::open(path).unwrap().index;
        let known = index.database(Path::new(ROOT)).unwrap();
        let mut draft = index.stage_scan(&known).unwrap();
        for category in CATEGORIES {
            for name in ["spot", "teaser"] {
                let replica = draft
                    .begin_replica(Path::new(category), &project(name))
                    .unwrap();
                for (folder_path, files) in [("", 3), ("plates", 20), ("plates/sh010", 0)] {
                    draft
                        .add_folder(replica, folder(folder_path, files))
                        .unwrap();
                }
                draft.end_replica(replica).unwrap();
            }
        }
        let drafted = draft.finish().unwrap();
        let writer = index.write_scan(Path::new(ROOT), &known).unwrap();
        writer.write_replicas(&drafted).unwrap();
        for category in CATEGORIES {
            writer.record_category_scan(Path::new(category)).unwrap();
        }
        writer.record_mount(Path::new(CATEGORIES[0])).unwrap();
        writer
            .record_root(Some("0123456789abcdef"), Some("birth"))
            .unwrap();
        writer.finish(true).unwrap();
        let id = index.database_id(Path::new(ROOT)).unwrap().unwrap();
        let content = FileDigest {
            bytes: 7,
            modified: Timestamp::default(),
            digest: Digest(77),
        };
        let contents = [(Name::from("reel.mov"), content)].into();
        index
            .add_digests(&[(id, Path::new("footage/acme/spot"), &contents)])
            .unwrap();
        let mut changes = SentChanges::default();
        changes.add(Path::new("reel.mov"), SentFile::default());
        let record = SentRecord::from([(PathBuf::from("footage/acme/spot"), changes)]);
        index
            .update_sent(Path::new("s3:b"), Path::new(ROOT), &record)
            .unwrap();
        let begun = RunStart {
            command: "copy",
            subject: "all",
            source: None,
            destination: None,
        };
        let run = index.begin_run(&begun).unwrap();
        let handled = [(PathBuf::from("plates"), folder("", 4).manifest)];
        index.add_run_files(run, Path::new(ROOT), &handled).unwrap();
    }

    /// What an index says of replicas and their files, and what it knows of single files: the latter may be forgotten.
    fn answers(index: &Index) -> Result<(String, Vec<String>)> {
        let known = index.database(Path::new(ROOT))?;
        let id = known.id.unwrap_or_default();
        let mut said = format!("{known:?} {:?}", index.mounted_folders(id)?);
        for category in CATEGORIES.map(Path::new) {
            let replicas = index.replicas(id, category)?;
            let looked_at = index.category_scanned_at(id, category)?;
            write!(said, "{replicas:?} {looked_at:?}").unwrap();
            index.visit_folders(id, category, &Scope::All, &mut |folder| {
                write!(said, "{:?} {:?}", folder.project, folder.path).unwrap();
                let mut files = folder.files();
                while let Some(file) = files
                    .next()
                    .map_err(|damaged| index.damaged_error(damaged))?
                {
                    write!(said, "{file:?}").unwrap();
                }
                Ok(true)
            })?;
        }
        let digests = index.digests(id, Path::new("footage/acme/spot"))?;
        let mut single: Vec<String> = digests.iter().map(|digest| format!("{digest:?}")).collect();
        let sent = index.sent_rows(Path::new("s3:b"), Path::new("footage/acme/spot"))?;
        single.extend(sent.iter().map(|row| format!("{row:?} {:?}", row.files())));
        index.visit_run_files(1, &mut |folder| {
            single.push(format!("{folder:?}"));
            Ok(true)
        })?;
        Ok((said, single))
    }

    #[test]
    fn no_flipped_bit_changes_an_answer() {
        /// Of the bytes that hold something every so many; a prime, so that all kinds of places are met.
        const STRIDE: usize = 41;
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        fill(&path);
        let sound = fs::read(&path).unwrap();
        let index = Index::open(&path).unwrap().index;
        let (said, single) = answers(&index).unwrap();
        assert!(single.len() == 3 && said.contains("bytes: 1019"));
        drop(index);
        let flipped_path = temporary.path().join("flipped");
        let mut noticed = 0;
        let is_used = |place: &usize| sound[*place..].iter().take(16).any(|byte| *byte != 0);
        for place in (0..sound.len()).filter(is_used).step_by(STRIDE) {
            let mut flipped = sound.clone();
            flipped[place] ^= 1 << (place % 8);
            for suffix in ["", "-wal", "-shm"] {
                let file = temporary.path().join(format!("flipped{suffix}"));
                fs::remove_file(file).unwrap_or_default();
            }
            fs::write(&flipped_path, &flipped).unwrap();
            let told = Index::open_strict(&flipped_path).and_then(|index| answers(&index));
            match told {
                Err(_) => noticed += 1,
                Ok((told, some)) => {
                    assert!(told == said, "bit {} of byte {place}", place % 8);
                    assert!(some.iter().all(|one| single.contains(one)), "byte {place}");
                }
            }
        }
        assert!(noticed > 100, "{noticed}");
    }

    #[test]
    fn an_older_index_gets_its_checksums() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("index");
        fill(&path);
        let mut index = Index::open(&path).unwrap().index;
        let before = answers(&index).unwrap();
        for table in ["databases", "folders", "digests", "sent", "run_files"] {
            let sql = format!("UPDATE {table} SET checksum = x''");
            index.connection.execute(&sql, []).unwrap();
        }
        let sql = "DELETE FROM checksums; UPDATE replicas SET folder_rows = 0;";
        index.connection.execute_batch(sql).unwrap();
        assert!(matches!(
            answers(&index),
            Err(Error::Index {
                problem: IndexProblem::Damaged,
                ..
            })
        ));
        let transaction = index.transaction().unwrap();
        store_all_checksums(&transaction).unwrap();
        transaction.commit().unwrap();
        assert_eq!(answers(&index).unwrap(), before);
    }
}
