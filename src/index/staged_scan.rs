//! A scan in progress: each folder is compared with the index, and differences are staged in temporary tables. Readers
//! see nothing of it and other writers are not blocked until it is complete (see `scan`).

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Params, Transaction, params};

use super::checksum::row_checksum;
use super::folder::StoredFolder;
use super::folder_change::{ScanChanges, count_missing, folder_changes};
use super::name_index::{self, FolderNumber, NameStaging, StagedNames};
use super::replica_origin::ReplicaOrigin;
use super::replica_row::{ReplicaRow, find_replica};
use super::sql::{bytes, encode_fingerprints, execute};
use super::sqlite_error::Explain as _;
use super::{DatabaseId, Index, KnownDatabase};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::model::exclusion::Exclusions;
use crate::model::layout::CategoryLayout;
use crate::model::project::ProjectId;
use crate::os::stat::FileId;
use crate::snapshot::aggregate::{Aggregate, Fingerprints, folder_fingerprints};
use crate::snapshot::manifest::{FileTotals, ManifestBuilder, ManifestFile};
use crate::snapshot::manifest_join::join_by_name;
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::ScannedFolder;

/// Number of folders after which the read transaction is renewed. A long one keeps `SQLite` from truncating the log of
/// other writers.
const FOLDERS_PER_READ: u64 = 1024;

/// The differences to the index. `id` is the changed row, null for a new folder.
const STAGING_TABLES: &str = "
CREATE TABLE IF NOT EXISTS temp.staged_folders (
    replica INTEGER NOT NULL, id INTEGER, path BLOB NOT NULL, fingerprints BLOB NOT NULL, manifest BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS temp.staged_folders_of ON staged_folders (replica);
CREATE TABLE IF NOT EXISTS temp.staged_deletions (
    replica INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (replica, id)
) STRICT, WITHOUT ROWID;
DELETE FROM temp.staged_folders;
DELETE FROM temp.staged_deletions;
";

/// A scan of one database in progress.
#[derive(Debug)]
pub struct ScanStaging<'a> {
    pub(super) index: &'a Index,
    read_transaction: Option<Transaction<'a>>,
    pub(super) database: Option<DatabaseId>,
    has_altered_times: bool,
    pub(super) replicas: Vec<StagedReplica>,
    pub(super) names: NameStaging,
    folders_read: u64,
    /// Excluded files are not counted as missing.
    exclusions: Option<Arc<Exclusions>>,
}

/// A complete scan, ready to be written.
#[derive(Debug, Default)]
pub struct StagedScan {
    pub(super) replicas: Vec<StagedReplica>,
    pub(super) names: StagedNames,
}

/// One replica of a scan.
#[derive(Debug)]
pub(super) struct StagedReplica {
    pub(super) category: PathBuf,
    pub(super) project: ProjectId,
    pub(super) aggregate: Aggregate,
    /// The scan that it is from, if it is not the one that is written.
    pub(super) origin: Option<ReplicaOrigin>,
    pub(super) changes: ScanChanges,
    /// True if only the folders that changed are staged: the others stay.
    pub(super) is_delta: bool,
    /// True if the replica is not written after all.
    pub(super) is_left_out: bool,
    /// True if any row of a folder changes.
    pub(super) has_changes: bool,
    /// Number of folders whose names were staged.
    pub(super) listings: i64,
    /// Number of regular files.
    pub(super) regular_files: u64,
    /// Bytes of all of them; of a file with several hard links for each.
    pub(super) regular_bytes: u64,
    /// The row of the previous scan.
    pub(super) id: Option<i64>,
    previous: Option<ReplicaRow>,
    /// The finest precision that a time proves.
    proven_precision: Option<TimePrecision>,
    /// The rows of the scanned folders.
    seen_rows: HashSet<i64>,
    /// Files with several hard links that were counted.
    counted_hard_links: HashSet<FileId>,
    /// Paths that could not be read: they and everything below them keep their rows.
    unreadable: HashSet<PathBuf>,
}

impl StagedReplica {
    /// Counts the regular files of a folder.
    const fn count_regular(&mut self, totals: &FileTotals) {
        self.regular_files += totals.files.saturating_sub(totals.links);
        self.regular_bytes = self.regular_bytes.saturating_add(totals.bytes);
    }
}

impl Index {
    /// Begins a scan of a database.
    ///
    /// # Errors
    /// [`crate::base::error::IndexProblem::StagingUnavailable`] if temporary tables have no room.
    pub fn stage_scan(&self, known: &KnownDatabase) -> Result<ScanStaging<'_>> {
        self.connection
            .execute_batch(STAGING_TABLES)
            .and_then(|()| self.connection.execute_batch(name_index::STAGING_TABLES))
            .explain_temporary("prepare a scan in", &self.path)?;
        let mut staging = ScanStaging {
            index: self,
            read_transaction: None,
            database: known.id,
            has_altered_times: match known.id {
                Some(id) => self.has_altered_times(id)?,
                None => false,
            },
            replicas: Vec::new(),
            names: NameStaging::default(),
            folders_read: 0,
            exclusions: None,
        };
        staging.begin_read()?;
        Ok(staging)
    }
}

impl<'a> ScanStaging<'a> {
    /// Sets the exclusions: files that they exclude now are not counted as missing.
    #[must_use]
    pub fn with_exclusions(mut self, exclusions: Arc<Exclusions>) -> Self {
        self.exclusions = Some(exclusions);
        self
    }

    /// Returns the altered times of a replica, by folder below the replica's.
    pub fn altered_times(
        &self,
        category: &Path,
        project: &ProjectId,
    ) -> Result<AlteredTimesByFolder> {
        let known = self.database.filter(|_| self.has_altered_times);
        let replica = CategoryLayout::from_key(category).replica_path(project);
        self.index.altered_times(known, &replica)
    }

    /// Begins a present replica and returns its place, the key for the other functions.
    pub fn begin_replica(&mut self, category: &Path, project: &ProjectId) -> Result<usize> {
        let index = self.index;
        let previous = find_replica(&index.connection, self.database, category, project)
            .explain("read", &index.path)?;
        self.replicas.push(StagedReplica {
            category: category.to_owned(),
            project: project.clone(),
            aggregate: Aggregate::new(TimePrecision::Nanosecond),
            origin: None,
            is_delta: false,
            is_left_out: false,
            changes: ScanChanges::default(),
            has_changes: false,
            listings: 0,
            regular_files: 0,
            regular_bytes: 0,
            id: previous.map(|previous| previous.id),
            previous,
            proven_precision: None,
            seen_rows: HashSet::new(),
            counted_hard_links: HashSet::new(),
            unreadable: HashSet::new(),
        });
        Ok(self.replicas.len() - 1)
    }

    /// Adds a precision that a time in the replica proves.
    pub fn add_precision(&mut self, replica: usize, precision: TimePrecision) {
        let proven = &mut self.replicas[replica].proven_precision;
        *proven = Some(proven.map_or(precision, |finest| finest.min(precision)));
    }

    /// Adds a scanned folder.
    pub fn add_folder(&mut self, replica: usize, mut seen: ScannedFolder) -> Result<()> {
        self.renew_read()?;
        let stored = self.stored_folder(replica, &seen.path)?;
        if !seen.unreadable.is_empty() {
            self.merge_unreadable(replica, &mut seen, stored.as_ref());
        }
        let staged = &mut self.replicas[replica];
        staged.count_regular(&seen.totals);
        for (file_id, bytes) in &seen.hard_links {
            if !staged.counted_hard_links.insert(*file_id) {
                seen.totals.bytes = seen.totals.bytes.saturating_sub(*bytes);
            }
        }
        let Some(stored) = stored else {
            let sums = folder_fingerprints(&seen.path, seen.manifest.files());
            staged.aggregate.add_folder(&seen.path, &seen.totals, &sums);
            staged.changes.added += seen.totals.files;
            self.stage_folder(replica, None, &seen, &sums)?;
            return self.stage_names(replica, None, &seen);
        };
        staged.seen_rows.insert(stored.id);
        if stored.manifest == seen.manifest {
            staged
                .aggregate
                .add_folder(&seen.path, &seen.totals, &stored.fingerprints);
            return Ok(());
        }
        let (changes, sums) = folder_changes(&stored, &seen.manifest, self.exclusions.as_deref());
        staged.aggregate.add_folder(&seen.path, &seen.totals, &sums);
        staged.changes += changes;
        self.stage_folder(replica, Some(stored.id), &seen, &sums)?;
        // The name index may know a name too many, so only new ones count.
        if changes.added > 0 {
            self.stage_names(replica, Some(stored.id), &seen)?;
        }
        Ok(())
    }

    /// Adds a folder that could not be read: its row and those below it stay.
    pub fn add_unreadable_folder(&mut self, replica: usize, path: &Path) -> Result<()> {
        self.replicas[replica].unreadable.insert(path.to_owned());
        self.replicas[replica].aggregate.unreadable += 1;
        if path == Path::new("") || self.stored_folder(replica, path)?.is_some() {
            return Ok(());
        }
        let empty = ScannedFolder {
            path: path.to_owned(),
            ..ScannedFolder::default()
        };
        let none = Fingerprints::default();
        self.replicas[replica]
            .aggregate
            .add_folder(path, &empty.totals, &none);
        self.stage_folder(replica, None, &empty, &none)
    }

    /// Ends a replica. Folders that were not added no longer exist, unless they are below an unreadable one.
    pub fn end_replica(&mut self, replica: usize) -> Result<()> {
        let connection = &self.index.connection;
        self.names
            .end_replica(connection, staging_key(replica))
            .explain_temporary("write a scan of", &self.index.path)?;
        let staged = &mut self.replicas[replica];
        let seen = std::mem::take(&mut staged.seen_rows);
        staged.counted_hard_links = HashSet::new();
        let known = staged.previous.map(|previous| previous.precision);
        let precision = staged.proven_precision.or(known);
        staged.aggregate.precision = precision.unwrap_or(TimePrecision::Nanosecond);
        let Some(previous) = staged.previous else {
            return Ok(());
        };
        for id in self.unseen_folders(previous.id, &seen)? {
            let stored = self.index.folder_by_id(id)?;
            self.end_unseen_folder(replica, &stored)?;
        }
        let staged = &mut self.replicas[replica];
        if !staged.unreadable.is_empty() && staged.changes == ScanChanges::default() {
            // Hard links below an unreadable folder are not known: its files would be counted twice.
            staged.aggregate.bytes = previous.size.bytes;
        }
        Ok(())
    }

    /// Keeps a folder below an unreadable one and stages the deletion of any other.
    pub(super) fn end_unseen_folder(
        &mut self,
        replica: usize,
        stored: &StoredFolder,
    ) -> Result<()> {
        let staged = &mut self.replicas[replica];
        let mut parents = stored.path.ancestors();
        if parents.any(|path| staged.unreadable.contains(path)) {
            let totals = FileTotals::of(stored.manifest.files());
            staged.count_regular(&totals);
            staged
                .aggregate
                .add_folder(&stored.path, &totals, &stored.fingerprints);
            return Ok(());
        }
        staged.changes.missing += count_missing(stored, self.exclusions.as_deref());
        staged.has_changes = true;
        let sql = "INSERT INTO temp.staged_deletions (replica, id) VALUES (?1, ?2)";
        self.stage(sql, params![staging_key(replica), stored.id])
    }

    /// Ends the scan.
    pub fn finish(mut self) -> Result<StagedScan> {
        let names = std::mem::take(&mut self.names);
        let names = names
            .finish(&self.index.connection)
            .explain_temporary("write a scan of", &self.index.path)?;
        self.end_read()?;
        let replicas = std::mem::take(&mut self.replicas);
        Ok(StagedScan { replicas, names })
    }

    pub(super) fn stored_folder(
        &self,
        replica: usize,
        path: &Path,
    ) -> Result<Option<StoredFolder>> {
        let Some(id) = self.replicas[replica].id else {
            return Ok(None);
        };
        self.index.find_folder(id, path)
    }

    /// Returns the rows of a replica's folders that were not added.
    fn unseen_folders(&self, replica: i64, seen: &HashSet<i64>) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM folders WHERE replica_id = ?1 ORDER BY path";
        let mut ids: Vec<i64> = self.index.rows(sql, [replica], |row| row.get(0))?;
        ids.retain(|id| !seen.contains(id));
        Ok(ids)
    }

    /// Adds the stored files with names that could not be read to a scanned folder.
    fn merge_unreadable(
        &mut self,
        replica: usize,
        seen: &mut ScannedFolder,
        stored: Option<&StoredFolder>,
    ) {
        let staged = &mut self.replicas[replica];
        staged.aggregate.unreadable += seen.unreadable.len() as u64;
        // Each name may be that of a folder.
        let paths = seen
            .unreadable
            .iter()
            .map(|name| seen.path.join(name.as_path()));
        staged.unreadable.extend(paths);
        let Some(stored) = stored else { return };
        let unreadable: HashSet<&[u8]> = seen.unreadable.iter().map(Name::as_bytes).collect();
        let is_unreadable = |file: &ManifestFile<'_>| unreadable.contains(file.name);
        let mut manifest = ManifestBuilder::default();
        join_by_name(
            seen.manifest.as_ref(),
            stored.manifest.as_ref(),
            &mut |now, before| {
                if let Some(file) = now.or_else(|| before.filter(is_unreadable)) {
                    manifest.add(&file);
                }
            },
        );
        (seen.manifest, seen.totals) = manifest.finish_with_totals();
    }

    /// Stages a folder that differs.
    fn stage_folder(
        &mut self,
        replica: usize,
        id: Option<i64>,
        seen: &ScannedFolder,
        sums: &Fingerprints,
    ) -> Result<()> {
        self.replicas[replica].has_changes = true;
        let sql =
            "INSERT INTO temp.staged_folders (replica, id, path, fingerprints, manifest, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (path, manifest) = (bytes(&seen.path), seen.manifest.packed());
        let sums = encode_fingerprints(sums);
        let checksum = row_checksum(&[path, &sums, manifest]);
        let parameters = params![staging_key(replica), id, path, sums, manifest, checksum];
        self.stage(sql, parameters)
    }

    /// Stages the names of the folder that was staged last.
    fn stage_names(&mut self, replica: usize, id: Option<i64>, seen: &ScannedFolder) -> Result<()> {
        let connection = &self.index.connection;
        let folder = match id {
            Some(id) => FolderNumber::Known(id),
            None => FolderNumber::New(connection.last_insert_rowid()),
        };
        let staged = &mut self.replicas[replica];
        staged.listings += 1;
        let place = (&staged.project, &*seen.path);
        let manifest = seen.manifest.as_ref();
        self.names
            .add_folder(connection, staging_key(replica), folder, place, manifest)
            .explain_temporary("write a scan of", &self.index.path)
    }

    fn stage(&self, sql: &str, parameters: impl Params) -> Result<()> {
        execute(&self.index.connection, sql, parameters)
            .explain_temporary("write a scan of", &self.index.path)
    }

    /// Renews the read transaction after [`FOLDERS_PER_READ`] folders.
    fn renew_read(&mut self) -> Result<()> {
        self.folders_read += 1;
        if self.folders_read.is_multiple_of(FOLDERS_PER_READ) {
            self.end_read()?;
            self.begin_read()?;
        }
        Ok(())
    }

    fn begin_read(&mut self) -> Result<()> {
        let index: &'a Index = self.index;
        let transaction = index.connection.unchecked_transaction();
        self.read_transaction = Some(transaction.explain("read", &index.path)?);
        Ok(())
    }

    fn end_read(&mut self) -> Result<()> {
        // Committed, because dropping it would roll the temporary tables back.
        let transaction = self.read_transaction.take();
        let ended = transaction.map_or(Ok(()), Transaction::commit);
        ended.explain_temporary("write a scan of", &self.index.path)
    }
}

/// Returns the key of a replica in the temporary tables.
pub(super) fn staging_key(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
