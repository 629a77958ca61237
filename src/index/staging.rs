//! A look while it is made: every folder is set beside what the index knows of it, and what differs waits in temporary
//! tables. Nothing of it can be seen, and nobody else is kept from writing, until it is whole (see `looks`).

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::checksum::of_parts;
use super::folder::{StoredFolder, write_fingerprints};
use super::replica::step;
use super::sqlite_error::Explain as _;
use super::{Changes, Index, KnownDatabase};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::Step;
use crate::model::exclusion::Exclusions;
use crate::model::project::{ProjectId, below};
use crate::snapshot::aggregate::{
    Aggregate, Fingerprints, Prints, Tally, add, fingerprints, subtract,
};
use crate::snapshot::manifest::{File, Malformed, Manifest, Packer, side_by_side};
use crate::snapshot::time_alias::Held;
use crate::snapshot::tree::SeenFolder;

/// After how many folders the transaction that reads is begun anew: a long one keeps the log of others from being
/// folded in.
const READS: u64 = 1024;

/// What differs from the index. `id` is the row that changes, null for a new folder.
const TABLES: &str = "
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
pub struct Draft<'a> {
    index: &'a Index,
    reading: Option<Transaction<'a>>,
    database: Option<i64>,
    /// Whether any time is known that the storage shows in the place of another.
    holds_other_times: bool,
    replicas: Vec<DraftReplica>,
    reads: u64,
    /// What is left alone now: it is not counted as gone.
    exclusions: Option<Arc<Exclusions>>,
}

/// A look that is whole and can be written.
#[derive(Debug)]
pub struct Drafted {
    pub(super) replicas: Vec<DraftReplica>,
}

/// What a look found of one replica.
#[derive(Debug)]
pub(super) struct DraftReplica {
    pub(super) category: PathBuf,
    pub(super) project: ProjectId,
    pub(super) sum: Aggregate,
    pub(super) changes: Changes,
    /// Whether any row of a folder changes.
    pub(super) differs: bool,
    /// Its row.
    pub(super) id: Option<i64>,
    /// The step of the last look, and the one that something seen now proves.
    steps: (Option<Step>, Option<Step>),
    /// Its bytes at the last look.
    bytes: Option<u64>,
    /// The rows of the folders that were seen.
    seen: HashSet<i64>,
    /// Files with several names that were counted.
    counted: HashSet<(u64, u64)>,
    /// Paths of which, and below which, nothing new is known.
    unread: HashSet<PathBuf>,
}

impl Index {
    /// Begins a look at a database of which this is known.
    ///
    /// # Errors
    /// The index cannot be read, or there is no room for temporary tables.
    pub fn draft(&self, known: &KnownDatabase) -> Result<Draft<'_>> {
        self.connection
            .execute_batch(TABLES)
            .explain_scratch("prepare a look in", &self.path)?;
        let mut draft = Draft {
            index: self,
            reading: None,
            database: known.id,
            holds_other_times: match known.id {
                Some(id) => self.holds_other_times(id)?,
                None => false,
            },
            replicas: Vec::new(),
            reads: 0,
            exclusions: None,
        };
        draft.begin_reading()?;
        Ok(draft)
    }
}

impl<'a> Draft<'a> {
    /// The same where these are left alone: what was known of them does not count as gone.
    #[must_use]
    pub fn excluding(mut self, exclusions: Arc<Exclusions>) -> Self {
        self.exclusions = Some(exclusions);
        self
    }

    /// How many of the files of a folder that nobody sees any more are gone, and not left alone.
    fn gone(&self, folder: &StoredFolder) -> u64 {
        let exclusions = self.exclusions.as_deref();
        if exclusions.is_some_and(|rules| rules.excludes_below(&folder.path)) {
            return 0;
        }
        let mut files = folder.manifest.files();
        let mut gone = 0;
        while let Ok(Some(file)) = files.next() {
            gone += u64::from(!is_excluded(exclusions, &folder.path, file.name));
        }
        gone
    }

    /// The times that the storage shows in the place of those that were set, by folder below the replica's.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn held(&self, category: &Path, project: &ProjectId) -> Result<Held> {
        let relative = below(category, project);
        let held = match self.database {
            Some(id) if self.holds_other_times => self.index.held(id, &relative)?,
            _ => Held::new(),
        };
        let below = held.into_iter().filter_map(|(folder, times)| {
            let folder = folder.strip_prefix(&relative).ok()?.to_owned();
            Some((folder, times))
        });
        Ok(below.collect())
    }

    /// Begins a replica that is there; gives its place, by which the rest is told.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn replica(&mut self, category: &Path, project: &ProjectId) -> Result<usize> {
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
                    Ok((known.get(0)?, step(known.get(1)?), bytes))
                };
                query.query_row(parameters, read).optional()
            })
            .explain("read", &self.index.path)?;
        self.replicas.push(DraftReplica {
            category: category.to_owned(),
            project: project.clone(),
            sum: Aggregate::new(Step::Nanosecond),
            changes: Changes::default(),
            differs: false,
            id: known.map(|(id, ..)| id),
            steps: (known.map(|(_, step, _)| step), None),
            bytes: known.map(|(.., bytes)| bytes),
            seen: HashSet::new(),
            counted: HashSet::new(),
            unread: HashSet::new(),
        });
        Ok(self.replicas.len() - 1)
    }

    /// Notes in which step the replica's file system keeps times, as far as something in it proves.
    pub fn step(&mut self, replica: usize, step: Step) {
        let (_, proven) = &mut self.replicas[replica].steps;
        *proven = Some(proven.map_or(step, |finest| finest.min(step)));
    }

    /// Adds a folder that was seen.
    ///
    /// # Errors
    /// The index cannot be read or is damaged, or there is no room for temporary tables.
    pub fn folder(&mut self, replica: usize, mut seen: SeenFolder) -> Result<()> {
        self.read_anew()?;
        let stored = self.stored(replica, &seen.path)?;
        if !seen.unread.is_empty() {
            self.keep_unread(replica, &mut seen, stored.as_ref())?;
        }
        let of = &mut self.replicas[replica];
        for (device, inode, bytes) in &seen.shared {
            if !of.counted.insert((*device, *inode)) {
                seen.tally.bytes = seen.tally.bytes.saturating_sub(*bytes);
            }
        }
        let Some(stored) = stored else {
            let sums = fingerprints(&seen.path, seen.manifest.files())
                .map_err(|malformed| self.index.malformed(malformed))?;
            of.sum.add_folder(&seen.path, &seen.tally, &sums);
            of.changes.added += seen.tally.files;
            return self.put(replica, None, &seen, &sums);
        };
        of.seen.insert(stored.id);
        if stored.manifest == seen.manifest {
            of.sum
                .add_folder(&seen.path, &seen.tally, &stored.fingerprints);
            return Ok(());
        }
        let (changes, sums) = difference(&stored, &seen.manifest, self.exclusions.as_deref())
            .map_err(|malformed| self.index.malformed(malformed))?;
        of.sum.add_folder(&seen.path, &seen.tally, &sums);
        of.changes += changes;
        self.put(replica, Some(stored.id), &seen, &sums)
    }

    /// Adds a folder that could not be read: what is known of it and of what is below it is older, and stays.
    ///
    /// # Errors
    /// The index cannot be read, or there is no room for temporary tables.
    pub fn closed(&mut self, replica: usize, path: &Path) -> Result<()> {
        self.replicas[replica].unread.insert(path.to_owned());
        self.replicas[replica].sum.unreadable += 1;
        if path == Path::new("") || self.stored(replica, path)?.is_some() {
            return Ok(());
        }
        let empty = SeenFolder {
            path: path.to_owned(),
            ..SeenFolder::default()
        };
        let none = Fingerprints::default();
        self.replicas[replica]
            .sum
            .add_folder(path, &empty.tally, &none);
        self.put(replica, None, &empty, &none)
    }

    /// Ends a replica of which everything was told: folders that were not seen are gone, unless they lie below one that
    /// could not be read.
    ///
    /// # Errors
    /// The index cannot be read or is damaged, or there is no room for temporary tables.
    pub fn complete(&mut self, replica: usize) -> Result<()> {
        let of = &mut self.replicas[replica];
        let seen = std::mem::take(&mut of.seen);
        of.counted = HashSet::new();
        let (known, proven) = of.steps;
        of.sum.step = proven.or(known).unwrap_or(Step::Nanosecond);
        let Some(id) = of.id else {
            return Ok(());
        };
        for id in self.unseen(id, &seen)? {
            let stored = self.index.folder_at(id)?;
            let tally = Tally::of(stored.manifest.files())
                .map_err(|malformed| self.index.malformed(malformed))?;
            let gone = self.gone(&stored);
            let of = &mut self.replicas[replica];
            let mut above = stored.path.ancestors();
            if above.any(|path| of.unread.contains(path)) {
                of.sum
                    .add_folder(&stored.path, &tally, &stored.fingerprints);
                continue;
            }
            of.changes.gone += gone;
            of.differs = true;
            let sql = "INSERT INTO temp.draft_gone (replica, id) VALUES (?1, ?2)";
            let query = self.index.connection.prepare_cached(sql);
            query
                .and_then(|mut query| query.execute(params![row(replica), stored.id]))
                .explain_scratch("write a look of", &self.index.path)?;
        }
        let of = &mut self.replicas[replica];
        if let (false, Some(bytes)) = (of.unread.is_empty(), of.bytes)
            && of.changes == Changes::default()
        {
            // Which files below a closed folder are further names of others only the last look could tell.
            of.sum.bytes = bytes;
        }
        Ok(())
    }

    /// The look as it can be written.
    ///
    /// # Errors
    /// There is no room for temporary tables.
    pub fn finish(mut self) -> Result<Drafted> {
        self.end_reading()?;
        let replicas = std::mem::take(&mut self.replicas);
        Ok(Drafted { replicas })
    }

    /// What the index knows of a folder.
    fn stored(&self, replica: usize, path: &Path) -> Result<Option<StoredFolder>> {
        let Some(id) = self.replicas[replica].id else {
            return Ok(None);
        };
        self.index.folder(id, path)
    }

    /// The rows of a replica's folders that are not among these.
    fn unseen(&self, replica: i64, seen: &HashSet<i64>) -> Result<Vec<i64>> {
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
    fn keep_unread(
        &mut self,
        replica: usize,
        seen: &mut SeenFolder,
        stored: Option<&StoredFolder>,
    ) -> Result<()> {
        let of = &mut self.replicas[replica];
        of.sum.unreadable += seen.unread.len() as u64;
        // Any of them may be a folder.
        let paths = seen
            .unread
            .iter()
            .map(|name| seen.path.join(name.as_path()));
        of.unread.extend(paths);
        let Some(stored) = stored else {
            return Ok(());
        };
        let unread: HashSet<&[u8]> = seen.unread.iter().map(Name::as_bytes).collect();
        let is_unread = |file: &File<'_>| unread.contains(file.name);
        let mut packer = Packer::default();
        let merged = side_by_side(
            seen.manifest.packed(),
            stored.manifest.packed(),
            &mut |now, before| {
                if let Some(file) = now.or_else(|| before.filter(is_unread)) {
                    packer.add(&file);
                }
            },
        );
        seen.manifest = packer.finish();
        let tally = merged.and_then(|()| Tally::of(seen.manifest.files()));
        seen.tally = tally.map_err(|malformed| self.index.malformed(malformed))?;
        Ok(())
    }

    /// Sets a folder down that differs.
    fn put(
        &mut self,
        replica: usize,
        id: Option<i64>,
        seen: &SeenFolder,
        sums: &Fingerprints,
    ) -> Result<()> {
        self.replicas[replica].differs = true;
        let sql =
            "INSERT INTO temp.draft_folders (replica, id, path, fingerprints, manifest, checksum)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (path, manifest) = (seen.path.as_os_str().as_bytes(), seen.manifest.packed());
        let sums = write_fingerprints(sums);
        let checksum = of_parts(&[path, &sums, manifest]);
        let parameters = params![row(replica), id, path, sums, manifest, checksum];
        let query = self.index.connection.prepare_cached(sql);
        query
            .and_then(|mut query| query.execute(parameters))
            .explain_scratch("write a look of", &self.index.path)?;
        Ok(())
    }

    /// Begins the transaction that reads anew, now and then.
    fn read_anew(&mut self) -> Result<()> {
        self.reads += 1;
        if self.reads.is_multiple_of(READS) {
            self.end_reading()?;
            self.begin_reading()?;
        }
        Ok(())
    }

    fn begin_reading(&mut self) -> Result<()> {
        let index: &'a Index = self.index;
        let begun = index.connection.unchecked_transaction();
        self.reading = Some(begun.explain("read", &index.path)?);
        Ok(())
    }

    fn end_reading(&mut self) -> Result<()> {
        let ended = self.reading.take().map_or(Ok(()), Transaction::commit);
        ended.explain_scratch("write a look of", &self.index.path)
    }
}

/// A replica's place as it stands in the temporary tables.
pub(super) fn row(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

fn is_excluded(exclusions: Option<&Exclusions>, folder: &Path, name: &[u8]) -> bool {
    exclusions.is_some_and(|rules| rules.excludes(folder, OsStr::from_bytes(name), false))
}

/// What is different in a folder, and its fingerprints now: only files that changed are hashed.
fn difference(
    before: &StoredFolder,
    now: &Manifest,
    exclusions: Option<&Exclusions>,
) -> Result<(Changes, Fingerprints), Malformed> {
    let mut changes = Changes::default();
    let mut sums = before.fingerprints;
    let folder = &before.path;
    let mut prints = Prints::of(folder);
    side_by_side(
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
                    changes.gone += u64::from(!is_excluded);
                }
                _ => changes.changed += 1,
            }
            if let Some(file) = before {
                subtract(&mut sums, &prints.file(&file));
            }
            if let Some(file) = now {
                add(&mut sums, &prints.file(&file));
            }
        },
    )?;
    Ok((changes, sums))
}
