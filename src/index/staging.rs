//! A look while it is made: every folder is set beside what the index knows of it, and what differs waits in temporary
//! tables. Nothing of it can be seen, and nobody else is kept from writing, until it is whole (see `looks`).

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::checksum::row_checksum;
use super::folder::{StoredFolder, encode_fingerprints};
use super::replica::decode_precision;
use super::sqlite_error::Explain as _;
use super::{Index, KnownDatabase, ScanChanges};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, replica_path};
use crate::snapshot::aggregate::{
    Aggregate, FileFingerprinter, FileTotals, Fingerprints, add_fingerprints, folder_fingerprints,
    subtract_fingerprints,
};
use crate::snapshot::manifest::{
    MalformedManifest, Manifest, ManifestBuilder, ManifestFile, join_by_name,
};
use crate::snapshot::time_alias::AlteredTimesByFolder;
use crate::snapshot::tree::ScannedFolder;

/// After how many folders the transaction that reads is begun anew: a long one keeps the log of others from being
/// folded in.
const FOLDERS_PER_READ: u64 = 1024;

/// What differs from the index. `id` is the row that changes, null for a new folder.
const STAGING_TABLES: &str = "
CREATE TABLE IF NOT EXISTS temp.draft_folders (
    replica INTEGER NOT NULL, id INTEGER, path BLOB NOT NULL, fingerprints BLOB NOT NULL, manifest BLOB NOT NULL,
    checksum BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS temp.draft_folders_of ON draft_folders (replica);
CREATE TABLE IF NOT EXISTS temp.draft_gone (
    replica INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (replica, id)
) STRICT, WITHOUT ROWID;
DELETE FROM temp.draft_folders;
DELETE FROM temp.draft_gone;
";

/// A look at one database while it is made.
#[derive(Debug)]
pub struct ScanStaging<'a> {
    index: &'a Index,
    read_transaction: Option<Transaction<'a>>,
    database: Option<i64>,
    /// Whether any time is known that the storage shows in the place of another.
    has_altered_times: bool,
    replicas: Vec<StagedReplica>,
    folders_read: u64,
    /// What is left alone now: it is not counted as gone.
    exclusions: Option<Arc<Exclusions>>,
}

/// A look that is whole and can be written.
#[derive(Debug)]
pub struct StagedScan {
    pub(super) replicas: Vec<StagedReplica>,
}

/// What a look found of one replica.
#[derive(Debug)]
pub(super) struct StagedReplica {
    pub(super) category: PathBuf,
    pub(super) project: ProjectId,
    pub(super) aggregate: Aggregate,
    pub(super) changes: ScanChanges,
    /// Whether any row of a folder changes.
    pub(super) has_changes: bool,
    /// Its row.
    pub(super) id: Option<i64>,
    /// The step of the last look, and the one that something seen now proves.
    precisions: (Option<TimePrecision>, Option<TimePrecision>),
    /// Its bytes at the last look.
    previous_bytes: Option<u64>,
    /// The rows of the folders that were seen.
    seen_rows: HashSet<i64>,
    /// Files with several names that were counted.
    counted_hard_links: HashSet<(u64, u64)>,
    /// Paths of which, and below which, nothing new is known.
    unreadable: HashSet<PathBuf>,
}

impl Index {
    /// Begins a look at a database of which this is known.
    ///
    /// # Errors
    /// The index cannot be read, or there is no room for temporary tables.
    pub fn stage_scan(&self, known: &KnownDatabase) -> Result<ScanStaging<'_>> {
        self.connection
            .execute_batch(STAGING_TABLES)
            .explain_temporary("prepare a look in", &self.path)?;
        let mut staging = ScanStaging {
            index: self,
            read_transaction: None,
            database: known.id,
            has_altered_times: match known.id {
                Some(id) => self.has_altered_times(id)?,
                None => false,
            },
            replicas: Vec::new(),
            folders_read: 0,
            exclusions: None,
        };
        staging.begin_read()?;
        Ok(staging)
    }
}

impl<'a> ScanStaging<'a> {
    /// The same where these are left alone: what was known of them does not count as gone.
    #[must_use]
    pub fn with_exclusions(mut self, exclusions: Arc<Exclusions>) -> Self {
        self.exclusions = Some(exclusions);
        self
    }

    /// How many of the files of a folder that nobody sees any more are gone, and not left alone.
    fn count_missing(&self, folder: &StoredFolder) -> u64 {
        let exclusions = self.exclusions.as_deref();
        if exclusions.is_some_and(|rules| rules.excludes_folder(&folder.path)) {
            return 0;
        }
        let mut files = folder.manifest.files();
        let mut missing = 0;
        while let Ok(Some(file)) = files.next() {
            missing += u64::from(!is_excluded(exclusions, &folder.path, file.name));
        }
        missing
    }

    /// The times that the storage shows in the place of those that were set, by folder below the replica's.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn altered_times(
        &self,
        category: &Path,
        project: &ProjectId,
    ) -> Result<AlteredTimesByFolder> {
        let relative = replica_path(category, project);
        let altered = match self.database {
            Some(id) if self.has_altered_times => self.index.altered_times(id, &relative)?,
            _ => AlteredTimesByFolder::new(),
        };
        let below = altered.into_iter().filter_map(|(folder, times)| {
            let folder = folder.strip_prefix(&relative).ok()?.to_owned();
            Some((folder, times))
        });
        Ok(below.collect())
    }

    /// Begins a replica that is there; gives its place, by which the rest is told.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn begin_replica(&mut self, category: &Path, project: &ProjectId) -> Result<usize> {
        let sql = "SELECT id, step, bytes FROM replicas WHERE database_id = ?1 AND category = ?2 AND client = ?3 AND project = ?4";
        let parameters = params![
            self.database,
            category.as_os_str().as_bytes(),
            project.client.as_bytes(),
            project.project.as_bytes()
        ];
        let query = self.index.connection.prepare_cached(sql);
        let known = query
            .and_then(|mut query| {
                let read = |known: &Row<'_>| {
                    let bytes = known.get::<_, i64>(2)?.cast_unsigned();
                    Ok((known.get(0)?, decode_precision(known.get(1)?), bytes))
                };
                query.query_row(parameters, read).optional()
            })
            .explain("read", &self.index.path)?;
        self.replicas.push(StagedReplica {
            category: category.to_owned(),
            project: project.clone(),
            aggregate: Aggregate::new(TimePrecision::Nanosecond),
            changes: ScanChanges::default(),
            has_changes: false,
            id: known.map(|(id, ..)| id),
            precisions: (known.map(|(_, step, _)| step), None),
            previous_bytes: known.map(|(.., bytes)| bytes),
            seen_rows: HashSet::new(),
            counted_hard_links: HashSet::new(),
            unreadable: HashSet::new(),
        });
        Ok(self.replicas.len() - 1)
    }

    /// Notes in which step the replica's file system keeps times, as far as something in it proves.
    pub fn add_precision(&mut self, replica: usize, step: TimePrecision) {
        let (_, proven) = &mut self.replicas[replica].precisions;
        *proven = Some(proven.map_or(step, |finest| finest.min(step)));
    }

    /// Adds a folder that was seen.
    ///
    /// # Errors
    /// The index cannot be read or is damaged, or there is no room for temporary tables.
    pub fn add_folder(&mut self, replica: usize, mut seen: ScannedFolder) -> Result<()> {
        self.renew_read()?;
        let stored = self.stored_folder(replica, &seen.path)?;
        if !seen.unreadable.is_empty() {
            self.merge_unreadable(replica, &mut seen, stored.as_ref())?;
        }
        let staged = &mut self.replicas[replica];
        for (device, inode, bytes) in &seen.hard_links {
            if !staged.counted_hard_links.insert((*device, *inode)) {
                seen.totals.bytes = seen.totals.bytes.saturating_sub(*bytes);
            }
        }
        let Some(stored) = stored else {
            let sums = folder_fingerprints(&seen.path, seen.manifest.files())
                .map_err(|malformed| self.index.damaged_error(malformed))?;
            staged.aggregate.add_folder(&seen.path, &seen.totals, &sums);
            staged.changes.added += seen.totals.files;
            return self.stage_folder(replica, None, &seen, &sums);
        };
        staged.seen_rows.insert(stored.id);
        if stored.manifest == seen.manifest {
            staged
                .aggregate
                .add_folder(&seen.path, &seen.totals, &stored.fingerprints);
            return Ok(());
        }
        let (changes, sums) = folder_changes(&stored, &seen.manifest, self.exclusions.as_deref())
            .map_err(|malformed| self.index.damaged_error(malformed))?;
        staged.aggregate.add_folder(&seen.path, &seen.totals, &sums);
        staged.changes += changes;
        self.stage_folder(replica, Some(stored.id), &seen, &sums)
    }

    /// Adds a folder that could not be read: what is known of it and of what is below it is older, and stays.
    ///
    /// # Errors
    /// The index cannot be read, or there is no room for temporary tables.
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

    /// Ends a replica of which everything was told: folders that were not seen are gone, unless they lie below one that
    /// could not be read.
    ///
    /// # Errors
    /// The index cannot be read or is damaged, or there is no room for temporary tables.
    pub fn end_replica(&mut self, replica: usize) -> Result<()> {
        let staged = &mut self.replicas[replica];
        let seen = std::mem::take(&mut staged.seen_rows);
        staged.counted_hard_links = HashSet::new();
        let (known, proven) = staged.precisions;
        staged.aggregate.precision = proven.or(known).unwrap_or(TimePrecision::Nanosecond);
        let Some(id) = staged.id else {
            return Ok(());
        };
        for id in self.unseen_folders(id, &seen)? {
            let stored = self.index.folder_by_id(id)?;
            let totals = FileTotals::of(stored.manifest.files())
                .map_err(|malformed| self.index.damaged_error(malformed))?;
            let missing = self.count_missing(&stored);
            let staged = &mut self.replicas[replica];
            let mut above = stored.path.ancestors();
            if above.any(|path| staged.unreadable.contains(path)) {
                staged
                    .aggregate
                    .add_folder(&stored.path, &totals, &stored.fingerprints);
                continue;
            }
            staged.changes.missing += missing;
            staged.has_changes = true;
            let sql = "INSERT INTO temp.draft_gone (replica, id) VALUES (?1, ?2)";
            let query = self.index.connection.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(params![staging_key(replica), stored.id]))
                .explain_temporary("write a look of", &self.index.path)?;
        }
        let staged = &mut self.replicas[replica];
        if let (false, Some(bytes)) = (staged.unreadable.is_empty(), staged.previous_bytes)
            && staged.changes == ScanChanges::default()
        {
            // Which files below a closed folder are further names of others only the last look could tell.
            staged.aggregate.bytes = bytes;
        }
        Ok(())
    }

    /// The look as it can be written.
    ///
    /// # Errors
    /// There is no room for temporary tables.
    pub fn finish(mut self) -> Result<StagedScan> {
        self.end_read()?;
        let replicas = std::mem::take(&mut self.replicas);
        Ok(StagedScan { replicas })
    }

    /// What the index knows of a folder.
    fn stored_folder(&self, replica: usize, path: &Path) -> Result<Option<StoredFolder>> {
        let Some(id) = self.replicas[replica].id else {
            return Ok(None);
        };
        self.index.find_folder(id, path)
    }

    /// The rows of a replica's folders that are not among these.
    fn unseen_folders(&self, replica: i64, seen: &HashSet<i64>) -> Result<Vec<i64>> {
        let sql = "SELECT id FROM folders WHERE replica_id = ?1 ORDER BY path";
        let query = self.index.connection.prepare_cached(sql);
        let ids = query.and_then(|mut query| {
            let rows = query.query_map([replica], |row| row.get(0))?;
            rows.filter(|id| id.as_ref().map_or(true, |id| !seen.contains(id)))
                .collect()
        });
        ids.explain("read", &self.index.path)
    }

    /// Puts what the index knows of names that could not be looked at into a folder that was seen.
    fn merge_unreadable(
        &mut self,
        replica: usize,
        seen: &mut ScannedFolder,
        stored: Option<&StoredFolder>,
    ) -> Result<()> {
        let staged = &mut self.replicas[replica];
        staged.aggregate.unreadable += seen.unreadable.len() as u64;
        // Any of them may be a folder.
        let paths = seen
            .unreadable
            .iter()
            .map(|name| seen.path.join(name.as_path()));
        staged.unreadable.extend(paths);
        let Some(stored) = stored else {
            return Ok(());
        };
        let unread: HashSet<&[u8]> = seen.unreadable.iter().map(Name::as_bytes).collect();
        let is_unread = |file: &ManifestFile<'_>| unread.contains(file.name);
        let mut packer = ManifestBuilder::default();
        let merged = join_by_name(
            seen.manifest.packed(),
            stored.manifest.packed(),
            &mut |now, before| {
                if let Some(file) = now.or_else(|| before.filter(is_unread)) {
                    packer.add(&file);
                }
            },
        );
        seen.manifest = packer.finish();
        let totals = merged.and_then(|()| FileTotals::of(seen.manifest.files()));
        seen.totals = totals.map_err(|malformed| self.index.damaged_error(malformed))?;
        Ok(())
    }

    /// Sets a folder down that differs.
    fn stage_folder(
        &mut self,
        replica: usize,
        id: Option<i64>,
        seen: &ScannedFolder,
        sums: &Fingerprints,
    ) -> Result<()> {
        self.replicas[replica].has_changes = true;
        let sql =
            "INSERT INTO temp.draft_folders (replica, id, path, fingerprints, manifest, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (path, manifest) = (seen.path.as_os_str().as_bytes(), seen.manifest.packed());
        let sums = encode_fingerprints(sums);
        let checksum = row_checksum(&[path, &sums, manifest]);
        let parameters = params![staging_key(replica), id, path, sums, manifest, checksum];
        let query = self.index.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.execute(parameters))
            .explain_temporary("write a look of", &self.index.path)?;
        Ok(())
    }

    /// Begins the transaction that reads anew, now and then.
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
        let begun = index.connection.unchecked_transaction();
        self.read_transaction = Some(begun.explain("read", &index.path)?);
        Ok(())
    }

    fn end_read(&mut self) -> Result<()> {
        let ended = self
            .read_transaction
            .take()
            .map_or(Ok(()), Transaction::commit);
        ended.explain_temporary("write a look of", &self.index.path)
    }
}

/// A replica's place as it stands in the temporary tables.
pub(super) fn staging_key(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

fn is_excluded(exclusions: Option<&Exclusions>, folder: &Path, name: &[u8]) -> bool {
    exclusions.is_some_and(|rules| rules.excludes(folder, OsStr::from_bytes(name), false))
}

/// What is different in a folder, and its fingerprints now: only files that changed are hashed.
fn folder_changes(
    before: &StoredFolder,
    now: &Manifest,
    exclusions: Option<&Exclusions>,
) -> Result<(ScanChanges, Fingerprints), MalformedManifest> {
    let mut changes = ScanChanges::default();
    let mut sums = before.fingerprints;
    let folder = &before.path;
    let mut prints = FileFingerprinter::of(folder);
    join_by_name(
        before.manifest.packed(),
        now.packed(),
        &mut |before, now| {
            if before == now {
                return;
            }
            match (before, now) {
                (None, _) => changes.added += 1,
                (Some(file), None) => {
                    let is_excluded = is_excluded(exclusions, folder, file.name);
                    changes.missing += u64::from(!is_excluded);
                }
                _ => changes.changed += 1,
            }
            if let Some(file) = before {
                subtract_fingerprints(&mut sums, &prints.fingerprints(&file));
            }
            if let Some(file) = now {
                add_fingerprints(&mut sums, &prints.fingerprints(&file));
            }
        },
    )?;
    Ok((changes, sums))
}
