//! Groups of records with equal content, from the sorted records of the store.

use rusqlite::{Row, Rows};
use serde::Serialize;

use super::block::{BlockFinder, FoundBlock, HeldFolder, MAX_FOLDERS};
use super::store::{self, NewGroup};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::index::Index;
use crate::index::sql::read_u64;
use crate::index::sqlite_error::Explain as _;
use crate::snapshot::digest::Digest;

/// How it is known that the files of a group are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateEvidence {
    /// Their digests are equal.
    Proven,
    /// Sizes and times are equal; the content of some is not known.
    Candidate,
}

impl DuplicateEvidence {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Candidate => "candidate",
        }
    }
}

const COLUMNS: &str = "id, folder, name, bytes, digest, class, holders";

/// A record of the store.
#[derive(Debug)]
struct Member {
    id: i64,
    /// Folder and hash of the name.
    place: (i64, u64),
    databases: Vec<u16>,
    is_known: bool,
}

/// The part of a record that all members of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GroupKey {
    bytes: u64,
    digest: Option<[u8; 16]>,
    class: Option<i64>,
}

/// The files of one place in a group.
#[derive(Debug)]
struct GroupPlace {
    folder: i64,
    databases: Vec<u16>,
    is_known: bool,
}

/// Builds the groups in the store.
#[derive(Debug)]
pub(super) struct GroupBuilder<'a> {
    index: &'a Index,
    blocks: BlockFinder,
    groups: i64,
}

impl<'a> GroupBuilder<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Self {
            index,
            blocks: BlockFinder::default(),
            groups: 0,
        }
    }

    /// Groups the records with equal digests.
    pub(super) fn add_proven(&mut self) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM temp.equal_files WHERE by_digest ORDER BY digest, bytes, folder, name"
        );
        let same = |a: &GroupKey, b: &GroupKey| (a.digest, a.bytes) == (b.digest, b.bytes);
        self.group(&sql, same, |builder, bytes, members| {
            builder.add(
                bytes,
                true,
                members.into_iter().map(|(_, member)| member).collect(),
            )
        })
    }

    /// Groups the records with equal sizes and times of which some contents are not known.
    pub(super) fn add_candidates(&mut self) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM temp.equal_files WHERE class NOT NULL ORDER BY class, bytes, digest, folder, name"
        );
        let same = |a: &GroupKey, b: &GroupKey| (a.class, a.bytes) == (b.class, b.bytes);
        self.group(&sql, same, |builder, bytes, members| {
            let members = with_one_content(members);
            if members.iter().all(|member| member.is_known) {
                return Ok(());
            }
            builder.add(bytes, false, members)
        })
    }

    /// Reads sorted records, and passes the size and the records of each group to `end`.
    fn group(
        &mut self,
        sql: &str,
        is_same: impl Fn(&GroupKey, &GroupKey) -> bool,
        mut end: impl FnMut(&mut Self, u64, Vec<(GroupKey, Member)>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let index = self.index;
        let query = index.connection.prepare(sql);
        let mut query = query.explain_temporary("group files in", &index.path)?;
        let rows = query.query([]);
        let mut rows = rows.explain_temporary("group files in", &index.path)?;
        let mut members: Vec<(GroupKey, Member)> = Vec::new();
        loop {
            interrupt::check()?;
            let next = next_member(&mut rows).explain_temporary("group files in", &index.path)?;
            let ended = members.first().map(|(key, _)| *key).filter(|first| {
                let is_next = next.as_ref().is_some_and(|(key, _)| is_same(first, key));
                !is_next
            });
            if let Some(first) = ended {
                end(self, first.bytes, std::mem::take(&mut members))
                    .explain_temporary("group files in", &index.path)?;
            }
            match next {
                Some(next) => members.push(next),
                None => return Ok(()),
            }
        }
    }

    /// Stores a group, unless its members are the copies of one place.
    fn add(
        &mut self,
        bytes: u64,
        is_proven: bool,
        mut members: Vec<Member>,
    ) -> rusqlite::Result<()> {
        // They are read by path, or by content and then by path.
        let Some(first_file) = members.first().map(|member| member.id) else {
            return Ok(());
        };
        members.sort_by_key(|member| member.place);
        let places: Vec<GroupPlace> = members
            .chunk_by(|a, b| a.place == b.place)
            .map(GroupPlace::of)
            .collect();
        if places.len() < 2 {
            return Ok(());
        }
        self.groups += 1;
        let folders: Vec<HeldFolder> = places
            .iter()
            .take(MAX_FOLDERS + 1)
            .map(|place| (place.folder, place.databases.clone()))
            .collect();
        let block = self
            .blocks
            .find(&self.index.connection, is_proven, &folders)?;
        let alone = || FoundBlock {
            id: Digest::of_bytes(&self.groups.to_le_bytes()).low_64(),
            suffix: Vec::new(),
        };
        let block = block.unwrap_or_else(alone);
        let group = NewGroup {
            block: block.id,
            is_proven,
            bytes,
            places: places.len() as u64,
            extra_files: extra_files(&places),
            suffix: &block.suffix,
            first_file,
        };
        let ids = members.iter().map(|member| member.id);
        store::add_group(&self.index.connection, self.groups, &group, ids)
    }
}

impl GroupPlace {
    fn of(members: &[Member]) -> Self {
        let databases = members.iter().flat_map(|member| &member.databases);
        let mut databases: Vec<u16> = databases.copied().collect();
        databases.sort_unstable();
        databases.dedup();
        Self {
            folder: members[0].place.0,
            databases,
            is_known: members.iter().any(|member| member.is_known),
        }
    }

    const fn copies(&self) -> u64 {
        self.databases.len() as u64
    }
}

/// Number of files beyond the place with the most copies. Known contents beside unknown ones are counted in a proven group,
/// if they have an equal at all.
fn extra_files(places: &[GroupPlace]) -> u64 {
    let has_unknown = places.iter().any(|place| !place.is_known);
    let has_known = places.iter().any(|place| place.is_known);
    let counted = places
        .iter()
        .filter(|place| !has_unknown || !place.is_known);
    let copies: Vec<u64> = counted.map(GroupPlace::copies).collect();
    let first = copies.iter().max().filter(|_| !(has_unknown && has_known));
    copies.iter().sum::<u64>() - first.copied().unwrap_or_default()
}

/// Returns the records of unknown content, and those of the known content that most records have: they differ from the
/// others. The records are sorted by digest, unknown ones first.
fn with_one_content(members: Vec<(GroupKey, Member)>) -> Vec<Member> {
    let contents = members.chunk_by(|a, b| a.0.digest == b.0.digest);
    let known = contents.filter(|same| same[0].0.digest.is_some());
    let most = known.rev().max_by_key(|same| same.len());
    let kept = most.and_then(|same| same[0].0.digest);
    let members = members.into_iter();
    let is_kept = |key: &GroupKey| key.digest.is_none() || key.digest == kept;
    members
        .filter(|(key, _)| is_kept(key))
        .map(|(_, member)| member)
        .collect()
}

fn next_member(rows: &mut Rows<'_>) -> rusqlite::Result<Option<(GroupKey, Member)>> {
    rows.next()?.map(read_member).transpose()
}

/// Reads [`COLUMNS`].
fn read_member(row: &Row<'_>) -> rusqlite::Result<(GroupKey, Member)> {
    let key = GroupKey {
        bytes: read_u64(row, 3)?,
        digest: row.get(4)?,
        class: row.get(5)?,
    };
    let name = Digest::of_bytes(row.get_ref(2)?.as_blob()?).low_64();
    let member = Member {
        id: row.get(0)?,
        place: (row.get(1)?, name),
        databases: store::databases(row.get_ref(6)?.as_blob()?).collect(),
        is_known: key.digest.is_some(),
    };
    Ok((key, member))
}
