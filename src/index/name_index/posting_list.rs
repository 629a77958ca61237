//! Posting lists: the blocks of one segment in which a trigram occurs, as differences of ascending numbers.

use super::trigram::{TRIGRAM_COUNT, Trigram};
use crate::snapshot::varint::{read_varint, write_varint};

/// The posting list of one trigram while a segment is built.
#[derive(Debug, Default)]
struct PostingList {
    last: u64,
    packed: Vec<u8>,
}

impl PostingList {
    fn add(&mut self, block: u64) {
        write_varint(&mut self.packed, block - self.last);
        self.last = block;
    }
}

/// The posting lists of a segment while it is built.
#[derive(Debug)]
pub(super) struct Postings {
    /// The position in `lists` of each trigram, plus 1; 0 for none.
    slots: Vec<u32>,
    lists: Vec<(Trigram, PostingList)>,
    bytes: usize,
}

impl Default for Postings {
    fn default() -> Self {
        Self {
            slots: vec![0; TRIGRAM_COUNT],
            lists: Vec::new(),
            bytes: 0,
        }
    }
}

impl Postings {
    /// Adds a block to the list of a trigram. The blocks of a list ascend.
    pub(super) fn add(&mut self, trigram: Trigram, block: u64) {
        let slot = &mut self.slots[trigram.place()];
        if *slot == 0 {
            self.lists.push((trigram, PostingList::default()));
            *slot = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        }
        let list = &mut self.lists[*slot as usize - 1].1;
        let before = list.packed.len();
        list.add(block);
        self.bytes += list.packed.len() - before;
    }

    /// Size of all lists in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the lists, sorted by trigram.
    pub(super) fn into_lists(self) -> Vec<(Trigram, Vec<u8>)> {
        let mut lists: Vec<_> = self
            .lists
            .into_iter()
            .map(|(trigram, list)| (trigram, list.packed))
            .collect();
        lists.sort_unstable_by_key(|(trigram, _)| *trigram);
        lists
    }
}

/// The blocks of a packed posting list.
#[derive(Clone, Debug)]
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
    last: u64,
}

impl<'a> Blocks<'a> {
    /// Reads a list.
    pub(super) const fn new(packed: &'a [u8]) -> Self {
        Self {
            rest: packed,
            last: 0,
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.last = self.last.checked_add(read_varint(&mut self.rest)?)?;
        Some(self.last)
    }
}

/// Keeps the blocks that are also in a packed list. Both ascend.
pub(super) fn intersect(blocks: &mut Vec<u64>, packed: &[u8]) {
    let mut others = Blocks::new(packed);
    let mut other = others.next();
    blocks.retain(|block| {
        while other.is_some_and(|other| other < *block) {
            other = others.next();
        }
        other == Some(*block)
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn pack(blocks: &BTreeSet<u64>) -> Vec<u8> {
        let mut postings = Postings::default();
        for block in blocks {
            postings.add(Trigram(5), *block);
        }
        assert_eq!(postings.bytes() == 0, blocks.is_empty());
        postings
            .into_lists()
            .pop()
            .map(|(_, packed)| packed)
            .unwrap_or_default()
    }

    proptest! {
        #[test]
        fn intersection_has_common_blocks(
            a in proptest::collection::btree_set(0..300_u64, 0..60),
            b in proptest::collection::btree_set(0..300_u64, 0..60),
        ) {
            let mut blocks: Vec<u64> = Blocks::new(&pack(&a)).collect();
            prop_assert!(blocks.iter().eq(&a));
            intersect(&mut blocks, &pack(&b));
            prop_assert!(blocks.iter().eq(a.intersection(&b)));
        }
    }

    #[test]
    fn lists_are_sorted_by_trigram() {
        let mut postings = Postings::default();
        for code in [9, 2, 9, 4] {
            postings.add(Trigram(code), u64::from(code));
        }
        let codes = postings
            .into_lists()
            .into_iter()
            .map(|(trigram, _)| trigram.0);
        assert_eq!(codes.collect::<Vec<_>>(), [2, 4, 9]);
    }
}
