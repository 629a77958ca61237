//! Files copied to temporary names: flushed together, read back, and given their final names.
//!
//! The final names reach stable storage with the next flush. Only then are the files reported as copied (decision 13).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{TimeMismatch, VerifiedFile};
use super::item::{FolderPair, ItemCopier, PendingFile};
use crate::base::error::{Error, Result};
use crate::base::timestamp::Timestamp;
use crate::copy::outcome::{CopiedItem, Outcome, Verification, attribute_warning};
use crate::copy::plan::PlannedFile;
use crate::index::{Proof, state_tag};
use crate::os::attribute::XattrOutcome;
use crate::os::folder::Folder;
use crate::os::stat::Stat;
use crate::snapshot::content_hash::ContentHashes;
use crate::storage::copy_file::TempCopy;

/// Maximum size of a file that is prefetched before it is read back: 1 MiB.
const MAX_READAHEAD_BYTES: u64 = 1 << 20;

/// Copied files of a worker that are not reported yet.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Files under temporary names.
    pending: Vec<PendingFile>,
    /// Files under final names that are not flushed yet.
    unflushed: Vec<PersistedFile>,
    /// Bytes of the pending files.
    bytes: u64,
}

/// A file that has its final name.
#[derive(Debug)]
struct PersistedFile {
    pair: FolderPair,
    item: PlannedFile,
    copied: CopiedItem,
    hashes: Option<ContentHashes>,
    modified: Timestamp,
    source_stat: Stat,
    /// The mtime that was set and the one that the storage reports, if they differ.
    time_mismatch: Option<[Timestamp; 2]>,
}

impl Group {
    pub(super) fn add(&mut self, file: PendingFile) {
        self.bytes += file.temp.source_stat.bytes;
        self.pending.push(file);
    }

    pub(super) const fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives all pending files their final names. After cancellation they are dropped, which removes the temporary files.
    pub(super) fn persist_all(&mut self, items: &mut ItemCopier<'_>) {
        self.bytes = 0;
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return;
        }
        if items.context.must_stop() {
            for PendingFile { pair, item, temp } in pending {
                drop(temp);
                items.report(&pair, &item, Outcome::Unreached);
            }
            return;
        }
        let flushed = self.flush(&pending, items);
        if items.context.verify {
            prefetch_for_read_back(&pending);
        }
        for (file, flushed) in pending.into_iter().zip(flushed) {
            self.finish_one(file, flushed, items);
        }
    }

    /// Flushes the pending files and the unflushed names, reports the latter, and returns one result for each pending
    /// file.
    fn flush(&mut self, pending: &[PendingFile], items: &ItemCopier<'_>) -> Vec<Result<()>> {
        let mut systems: BTreeMap<u64, Arc<Folder>> = BTreeMap::new();
        let pairs = pending.iter().map(|file| &file.pair);
        for pair in pairs.chain(self.unflushed.iter().map(|file| &file.pair)) {
            systems
                .entry(pair.device)
                .or_insert_with(|| Arc::clone(&pair.to));
        }
        let all_flushed = systems
            .values()
            .all(|folder| folder.flush_file_system().unwrap_or(false));
        self.report_persisted(all_flushed, items);
        // If the file system cannot be flushed as a whole, or that failed for any file, each file is flushed by itself.
        let flush_one = |file: &PendingFile| {
            if all_flushed {
                Ok(())
            } else {
                file.temp.flush()
            }
        };
        pending.iter().map(flush_one).collect()
    }

    /// Reports the files whose final names are on stable storage. Unless `flushed`, flushes their folders first.
    fn report_persisted(&mut self, flushed: bool, items: &ItemCopier<'_>) {
        let mut folders: BTreeMap<(usize, usize), Result<(), String>> = BTreeMap::new();
        let (mut verified, mut mismatches) = (Vec::new(), Vec::new());
        for file in std::mem::take(&mut self.unflushed) {
            let result = if flushed {
                Ok(())
            } else {
                let flush = || file.pair.to.flush().map_err(|error| error.full_message());
                let folder = (file.pair.plan, file.pair.folder);
                folders.entry(folder).or_insert_with(flush).clone()
            };
            let outcome = match result {
                Ok(()) => {
                    verified.extend(file.verified_file(items));
                    mismatches.extend(file.time_mismatch(items));
                    Outcome::Copied(file.copied)
                }
                Err(why) => Outcome::Failed(why),
            };
            items.report(&file.pair, &file.item, outcome);
        }
        if !verified.is_empty() {
            (items.context.on_verified)(&verified);
        }
        if !mismatches.is_empty() {
            (items.context.on_time_mismatch)(&mismatches);
        }
    }

    /// Verifies and renames one flushed file. If verification fails, copies the file once more.
    fn finish_one(&mut self, file: PendingFile, flushed: Result<()>, items: &mut ItemCopier<'_>) {
        let PendingFile { pair, item, temp } = file;
        if items.context.must_stop() {
            return items.report(&pair, &item, Outcome::Unreached);
        }
        let finished = flushed.and_then(|()| verify_and_persist(&pair, &item, temp, items));
        let finished = match finished {
            Err(Error::VerificationFailed { .. } | Error::SourceChanged { .. }) => {
                retry_copy(&pair, &item, items)
            }
            finished => finished,
        };
        match finished {
            Ok(persisted) => self.unflushed.push(persisted),
            Err(error) => items.report_failure(&pair, &item, &error),
        }
    }

    /// Flushes and reports the files under final names. After cancellation only their folders are flushed, which is fast.
    pub(super) fn flush_names(&mut self, items: &ItemCopier<'_>) {
        if items.context.must_stop() {
            self.report_persisted(false, items);
        } else {
            self.flush(&[], items);
        }
    }
}

/// Drops the files from the page cache, so that they are read from the disk, and starts reading the small ones.
fn prefetch_for_read_back(pending: &[PendingFile]) {
    for file in pending {
        file.temp.drop_cache();
    }
    for file in pending {
        if file.temp.source_stat.bytes <= MAX_READAHEAD_BYTES {
            file.temp.prefetch();
        }
    }
}

impl PersistedFile {
    /// Returns the file with its digest, if it has one.
    fn verified_file(&self, items: &ItemCopier<'_>) -> Option<VerifiedFile> {
        if self.item.is_link {
            return None;
        }
        Some(VerifiedFile {
            plan: self.pair.plan,
            folder: items
                .folder_path(self.pair.plan, self.pair.folder)
                .to_owned(),
            name: self.item.name.clone(),
            bytes: self.copied.bytes,
            modified: self.modified,
            hashes: self.hashes.clone()?,
            proofs: self.proofs(),
        })
    }

    /// Returns the proofs of source and copy. The copy has its final state only now: a rename changes its change time.
    fn proofs(&self) -> [Proof; 2] {
        let [source_ids, copy_ids] = self.pair.has_stable_ids;
        let source = Proof::read_now(&self.source_stat, source_ids);
        let name = self.pair.to.existing_name(self.item.name.as_os_str());
        let copy = self.pair.to.stat(&name);
        let copy = copy.ok().filter(|stat| stat.bytes == self.copied.bytes);
        let tag = copy.map_or(0, |stat| state_tag(&stat, copy_ids));
        [source, Proof { tag, ..source }]
    }

    fn time_mismatch(&self, items: &ItemCopier<'_>) -> Option<TimeMismatch> {
        let [modified, shown] = self.time_mismatch?;
        Some(TimeMismatch {
            plan: self.pair.plan,
            folder: items
                .folder_path(self.pair.plan, self.pair.folder)
                .to_owned(),
            name: self.item.name.clone(),
            bytes: self.copied.bytes,
            modified,
            shown,
        })
    }
}

/// Returns the mtime that was set and the one that the storage reports, if they differ by more than the precision of the
/// file system's own timestamps.
fn find_time_mismatch(
    item: &PlannedFile,
    temp: &TempCopy,
    is_moved: bool,
) -> Option<[Timestamp; 2]> {
    let copy = temp.copy_stat.as_ref()?;
    // A fetched file already has the mtime that this storage reports.
    let intended = if is_moved {
        item.modified
    } else {
        temp.source_stat.modified
    };
    let same = intended.equals_at(copy.modified, copy.status_changed.coarsest_precision());
    (!same && intended != Timestamp::UNKNOWN).then_some([intended, copy.modified])
}

/// Copies one file again from the beginning, and finishes it by itself.
fn retry_copy(
    pair: &FolderPair,
    item: &PlannedFile,
    items: &mut ItemCopier<'_>,
) -> Result<PersistedFile> {
    let temp = items.copy_to_temp_buffered(pair, item)?;
    temp.flush()?;
    temp.drop_cache();
    verify_and_persist(pair, item, temp, items)
}

/// Reads a flushed copy back and gives it its final name.
fn verify_and_persist(
    pair: &FolderPair,
    item: &PlannedFile,
    mut temp: TempCopy,
    items: &mut ItemCopier<'_>,
) -> Result<PersistedFile> {
    let hashes = if items.context.verify {
        verify(pair, item, &mut temp, items)?
    } else {
        None
    };
    let copied = CopiedItem {
        bytes: temp.source_stat.bytes,
        replaced: item.replaced.is_some(),
        verification: match hashes {
            _ if temp.is_cloned => Verification::Cloned,
            Some(_) => Verification::ReadBack,
            None => Verification::Written,
        },
        lacks_attributes: temp.attributes == XattrOutcome::Unsupported,
        remark: match &temp.attributes {
            XattrOutcome::Copied | XattrOutcome::Unsupported => None,
            XattrOutcome::Failed(why) => Some(attribute_warning(why)),
        },
    };
    temp.close()?;
    let source_stat = temp.source_stat;
    let modified = source_stat.modified;
    let time_mismatch = find_time_mismatch(item, &temp, items.context.move_source);
    let name = item.name.as_os_str();
    match &item.replaced {
        None => temp.persist_noclobber(name, &pair.to.permit()?)?,
        Some(old) => {
            let relative = &items.plans[pair.plan].replica;
            let path = items.folder_path(pair.plan, pair.folder).join(name);
            let versions = items.context.versions;
            // The destination may hold the name in another Unicode form.
            let name = pair.to.existing_name(name);
            versions.replace(temp, (&pair.to, &name), (relative, &path), old)?;
        }
    }
    Ok(PersistedFile {
        pair: pair.clone(),
        item: item.clone(),
        copied,
        hashes,
        modified,
        source_stat,
        time_mismatch,
    })
}

/// Reads a copy back and returns its hashes; `None` if it shares the source's blocks.
///
/// # Errors
/// [`Error::VerificationFailed`] if the content differs from the source.
fn verify(
    pair: &FolderPair,
    item: &PlannedFile,
    temp: &mut TempCopy,
    items: &mut ItemCopier<'_>,
) -> Result<Option<ContentHashes>> {
    let meter = items.context.meter;
    let on_progress = |bytes| meter.add_bytes(bytes);
    let name = item.name.as_os_str();
    let source = pair.from.path().join(name);
    let formats = items.context.formats[pair.plan];
    let buffer = items.copier.buffer();
    let verified = temp.verify_with_hashes(formats, buffer, &on_progress, &source)?;
    let Some((digests, hashes)) = verified else {
        meter.add_bytes(temp.source_stat.bytes);
        return Ok(None);
    };
    if digests.source == digests.copy {
        return Ok(Some(hashes));
    }
    Err(Error::VerificationFailed {
        path: pair.to.path().join(name),
        source_digest: digests.source.to_string(),
        copy_digest: digests.copy.to_string(),
    })
}
