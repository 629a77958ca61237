//! A table of fixed size that tells which contents may occur twice.

use super::record::PlaceRecord;
use crate::snapshot::digest::Digest;

/// Greatest number of slots: 64 MiB.
const MAX_SLOTS: u64 = 1 << 27;

/// Slots for each file, so that few files share one by chance.
const SLOTS_PER_FILE: u64 = 4;

/// Bits of a slot: a content was seen, a content was seen once more, one of them is unknown.
const ONCE: u8 = 1;
const TWICE: u8 = 2;
const UNKNOWN: u8 = 4;

/// Slots of four bits. Each record uses one for its digest, if it has one, and one for its size and time.
#[derive(Debug)]
pub(super) struct ContentFilter {
    slots: Vec<u8>,
    /// Number of slots less one; a power of two less one.
    mask: u64,
}

impl ContentFilter {
    /// Makes a table for this number of files, or for as many of them as fit.
    pub(super) fn for_files(files: u64) -> Self {
        let wanted = files.saturating_mul(SLOTS_PER_FILE).max(1024);
        let slots = wanted.checked_next_power_of_two().unwrap_or(MAX_SLOTS);
        let slots = slots.min(MAX_SLOTS);
        let bytes = usize::try_from(slots / 2).unwrap_or_default();
        Self {
            slots: vec![0; bytes],
            mask: slots - 1,
        }
    }

    /// Number of passes over this number of files, so that the table is not overfull in any of them.
    pub(super) fn passes(files: u64) -> u64 {
        files
            .saturating_mul(SLOTS_PER_FILE / 2)
            .div_ceil(MAX_SLOTS)
            .max(1)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.slots.fill(0);
    }

    /// Adds a record. `is_own` selects the hashes of this pass.
    pub(super) fn add(&mut self, record: &PlaceRecord<'_>, is_own: impl Fn(u64) -> bool) {
        let unknown = if record.digest.is_none() { UNKNOWN } else { 0 };
        if is_own(record.class) {
            self.mark(record.class, unknown);
        }
        if let Some(hash) = record.digest.map(digest_hash).filter(|hash| is_own(*hash)) {
            self.mark(hash, 0);
        }
    }

    /// True if another record may have the digest of this one.
    pub(super) fn may_have_equal(&self, record: &PlaceRecord<'_>) -> bool {
        let hash = record.digest.map(digest_hash);
        hash.is_some_and(|hash| self.slot(hash) & TWICE != 0)
    }

    /// True if another record may have size and time of this one, and the content of one of the two is not known.
    pub(super) fn may_have_candidate(&self, record: &PlaceRecord<'_>) -> bool {
        self.slot(record.class) & (TWICE | UNKNOWN) == TWICE | UNKNOWN
    }

    fn slot(&self, hash: u64) -> u8 {
        let (place, shift) = self.place(hash);
        self.slots[place] >> shift
    }

    fn mark(&mut self, hash: u64, bits: u8) {
        let (place, shift) = self.place(hash);
        let seen = (self.slots[place] >> shift) & ONCE;
        let bits = bits | ONCE | if seen == 0 { 0 } else { TWICE };
        self.slots[place] |= bits << shift;
    }

    /// Returns the byte of a slot, and the number of its first bit.
    fn place(&self, hash: u64) -> (usize, u32) {
        let slot = hash & self.mask;
        let shift = if slot.is_multiple_of(2) { 0 } else { 4 };
        (usize::try_from(slot / 2).unwrap_or_default(), shift)
    }
}

/// Hash of a digest, apart from those of sizes and times.
pub(super) fn digest_hash(digest: Digest) -> u64 {
    digest.low_64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(class: u64, digest: Option<u128>) -> PlaceRecord<'static> {
        PlaceRecord {
            name: b"x",
            bytes: 1,
            digest: digest.map(Digest),
            class,
            databases: Vec::new(),
        }
    }

    #[test]
    fn contents_that_occur_twice_are_found() {
        let mut filter = ContentFilter::for_files(10);
        for record in [
            record(1, None),
            record(1, Some(2)),
            record(3, Some(4)),
            record(5, Some(4)),
            record(6, Some(7)),
            record(6, Some(8)),
            record(9, None),
        ] {
            filter.add(&record, |_| true);
        }
        assert!(filter.may_have_candidate(&record(1, None)));
        assert!(filter.may_have_candidate(&record(1, Some(2))));
        assert!(filter.may_have_equal(&record(3, Some(4))));
        // Proven to differ, and single.
        assert!(!filter.may_have_candidate(&record(6, Some(7))));
        assert!(!filter.may_have_equal(&record(6, Some(7))));
        assert!(!filter.may_have_candidate(&record(9, None)));
        filter.clear();
        assert!(!filter.may_have_equal(&record(3, Some(4))));
    }

    #[test]
    fn memory_has_a_limit() {
        let filter = ContentFilter::for_files(u64::MAX);
        assert_eq!(filter.slots.len(), 64 << 20);
        assert_eq!(ContentFilter::passes(60_000_000), 1);
        assert_eq!(ContentFilter::passes(200_000_000), 3);
    }
}
