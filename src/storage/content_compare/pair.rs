//! Files of one size in two replicas, paired by their paths.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::name::Name;
use crate::base::timestamp::Timestamp;
use crate::os::folder::Folder;
use crate::os::stat::EntryKind;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, DiffVisitor, Difference, EntryDiff};
use crate::snapshot::manifest::ManifestRef;
use crate::snapshot::time_alias::AlteredTime;
use crate::snapshot::tree::{Tree, TreeFolder};

/// One of two replicas whose contents are compared.
#[derive(Clone, Copy, Debug)]
pub struct ComparedReplica<'a> {
    /// The database's root.
    pub root: &'a Arc<Folder>,
    /// The replica's folder below the root.
    pub relative: &'a Path,
    /// The replica's files.
    pub tree: &'a Tree,
}

/// Receives the number of compared bytes of the first replica.
pub type ProgressFn<'a> = dyn Fn(u64) + Sync + 'a;

/// A file that has one size in both replicas.
#[derive(Clone, Debug)]
pub(super) struct SameSizePair {
    pub(super) name: Name,
    pub(super) entries: [DiffEntry; 2],
    /// The times that the storages report for it.
    pub(super) reported_times: [Timestamp; 2],
}

impl SameSizePair {
    /// The size and both reported times. If they stay the same, so does the result of a comparison.
    pub(super) const fn reported(&self) -> AlteredTime {
        AlteredTime {
            bytes: self.entries[0].bytes,
            original: self.reported_times[0],
            reported: self.reported_times[1],
        }
    }
}

/// Number of files, and bytes of one replica, that a comparison reads at most.
pub fn comparison_size(a: &Tree, b: &Tree) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for path in a.folders.keys() {
        for pair in same_size_pairs([a, b], path) {
            files += 1;
            bytes += pair.entries[0].bytes;
        }
    }
    (files, bytes)
}

/// Paths below the replica's folder of all files that have one size in both trees.
pub fn same_size_paths(a: &Tree, b: &Tree) -> Vec<PathBuf> {
    let paths_of = |path: &PathBuf| {
        let pairs = same_size_pairs([a, b], path).into_iter();
        let paths = pairs.map(|pair| path.join(pair.name.as_path()));
        paths.collect::<Vec<_>>()
    };
    a.folders.keys().flat_map(paths_of).collect()
}

/// The files of one folder that have one size in both trees.
pub(super) fn same_size_pairs(trees: [&Tree; 2], path: &Path) -> Vec<SameSizePair> {
    let sides = trees.map(|tree| tree.folders.get(path));
    let mut collector = PairCollector {
        sides,
        takes_same_times: true,
        pairs: Vec::new(),
    };
    diff::diff_folder_pair(trees, path, sides, &mut collector);
    collector.pairs
}

/// The files of all folders that have one size and two times, with the paths of their folders.
pub(super) fn pairs_of_two_times(trees: [&Tree; 2]) -> impl Iterator<Item = (&Path, SameSizePair)> {
    diff::pair_folders(trees[0], trees[1]).flat_map(move |(path, a, b)| {
        let sides = [Some(a), b];
        let mut collector = PairCollector {
            sides,
            takes_same_times: false,
            pairs: Vec::new(),
        };
        diff::diff_folder_pair(trees, path, sides, &mut collector);
        collector.pairs.into_iter().map(move |pair| (path, pair))
    })
}

/// Collects the pairs of one folder.
struct PairCollector<'a> {
    /// The folder in both trees.
    sides: [Option<&'a TreeFolder>; 2],
    /// False if only files of two times are collected.
    takes_same_times: bool,
    pairs: Vec<SameSizePair>,
}

impl DiffVisitor for PairCollector<'_> {
    fn visit_unchanged(&mut self, manifest: ManifestRef<'_>) {
        if !self.takes_same_times {
            return;
        }
        let mut files = manifest.files();
        while let Some(file) = files.next() {
            self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
        }
    }

    fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
        let entries = match change {
            EntryDiff::Same(a, b) if self.takes_same_times => [a, b],
            EntryDiff::Differs(a, b, Difference::Time) => [a, b],
            _ => return,
        };
        if entries[0].kind == EntryKind::File {
            let reported = |side: usize| {
                let reported = self.sides[side].and_then(|folder| folder.reported_time(name));
                reported.unwrap_or(entries[side].modified)
            };
            self.pairs.push(SameSizePair {
                name: Name::from_bytes(name.to_vec()),
                entries,
                reported_times: [reported(0), reported(1)],
            });
        }
    }
}
