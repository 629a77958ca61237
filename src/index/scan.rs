//! Writing a scan: only the changes, in one transaction per database, so that readers see the previous scan or this one.

use std::path::{Path, PathBuf};

use rusqlite::{Params, Transaction, TransactionBehavior, params};

use super::checksum::{store_checksum, store_roots_checksum};
use super::evidence::store_if_without_evidence;
use super::host::record_origin;
use super::name_index::{self, NameWriter, WrittenReplica, store_names_checksum};
use super::outside::write_outside;
use super::publication::count_change;
use super::replica_origin::ReplicaOrigin;
use super::replica_row::{ReplicaSize, find_replica, update_folder_count, upsert_replica};
use super::shared::ReplicaMarks;
use super::size_record::record_size;
use super::sql::{bytes, execute, one};
use super::sqlite_error::Explain as _;
use super::staged_scan::{StagedReplica, staging_key};
use super::{Coverage, DatabaseId, Index, KnownDatabase, ScanChanges, StagedScan};
use crate::base::error::{Error, IndexProblem, Result};
use crate::base::timestamp::Timestamp;
use crate::model::outside::OutsideListing;

/// Takes over the folders that were staged for the replica at place ?1, whose row is ?2. New folders are numbered from ?3 on.
const FOLDER_UPDATES: [&str; 3] = [
    "DELETE FROM folders WHERE replica_id = ?2 AND id IN (SELECT id FROM temp.staged_deletions WHERE replica = ?1)",
    "UPDATE folders SET fingerprints = staged.fingerprints, manifest = staged.manifest,
                       checksum = staged.checksum
     FROM temp.staged_folders AS staged
     WHERE staged.replica = ?1 AND folders.id = staged.id AND folders.replica_id = ?2",
    "INSERT INTO folders (id, replica_id, path, fingerprints, manifest, checksum)
     SELECT ?3 + rowid, ?2, path, fingerprints, manifest, checksum FROM temp.staged_folders WHERE replica = ?1 AND id IS NULL",
];

/// A scan of one database while it is written.
#[derive(Debug)]
pub struct ScanWriter<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) path: PathBuf,
    pub(super) database: DatabaseId,
    pub(super) scanned_at: Timestamp,
    /// The revision of the database when the scan began. Rows with a higher revision are newer than this scan.
    pub(super) base_revision: i64,
    /// True if others wrote since then. The database as a whole is then not of one scan.
    pub(super) is_superseded: bool,
    /// Marks what a catalog lacks after this scan.
    pub(super) marks: ReplicaMarks,
}

impl Index {
    /// Begins to write a scan of the database with this root. `known` is its state when the scan began: whatever others
    /// wrote since is newer and stays.
    ///
    /// # Errors
    /// [`IndexProblem::DatabaseForgotten`] if the database was forgotten since the scan began.
    pub fn write_scan(&mut self, root: &Path, known: &KnownDatabase) -> Result<ScanWriter<'_>> {
        self.require_writable()?;
        let path = self.path.clone();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .explain("write", &path)?;
        if let Some(id) = known.id {
            // Checked before the insert: the new row may get the id of the old one.
            let sql = "SELECT EXISTS (SELECT 1 FROM databases WHERE id = ?1 AND root = ?2)";
            let exists = one(&transaction, sql, params![id, bytes(root)], |row| {
                row.get(0)
            });
            if !exists.explain("write", &path)? {
                return Err(Error::index(IndexProblem::DatabaseForgotten, path));
            }
        }
        name_index::prepare(&transaction).explain("write", &path)?;
        // A forgotten database starts with a higher revision than it ever had: scans from before are older.
        let sql = "INSERT INTO databases (root, revision) VALUES (?1, ?2)
                   ON CONFLICT (root) DO UPDATE SET revision = revision + 1 RETURNING id, revision";
        let now = Timestamp::now();
        let first = now.seconds.saturating_mul(1_000_000);
        let (database, revision): (_, i64) =
            one(&transaction, sql, params![bytes(root), first], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .explain("write", &path)?;
        if revision <= known.revision {
            return Err(Error::index(IndexProblem::DatabaseForgotten, path));
        }
        let marks = ReplicaMarks::begin(&transaction, database).explain("write", &path)?;
        Ok(ScanWriter {
            transaction,
            path,
            database,
            scanned_at: now,
            base_revision: known.revision,
            is_superseded: revision != known.id.map_or(first, |_| known.revision + 1),
            marks,
        })
    }

    /// Deletes the scan of the database with this root and the record of files that were sent to it. The history of runs
    /// and the failures stay, as does the record of files that were sent from it.
    pub fn forget_database(&mut self, root: &Path) -> Result<()> {
        self.write(|transaction| {
            name_index::prepare(transaction)?;
            for sql in [
                "DELETE FROM databases WHERE root = ?1",
                "DELETE FROM sent WHERE destination = ?1",
                "DELETE FROM sent_folders WHERE destination = ?1",
                "DELETE FROM sending WHERE destination = ?1",
            ] {
                execute(transaction, sql, [bytes(root)])?;
            }
            store_roots_checksum(transaction)?;
            store_names_checksum(transaction)
        })
    }
}

impl ScanWriter<'_> {
    /// Leaves out the marks on what a catalog lacks, because the scan is from there.
    #[must_use]
    pub(super) const fn without_marks(mut self) -> Self {
        self.marks = ReplicaMarks::NONE;
        self
    }

    /// True if others wrote since the scan began: a replica of it may be outdated, or its categories.
    pub(super) const fn was_overtaken(&self) -> bool {
        self.is_superseded
    }

    /// Sets the time at which the scan began: it may have missed later changes.
    #[must_use]
    pub const fn started_at(mut self, started: Timestamp) -> Self {
        self.scanned_at = started;
        self
    }

    /// Writes the staged replicas and returns their changes. Only rows that differ are written.
    pub fn write_replicas(&self, staged: &StagedScan) -> Result<ScanChanges> {
        self.write_all(staged).explain("write", &self.path)
    }

    fn write_all(&self, staged: &StagedScan) -> rusqlite::Result<ScanChanges> {
        let mut changes = ScanChanges::default();
        let names = NameWriter::begin(&self.transaction, &staged.names)?;
        let replicas = staged.replicas.iter().enumerate();
        for (place, replica) in replicas.filter(|(_, replica)| !replica.is_left_out) {
            changes += self.write_replica(place, replica, names)?;
        }
        names.finish(&self.transaction)?;
        Ok(changes)
    }

    fn write_replica(
        &self,
        place: usize,
        replica: &StagedReplica,
        names: NameWriter,
    ) -> rusqlite::Result<ScanChanges> {
        let (transaction, key) = (&self.transaction, (&*replica.category, &replica.project));
        let stored = find_replica(transaction, Some(self.database), key.0, key.1)?;
        let is_newer = stored.is_some_and(|stored| stored.revision > self.base_revision);
        // Only the differences to the deleted row were staged.
        let is_deleted = replica
            .id
            .is_some_and(|id| stored.is_none_or(|stored| stored.id != id));
        if is_newer || is_deleted {
            return Ok(ScanChanges::default());
        }
        let origin = replica.origin.unwrap_or_else(|| self.origin());
        let aggregate = Some(&replica.aggregate);
        let id = upsert_replica(transaction, self.database, key, origin.at, aggregate)?;
        record_origin(transaction, id, origin.host)?;
        self.marks.mark_replica(transaction, self.database, key)?;
        let size = ReplicaSize::of(&replica.aggregate);
        if stored.is_none_or(|stored| stored.size != size) {
            record_size(transaction, self.database, key, origin.at, size)?;
        }
        if replica.has_changes {
            let was_empty = stored.is_none_or(|stored| stored.folder_rows == 0);
            let key = staging_key(place);
            self.marks.mark_folders(transaction, key, id)?;
            let [deletions, updates, insertions] = FOLDER_UPDATES;
            execute(transaction, deletions, params![key, id])?;
            execute(transaction, updates, params![key, id])?;
            execute(transaction, insertions, params![key, id, names.folder_base])?;
            update_folder_count(transaction, id)?;
            let written = WrittenReplica {
                place: key,
                id,
                was_empty,
                listings: replica.listings,
            };
            names.write_replica(transaction, written)?;
            if replica.is_delta {
                return Ok(replica.changes);
            }
            let coverage = Coverage::unproven(replica.regular_files, replica.regular_bytes);
            let place = (&*replica.category, &replica.project);
            let aggregate = &replica.aggregate;
            store_if_without_evidence(transaction, self.database, place, aggregate, coverage)?;
        }
        Ok(replica.changes)
    }

    /// Records that a folder, a category or one inside it, is a mount point.
    pub fn record_mount(&self, folder: &Path) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO mounts (database_id, category) VALUES (?1, ?2)";
        self.execute(sql, params![self.database, bytes(folder)])
    }

    /// Records what lies in no project. A scan that others overtook writes nothing.
    pub fn record_outside(&self, found: &OutsideListing) -> Result<()> {
        if self.is_superseded {
            return Ok(());
        }
        write_outside(&self.transaction, self.database, self.scanned_at, found)
            .explain("write", &self.path)
    }

    /// Records the identity that was found at the root, if any, and the root id of its folder.
    pub fn record_root(&self, identity: Option<&str>, root_id: Option<&str>) -> Result<()> {
        let sql =
            "UPDATE databases SET identity = coalesce(?2, identity), birth = ?3 WHERE id = ?1";
        self.execute(sql, params![self.database, identity, root_id])
    }

    /// Commits the scan. `is_whole` records that the whole database was scanned.
    pub fn finish(self, is_whole: bool) -> Result<()> {
        let sql = "UPDATE databases SET offline_since = NULL, looked_at = iif(?3, ?2, looked_at) WHERE id = ?1";
        let is_whole = is_whole && !self.is_superseded;
        self.execute(
            sql,
            params![self.database, self.scanned_at.seconds, is_whole],
        )?;
        self.commit()
    }

    /// Commits what other workstations scanned, which says nothing of where this one reaches the database.
    pub(super) fn finish_elsewhere(self) -> Result<()> {
        self.commit()
    }

    /// Records that the database is offline. Its last scan stays.
    pub fn finish_offline(self) -> Result<()> {
        let sql = "UPDATE databases SET offline_since = coalesce(offline_since, ?2) WHERE id = ?1";
        self.execute(sql, params![self.database, self.scanned_at.seconds])?;
        self.commit()
    }

    fn commit(self) -> Result<()> {
        count_change(&self.transaction, self.database)
            .and_then(|()| store_checksum(&self.transaction, self.database))
            .and_then(|()| store_names_checksum(&self.transaction))
            .and_then(|()| self.transaction.commit())
            .explain("write", &self.path)
    }

    /// This scan, by this workstation.
    pub(super) const fn origin(&self) -> ReplicaOrigin {
        ReplicaOrigin {
            at: self.scanned_at,
            host: None,
        }
    }

    /// The row of the database.
    pub(super) const fn database(&self) -> DatabaseId {
        self.database
    }

    /// Runs `work` in the transaction of this scan.
    pub(super) fn within<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&self.transaction).explain("write", &self.path)
    }

    pub(super) fn execute(&self, sql: &str, parameters: impl Params) -> Result<()> {
        execute(&self.transaction, sql, parameters).explain("write", &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::project::ProjectId;

    fn index() -> (tempfile::TempDir, Index) {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(&folder.path().join("index")).unwrap().index;
        (folder, index)
    }

    fn project() -> ProjectId {
        ProjectId {
            client: "acme".into(),
            project: "spot".into(),
        }
    }

    /// Stages a replica with one empty folder.
    fn stage(index: &Index, known: &KnownDatabase, project: &ProjectId) -> StagedScan {
        let mut staging = index.stage_scan(known).unwrap();
        let replica = staging
            .begin_replica(Path::new("footage"), project)
            .unwrap();
        staging.end_replica(replica).unwrap();
        staging.finish().unwrap()
    }

    /// Writes a scan of such a replica.
    fn see(index: &mut Index, known: &KnownDatabase, project: &ProjectId) {
        let staged = stage(index, known, project);
        let writer = index.write_scan(Path::new("/nas"), known).unwrap();
        writer.write_replicas(&staged).unwrap();
        writer.finish(false).unwrap();
    }

    #[test]
    fn slow_scan_keeps_newer_entries() {
        let (_folder, mut index) = index();
        let (root, category) = (Path::new("/nas"), Path::new("footage"));
        let project = project();
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
    fn overtaken_scan_does_not_mark_database_fresh() {
        let (_folder, mut index) = index();
        let (root, category) = (Path::new("/nas"), Path::new("footage"));
        let project = project();
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
    fn scan_of_forgotten_database_is_not_written() {
        let (_folder, mut index) = index();
        let root = Path::new("/nas");
        let project = project();
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
    fn reused_database_id_rejects_old_scan() {
        let (_folder, mut index) = index();
        let (root, nothing) = (Path::new("/nas"), KnownDatabase::default());
        let project = project();
        see(&mut index, &nothing, &project);
        let began = index.database(root).unwrap();
        let staged = stage(&index, &began, &project);
        index.forget_database(root).unwrap();
        assert!(matches!(
            index.write_scan(root, &began),
            Err(Error::Index {
                problem: IndexProblem::DatabaseForgotten,
                ..
            })
        ));
        // Scanned again by another process, without the project.
        let other = index.write_scan(root, &nothing).unwrap();
        other.finish(true).unwrap();
        let writer = index.write_scan(root, &began).unwrap();
        writer.write_replicas(&staged).unwrap();
        writer.finish(true).unwrap();
        let known = index.database(root).unwrap().id;
        assert_eq!(known, began.id);
        let projects = index.projects(known.unwrap(), Path::new("footage"));
        assert!(projects.unwrap().is_empty());
    }

    #[test]
    fn concurrently_deleted_replica_stays_deleted() {
        let (_folder, mut index) = index();
        let (root, category) = (Path::new("/nas"), Path::new("footage"));
        let project = project();
        see(&mut index, &KnownDatabase::default(), &project);
        let began = index.database(root).unwrap();
        let staged = stage(&index, &began, &project);
        let other = index.write_scan(root, &began).unwrap();
        other
            .delete_unlisted_replicas(category, &|_| false)
            .unwrap();
        other.finish(true).unwrap();
        let slow = index.write_scan(root, &began).unwrap();
        slow.write_replicas(&staged).unwrap();
        slow.finish(true).unwrap();
        let id = index.database(root).unwrap().id.unwrap();
        assert!(index.projects(id, category).unwrap().is_empty());
    }
}
