//! Which files of one size hold the same bytes on two sides: known from the index, or read, both sides at once.

mod known_difference;
mod read;
mod record;
mod time;

use std::collections::btree_map::Keys;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::IntoIter;

pub use self::record::ContentRecord;
pub use self::time::TimeReconciliation;

use self::read::{BatchSource, ReadBatch, ReadBatchResult, UnreadPair};
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::{TimePrecision, Timestamp};
use crate::index::FileDigests;
use crate::os::folder::Folder;
use crate::os::stat::EntryKind;
use crate::snapshot::diff;
use crate::snapshot::diff::{DiffEntry, DiffVisitor, Difference, EntryDiff};
use crate::snapshot::digest::Digest;
use crate::snapshot::manifest::ManifestFiles;
use crate::snapshot::tree::{Tree, TreeFolder};

/// A thread is given so many files at once, all of one folder.
const MAX_BATCH_FILES: usize = 64;

/// And so many bytes of one side, or one file that is larger: 8 MiB.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// One of two replicas whose contents are compared.
#[derive(Clone, Copy, Debug)]
pub struct ComparedReplica<'a> {
    /// The database's root.
    pub root: &'a Arc<Folder>,
    /// The replica's folder below it.
    pub relative: &'a Path,
    /// What is there.
    pub tree: &'a Tree,
}

/// What a comparison of contents found.
#[derive(Debug, Default)]
pub struct ContentComparison {
    /// Files whose bytes differ, by their paths below the replica's folder.
    pub differing: HashSet<PathBuf>,
    /// Files that could not be read on one side, and why.
    pub unread: HashMap<PathBuf, String>,
    /// How many files were read on either side.
    pub files_read: u64,
    /// Whether content decides of every file of one size: those that are in neither list are the same.
    pub covers_all: bool,
}

/// A file of one size on both sides.
#[derive(Clone, Debug)]
struct SameSizePair {
    name: Name,
    seen: [DiffEntry; 2],
    /// The times that the storages show of it.
    reported_times: [Timestamp; 2],
}

/// Told of bytes of the first side while they are compared.
pub type ProgressFn<'a> = dyn Fn(u64) + Sync + 'a;

/// How many files, and bytes on one side, would have to be compared at most.
pub fn comparison_size(a: &Tree, b: &Tree) -> (u64, u64) {
    let (mut files, mut bytes) = (0, 0);
    for path in a.folders.keys() {
        for pair in same_size_pairs(a, b, path) {
            files += 1;
            bytes += pair.seen[0].bytes;
        }
    }
    (files, bytes)
}

/// The files that have one size on both sides, by their paths below the replica's folder.
pub fn same_size_paths(a: &Tree, b: &Tree) -> Vec<PathBuf> {
    let paths_of = |path: &PathBuf| {
        let pairs = same_size_pairs(a, b, path).into_iter();
        let paths = pairs.map(|pair| path.join(pair.name.as_path()));
        paths.collect::<Vec<_>>()
    };
    a.folders.keys().flat_map(paths_of).collect()
}

/// Compares the contents of all files that have one size on both sides, by so many threads.
///
/// # Errors
/// The index cannot be read, or the work was interrupted; files that cannot be read are among what is found.
pub fn compare(
    sides: [ComparedReplica<'_>; 2],
    record: &mut ContentRecord,
    threads: usize,
    on_progress: &ProgressFn<'_>,
) -> Result<ContentComparison> {
    compare_filtered(sides, record, threads, on_progress, None)
}

/// Compares the contents of these files alone, by their paths below the replica's folder.
///
/// # Errors
/// As for [`compare`].
pub fn compare_selected(
    sides: [ComparedReplica<'_>; 2],
    record: &mut ContentRecord,
    threads: usize,
    on_progress: &ProgressFn<'_>,
    selected: &BTreeSet<PathBuf>,
) -> Result<ContentComparison> {
    compare_filtered(sides, record, threads, on_progress, Some(selected))
}

fn compare_filtered(
    sides: [ComparedReplica<'_>; 2],
    record: &mut ContentRecord,
    threads: usize,
    on_progress: &ProgressFn<'_>,
    selected: Option<&BTreeSet<PathBuf>>,
) -> Result<ContentComparison> {
    let mut batches = CompareBatches {
        sides,
        record,
        selected,
        on_progress,
        folders: sides[0].tree.folders.keys(),
        folder: PathBuf::new(),
        remaining: Vec::new().into_iter(),
        found: ContentComparison {
            covers_all: selected.is_none(),
            ..ContentComparison::default()
        },
    };
    read::read_all(sides, threads, on_progress, &mut batches)?;
    Ok(batches.found)
}

/// A comparison under way, folder after folder.
struct CompareBatches<'a> {
    sides: [ComparedReplica<'a>; 2],
    record: &'a mut ContentRecord,
    /// Only these files, where not all are compared.
    selected: Option<&'a BTreeSet<PathBuf>>,
    on_progress: &'a ProgressFn<'a>,
    folders: Keys<'a, PathBuf, TreeFolder>,
    /// The folder under way, and its files that are to be read still.
    folder: PathBuf,
    remaining: IntoIter<UnreadPair>,
    found: ContentComparison,
}

impl CompareBatches<'_> {
    /// Judges what is known of a folder's files; those of which it is not are to be read.
    fn start_folder(&mut self, path: &Path) -> Result<()> {
        let [a, b] = self.sides;
        let mut pairs = same_size_pairs(a.tree, b.tree, path);
        if let Some(selected) = self.selected {
            pairs.retain(|pair| selected.contains(&path.join(pair.name.as_path())));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        let contents = self.record.known_digests(&a.relative.join(path))?;
        let precisions = self.sides.map(|side| side.tree.precision());
        let mut unread = Vec::new();
        for pair in pairs {
            let known =
                [0, 1].map(|side| known_digest(&contents[side], &pair, side, precisions[side]));
            if let [Some(a), Some(b)] = known {
                (self.on_progress)(pair.seen[0].bytes);
                if a != b {
                    self.found.differing.insert(path.join(pair.name.as_path()));
                }
            } else {
                unread.push(UnreadPair { pair, known });
            }
        }
        path.clone_into(&mut self.folder);
        self.remaining = unread.into_iter();
        Ok(())
    }
}

impl BatchSource for CompareBatches<'_> {
    fn next_batch(&mut self) -> Result<Option<ReadBatch>> {
        while self.remaining.len() == 0
            && let Some(path) = self.folders.next()
        {
            self.start_folder(path)?;
        }
        let (mut files, mut bytes) = (Vec::new(), 0);
        while files.len() < MAX_BATCH_FILES
            && bytes < MAX_BATCH_BYTES
            && let Some(file) = self.remaining.next()
        {
            bytes += file.pair.seen[0].bytes;
            files.push(file);
        }
        let folder = self.folder.clone();
        Ok((!files.is_empty()).then_some(ReadBatch { folder, files }))
    }

    fn accept(&mut self, ReadBatchResult { folder, files }: ReadBatchResult) {
        let mut read = Vec::with_capacity(files.len());
        for (name, contents) in files {
            match contents {
                Ok(contents) => {
                    if contents[0].digest != contents[1].digest {
                        self.found.differing.insert(folder.join(name.as_path()));
                    }
                    read.push((name, contents));
                }
                Err(why) => {
                    self.found.unread.insert(folder.join(name.as_path()), why);
                }
            }
        }
        self.found.files_read += read.len() as u64;
        self.record.add(self.sides[0].relative.join(folder), read);
    }
}

/// Returns the digest that is known of a file, if it still has its size and time: the time that was set, or the one that
/// the storage shows for it.
fn known_digest(
    known: &FileDigests,
    pair: &SameSizePair,
    side: usize,
    precision: TimePrecision,
) -> Option<Digest> {
    let (content, seen) = (known.get(&pair.name)?, &pair.seen[side]);
    let times = [seen.modified, pair.reported_times[side]];
    let is_time = |time: &Timestamp| content.modified.equals_at(*time, precision);
    let same = content.bytes == seen.bytes && times.iter().any(is_time);
    same.then_some(content.digest)
}

/// The files of one folder that have one size on both sides.
fn same_size_pairs(a: &Tree, b: &Tree, path: &Path) -> Vec<SameSizePair> {
    struct PairCollector<'a>(Vec<SameSizePair>, [&'a Tree; 2], &'a Path);
    impl DiffVisitor for PairCollector<'_> {
        fn visit_unchanged(&mut self, packed: &[u8]) {
            let mut files = ManifestFiles::of(packed);
            while let Ok(Some(file)) = files.next() {
                self.visit_name(file.name, EntryDiff::Same(file.into(), file.into()));
            }
        }

        fn visit_name(&mut self, name: &[u8], change: EntryDiff) {
            if let EntryDiff::Same(a, b) | EntryDiff::Differs(a, b, Difference::Time) = change
                && a.kind == EntryKind::File
            {
                let reported_times = [a, b].map(|seen| seen.modified);
                let reported_times = [0, 1]
                    .map(|side| self.1[side].reported_time(self.2, name, reported_times[side]));
                self.0.push(SameSizePair {
                    name: Name::from_bytes(name.to_vec()),
                    seen: [a, b],
                    reported_times,
                });
            }
        }
    }
    let mut collector = PairCollector(Vec::new(), [a, b], path);
    // A tree's own manifests are never damaged.
    diff::diff_folder(a, b, path, &mut collector).unwrap_or_default();
    collector.0
}

impl ContentComparison {
    /// What became of the file with this path, now that its content is known.
    ///
    /// # Errors
    /// It could not be read, for this reason.
    pub fn resolve_change(&self, path: &Path, change: EntryDiff) -> Result<EntryDiff, String> {
        let (EntryDiff::Same(a, b) | EntryDiff::Differs(a, b, Difference::Time)) = change else {
            return Ok(change);
        };
        if a.kind != EntryKind::File || (!self.covers_all && !self.differing.contains(path)) {
            return Ok(change);
        }
        if let Some(why) = self.unread.get(path) {
            return Err(why.clone());
        }
        Ok(if self.differing.contains(path) {
            EntryDiff::Differs(a, b, Difference::Content)
        } else {
            EntryDiff::Same(a, b)
        })
    }
}
