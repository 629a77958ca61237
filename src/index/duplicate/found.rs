//! Finding duplicates, and reading what was found.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Row;
use serde::Serialize;

use super::content_filter::{ContentFilter, digest_hash};
use super::group::{DuplicateEvidence, GroupBuilder};
use super::joined_folder::{DuplicateRequest, PlaceReplicas};
use super::record::PlaceRecord;
use super::sortable_path::common_beginning;
use super::store;
use crate::base::error::Result;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::sql::read_u64;
use crate::index::sqlite_error::Explain as _;
use crate::index::{Index, ReadTransaction};
use crate::model::project::ProjectId;
use crate::model::registry::Registry;
use crate::snapshot::digest::Digest;

/// Duplicates, in temporary tables of the index that end with this value.
#[derive(Debug)]
pub struct FoundDuplicates<'a> {
    index: &'a Index,
    registry: &'a Registry,
    /// Its end rolls the temporary tables back.
    _view: ReadTransaction<'a>,
    /// Sums over all groups.
    pub totals: DuplicateTotals,
    /// Number of files in the replicas that were compared, copies included.
    pub files: u64,
}

/// Sums over groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DuplicateTotals {
    /// Number of groups.
    pub groups: u64,
    /// Files beyond the first place of each group, on all databases.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
    /// Number of groups that are candidates.
    pub candidate_groups: u64,
    /// Files of candidates, counted as `files`.
    pub candidate_files: u64,
    /// Bytes of candidates, counted as `bytes`.
    pub candidate_bytes: u64,
}

/// Groups that pair up between the same folders, or one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateBlock {
    /// The evidence that they are equal.
    pub evidence: DuplicateEvidence,
    /// Number of groups.
    pub groups: u64,
    /// Bytes of one file of each group.
    pub bytes: u64,
    /// Number of places.
    pub places: u64,
    /// Files beyond the first place, on all databases.
    pub extra_files: u64,
    /// Bytes of these files.
    pub extra_bytes: u64,
    first: i64,
    /// The path below each folder of the block that all groups have in common; ends the paths of the places.
    cut: usize,
}

/// Files of equal content at several places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateGroup {
    id: i64,
    /// The evidence that they are equal.
    pub evidence: DuplicateEvidence,
    /// Size of each file.
    pub bytes: u64,
    /// Number of places.
    pub places: u64,
    /// Files beyond the first place, on all databases.
    pub extra_files: u64,
    /// The digest of their content, if it is proven.
    pub digest: Option<Digest>,
}

/// A place of a group or block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicatePlace<'a> {
    /// Name of the category.
    pub category: &'a str,
    /// The project.
    pub project: ProjectId,
    /// The path below the project's folder; of a file, or of the folder of a block, which ends in `/`.
    pub path: Name,
    /// Names of the databases that hold the file there.
    pub databases: Vec<&'a str>,
}

/// Reads a place.
pub type PlaceVisitor<'v> = dyn FnMut(&DuplicatePlace<'_>) -> Result<()> + 'v;

const ACTION: &str = "group files in";

impl<'a> FoundDuplicates<'a> {
    /// Finds the duplicates of a request.
    ///
    /// # Errors
    /// [`crate::base::error::IndexProblem::StagingUnavailable`] if temporary tables have no room.
    pub fn find(
        index: &'a Index,
        registry: &'a Registry,
        request: &DuplicateRequest<'_>,
    ) -> Result<Self> {
        let view = index.read_transaction()?;
        let (connection, path) = (&index.connection, &index.path);
        store::create(connection).explain_temporary(ACTION, path)?;
        let replicas = PlaceReplicas::find(index, registry, request)?;
        store_equal(index, &replicas, request)?;
        let mut groups = GroupBuilder::new(index);
        groups.add_proven()?;
        groups.add_candidates()?;
        store::create_blocks(connection).explain_temporary(ACTION, path)?;
        Ok(Self {
            index,
            registry,
            totals: totals(index)?,
            files: replicas.files,
            _view: view,
        })
    }

    /// Passes the blocks to `visit` until it breaks, the one with the most bytes first.
    pub fn visit_blocks(
        &self,
        visit: &mut dyn FnMut(&DuplicateBlock) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let sql = "SELECT groups.is_proven, blocks.groups, blocks.bytes, groups.places, blocks.extra_files,
                          blocks.extra_bytes, blocks.first, blocks.low, blocks.high, groups.suffix
                   FROM temp.equal_blocks AS blocks JOIN temp.equal_groups AS groups ON groups.id = blocks.first
                   ORDER BY blocks.rowid";
        self.each(sql, &[], &mut |row| {
            visit(&read_block(row).explain(ACTION, &self.index.path)?)
        })
    }

    /// Passes the groups to `visit` until it breaks, the one with the most bytes beyond its first place first. Equal ones are in
    /// the order of their blocks.
    pub fn visit_groups(
        &self,
        visit: &mut dyn FnMut(&DuplicateGroup) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let sql = "SELECT groups.id, groups.is_proven, groups.bytes, groups.places, groups.extra_files, files.digest
                   FROM temp.equal_blocks AS blocks
                   CROSS JOIN temp.equal_groups AS groups ON groups.block = blocks.block
                   CROSS JOIN temp.equal_files AS files ON files.id = groups.first_file
                   ORDER BY groups.extra_bytes DESC, blocks.rowid, files.folder, files.name, groups.id";
        self.each(sql, &[], &mut |row| {
            visit(&read_group(row).explain(ACTION, &self.index.path)?)
        })
    }

    /// Passes the places of a group to `visit`, sorted by project, category and path.
    pub fn visit_places(&self, group: &DuplicateGroup, visit: &mut PlaceVisitor<'_>) -> Result<()> {
        self.visit_members(group.id, None, visit)
    }

    /// Passes the places of a block to `visit`: the files of its group, or the folders of its groups.
    pub fn visit_block_places(
        &self,
        block: &DuplicateBlock,
        visit: &mut PlaceVisitor<'_>,
    ) -> Result<()> {
        let cut = (block.groups > 1).then_some(block.cut);
        self.visit_members(block.first, cut, visit)
    }

    /// Passes the files of a group, or with `cut` their folders without this number of bytes at the end.
    fn visit_members(
        &self,
        group: i64,
        cut: Option<usize>,
        visit: &mut PlaceVisitor<'_>,
    ) -> Result<()> {
        let sql = "SELECT folders.category, folders.client, folders.project, folders.path, files.name, files.holders
                   FROM temp.equal_members AS members
                   JOIN temp.equal_files AS files ON files.id = members.file
                   JOIN temp.equal_folders AS folders ON folders.id = files.folder
                   WHERE members.group_id = ?1 ORDER BY files.folder, files.name";
        let mut last: Option<(MemberPath, Vec<u16>)> = None;
        let mut end = |last: Option<(MemberPath, Vec<u16>)>| match last {
            Some((path, databases)) => visit(&self.place(path, &databases, cut)),
            None => Ok(()),
        };
        self.each(sql, &[group], &mut |row| {
            let read = MemberPath::read(row).explain(ACTION, &self.index.path)?;
            let (path, packed) = read;
            let found = store::databases(&packed);
            match &mut last {
                Some((known, databases)) if *known == path => databases.extend(found),
                _ => end(last.replace((path, found.collect())))?,
            }
            Ok(ControlFlow::Continue(()))
        })?;
        end(last)
    }

    fn place(&self, path: MemberPath, databases: &[u16], cut: Option<usize>) -> DuplicatePlace<'_> {
        let mut databases = databases.to_vec();
        databases.sort_unstable();
        databases.dedup();
        let known = self.registry.databases();
        let names = databases
            .iter()
            .filter_map(|place| known.get(usize::from(*place)));
        let mut bytes = path.folder;
        if let Some(cut) = cut {
            bytes.truncate(bytes.len().saturating_sub(cut));
            bytes.push(b'/');
        } else {
            bytes.push(b'/');
            bytes.extend_from_slice(&path.name);
        }
        // Stored paths begin with `/`; the project's own folder is `/` alone.
        if bytes.len() > 1 {
            bytes.remove(0);
        }
        DuplicatePlace {
            category: &self.registry.categories()[path.category as usize].name,
            project: path.project,
            path: Name::from_bytes(bytes),
            databases: names.map(|database| &*database.name).collect(),
        }
    }

    /// Passes the rows of a query to `visit`.
    fn each(
        &self,
        sql: &str,
        parameters: &[i64],
        visit: &mut dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let path = &self.index.path;
        let query = self.index.connection.prepare_cached(sql);
        let mut query = query.explain_temporary(ACTION, path)?;
        let rows = query.query(rusqlite::params_from_iter(parameters));
        let mut rows = rows.explain_temporary(ACTION, path)?;
        while let Some(row) = rows.next().explain_temporary(ACTION, path)? {
            interrupt::check()?;
            if visit(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A member of a group as it is stored.
#[derive(Debug, PartialEq, Eq)]
struct MemberPath {
    category: u32,
    project: ProjectId,
    folder: Vec<u8>,
    name: Vec<u8>,
}

impl MemberPath {
    /// Reads a member and its packed databases.
    fn read(row: &Row<'_>) -> rusqlite::Result<(Self, Vec<u8>)> {
        let member = Self {
            category: row.get(0)?,
            project: ProjectId {
                client: Name::from_bytes(row.get(1)?),
                project: Name::from_bytes(row.get(2)?),
            },
            folder: row.get(3)?,
            name: row.get(4)?,
        };
        Ok((member, row.get(5)?))
    }
}

/// Stores the records that may have equals elsewhere, in as many passes as the filter needs.
fn store_equal(
    index: &Index,
    replicas: &PlaceReplicas<'_>,
    request: &DuplicateRequest<'_>,
) -> Result<()> {
    let (connection, path): (_, &Path) = (&index.connection, &index.path);
    let mut filter = ContentFilter::for_files(replicas.files);
    let passes = ContentFilter::passes(replicas.files);
    for pass in 0..passes {
        // The low bits choose the slot.
        let is_own = |hash: u64| (hash >> 32) % passes == pass;
        filter.clear();
        replicas.visit(request.accepts, &mut |_, records| {
            for record in records {
                filter.add(record, is_own);
            }
            Ok(())
        })?;
        replicas.visit(request.accepts, &mut |folder, records| {
            let mut id = None;
            for record in records {
                let reasons = reasons(&filter, record, is_own);
                if reasons == (false, false) {
                    continue;
                }
                let folder = match id {
                    Some(id) => id,
                    None => {
                        store::add_folder(connection, folder).explain_temporary(ACTION, path)?
                    }
                };
                id = Some(folder);
                store::add_file(connection, folder, record, reasons)
                    .explain_temporary(ACTION, path)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Returns whether another record may have the digest of this one, or its size and time.
fn reasons(
    filter: &ContentFilter,
    record: &PlaceRecord<'_>,
    is_own: impl Fn(u64) -> bool,
) -> (bool, bool) {
    let hash = record.digest.map(digest_hash);
    let by_digest = hash.is_some_and(&is_own) && filter.may_have_equal(record);
    let by_class = is_own(record.class) && filter.may_have_candidate(record);
    (by_digest, by_class)
}

fn totals(index: &Index) -> Result<DuplicateTotals> {
    let sql = "SELECT count(*), coalesce(sum(extra_files), 0), coalesce(sum(extra_bytes), 0),
                      coalesce(sum(NOT is_proven), 0), coalesce(sum(extra_files * NOT is_proven), 0),
                      coalesce(sum(extra_bytes * NOT is_proven), 0)
               FROM temp.equal_groups";
    let read = |row: &Row<'_>| {
        Ok(DuplicateTotals {
            groups: read_u64(row, 0)?,
            files: read_u64(row, 1)?,
            bytes: read_u64(row, 2)?,
            candidate_groups: read_u64(row, 3)?,
            candidate_files: read_u64(row, 4)?,
            candidate_bytes: read_u64(row, 5)?,
        })
    };
    let totals = crate::index::sql::one(&index.connection, sql, [], read);
    totals.explain_temporary(ACTION, &index.path)
}

const fn evidence(is_proven: bool) -> DuplicateEvidence {
    if is_proven {
        DuplicateEvidence::Proven
    } else {
        DuplicateEvidence::Candidate
    }
}

fn read_block(row: &Row<'_>) -> rusqlite::Result<DuplicateBlock> {
    let [low, high, suffix] = [7, 8, 9].map(|column| row.get_ref(column));
    let (low, high, suffix) = (low?.as_blob()?, high?.as_blob()?, suffix?.as_blob()?);
    Ok(DuplicateBlock {
        evidence: evidence(row.get(0)?),
        groups: read_u64(row, 1)?,
        bytes: read_u64(row, 2)?,
        places: read_u64(row, 3)?,
        extra_files: read_u64(row, 4)?,
        extra_bytes: read_u64(row, 5)?,
        first: row.get(6)?,
        cut: suffix.len() - common_beginning(low, high).len(),
    })
}

fn read_group(row: &Row<'_>) -> rusqlite::Result<DuplicateGroup> {
    let evidence = evidence(row.get(1)?);
    let digest: Option<[u8; 16]> = row.get(5)?;
    let digest = digest.filter(|_| evidence == DuplicateEvidence::Proven);
    Ok(DuplicateGroup {
        id: row.get(0)?,
        evidence,
        bytes: read_u64(row, 2)?,
        places: read_u64(row, 3)?,
        extra_files: read_u64(row, 4)?,
        digest: digest.map(|digest| Digest(u128::from_le_bytes(digest))),
    })
}
