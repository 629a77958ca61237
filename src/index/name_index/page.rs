//! Pages: the posting lists of a segment, packed by ranges of trigrams.
//!
//! Each page states the range of trigrams that it answers for, and its checksum includes the range. The pages of a segment
//! cover all trigrams without a gap, so that a list that is not in its page does not exist, and a lost page is noticed.

use rusqlite::{Connection, params};

use super::trigram::{TRIGRAM_COUNT, Trigram};
use crate::index::checksum::{corruption_error, row_checksum, verify_row};
use crate::index::sql::{execute, one};
use crate::snapshot::varint::{read_bytes, read_varint, write_bytes, write_varint};

/// Size up to which lists are packed into one page, in bytes: a row then fits a page of `SQLite`.
const PAGE_BYTES: usize = 3_800;

/// Number of row ids that the pages of one segment may take.
const IDS_PER_SEGMENT: i64 = 1 << 20;

/// The posting lists of a range of trigrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NamePage {
    /// The first trigram of the range.
    pub(super) first: i64,
    /// The first trigram behind the range.
    pub(super) end: i64,
    /// Differences of trigrams and their lists.
    pub(super) packed: Vec<u8>,
}

/// The place and size of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PagePlace {
    /// Its row.
    pub(super) row: i64,
    /// Size in bytes.
    pub(super) bytes: u64,
}

impl NamePage {
    /// Returns the checksum of a page.
    pub(super) fn checksum(&self) -> [u8; 16] {
        checksum(self.first, self.end, &self.packed)
    }

    /// Returns the list of a trigram; an empty one if there is none. Fails if the page does not answer for it: then the page
    /// that does is lost.
    pub(super) fn list(&self, trigram: Trigram) -> rusqlite::Result<&[u8]> {
        if !(self.first..self.end).contains(&i64::from(trigram.0)) {
            return Err(corruption_error("a page of the name index is missing"));
        }
        for list in self.lists() {
            let (found, list) = list?;
            if found >= trigram {
                return Ok(if found == trigram { list } else { &[] });
            }
        }
        Ok(&[])
    }

    /// The lists of the page, sorted by trigram.
    pub(super) fn lists(&self) -> impl Iterator<Item = rusqlite::Result<(Trigram, &[u8])>> {
        let (mut rest, mut trigram) = (self.packed.as_slice(), self.first.cast_unsigned());
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let mut read = || {
                trigram = trigram.checked_add(read_varint(&mut rest)?)?;
                let list = read_bytes(&mut rest)?;
                Some((Trigram(u32::try_from(trigram).ok()?), list))
            };
            let list = read();
            if list.is_none() {
                rest = &[];
            }
            Some(list.ok_or_else(|| corruption_error("a page of the name index cannot be read")))
        })
    }
}

fn checksum(first: i64, end: i64, packed: &[u8]) -> [u8; 16] {
    row_checksum(&[&first.to_le_bytes(), &end.to_le_bytes(), packed])
}

/// Packs lists that come sorted by trigram into pages that cover all trigrams.
#[derive(Debug, Default)]
pub(super) struct PagePacker {
    page: NamePage,
    /// The trigram of the last list of the page.
    last: i64,
}

impl PagePacker {
    /// Adds a list. Returns the page before it, if that is full.
    pub(super) fn add(&mut self, trigram: Trigram, list: &[u8]) -> Option<NamePage> {
        let number = i64::from(trigram.0);
        let page = &mut self.page;
        let is_full = !page.packed.is_empty() && page.packed.len() + list.len() > PAGE_BYTES;
        let full = is_full.then(|| {
            let next = NamePage {
                first: number,
                ..NamePage::default()
            };
            page.end = number;
            self.last = number;
            std::mem::replace(page, next)
        });
        write_varint(&mut page.packed, (number - self.last).cast_unsigned());
        write_bytes(&mut page.packed, list);
        self.last = number;
        full
    }

    /// Returns the last page.
    pub(super) fn finish(mut self) -> NamePage {
        self.page.end = i64::try_from(TRIGRAM_COUNT).unwrap_or(i64::MAX);
        self.page
    }
}

/// Packs the lists of a segment into pages.
pub(super) fn pack_pages(lists: impl IntoIterator<Item = (Trigram, Vec<u8>)>) -> Vec<NamePage> {
    let mut packer = PagePacker::default();
    let lists = lists.into_iter();
    let mut pages: Vec<NamePage> = lists
        .filter_map(|(trigram, list)| packer.add(trigram, &list))
        .collect();
    pages.push(packer.finish());
    pages
}

/// Writes a page of a segment.
pub(super) fn write_page(
    connection: &Connection,
    segment: i64,
    page: &NamePage,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO name_pages (id, end, postings, checksum) VALUES (?1, ?2, ?3, ?4)";
    let id = segment * IDS_PER_SEGMENT + page.first;
    let parameters = params![id, page.end, page.packed, page.checksum()];
    execute(connection, sql, parameters)
}

/// Copies the pages that a scan staged as its segment number `staged`.
pub(super) fn take_staged_pages(
    connection: &Connection,
    staged: i64,
    segment: i64,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO name_pages (id, end, postings, checksum)
               SELECT ?2 + first, end, postings, checksum FROM temp.staged_name_pages WHERE segment = ?1 ORDER BY first";
    execute(connection, sql, params![staged, segment * IDS_PER_SEGMENT])
}

/// Deletes the pages of a segment.
pub(super) fn delete_pages(connection: &Connection, segment: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM name_pages WHERE id >= ?1 AND id < ?2";
    let first = segment * IDS_PER_SEGMENT;
    execute(connection, sql, [first, first + IDS_PER_SEGMENT])
}

/// Returns the place of the page with a trigram.
pub(super) fn find_page(
    connection: &Connection,
    segment: i64,
    trigram: Trigram,
) -> rusqlite::Result<PagePlace> {
    let sql = "SELECT id, length(postings) FROM name_pages WHERE id <= ?1 ORDER BY id DESC LIMIT 1";
    let base = segment * IDS_PER_SEGMENT;
    let key = base + i64::from(trigram.0);
    one(connection, sql, [key], |row| {
        Ok(PagePlace {
            row: row.get(0)?,
            bytes: row.get::<_, i64>(1)?.cast_unsigned(),
        })
    })
}

/// Reads the page of a segment whose range begins at `first`; `None` behind the last one.
pub(super) fn page_at(
    connection: &Connection,
    segment: i64,
    first: i64,
) -> rusqlite::Result<Option<NamePage>> {
    if first >= i64::try_from(TRIGRAM_COUNT).unwrap_or(i64::MAX) {
        return Ok(None);
    }
    read_page(connection, segment, segment * IDS_PER_SEGMENT + first).map(Some)
}

/// Reads the page of a segment in a row.
pub(super) fn read_page(
    connection: &Connection,
    segment: i64,
    id: i64,
) -> rusqlite::Result<NamePage> {
    let sql = "SELECT end, postings, checksum FROM name_pages WHERE id = ?1";
    let first = id - segment * IDS_PER_SEGMENT;
    one(connection, sql, [id], |row| {
        let page = NamePage {
            first,
            end: row.get(0)?,
            packed: row.get(1)?,
        };
        verify_row(
            row.get_ref(2)?.as_blob()?,
            &[&first.to_le_bytes(), &page.end.to_le_bytes(), &page.packed],
        )?;
        Ok(page)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Vec<(Trigram, Vec<u8>)> {
        (0..2000_u32)
            .map(|number| {
                (
                    Trigram(number * 100 + 7),
                    vec![u8::try_from(number % 251).unwrap(); 9],
                )
            })
            .collect()
    }

    #[test]
    fn pages_cover_all_trigrams_without_a_gap() {
        let pages = pack_pages(lists());
        assert!(pages.len() > 4);
        assert_eq!(pages[0].first, 0);
        for pair in pages.windows(2) {
            assert_eq!(pair[0].end, pair[1].first);
        }
        assert_eq!(pages.last().unwrap().end, 1 << 19);
        assert_eq!(pack_pages([]).len(), 1);
    }

    #[test]
    fn packed_lists_are_found() {
        let pages = pack_pages(lists());
        let list = |trigram: Trigram| {
            let page = pages
                .iter()
                .find(|page| (page.first..page.end).contains(&i64::from(trigram.0)));
            page.unwrap().list(trigram).unwrap().to_vec()
        };
        for (trigram, packed) in lists() {
            assert_eq!(list(trigram), packed);
            assert_eq!(list(Trigram(trigram.0 + 1)), [0; 0]);
        }
    }

    #[test]
    fn large_list_has_a_page_of_its_own() {
        let pages = pack_pages([3, 4, 5].map(|code| (Trigram(code), vec![1; 10_000])));
        assert_eq!(pages.len(), 3);
    }
}
