//! Files that were copied to temporary names: flushed together, read back, and given their final names.
//!
//! The names themselves reach stable storage with the next flush; only then is a file told of as copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::queue::QueuedItem;
use super::worker::{FolderPair, PendingFile, Worker};
use super::{Job, TimeMismatch, VerifiedFile};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::copy::outcome;
use crate::copy::outcome::{CopiedItem, Outcome};
use crate::os::attribute;
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;
use crate::storage::copy_file::TempCopy;

/// Files up to this size are announced to the disk before they are read back: 1 MiB.
const MAX_READAHEAD_BYTES: u64 = 1 << 20;

/// What a worker has copied and not told of yet.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Under temporary names.
    pending: Vec<PendingFile>,
    /// Under their final names, which are not flushed yet.
    unflushed: Vec<PersistedFile>,
    bytes: u64,
}

/// A file that has its final name.
#[derive(Debug)]
struct PersistedFile {
    pair: FolderPair,
    item: QueuedItem,
    copied: CopiedItem,
    digest: Option<Digest>,
    modified: crate::base::timestamp::Timestamp,
    /// The time that was set and the one that the storage shows in its place.
    time_mismatch: Option<[crate::base::timestamp::Timestamp; 2]>,
}

impl Group {
    pub(super) fn add(&mut self, waiting: PendingFile) {
        self.bytes += waiting.temp.source_stat.bytes;
        self.pending.push(waiting);
    }

    pub(super) const fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Brings everything that waits under its final name.
    pub(super) fn persist_all(&mut self, worker: &mut Worker<'_>) {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.pending);
        if waiting.is_empty() {
            return;
        }
        if interrupt::check().is_err() {
            return report_unreached(waiting, worker);
        }
        let flushed = self.flush(&waiting, worker);
        if worker.context.verify {
            prefetch_for_read_back(&waiting);
        }
        for (file, flushed) in waiting.into_iter().zip(flushed) {
            self.finish_one(file, flushed, worker);
        }
    }

    /// Flushes what waits, and with it the names given before; says of each file that waits how that went.
    fn flush(&mut self, waiting: &[PendingFile], worker: &Worker<'_>) -> Vec<Result<()>> {
        let mut systems: BTreeMap<u64, Arc<Folder>> = BTreeMap::new();
        let pairs = waiting.iter().map(|file| &file.pair);
        for pair in pairs.chain(self.unflushed.iter().map(|file| &file.pair)) {
            systems
                .entry(pair.device)
                .or_insert_with(|| Arc::clone(&pair.to));
        }
        let whole = systems
            .values()
            .all(|folder| folder.flush_file_system().unwrap_or(false));
        self.report_persisted(whole, worker);
        // Where it cannot be done for all at once, or failed for somebody's file, each is asked by itself.
        let one = |file: &PendingFile| if whole { Ok(()) } else { file.temp.flush() };
        waiting.iter().map(one).collect()
    }

    /// Tells of the files whose names are flushed now, or asks their folders to be.
    fn report_persisted(&mut self, flushed: bool, worker: &Worker<'_>) {
        let mut folders: BTreeMap<(usize, usize), Result<(), String>> = BTreeMap::new();
        let (mut proofs, mut other_times) = (Vec::new(), Vec::new());
        for file in std::mem::take(&mut self.unflushed) {
            let place = (file.pair.job, file.pair.folder);
            let kept = if flushed {
                Ok(())
            } else {
                let flush = || file.pair.to.flush().map_err(|error| error.full_message());
                folders.entry(place).or_insert_with(flush).clone()
            };
            let outcome = match kept {
                Ok(()) => {
                    proofs.extend(file.verified_file(worker));
                    other_times.extend(file.time_mismatch(worker));
                    Outcome::Copied(file.copied)
                }
                Err(why) => Outcome::Failed(why),
            };
            worker.report(&file.pair, &file.item, outcome);
        }
        if !proofs.is_empty() {
            (worker.context.on_verified)(&proofs);
        }
        if !other_times.is_empty() {
            (worker.context.on_time_mismatch)(&other_times);
        }
    }

    /// Reads a flushed file back and gives it its name; where what was read back differs, once more.
    fn finish_one(&mut self, file: PendingFile, flushed: Result<()>, worker: &mut Worker<'_>) {
        let PendingFile {
            pair,
            item,
            temp: part,
        } = file;
        if interrupt::check().is_err() {
            return worker.report(&pair, &item, Outcome::Unreached);
        }
        let finished = flushed.and_then(|()| verify_and_persist(&pair, &item, part, worker));
        let finished = match finished {
            Err(Error::VerificationFailed { .. } | Error::SourceChanged { .. }) => {
                retry_copy(&pair, &item, worker)
            }
            finished => finished,
        };
        match finished {
            Ok(named) => self.unflushed.push(named),
            Err(Error::Interrupted) => worker.report(&pair, &item, Outcome::Unreached),
            Err(error) => worker.report(&pair, &item, worker.failure_outcome(&pair, &item, &error)),
        }
    }

    /// Flushes and tells of what is left. After a stop only the folders are flushed, which takes no time.
    pub(super) fn flush_names(&mut self, worker: &mut Worker<'_>) {
        if interrupt::check().is_err() {
            self.report_persisted(false, worker);
        } else {
            self.flush(&[], worker);
        }
    }
}

/// Sees to it that the disk is asked for what is read back, and for many files at once.
fn prefetch_for_read_back(waiting: &[PendingFile]) {
    for file in waiting {
        file.temp.drop_cache();
    }
    for file in waiting {
        if file.temp.source_stat.bytes <= MAX_READAHEAD_BYTES {
            file.temp.prefetch();
        }
    }
}

impl PersistedFile {
    /// What is known of its content now.
    fn verified_file(&self, worker: &Worker<'_>) -> Option<VerifiedFile> {
        if self.item.is_link {
            return None;
        }
        Some(VerifiedFile {
            job: self.pair.job,
            folder: worker
                .folder_path(self.pair.job, self.pair.folder)
                .to_owned(),
            name: Name::from(self.item.name.as_os_str()),
            bytes: self.copied.bytes,
            modified: self.modified,
            digest: self.digest?,
        })
    }

    /// The time that the storage shows in the place of the one that was set.
    fn time_mismatch(&self, worker: &Worker<'_>) -> Option<TimeMismatch> {
        let [modified, shown] = self.time_mismatch?;
        Some(TimeMismatch {
            job: self.pair.job,
            folder: worker
                .folder_path(self.pair.job, self.pair.folder)
                .to_owned(),
            name: Name::from(self.item.name.as_os_str()),
            bytes: self.copied.bytes,
            modified,
            shown,
        })
    }
}

/// The time that was set and the one that the storage shows, where these differ by more than the precision that the
/// file system's own times prove.
fn find_time_mismatch(
    item: &QueuedItem,
    part: &TempCopy,
    takes: bool,
) -> Option<[crate::base::timestamp::Timestamp; 2]> {
    let copy = part.copy_stat.as_ref()?;
    // A fetched file already has the time that this storage shows.
    let meant = if takes {
        item.modified
    } else {
        part.source_stat.modified
    };
    let same = meant.equals_at(copy.modified, copy.status_changed.coarsest_precision());
    (!same && meant != crate::base::timestamp::Timestamp::UNKNOWN).then_some([meant, copy.modified])
}

/// Tells of files that are given up because of a stop; their temporary names go with them.
fn report_unreached(waiting: Vec<PendingFile>, worker: &Worker<'_>) {
    for PendingFile {
        pair,
        item,
        temp: part,
    } in waiting
    {
        drop(part);
        worker.report(&pair, &item, Outcome::Unreached);
    }
}

/// Copies one file from the beginning and finishes it by itself.
fn retry_copy(
    pair: &FolderPair,
    item: &QueuedItem,
    worker: &mut Worker<'_>,
) -> Result<PersistedFile> {
    let part = worker.copy_to_temp_buffered(pair, item)?;
    part.flush()?;
    part.drop_cache();
    verify_and_persist(pair, item, part, worker)
}

/// Reads a flushed copy back and gives it its name.
fn verify_and_persist(
    pair: &FolderPair,
    item: &QueuedItem,
    mut part: TempCopy,
    worker: &mut Worker<'_>,
) -> Result<PersistedFile> {
    let digest = if worker.context.verify {
        verify(pair, item, &part, worker)?
    } else {
        None
    };
    let copied = CopiedItem {
        bytes: part.source_stat.bytes,
        replaced: item.replaced.is_some(),
        verification: match digest {
            _ if part.is_cloned => outcome::Verification::Cloned,
            Some(_) => outcome::Verification::ReadBack,
            None => outcome::Verification::Written,
        },
        lacks_attributes: part.attributes == attribute::XattrOutcome::Unsupported,
        remark: attribute_warning(&part),
    };
    part.close()?;
    let modified = part.source_stat.modified;
    let other_time = find_time_mismatch(item, &part, worker.context.move_source);
    match &item.replaced {
        None => part.persist_noclobber(&item.name)?,
        Some(old) => {
            let Job { relative, .. } = &worker.jobs[pair.job];
            let path = worker.folder_path(pair.job, pair.folder).join(&item.name);
            let versions = worker.context.versions;
            // It may be there in another Unicode normal form.
            let name = pair.to.existing_name(&item.name);
            versions.replace(part, (&pair.to, &name), (relative, &path), old)?;
        }
    }
    Ok(PersistedFile {
        pair: pair.clone(),
        item: item.clone(),
        copied,
        digest,
        modified,
        time_mismatch: other_time,
    })
}

/// Fails unless what was read back is what the source holds.
fn verify(
    pair: &FolderPair,
    item: &QueuedItem,
    part: &TempCopy,
    worker: &mut Worker<'_>,
) -> Result<Option<Digest>> {
    let meter = worker.context.meter;
    let on_progress = |bytes| meter.add_bytes(bytes);
    let source = pair.from.path().join(&item.name);
    let verdict = part.verify(worker.copier.buffer(), &on_progress, &source)?;
    let Some(verdict) = verdict else {
        // There is nothing to be read back of it.
        meter.add_bytes(part.source_stat.bytes);
        return Ok(None);
    };
    if verdict.source == verdict.copy {
        return Ok(Some(verdict.copy));
    }
    Err(Error::VerificationFailed {
        path: pair.to.path().join(&item.name),
        source_digest: verdict.source.to_string(),
        copy_digest: verdict.copy.to_string(),
    })
}

/// What of a copy could not be kept.
fn attribute_warning(part: &TempCopy) -> Option<String> {
    match &part.attributes {
        attribute::XattrOutcome::Copied | attribute::XattrOutcome::Unsupported => None,
        attribute::XattrOutcome::Failed(why) => Some(format!(
            "it is there, without an extended attribute that was refused: {why}"
        )),
    }
}
