//! Writing a look: only what changed, in one transaction per database, so that a reader sees the old look or the new.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::Index;
use super::KnownDatabase;
use super::checksum::{store_checksum, store_roots_checksum};
use super::folder::encode_fingerprints;
use super::sqlite_error::Explain as _;
use super::staging::{StagedReplica, StagedScan, staging_key};
use crate::base::error::{Error, IndexProblem, Result};
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::model::project::ProjectId;
use crate::snapshot::aggregate::Aggregate;

/// Files and links that a look found different from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanChanges {
    /// New ones.
    pub added: u64,
    /// Those with another size, time or target.
    pub changed: u64,
    /// Those that are no longer there.
    pub missing: u64,
}

impl std::ops::AddAssign for ScanChanges {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.missing += other.missing;
    }
}

/// Takes over the folders that a draft has set down for the replica of place ?1, whose row is ?2.
const FOLDER_UPDATES: [&str; 3] = [
    "DELETE FROM folders WHERE replica_id = ?2 AND id IN (SELECT id FROM temp.draft_gone WHERE replica = ?1)",
    "UPDATE folders SET fingerprints = draft.fingerprints, manifest = draft.manifest,
                       checksum = draft.checksum
     FROM temp.draft_folders AS draft
     WHERE draft.replica = ?1 AND folders.id = draft.id AND folders.replica_id = ?2",
    "INSERT INTO folders (replica_id, path, fingerprints, manifest, checksum)
     SELECT ?2, path, fingerprints, manifest, checksum FROM temp.draft_folders WHERE replica = ?1 AND id IS NULL",
];

/// Writes what was seen on one database.
#[derive(Debug)]
pub struct ScanWriter<'a> {
    transaction: Transaction<'a>,
    path: PathBuf,
    database: i64,
    scanned_at: Timestamp,
    /// The revision of the database when the look began; what was written since is newer than this look.
    base_revision: i64,
    /// Whether others wrote since then: what is known of the whole database is not of one look.
    is_superseded: bool,
}

impl Index {
    /// Begins to write a look at the database with this root, of which this was known when the look began: what others
    /// wrote since is newer and stays.
    ///
    /// # Errors
    /// The index cannot be written; [`IndexProblem::DatabaseForgotten`] if the database was forgotten meanwhile.
    pub fn write_scan(&mut self, root: &Path, known: &KnownDatabase) -> Result<ScanWriter<'_>> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let now = Timestamp::now();
        if let Some(id) = known.id {
            // Asked for before it is made anew: the new row may get the number of the old one.
            let sql = "SELECT EXISTS (SELECT 1 FROM databases WHERE id = ?1 AND root = ?2)";
            let parameters = params![id, root.as_os_str().as_bytes()];
            let exists = transaction.query_row(sql, parameters, |row| row.get(0));
            if !exists.explain("write", &path)? {
                return Err(Error::index(IndexProblem::DatabaseForgotten, path));
            }
        }
        // A database that was forgotten begins with a higher number than it ever had, so that looks that are older
        // than that stay behind.
        let sql = "INSERT INTO databases (root, revision) VALUES (?1, ?2)
                   ON CONFLICT (root) DO UPDATE SET revision = revision + 1 RETURNING id, revision";
        let first = now.seconds.saturating_mul(1_000_000);
        let (database, revision): (i64, i64) = transaction
            .query_row(sql, params![root.as_os_str().as_bytes(), first], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .explain("write", &path)?;
        if revision <= known.revision {
            return Err(Error::index(IndexProblem::DatabaseForgotten, path));
        }
        Ok(ScanWriter {
            transaction,
            path,
            database,
            scanned_at: now,
            base_revision: known.revision,
            is_superseded: revision != known.id.map_or(first, |_| known.revision + 1),
        })
    }

    /// Drops everything known of the database with this root.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn forget_database(&mut self, root: &Path) -> Result<()> {
        let path = self.path.clone();
        let transaction = self.transaction()?;
        let root = root.as_os_str().as_bytes();
        transaction
            .execute("DELETE FROM databases WHERE root = ?1", [root])
            .and_then(|_| transaction.execute("DELETE FROM sent WHERE destination = ?1", [root]))
            .and_then(|_| {
                transaction.execute("DELETE FROM sent_folders WHERE destination = ?1", [root])
            })
            .and_then(|_| transaction.execute("DELETE FROM sending WHERE destination = ?1", [root]))
            .and_then(|_| store_roots_checksum(&transaction))
            .explain("write", &path)?;
        transaction.commit().explain("write", &path)
    }
}

impl ScanWriter<'_> {
    /// The look began at this moment: what is newer on the disk it may not have seen.
    #[must_use]
    pub const fn started_at(mut self, started: Timestamp) -> Self {
        self.scanned_at = started;
        self
    }

    /// Writes the replicas of a draft, touching only rows that differ; gives for each what was different.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn write_replicas(&self, staged: &StagedScan) -> Result<ScanChanges> {
        let mut changes = ScanChanges::default();
        for (place, replica) in staged.replicas.iter().enumerate() {
            changes += self
                .write_replica(place, replica)
                .explain("write", &self.path)?;
        }
        Ok(changes)
    }

    /// Notes that a project was looked for in a category and is not there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_missing(&self, category: &Path, project: &ProjectId) -> Result<ScanChanges> {
        let noted = || -> rusqlite::Result<ScanChanges> {
            if self.is_updated_since(category, project)? {
                return Ok(ScanChanges::default());
            }
            let known = self.replica_id(category, project)?;
            let missing = known.map_or(Ok(0), |id| self.delete_folders(id))?;
            self.upsert_replica(
                category,
                project,
                false,
                &Aggregate::new(TimePrecision::Nanosecond),
            )?;
            Ok(ScanChanges {
                missing,
                ..ScanChanges::default()
            })
        };
        noted().explain("write", &self.path)
    }

    /// Ends the look at a whole category: replicas of which `there` says nothing are no longer there.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn delete_unlisted_replicas(
        &self,
        category: &Path,
        is_listed: &dyn Fn(&ProjectId) -> bool,
    ) -> Result<ScanChanges> {
        self.delete_unlisted(category, is_listed)
            .explain("write", &self.path)
    }

    /// Notes that the whole category was listed: what has no replica there is missing.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_category_scan(&self, category: &Path) -> Result<()> {
        if self.is_superseded {
            return Ok(());
        }
        let sql =
            "INSERT OR REPLACE INTO looks (database_id, category, looked_at) VALUES (?1, ?2, ?3)";
        let parameters = params![
            self.database,
            category.as_os_str().as_bytes(),
            self.scanned_at.seconds
        ];
        self.transaction
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// Notes that a category's folder, or one in it, is a file system of its own.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_mount(&self, folder: &Path) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO mounts (database_id, category) VALUES (?1, ?2)";
        let parameters = params![self.database, folder.as_os_str().as_bytes()];
        self.transaction
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// Notes that a category, or one client's folder in it, could not be read: what is known of it is older, and of what
    /// is not known there nothing can be said.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_unreadable(&self, category: &Path, client: Option<&Name>) -> Result<()> {
        let sql = "UPDATE replicas SET unreadable = max(unreadable, 1)
                   WHERE database_id = ?1 AND category = ?2 AND (?3 IS NULL OR client = ?3) AND present";
        let parameters = params![
            self.database,
            category.as_os_str().as_bytes(),
            client.map(Name::as_bytes)
        ];
        self.transaction
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        let sql = "DELETE FROM looks WHERE database_id = ?1 AND category = ?2";
        let parameters = params![self.database, category.as_os_str().as_bytes()];
        self.transaction
            .execute(sql, parameters)
            .explain("write", &self.path)?;
        Ok(())
    }

    /// Notes that the whole database was looked at, and makes the look visible to readers.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn finish(self, whole: bool) -> Result<()> {
        let sql = "UPDATE databases SET offline_since = NULL, looked_at = iif(?3, ?2, looked_at) WHERE id = ?1";
        let noted = self.transaction.execute(
            sql,
            params![
                self.database,
                self.scanned_at.seconds,
                whole && !self.is_superseded
            ],
        );
        noted
            .and_then(|_| store_checksum(&self.transaction, self.database))
            .and_then(|()| self.transaction.commit())
            .explain("write", &self.path)
    }

    /// Notes that the database was not there; its last look stays.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn finish_offline(self) -> Result<()> {
        let sql = "UPDATE databases SET offline_since = coalesce(offline_since, ?2) WHERE id = ?1";
        let noted = self
            .transaction
            .execute(sql, params![self.database, self.scanned_at.seconds]);
        noted
            .and_then(|_| store_checksum(&self.transaction, self.database))
            .and_then(|()| self.transaction.commit())
            .explain("write", &self.path)
    }

    /// Notes the identity that was found at the root, if one was, and the birth of its folder.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn record_root(&self, identity: Option<&str>, root_id: Option<&str>) -> Result<()> {
        let sql =
            "UPDATE databases SET identity = coalesce(?2, identity), birth = ?3 WHERE id = ?1";
        self.transaction
            .execute(sql, params![self.database, identity, root_id])
            .explain("write", &self.path)?;
        Ok(())
    }

    fn replica_id(&self, category: &Path, project: &ProjectId) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT id FROM replicas WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
        let category = category.as_os_str().as_bytes();
        let parameters = params![
            self.database,
            category,
            project.client.as_bytes(),
            project.project.as_bytes()
        ];
        self.transaction
            .prepare_cached(sql)?
            .query_row(parameters, |row| row.get(0))
            .optional()
    }

    /// Whether others wrote of a replica since this look began.
    fn is_updated_since(&self, category: &Path, project: &ProjectId) -> rusqlite::Result<bool> {
        let sql = "SELECT revision > ?5 FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
        let category = category.as_os_str().as_bytes();
        let parameters = params![
            self.database,
            category,
            project.client.as_bytes(),
            project.project.as_bytes(),
            self.base_revision
        ];
        let newer = self
            .transaction
            .prepare_cached(sql)?
            .query_row(parameters, |row| row.get(0))
            .optional()?;
        Ok(newer.unwrap_or(false))
    }

    /// Whether others dropped a replica since this look began; what a draft holds of it is only what differed.
    fn is_deleted_since(&self, replica: &StagedReplica) -> rusqlite::Result<bool> {
        let known = self.replica_id(&replica.category, &replica.project)?;
        Ok(replica.id.is_some_and(|id| known != Some(id)))
    }

    fn write_replica(
        &self,
        place: usize,
        replica: &StagedReplica,
    ) -> rusqlite::Result<ScanChanges> {
        let (category, project) = (&replica.category, &replica.project);
        if self.is_updated_since(category, project)? || self.is_deleted_since(replica)? {
            return Ok(ScanChanges::default());
        }
        let id = self.upsert_replica(category, project, true, &replica.aggregate)?;
        if replica.has_changes {
            for sql in FOLDER_UPDATES {
                self.transaction
                    .prepare_cached(sql)?
                    .execute(params![staging_key(place), id])?;
            }
            self.update_folder_count(id)?;
        }
        Ok(replica.changes)
    }

    /// Drops the folders of a replica; says how many files there were.
    fn delete_folders(&self, replica: i64) -> rusqlite::Result<u64> {
        let sql = "SELECT files FROM replicas WHERE id = ?1";
        let files: i64 = self
            .transaction
            .prepare_cached(sql)?
            .query_row([replica], |row| row.get(0))?;
        self.transaction
            .prepare_cached("DELETE FROM folders WHERE replica_id = ?1")?
            .execute([replica])?;
        self.update_folder_count(replica)?;
        Ok(files.cast_unsigned())
    }

    /// Keeps the number of a replica's folders, by which one that can no longer be found is noticed.
    fn update_folder_count(&self, replica: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE replicas SET folder_rows = (SELECT count(*) FROM folders WHERE replica_id = ?1) WHERE id = ?1";
        self.transaction.prepare_cached(sql)?.execute([replica])?;
        Ok(())
    }

    /// Inserts or updates the replica's own row.
    fn upsert_replica(
        &self,
        category: &Path,
        project: &ProjectId,
        present: bool,
        aggregate: &Aggregate,
    ) -> rusqlite::Result<i64> {
        let sql = "INSERT INTO replicas (database_id, category, client, project, present, looked_at, revision, files, bytes,
                                         folders, newest, newest_ns, unreadable, step, fingerprints)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6,
                           (SELECT revision FROM databases WHERE id = ?1), ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                   ON CONFLICT (database_id, category, client, project) DO UPDATE SET
                       present = ?5, looked_at = ?6, revision = excluded.revision, files = ?7, bytes = ?8, folders = ?9, newest = ?10,
                       newest_ns = ?11, unreadable = ?12, step = ?13, fingerprints = ?14
                   RETURNING id";
        let parameters = params![
            self.database,
            category.as_os_str().as_bytes(),
            project.client.as_bytes(),
            project.project.as_bytes(),
            present,
            self.scanned_at.seconds,
            aggregate.files.cast_signed(),
            aggregate.bytes.cast_signed(),
            aggregate.folders.cast_signed(),
            aggregate.newest.map(|newest| newest.seconds),
            aggregate.newest.map(|newest| newest.nanoseconds),
            aggregate.unreadable.cast_signed(),
            aggregate.precision as i64,
            encode_fingerprints(&aggregate.fingerprints),
        ];
        self.transaction
            .prepare_cached(sql)?
            .query_row(parameters, |row| row.get(0))
    }

    fn delete_unlisted(
        &self,
        category: &Path,
        is_listed: &dyn Fn(&ProjectId) -> bool,
    ) -> rusqlite::Result<ScanChanges> {
        let category = category.as_os_str().as_bytes();
        let mut changes = ScanChanges::default();
        let sql = "SELECT id, files, client, project FROM replicas
                   WHERE database_id = ?1 AND category = ?2 AND revision <= ?3";
        let mut query = self.transaction.prepare_cached(sql)?;
        let known = query.query_map(
            params![self.database, category, self.base_revision],
            |row| {
                let project = ProjectId {
                    client: Name::from_bytes(row.get(2)?),
                    project: Name::from_bytes(row.get(3)?),
                };
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?.cast_unsigned(),
                    project,
                ))
            },
        )?;
        let known: Vec<_> = known.collect::<rusqlite::Result<_>>()?;
        let mut delete = self
            .transaction
            .prepare_cached("DELETE FROM replicas WHERE id = ?1")?;
        for (id, files, project) in known {
            if !is_listed(&project) {
                delete.execute([id])?;
                changes.missing += files;
            }
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a look that saw this replica with one empty folder.
    fn see(index: &mut Index, known: &KnownDatabase, project: &ProjectId) {
        let mut draft = index.stage_scan(known).unwrap();
        let replica = draft.begin_replica(Path::new("footage"), project).unwrap();
        draft.end_replica(replica).unwrap();
        let drafted = draft.finish().unwrap();
        let look = index.write_scan(Path::new("/nas"), known).unwrap();
        look.write_replicas(&drafted).unwrap();
        look.finish(false).unwrap();
    }

    #[test]
    fn a_slow_look_leaves_alone_what_was_written_after_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let (root, category) = (Path::new("/nas"), Path::new("footage"));
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        let began = index.database(root).unwrap();
        see(&mut index, &began, &project);
        let slow = index.write_scan(root, &began).unwrap();
        slow.record_missing(category, &project).unwrap();
        slow.delete_unlisted_replicas(category, &|_| false).unwrap();
        slow.finish(true).unwrap();
        let present = |index: &Index| {
            let id = index.database(root).unwrap().id.unwrap();
            index.projects(id, category).unwrap().contains(&project)
        };
        assert!(present(&index));

        let began = index.database(root).unwrap();
        let next = index.write_scan(root, &began).unwrap();
        next.record_missing(category, &project).unwrap();
        next.finish(true).unwrap();
        assert!(!present(&index));
    }

    #[test]
    fn a_look_that_was_overtaken_does_not_call_the_whole_database_fresh() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let (root, category) = (Path::new("/nas"), Path::new("footage"));
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        see(&mut index, &KnownDatabase::default(), &project);
        let began = index.database(root).unwrap();
        see(&mut index, &began, &project);
        let slow = index.write_scan(root, &began).unwrap();
        slow.record_category_scan(category).unwrap();
        slow.finish(true).unwrap();
        let known = index.database(root).unwrap();
        assert_eq!(known.scanned_at, None);
        assert_eq!(
            index
                .category_scanned_at(known.id.unwrap(), category)
                .unwrap(),
            None
        );
        let undisturbed = index.write_scan(root, &known).unwrap();
        undisturbed.record_category_scan(category).unwrap();
        undisturbed.finish(true).unwrap();
        assert!(index.database(root).unwrap().scanned_at.is_some());
    }

    #[test]
    fn a_look_at_a_database_that_was_forgotten_meanwhile_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let root = Path::new("/nas");
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        let nothing = KnownDatabase::default();
        see(&mut index, &nothing, &project);
        let began = index.database(root).unwrap();
        index.forget_database(root).unwrap();
        assert!(matches!(
            index.write_scan(root, &began),
            Err(Error::Index {
                problem: IndexProblem::DatabaseForgotten,
                ..
            })
        ));
        assert_eq!(index.database(root).unwrap().id, None);
    }

    #[test]
    fn a_new_database_with_the_number_of_a_forgotten_one_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let (root, nothing) = (Path::new("/nas"), KnownDatabase::default());
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        see(&mut index, &nothing, &project);
        let began = index.database(root).unwrap();
        let mut draft = index.stage_scan(&began).unwrap();
        let replica = draft.begin_replica(Path::new("footage"), &project).unwrap();
        draft.end_replica(replica).unwrap();
        let drafted = draft.finish().unwrap();
        index.forget_database(root).unwrap();
        assert!(matches!(
            index.write_scan(root, &began),
            Err(Error::Index {
                problem: IndexProblem::DatabaseForgotten,
                ..
            })
        ));
        // Looked at again by somebody else, who saw no such project.
        let other = index.write_scan(root, &nothing).unwrap();
        other.finish(true).unwrap();
        let look = index.write_scan(root, &began).unwrap();
        look.write_replicas(&drafted).unwrap();
        look.finish(true).unwrap();
        let known = index.database(root).unwrap().id;
        assert_eq!(known, began.id);
        let projects = index.projects(known.unwrap(), Path::new("footage"));
        assert!(projects.unwrap().is_empty());
    }

    #[test]
    fn a_replica_that_others_saw_go_is_not_written_by_halves() {
        let folder = tempfile::tempdir().unwrap();
        let mut index = Index::open(&folder.path().join("index")).unwrap().index;
        let (root, category) = (Path::new("/nas"), Path::new("footage"));
        let project = ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        };
        see(&mut index, &KnownDatabase::default(), &project);
        let began = index.database(root).unwrap();
        let mut draft = index.stage_scan(&began).unwrap();
        let replica = draft.begin_replica(category, &project).unwrap();
        draft.end_replica(replica).unwrap();
        let drafted = draft.finish().unwrap();
        let other = index.write_scan(root, &began).unwrap();
        other
            .delete_unlisted_replicas(category, &|_| false)
            .unwrap();
        other.finish(true).unwrap();
        let slow = index.write_scan(root, &began).unwrap();
        slow.write_replicas(&drafted).unwrap();
        slow.finish(true).unwrap();
        let id = index.database(root).unwrap().id.unwrap();
        assert!(index.projects(id, category).unwrap().is_empty());
    }
}
