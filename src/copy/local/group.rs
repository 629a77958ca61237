//! Files that were copied to temporary names: flushed together, read back, and given their final names.
//!
//! The names themselves reach stable storage with the next flush; only then is a file told of as copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::queue::Item;
use super::worker::{Pair, Waiting, Worker};
use super::{Job, OtherTime, Proof};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::base::name::Name;
use crate::copy::outcome;
use crate::copy::outcome::{Copied, Outcome};
use crate::os::attribute;
use crate::os::folder::Folder;
use crate::snapshot::digest::Digest;
use crate::storage::copy_file::Part;

/// Files up to this size are announced to the disk before they are read back: 1 MiB.
const ANNOUNCED: u64 = 1 << 20;

/// What a worker has copied and not told of yet.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Under temporary names.
    waiting: Vec<Waiting>,
    /// Under their final names, which are not flushed yet.
    named: Vec<Named>,
    bytes: u64,
}

/// A file that has its final name.
#[derive(Debug)]
struct Named {
    pair: Pair,
    item: Item,
    copied: Copied,
    digest: Option<Digest>,
    modified: crate::base::timestamp::Moment,
    /// The time that was set and the one that the storage shows in its place.
    other_time: Option<[crate::base::timestamp::Moment; 2]>,
}

impl Group {
    pub(super) fn add(&mut self, waiting: Waiting) {
        self.bytes += waiting.part.source.bytes;
        self.waiting.push(waiting);
    }

    pub(super) const fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Brings everything that waits under its final name.
    pub(super) fn finish(&mut self, worker: &mut Worker<'_>) {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return;
        }
        if interrupt::check().is_err() {
            return unreached(waiting, worker);
        }
        let flushed = self.flush(&waiting, worker);
        if worker.route.verify {
            read_back_soon(&waiting);
        }
        for (file, flushed) in waiting.into_iter().zip(flushed) {
            self.finish_one(file, flushed, worker);
        }
    }

    /// Flushes what waits, and with it the names given before; says of each file that waits how that went.
    fn flush(&mut self, waiting: &[Waiting], worker: &Worker<'_>) -> Vec<Result<()>> {
        let mut systems: BTreeMap<u64, Arc<Folder>> = BTreeMap::new();
        let pairs = waiting.iter().map(|file| &file.pair);
        for pair in pairs.chain(self.named.iter().map(|file| &file.pair)) {
            systems
                .entry(pair.device)
                .or_insert_with(|| Arc::clone(&pair.to));
        }
        let whole = systems
            .values()
            .all(|folder| folder.flush_file_system().unwrap_or(false));
        self.tell_named(whole, worker);
        // Where it cannot be done for all at once, or failed for somebody's file, each is asked by itself.
        let one = |file: &Waiting| if whole { Ok(()) } else { file.part.flush() };
        waiting.iter().map(one).collect()
    }

    /// Tells of the files whose names are flushed now, or asks their folders to be.
    fn tell_named(&mut self, flushed: bool, worker: &Worker<'_>) {
        let mut folders: BTreeMap<(usize, usize), Result<(), String>> = BTreeMap::new();
        let (mut proofs, mut other_times) = (Vec::new(), Vec::new());
        for file in std::mem::take(&mut self.named) {
            let place = (file.pair.job, file.pair.folder);
            let kept = if flushed {
                Ok(())
            } else {
                let flush = || file.pair.to.flush().map_err(|error| error.line());
                folders.entry(place).or_insert_with(flush).clone()
            };
            let outcome = match kept {
                Ok(()) => {
                    proofs.extend(file.proof(worker));
                    other_times.extend(file.other_time(worker));
                    Outcome::Copied(file.copied)
                }
                Err(why) => Outcome::Failed(why),
            };
            worker.tell(&file.pair, &file.item, outcome);
        }
        if !proofs.is_empty() {
            (worker.route.keep)(&proofs);
        }
        if !other_times.is_empty() {
            (worker.route.hold)(&other_times);
        }
    }

    /// Reads a flushed file back and gives it its name; where what was read back differs, once more.
    fn finish_one(&mut self, file: Waiting, flushed: Result<()>, worker: &mut Worker<'_>) {
        let Waiting { pair, item, part } = file;
        if interrupt::check().is_err() {
            return worker.tell(&pair, &item, Outcome::Unreached);
        }
        let finished = flushed.and_then(|()| finish(&pair, &item, part, worker));
        let finished = match finished {
            Err(Error::Mismatch { .. } | Error::Changed { .. }) => again(&pair, &item, worker),
            finished => finished,
        };
        match finished {
            Ok(named) => self.named.push(named),
            Err(Error::Interrupted) => worker.tell(&pair, &item, Outcome::Unreached),
            Err(error) => worker.tell(&pair, &item, worker.failure(&pair, &item, &error)),
        }
    }

    /// Flushes and tells of what is left. After a stop only the folders are flushed, which takes no time.
    pub(super) fn end(&mut self, worker: &mut Worker<'_>) {
        if interrupt::check().is_err() {
            self.tell_named(false, worker);
        } else {
            self.flush(&[], worker);
        }
    }
}

/// Sees to it that the disk is asked for what is read back, and for many files at once.
fn read_back_soon(waiting: &[Waiting]) {
    for file in waiting {
        file.part.forget();
    }
    for file in waiting {
        if file.part.source.bytes <= ANNOUNCED {
            file.part.announce();
        }
    }
}

impl Named {
    /// What is known of its content now.
    fn proof(&self, worker: &Worker<'_>) -> Option<Proof> {
        if self.item.is_link {
            return None;
        }
        Some(Proof {
            job: self.pair.job,
            folder: worker.path(self.pair.job, self.pair.folder).to_owned(),
            name: Name::from(self.item.name.as_os_str()),
            bytes: self.copied.bytes,
            modified: self.modified,
            digest: self.digest?,
        })
    }

    /// The time that the storage shows in the place of the one that was set.
    fn other_time(&self, worker: &Worker<'_>) -> Option<OtherTime> {
        let [modified, shown] = self.other_time?;
        Some(OtherTime {
            job: self.pair.job,
            folder: worker.path(self.pair.job, self.pair.folder).to_owned(),
            name: Name::from(self.item.name.as_os_str()),
            bytes: self.copied.bytes,
            modified,
            shown,
        })
    }
}

/// The time that was set and the one that the storage shows, where these differ by more than the precision that the
/// file system's own times prove.
fn other_time(
    item: &Item,
    part: &Part,
    takes: bool,
) -> Option<[crate::base::timestamp::Moment; 2]> {
    let copy = part.copy.as_ref()?;
    // A fetched file already has the time that this storage shows.
    let meant = if takes {
        item.modified
    } else {
        part.source.modified
    };
    let same = meant.same_as(copy.modified, copy.changed.coarsest_step());
    (!same && meant != crate::base::timestamp::Moment::UNKNOWN).then_some([meant, copy.modified])
}

/// Tells of files that are given up because of a stop; their temporary names go with them.
fn unreached(waiting: Vec<Waiting>, worker: &Worker<'_>) {
    for Waiting { pair, item, part } in waiting {
        drop(part);
        worker.tell(&pair, &item, Outcome::Unreached);
    }
}

/// Copies one file from the beginning and finishes it by itself.
fn again(pair: &Pair, item: &Item, worker: &mut Worker<'_>) -> Result<Named> {
    let part = worker.copy_carefully(pair, item)?;
    part.flush()?;
    part.forget();
    finish(pair, item, part, worker)
}

/// Reads a flushed copy back and gives it its name.
fn finish(pair: &Pair, item: &Item, mut part: Part, worker: &mut Worker<'_>) -> Result<Named> {
    let digest = if worker.route.verify {
        verify(pair, item, &part, worker)?
    } else {
        None
    };
    let copied = Copied {
        bytes: part.source.bytes,
        replaced: item.old.is_some(),
        proof: match digest {
            _ if part.cloned => outcome::Proof::Shared,
            Some(_) => outcome::Proof::ReadBack,
            None => outcome::Proof::Written,
        },
        bare: part.attributes == attribute::Outcome::Unsupported,
        remark: remark(&part),
    };
    part.close()?;
    let modified = part.source.modified;
    let other_time = other_time(item, &part, worker.route.takes);
    match &item.old {
        None => part.place_new(&item.name)?,
        Some(old) => {
            let Job { relative, .. } = &worker.jobs[pair.job];
            let path = worker.path(pair.job, pair.folder).join(&item.name);
            let versions = worker.route.versions;
            // It may be there in another Unicode normal form.
            let name = pair.to.spelled(&item.name);
            versions.replace(part, (&pair.to, &name), (relative, &path), old)?;
        }
    }
    Ok(Named {
        pair: pair.clone(),
        item: item.clone(),
        copied,
        digest,
        modified,
        other_time,
    })
}

/// Fails unless what was read back is what the source holds.
fn verify(
    pair: &Pair,
    item: &Item,
    part: &Part,
    worker: &mut Worker<'_>,
) -> Result<Option<Digest>> {
    let meter = worker.route.meter;
    let told = |bytes| meter.bytes(bytes);
    let source = pair.from.path().join(&item.name);
    let verdict = part.verify(worker.mover.buffer(), &told, &source)?;
    let Some(verdict) = verdict else {
        // There is nothing to be read back of it.
        meter.bytes(part.source.bytes);
        return Ok(None);
    };
    if verdict.source == verdict.copy {
        return Ok(Some(verdict.copy));
    }
    Err(Error::Mismatch {
        path: pair.to.path().join(&item.name),
        read: verdict.source.to_string(),
        written: verdict.copy.to_string(),
    })
}

/// What of a copy could not be kept.
fn remark(part: &Part) -> Option<String> {
    match &part.attributes {
        attribute::Outcome::Kept | attribute::Outcome::Unsupported => None,
        attribute::Outcome::Refused(why) => Some(format!(
            "it is there, without an extended attribute that was refused: {why}"
        )),
    }
}
