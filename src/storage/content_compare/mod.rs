//! Comparing the contents of files that have one size in two replicas.
//!
//! Two trees come in; out comes a [`ContentComparison`] that names the differing files and those that could not be read.
//! Digests that the index knows are used first; other files are read, both sides at once, by several threads. The index
//! keeps each digest that is computed.

mod comparer;
mod comparison;
mod known_difference;
mod pair;
mod read;
mod record;
mod time;

use std::collections::{BTreeSet, btree_set};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

pub use self::comparer::{CompareSettings, ContentComparer};
pub use self::comparison::{ContentComparison, KnownDigests};
pub use self::pair::ProgressFn;

use self::pair::{ComparedReplica, SameSizePair, same_size_pairs};
use self::read::{BatchSource, ReadBatch, ReadBatchResult, UnreadPair};
use self::record::ContentRecord;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::timestamp::TimePrecision;
use crate::index::{FileEvidence, FolderEvidence};
use crate::os::folder::Folder;

/// Largest number of files in a batch. All are from one folder.
const MAX_BATCH_FILES: usize = 64;

/// Size at which a batch ends, in bytes of one side: 8 MiB. A larger file is a batch of its own.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// Compares the contents of the files that have one size on both sides, with this number of threads: all, or those with
/// these paths below the replica's folder. Files that cannot be read are part of the result.
fn compare(
    sides: [ComparedReplica<'_>; 2],
    record: &mut ContentRecord,
    threads: usize,
    on_progress: &ProgressFn<'_>,
    selected: Option<&BTreeSet<PathBuf>>,
) -> Result<ContentComparison> {
    let folders: BTreeSet<&Path> = match selected {
        Some(paths) => paths.iter().filter_map(|path| path.parent()).collect(),
        None => sides[0].tree.folders.keys().map(PathBuf::as_path).collect(),
    };
    let mut batches = CompareBatches {
        sides,
        record,
        selected,
        on_progress,
        folders: folders.into_iter(),
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

/// The state of a comparison, which goes folder by folder.
struct CompareBatches<'a> {
    sides: [ComparedReplica<'a>; 2],
    record: &'a mut ContentRecord,
    /// The only files that are compared, if not all are.
    selected: Option<&'a BTreeSet<PathBuf>>,
    on_progress: &'a ProgressFn<'a>,
    folders: btree_set::IntoIter<&'a Path>,
    /// The current folder, and its files that are still to be read.
    folder: PathBuf,
    remaining: IntoIter<UnreadPair>,
    found: ContentComparison,
}

impl CompareBatches<'_> {
    /// Compares the files of a folder whose digests are known, and queues the others for reading.
    fn start_folder(&mut self, path: &Path) -> Result<()> {
        let [a, b] = self.sides;
        let mut pairs = same_size_pairs([a.tree, b.tree], path);
        if let Some(selected) = self.selected {
            pairs.retain(|pair| selected.contains(&path.join(pair.name.as_path())));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        let places = self.sides.map(|side| side.relative.join(path));
        let contents = self.record.known_digests(&places)?;
        let precisions = self.sides.map(|side| side.tree.precision());
        let mut unread = Vec::new();
        let folders = [
            a.root.open_descendant(&places[0]).ok(),
            b.root.open_descendant(&places[1]).ok(),
        ];
        for pair in pairs {
            let known = [0, 1].map(|side| {
                let known = known_content(&contents[side], &pair, side, precisions[side]);
                known.filter(|known| is_in_known_state(folders[side].as_ref(), &pair.name, known))
            });
            if let [Some(a), Some(b)] = known {
                self.found.known.add_file([a.proof.at, b.proof.at]);
                (self.on_progress)(pair.entries[0].bytes);
                if a.digest != b.digest {
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
            bytes += file.pair.entries[0].bytes;
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
        let places = self.sides.map(|side| side.relative.join(&folder));
        self.record.add(places, read);
    }
}

/// True if a file is as it was when its digest was taken.
fn is_in_known_state(folder: Option<&Folder>, name: &Name, known: &FileEvidence) -> bool {
    let Some(folder) = folder.filter(|_| known.proof.tag != 0) else {
        return true;
    };
    let stat = folder.stat(&folder.existing_name(name.as_os_str()));
    let has_stable_ids = folder.has_reliable_file_system();
    stat.is_ok_and(|stat| known.proof.is_of_state(&stat, has_stable_ids))
}

/// Returns the known content of a file. The content of a damaged file is not known, nor is one that a history only claims: they
/// are read.
fn known_content(
    known: &FolderEvidence,
    pair: &SameSizePair,
    side: usize,
    precision: TimePrecision,
) -> Option<FileEvidence> {
    let held = held_evidence(known, pair, side, precision);
    held.filter(|content| content.proof.is_intact())
}

/// Returns the evidence of a file, if the file still has its size and time. The time may be the original one or the one that
/// the storage reports instead.
fn held_evidence(
    known: &FolderEvidence,
    pair: &SameSizePair,
    side: usize,
    precision: TimePrecision,
) -> Option<FileEvidence> {
    let (content, entry) = (known.get(&pair.name)?, &pair.entries[side]);
    let times = [entry.modified, pair.reported_times[side]];
    let mut times = times.into_iter();
    let holds = times.any(|time| content.holds_for(entry.bytes, time, precision));
    holds.then_some(*content)
}
