//! Reading pairs of files with several threads, which share one queue of batches.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::pair::{ComparedReplica, ProgressFn, SameSizePair};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::base::name::Name;
use crate::index::{FileEvidence, Proof};
use crate::os::file;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::diff::DiffEntry;
use crate::snapshot::digest::Digest;
use crate::storage::concurrent::run_both;

/// Size from which both files of a pair are read at the same time: 1 MiB. For smaller files a thread costs more than it
/// saves.
const MIN_CONCURRENT_BYTES: u64 = 1 << 20;

/// Largest number of batches that wait for a thread.
const MAX_QUEUED_BATCHES: usize = 16;

/// Files of one folder, read by one thread.
#[derive(Debug)]
pub(super) struct ReadBatch {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<UnreadPair>,
}

/// A file to read on both sides, or on the side whose digest is not known.
#[derive(Debug)]
pub(super) struct UnreadPair {
    pub(super) pair: SameSizePair,
    pub(super) known: [Option<FileEvidence>; 2],
}

/// The digests of a batch's files, or the reasons why they could not be read.
#[derive(Debug)]
pub(super) struct ReadBatchResult {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<(Name, Result<[FileEvidence; 2], String>)>,
}

/// Source of batches and receiver of their results.
pub(super) trait BatchSource {
    /// Returns the next batch; `None` after the last.
    fn next_batch(&mut self) -> Result<Option<ReadBatch>>;

    /// Stores the result of a batch.
    fn accept(&mut self, done: ReadBatchResult);
}

/// Reads batches until the source has no more. After a request to stop or an error of the source, the remaining batches are
/// not read.
pub(super) fn read_all(
    sides: [ComparedReplica<'_>; 2],
    threads: usize,
    on_progress: &ProgressFn<'_>,
    source: &mut dyn BatchSource,
) -> Result<()> {
    let (batch_sender, waiting) = mpsc::sync_channel(MAX_QUEUED_BATCHES);
    let (result_sender, done) = mpsc::channel();
    let batches = Mutex::new(waiting);
    thread::scope(|scope| {
        for number in 0..threads.max(1) {
            let reader = PairReader {
                sides,
                on_progress,
                buffer: Vec::new(),
            };
            let (waiting, result_sender) = (&batches, result_sender.clone());
            let begun = thread::Builder::new()
                .spawn_scoped(scope, move || reader.run(waiting, &result_sender));
            match begun {
                Ok(_) => {}
                // The system refuses more threads; the existing ones do all the work.
                Err(_) if number > 0 => break,
                Err(error) => return Err(error).at("start a thread to read", sides[0].root.path()),
            }
        }
        drop(result_sender);
        let outcome = loop {
            match interrupt::check().and_then(|()| source.next_batch()) {
                Ok(Some(batch)) => {
                    ignore(batch_sender.send(batch), "the readers outlive this loop");
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            for done in done.try_iter() {
                source.accept(done);
            }
        };
        drop(batch_sender);
        for done in done {
            source.accept(done);
        }
        outcome.and_then(|()| interrupt::check())
    })
}

/// The state of one reading thread.
struct PairReader<'a> {
    sides: [ComparedReplica<'a>; 2],
    on_progress: &'a ProgressFn<'a>,
    buffer: Vec<u8>,
}

impl PairReader<'_> {
    fn run(
        mut self,
        batches: &Mutex<Receiver<ReadBatch>>,
        result_sender: &Sender<ReadBatchResult>,
    ) {
        loop {
            let waiting = batches.lock();
            let next = waiting.unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = next else { return };
            let result = self.read_batch(batch);
            ignore(
                result_sender.send(result),
                "the receiver outlives its readers",
            );
        }
    }

    /// Reads a batch. After a request to stop, the files that were not read are missing in the result.
    fn read_batch(&mut self, ReadBatch { folder, files }: ReadBatch) -> ReadBatchResult {
        let open =
            |side: ComparedReplica<'_>| side.root.open_descendant(&side.relative.join(&folder));
        let folders = open(self.sides[0]).and_then(|a| Ok([a, open(self.sides[1])?]));
        let folders = folders.map_err(|error| error.full_message());
        let mut done = Vec::with_capacity(files.len());
        for file in files {
            let read = match &folders {
                Ok(folders) => read_pair(folders, &file, &mut self.buffer, self.on_progress)
                    .map_err(|error| error.full_message()),
                Err(why) => Err(why.clone()),
            };
            if read.is_err() && interrupt::check().is_err() {
                break;
            }
            done.push((file.pair.name, read));
        }
        ReadBatchResult {
            folder,
            files: done,
        }
    }
}

/// Reads a file on both sides, or on the side whose digest is not known.
fn read_pair(
    folders: &[Folder; 2],
    UnreadPair { pair, known }: &UnreadPair,
    buffer: &mut Vec<u8>,
    on_progress: &ProgressFn<'_>,
) -> Result<[FileEvidence; 2]> {
    let read = |side: usize, buffer: &mut Vec<u8>, on_progress: &dyn Fn(u64)| {
        let entry = &pair.entries[side];
        let (digest, proof) = if let Some(known) = known[side] {
            on_progress(entry.bytes);
            (known.digest, known.proof)
        } else {
            let reported = DiffEntry {
                modified: pair.reported_times[side],
                ..*entry
            };
            read_one(&folders[side], &pair.name, &reported, buffer, on_progress)?
        };
        Ok(FileEvidence {
            bytes: entry.bytes,
            modified: entry.modified,
            digest,
            proof,
        })
    };
    let quiet = |_| {};
    if pair.entries[0].bytes < MIN_CONCURRENT_BYTES || known.iter().any(Option::is_some) {
        return Ok([read(0, buffer, on_progress)?, read(1, buffer, &quiet)?]);
    }
    let (first, second) = run_both(
        || read(0, buffer, on_progress),
        || read(1, &mut Vec::new(), &quiet),
    );
    Ok([first?, second?])
}

/// Reads one file and returns its digest with the proof. Fails if it changed since the tree was read.
fn read_one(
    folder: &Folder,
    name: &Name,
    seen: &DiffEntry,
    buffer: &mut Vec<u8>,
    on_progress: &dyn Fn(u64),
) -> Result<(Digest, Proof)> {
    let name = name.as_os_str();
    let (file, stat) = folder.open_file(name)?;
    let path = || folder.path().join(name);
    let digest = Digest::of_file(&file, buffer, on_progress).at("read", path())?;
    let is_same = |now: Stat| {
        now.is_unchanged_since(&stat) && now.modified == seen.modified && now.bytes == seen.bytes
    };
    if file::stat(&file).is_ok_and(is_same) {
        let proof = Proof::read_now(&stat, folder.has_reliable_file_system());
        Ok((digest, proof))
    } else {
        Err(Error::ConcurrentChange { path: path() })
    }
}
