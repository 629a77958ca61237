//! Counting copies: each medium counts once.

use crate::model::policy::{Demand, Policy};

/// A set of media, each a bit. From the 128th medium on they share a bit: fewer copies are counted, never more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediumSet(u128);

/// Number of media that have a bit of their own.
const BITS: usize = 127;

impl MediumSet {
    /// Adds a medium.
    pub fn insert(&mut self, medium: usize) {
        self.0 |= 1 << medium.min(BITS);
    }

    /// True if it has this medium.
    pub fn contains(self, medium: usize) -> bool {
        self.0 & 1 << medium.min(BITS) != 0
    }

    /// Number of media.
    pub fn len(self) -> u64 {
        self.0.count_ones().into()
    }
}

/// The media that hold copies of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Copies {
    /// All of them.
    pub media: MediumSet,
    /// Those that are off-site.
    pub offsite: MediumSet,
}

impl Copies {
    /// Adds a copy on a medium.
    pub fn add(&mut self, medium: usize, is_offsite: bool) {
        self.media.insert(medium);
        if is_offsite {
            self.offsite.insert(medium);
        }
    }

    /// True if these are as many copies as a category demands.
    pub fn meet(&self, demand: &Demand) -> bool {
        self.media.len() >= demand.copies && self.offsite.len() >= demand.offsite
    }

    /// True if these are as many copies as a policy demands.
    pub fn satisfy(&self, policy: &Policy) -> bool {
        match policy {
            Policy::Expendable => true,
            Policy::Keep(demand) => self.meet(demand),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_medium_counts_once() {
        let mut copies = Copies::default();
        for (medium, is_offsite) in [(0, false), (3, true), (0, false), (3, false), (200, true)] {
            copies.add(medium, is_offsite);
        }
        assert_eq!((copies.media.len(), copies.offsite.len()), (3, 2));
        assert!(copies.media.contains(127) && !copies.media.contains(1));
        copies.add(300, false);
        assert_eq!(copies.media.len(), 3);
        let demand = |copies, offsite| Demand {
            copies,
            offsite,
            verified_within: None,
        };
        assert!(copies.meet(&demand(3, 2)));
        assert!(!copies.meet(&demand(4, 0)) && !copies.meet(&demand(1, 3)));
        assert!(Copies::default().satisfy(&Policy::Expendable));
        assert!(!Copies::default().satisfy(&Policy::default()));
    }
}
