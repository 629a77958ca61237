//! Searching the name index: blocks that have all trigrams of a query, and the folders in them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::block::{part_checksum, place_checksum, unpack_folders};
use super::page::{NamePage, PagePlace, find_page, read_page};
use super::posting_list::{Blocks, intersect};
use super::query::NameQuery;
use super::segment::{Segment, segments};
use super::tables::{discard, is_sound, is_unusable};
use super::trigram::Trigram;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::index::Index;
use crate::index::checksum::corruption_error;
use crate::index::folder::{FolderFiles, PresentReplica};
use crate::index::sql::{optional, read_path, rows};
use crate::index::sqlite_error::Explain as _;

/// Number of blocks up to which their replicas are read at once, so that replicas without any are skipped.
const MAX_GROUPED: usize = 4096;

/// Bytes of a posting list that take as long to read as the names of one block.
const BYTES_PER_BLOCK: u64 = 4096;

/// The folders in which a search may find names.
#[derive(Debug, Default)]
pub struct NameCandidates {
    /// The replicas that are indexed. All folders of others are candidates.
    indexed: HashSet<i64>,
    /// The ids of the blocks, ascending.
    blocks: Vec<i64>,
    /// The candidates by replica; `None` if they are too many to read all at once.
    grouped: Option<BTreeMap<i64, Vec<i64>>>,
}

impl NameCandidates {
    /// False if no folder of a replica is a candidate, as far as that is known at once.
    pub fn may_hold(&self, replica: &PresentReplica) -> bool {
        let grouped = self.grouped.as_ref();
        grouped.is_none_or(|grouped| grouped.contains_key(&replica.id()))
            || !self.indexed.contains(&replica.id())
    }

    /// Number of folders to read.
    #[cfg(test)]
    pub(super) fn folder_count(&self) -> usize {
        self.grouped
            .iter()
            .flatten()
            .map(|(_, folders)| folders.len())
            .sum()
    }
}

impl Index {
    /// Returns the folders in which a query may find names; `None` if the name index is damaged or was dropped. Then every
    /// folder may hold them.
    pub fn name_candidates(&self, query: &NameQuery) -> Result<Option<NameCandidates>> {
        match find_candidates(&self.connection, query) {
            Err(error) if is_unusable(&error) => Ok(None),
            found => found.map(Some).explain("read", &self.path),
        }
    }

    /// Empties the name index if a query shows that it is damaged, and the index can be written. `load` builds it again. Does
    /// not wait for another process that is writing: searches do without the name index meanwhile.
    pub fn discard_damaged_names(&self, query: &NameQuery) -> Result<()> {
        if self.read_only {
            return Ok(());
        }
        let own = self.try_clone()?;
        let connection = &own.connection;
        connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| Transaction::new_unchecked(connection, TransactionBehavior::Immediate))
            .and_then(|transaction| {
                // Another process may have built it meanwhile.
                match find_candidates(&transaction, query) {
                    Err(error) if is_unusable(&error) => discard(&transaction)?,
                    found => drop(found?),
                }
                transaction.commit()
            })
            .explain("write", &self.path)
    }

    /// Passes the folders of a replica that are candidates to `visit`, sorted by path, until it returns `false`. Returns `false`
    /// if it did.
    pub fn visit_candidates(
        &self,
        candidates: &NameCandidates,
        replica: &PresentReplica,
        visit: &mut dyn FnMut(&FolderFiles<'_>) -> Result<bool>,
    ) -> Result<bool> {
        let numbers = self.candidate_folders(candidates, replica);
        let Some(numbers) = numbers.explain("read", &self.path)? else {
            return self.visit_replica(replica, visit);
        };
        let (mut paths, mut is_complete) = (Vec::with_capacity(numbers.len()), true);
        for number in numbers {
            let sql = "SELECT path FROM folders WHERE id = ?1 AND replica_id = ?2";
            let path = self.optional(sql, [number, replica.id()], |row| read_path(row, 0))?;
            is_complete &= path.is_some();
            paths.extend(path.map(|path| (path, number)));
        }
        if !is_complete {
            // Most often, the folder is gone since it was indexed.
            self.require_all_folders(replica)?;
        }
        paths.sort_unstable_by(|a: &(PathBuf, i64), b| path_bytes(&a.0).cmp(path_bytes(&b.0)));
        paths.dedup();
        for (path, number) in &paths {
            interrupt::check()?;
            let stored = self.folder_by_id(*number)?;
            let folder = FolderFiles {
                project: &replica.project,
                path,
                manifest: stored.manifest.as_ref(),
            };
            if !visit(&folder)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the rows of the folders that may hold the names; `None` if all of a replica may.
    fn candidate_folders(
        &self,
        candidates: &NameCandidates,
        replica: &PresentReplica,
    ) -> rusqlite::Result<Option<Vec<i64>>> {
        if !candidates.indexed.contains(&replica.id()) {
            return Ok(None);
        }
        let folders = match &candidates.grouped {
            Some(grouped) => grouped.get(&replica.id()).cloned().unwrap_or_default(),
            None => match read_candidates(&self.connection, replica.id(), &candidates.blocks) {
                Err(error) if is_unusable(&error) => return Ok(None),
                folders => folders?,
            },
        };
        // One pass over all folders is faster than looking up most of them.
        let is_most = folders.len() as u64 > replica.folder_count() / 2;
        Ok(Some(folders).filter(|_| !is_most))
    }
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn find_candidates(connection: &Connection, query: &NameQuery) -> rusqlite::Result<NameCandidates> {
    if !is_sound(connection)? {
        return Err(corruption_error("rows of the name index are missing"));
    }
    let indexed = rows(
        connection,
        "SELECT replica_id FROM name_replicas",
        [],
        |row| row.get(0),
    )?;
    let mut blocks = Vec::new();
    for segment in segments(connection)? {
        let found = SegmentSearch::new(connection, segment).find(query)?;
        blocks.extend(
            found
                .into_iter()
                .map(|place| segment.first.saturating_add_unsigned(place)),
        );
    }
    let grouped = (blocks.len() <= MAX_GROUPED).then(|| group_by_replica(connection, &blocks));
    Ok(NameCandidates {
        indexed,
        grouped: grouped.transpose()?,
        blocks,
    })
}

/// Returns the folders of blocks by replica. A block without a row is no longer in use.
fn group_by_replica(
    connection: &Connection,
    blocks: &[i64],
) -> rusqlite::Result<BTreeMap<i64, Vec<i64>>> {
    let mut grouped: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for block in blocks {
        if let Some((replica, folders)) = read_block(connection, *block)? {
            grouped.entry(replica).or_default().extend(folders);
        }
    }
    Ok(grouped)
}

/// Returns the folders of the candidate blocks of one replica.
fn read_candidates(
    connection: &Connection,
    replica: i64,
    blocks: &[i64],
) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT id FROM name_blocks WHERE replica_id = ?1";
    let mut own: Vec<i64> = rows(connection, sql, [replica], |row| row.get(0))?;
    own.retain(|id| blocks.binary_search(id).is_ok());
    let mut found = Vec::new();
    for block in own {
        let folders = read_block(connection, block)?;
        found.extend(folders.into_iter().flat_map(|(_, folders)| folders));
    }
    Ok(found)
}

/// Reads the replica and the folders of a block.
fn read_block(connection: &Connection, id: i64) -> rusqlite::Result<Option<(i64, Vec<i64>)>> {
    let sql = "SELECT replica_id, base, folders, checksum FROM name_blocks WHERE id = ?1";
    optional(connection, sql, params![id], |row| {
        let (replica, base, checksum): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let folders = row.get_ref(2)?.as_blob()?;
        let expected = place_checksum(replica, base).checked_add(part_checksum(folders));
        if expected.and_then(|expected| expected.checked_add(id)) != Some(checksum) {
            return Err(corruption_error("a block of the name index is damaged"));
        }
        Ok((replica, unpack_folders(folders, base)?))
    })
}

/// A search in one segment. Each page is read once.
struct SegmentSearch<'a> {
    connection: &'a Connection,
    segment: Segment,
    pages: HashMap<i64, NamePage>,
}

impl<'a> SegmentSearch<'a> {
    fn new(connection: &'a Connection, segment: Segment) -> Self {
        Self {
            connection,
            segment,
            pages: HashMap::new(),
        }
    }

    /// Returns the numbers of the blocks that may match, ascending.
    fn find(mut self, query: &NameQuery) -> rusqlite::Result<Vec<u64>> {
        let mut found = Vec::new();
        for trigrams in &query.alternatives {
            found.extend(self.find_all(trigrams)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Returns the blocks with all of the trigrams, or a few more. Short lists are read first, and a long one is not read if
    /// the names of the remaining blocks are read sooner.
    fn find_all(&mut self, trigrams: &[Trigram]) -> rusqlite::Result<Vec<u64>> {
        let mut places: Vec<(PagePlace, Trigram)> = Vec::new();
        for trigram in trigrams {
            let place = find_page(self.connection, self.segment.id, *trigram)?;
            places.push((place, *trigram));
        }
        places.sort_by_key(|(place, _)| place.bytes);
        let mut found: Option<Vec<u64>> = None;
        for (place, trigram) in places {
            match &mut found {
                None => found = Some(Blocks::new(self.list(place, trigram)?).collect()),
                Some(blocks) if place.bytes > BYTES_PER_BLOCK * (1 + blocks.len() as u64) => break,
                Some(blocks) => intersect(blocks, self.list(place, trigram)?),
            }
            if found.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        Ok(found.unwrap_or_default())
    }

    /// Returns the posting list of a trigram.
    fn list(&mut self, place: PagePlace, trigram: Trigram) -> rusqlite::Result<&[u8]> {
        let page = match self.pages.entry(place.row) {
            std::collections::hash_map::Entry::Occupied(page) => page.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(read_page(self.connection, self.segment.id, place.row)?)
            }
        };
        page.list(trigram)
    }
}
