//! Groups of records with equal content, from the sorted records of the store.

use rusqlite::Row;
use serde::Serialize;

use super::block::{BlockFinder, FoundBlock, HeldFolder, MAX_FOLDERS};
use super::store::{self, NewGroup};
use crate::base::error::Result;
use crate::base::interrupt;
use crate::index::Index;
use crate::index::sql::read_u64;
use crate::index::sqlite_error::Explain as _;
use crate::snapshot::digest::Digest;

/// The evidence that the files of a group are equal.
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

const COLUMNS: &str = "id, folder, name, bytes, digest, class, length(holders) / 2";

const ACTION: &str = "group files in";

/// A record of the store. There may be millions in a group.
#[derive(Clone, Copy, Debug)]
struct Member {
    id: i64,
    /// Folder and hash of the name.
    place: (i64, u64),
    /// Number of its content among those of the group; 0 if it is not known.
    content: u32,
    /// Number of databases that hold it.
    copies: u16,
}

impl Member {
    const fn is_known(self) -> bool {
        self.content > 0
    }
}

/// The part of a record that all members of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GroupKey {
    bytes: u64,
    digest: Option<[u8; 16]>,
    class: Option<i64>,
}

/// The files of one place in a group.
#[derive(Clone, Copy, Debug)]
struct GroupPlace {
    copies: u64,
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
            builder.add(bytes, true, members)
        })
    }

    /// Groups the records with equal sizes and times of which some contents are not known.
    pub(super) fn add_candidates(&mut self) -> Result<()> {
        let sql = format!(
            "SELECT {COLUMNS} FROM temp.equal_files WHERE class NOT NULL ORDER BY class, bytes, digest, folder, name"
        );
        let same = |a: &GroupKey, b: &GroupKey| (a.class, a.bytes) == (b.class, b.bytes);
        self.group(&sql, same, |builder, bytes, members| {
            retain_one_content(members);
            if members.iter().all(|member| member.is_known()) {
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
        mut end: impl FnMut(&mut Self, u64, &mut Vec<Member>) -> rusqlite::Result<()>,
    ) -> Result<()> {
        let index = self.index;
        let query = index.connection.prepare(sql);
        let mut query = query.explain_temporary(ACTION, &index.path)?;
        let rows = query.query([]);
        let mut rows = rows.explain_temporary(ACTION, &index.path)?;
        let mut members: Vec<Member> = Vec::new();
        let mut last: Option<GroupKey> = None;
        loop {
            interrupt::check()?;
            let row = rows.next().explain_temporary(ACTION, &index.path)?;
            let next = row.map(read_member).transpose();
            let next = next.explain_temporary(ACTION, &index.path)?;
            let is_next =
                |last: &GroupKey| next.as_ref().is_some_and(|(key, _)| is_same(last, key));
            if let Some(ended) = last.filter(|last| !is_next(last)) {
                end(self, ended.bytes, &mut members).explain_temporary(ACTION, &index.path)?;
                members.clear();
            }
            let Some((key, mut member)) = next else {
                return Ok(());
            };
            let before = members.last().map_or(0, |before| before.content);
            let is_new = members.is_empty() || last.is_none_or(|last| last.digest != key.digest);
            member.content = before + u32::from(is_new && key.digest.is_some());
            members.push(member);
            last = Some(key);
        }
    }

    /// Stores a group, unless its members are the copies of one place.
    fn add(&mut self, bytes: u64, is_proven: bool, members: &mut [Member]) -> rusqlite::Result<()> {
        // They are read by path, or by content and then by path.
        let Some(first_file) = members.first().map(|member| member.id) else {
            return Ok(());
        };
        members.sort_by_key(|member| member.place);
        let places = members.chunk_by(|a, b| a.place == b.place);
        if places.clone().nth(1).is_none() {
            return Ok(());
        }
        self.groups += 1;
        let block = self.block(is_proven, members)?;
        let alone = || FoundBlock {
            id: Digest::of_bytes(&self.groups.to_le_bytes()).low_64(),
            suffix: Vec::new(),
        };
        let block = block.unwrap_or_else(alone);
        let group = NewGroup {
            block: block.id,
            is_proven,
            bytes,
            places: places.clone().count() as u64,
            extra_files: extra_files(places.map(GroupPlace::of)),
            suffix: &block.suffix,
            first_file,
        };
        let ids = members.iter().map(|member| member.id);
        store::add_group(&self.index.connection, self.groups, &group, ids)
    }

    /// Returns the block of a group; `None` if it stays alone.
    fn block(
        &mut self,
        is_proven: bool,
        members: &[Member],
    ) -> rusqlite::Result<Option<FoundBlock>> {
        let connection = &self.index.connection;
        if members.len() > MAX_FOLDERS * 2 {
            return Ok(None);
        }
        let mut folders: Vec<HeldFolder> = Vec::new();
        for place in members.chunk_by(|a, b| a.place == b.place) {
            let mut databases = Vec::new();
            for member in place {
                databases.append(&mut store::holders(connection, member.id)?);
            }
            databases.sort_unstable();
            databases.dedup();
            folders.push((place[0].place.0, databases));
        }
        self.blocks.find(connection, is_proven, &folders)
    }
}

impl GroupPlace {
    fn of(members: &[Member]) -> Self {
        let copies = members.iter().map(|member| u64::from(member.copies));
        Self {
            copies: copies.sum(),
            is_known: members.iter().any(|member| member.is_known()),
        }
    }
}

/// Number of files beyond the place with the most copies. Known contents at several places are counted in a proven group: beside
/// them, all files of unknown content are beyond.
fn extra_files(places: impl Iterator<Item = GroupPlace>) -> u64 {
    let (mut sum, mut most) = (0, 0);
    let (mut known_places, mut known_sum) = (0_u64, 0);
    let mut has_unknown = false;
    for place in places {
        sum += place.copies;
        most = place.copies.max(most);
        if place.is_known {
            known_places += 1;
            known_sum += place.copies;
        }
        has_unknown |= !place.is_known;
    }
    if has_unknown && known_places > 1 {
        sum - known_sum
    } else {
        sum - most
    }
}

/// Returns the records of unknown content, and those of the known content that most records have: they differ from the
/// others. The records are sorted by content, unknown ones first.
fn retain_one_content(members: &mut Vec<Member>) {
    let contents = members.chunk_by(|a, b| a.content == b.content);
    let known = contents.filter(|same| same[0].is_known());
    let most = known.rev().max_by_key(|same| same.len());
    let kept = most.map(|same| same[0].content);
    members.retain(|member| !member.is_known() || Some(member.content) == kept);
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
        content: 0,
        copies: row.get(6)?,
    };
    Ok((key, member))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(number: u64, content: u32) -> Member {
        Member {
            id: 0,
            place: (0, number),
            content,
            copies: 1,
        }
    }

    #[test]
    fn contents_that_differ_are_separated() {
        let mut members = vec![member(1, 0), member(2, 1), member(3, 2), member(4, 2)];
        retain_one_content(&mut members);
        let contents: Vec<u32> = members.iter().map(|member| member.content).collect();
        assert_eq!(contents, [0, 2, 2]);
    }

    #[test]
    fn first_place_is_not_extra() {
        let place = |copies, is_known| GroupPlace { copies, is_known };
        let extra = |places: &[GroupPlace]| extra_files(places.iter().copied());
        assert_eq!(extra(&[place(1, true), place(3, true)]), 1);
        assert_eq!(extra(&[place(2, false), place(2, false)]), 2);
        assert_eq!(extra(&[place(2, false), place(5, true)]), 2);
        assert_eq!(extra(&[place(2, false), place(1, true)]), 1);
        assert_eq!(extra(&[place(2, false), place(1, true), place(1, true)]), 2);
    }
}
