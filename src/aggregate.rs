//! What a replica amounts to: counts, bytes, newest change, and fingerprints that tell whether two replicas agree.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use crate::moment::{Moment, Step};
use crate::name::Name;
use crate::os::stat::Kind;
use crate::tree::{Entry, Tree};

/// A sum over all entries of a replica; the order in which they are added does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregate {
    /// Regular files and symbolic links, each name counted.
    pub files: u64,
    /// Apparent bytes of the files; one with several names counts once.
    pub bytes: u64,
    /// Folders.
    pub folders: u64,
    /// The newest modification time of a file or link.
    pub newest: Option<Moment>,
    /// Files and folders that could not be looked at.
    pub unreadable: u64,
    /// The step in which the file system keeps times.
    pub step: Step,
    /// For each step of [`Step::ALL`] a sum of hashes of path, kind, size, time (cut to that step) or link target.
    pub fingerprints: [u128; 4],
}

impl Aggregate {
    /// Of nothing, on a file system with this step.
    #[must_use]
    pub const fn new(step: Step) -> Self {
        Self {
            files: 0,
            bytes: 0,
            folders: 0,
            newest: None,
            unreadable: 0,
            step,
            fingerprints: [0; 4],
        }
    }

    /// Of a whole tree.
    #[must_use]
    pub fn of(tree: &Tree) -> Self {
        let mut aggregate = Self::new(tree.step);
        let mut counted = HashSet::new();
        for entry in &tree.entries {
            let again = entry.shared.is_some_and(|file| !counted.insert(file));
            aggregate.add(&Item::from(entry), if again { 0 } else { entry.bytes });
        }
        aggregate.unreadable = tree.problems.len() as u64;
        aggregate
    }

    /// Adds one entry, which takes up `occupied` bytes.
    pub fn add(&mut self, item: &Item<'_>, occupied: u64) {
        match item.kind {
            Kind::Special => return,
            Kind::Folder => self.folders += 1,
            Kind::File | Kind::Link => {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(occupied);
                self.newest = self.newest.max(Some(item.modified));
            }
        }
        let base = item.hash();
        for (sum, step) in self.fingerprints.iter_mut().zip(Step::ALL) {
            *sum = sum.wrapping_add(item.fingerprint(base, step));
        }
    }

    /// Whether both replicas hold the same entries, sizes and times, as far as their file systems keep times.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let step = self.step.max(other.step) as usize;
        self.fingerprints[step] == other.fingerprints[step]
    }
}

/// What of an entry goes into an aggregate.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The path below the replica's folder.
    pub path: &'a Path,
    /// What it is.
    pub kind: Kind,
    /// Apparent size in bytes.
    pub bytes: u64,
    /// When its content was last changed.
    pub modified: Moment,
    /// Where a link points.
    pub target: Option<&'a Name>,
}

impl Item<'_> {
    /// The hash of everything but the time.
    fn hash(&self) -> u128 {
        let path = xxh3_128(self.path.as_os_str().as_bytes());
        let target = self.target.map_or(0, |target| xxh3_128(target.as_bytes()));
        let mut parts = [0; 41];
        parts[..16].copy_from_slice(&path.to_le_bytes());
        parts[16..32].copy_from_slice(&target.to_le_bytes());
        parts[32..40].copy_from_slice(&self.bytes.to_le_bytes());
        parts[40] = self.kind as u8;
        xxh3_128(&parts)
    }

    /// The hash with the time of a file; a link and a folder are the same whenever they were made.
    fn fingerprint(&self, base: u128, step: Step) -> u128 {
        if self.kind != Kind::File {
            return base;
        }
        let time = self.modified.cut_to(step);
        let mut parts = [0; 28];
        parts[..16].copy_from_slice(&base.to_le_bytes());
        parts[16..24].copy_from_slice(&time.seconds.to_le_bytes());
        parts[24..].copy_from_slice(&time.nanoseconds.to_le_bytes());
        xxh3_128_with_seed(&parts, 1)
    }
}

impl<'a> From<&'a Entry> for Item<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            path: &entry.path,
            kind: entry.kind,
            bytes: entry.bytes,
            modified: entry.modified,
            target: entry.target.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64, nanoseconds: u32) -> Entry {
        Entry {
            path: path.into(),
            kind: Kind::File,
            bytes,
            modified: Moment {
                seconds: 5,
                nanoseconds,
            },
            mode: 0o644,
            target: None,
            shared: None,
        }
    }

    fn aggregate(step: Step, entries: &[Entry]) -> Aggregate {
        Aggregate::of(&Tree {
            entries: entries.to_vec(),
            step,
            ..Tree::default()
        })
    }

    #[test]
    fn a_file_with_two_names_takes_its_bytes_once() {
        let mut twice = [file("a", 10, 0), file("b", 10, 0)];
        for entry in &mut twice {
            entry.shared = Some((1, 2));
        }
        let sum = aggregate(Step::Nanosecond, &twice);
        assert_eq!((sum.files, sum.bytes), (2, 10));
    }

    #[test]
    fn replicas_agree_in_the_coarser_step_of_the_two() {
        let exact = aggregate(
            Step::Nanosecond,
            &[file("a", 10, 123_456_789), file("b", 1, 5)],
        );
        let coarse = aggregate(Step::Second, &[file("b", 1, 0), file("a", 10, 0)]);
        assert!(exact.agrees_with(&coarse) && coarse.agrees_with(&exact));
        for other in [
            file("a", 11, 123_456_789),
            file("c", 10, 123_456_789),
            file("a", 10, 123_456_788),
        ] {
            assert!(!exact.agrees_with(&aggregate(Step::Nanosecond, &[other, file("b", 1, 5)])));
        }
    }
}
