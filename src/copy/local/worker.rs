//! One thread of a transfer: copies files to temporary names until it has a group of them, then finishes the group.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::folder::DestinationFolders;
use super::group::Group;
use super::queue::{CopyBatch, CopyQueue, QueuedItem};
use super::{Job, TransferContext};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::{Outcome, VANISHED};
use crate::os::descent::FolderOpener;
use crate::os::folder::{Folder, is_not_found};
use crate::os::limit;
use crate::storage::copy_file::{Copier, TempCopy, copy_file, copy_link, move_file};

/// So many files make a group full, however many handles there are.
const MAX_GROUP_FILES: usize = 1024;

/// So many bytes make a group full, however few files they are: 512 MiB.
const MAX_GROUP_BYTES: u64 = 512 << 20;

/// A thread's own.
pub(super) struct Worker<'a> {
    pub(super) jobs: &'a [Job],
    pub(super) context: &'a TransferContext<'a>,
    folders: &'a DestinationFolders,
    queue: &'a CopyQueue<'a>,
    pub(super) copier: Copier,
    /// Opens folders at the source and at the destination.
    descents: [FolderOpener; 2],
    group: Group,
    budget: HandleBudget,
}

/// Handles that the group of a thread holds.
#[derive(Debug)]
struct HandleBudget {
    /// How many files make a group full; fewer after a shortage.
    max_files: usize,
    /// Folders of the files under temporary names, in pairs.
    pairs: usize,
    /// Folders of the files whose names are not flushed yet, in pairs.
    unflushed_pairs: usize,
    /// Whether the piece under way is among the pairs.
    is_counted: bool,
    /// The number of shortages that this thread knows of.
    seen_shortages: u64,
}

impl HandleBudget {
    /// Whether a group of this many files has as many handles as this thread may hold.
    fn is_full(&self, files: usize) -> bool {
        /// Those of a file, its copy and the two folders that are being opened.
        const HANDLES_IN_PROGRESS: usize = 6;
        // A file that waits is open, and mostly so is its source.
        let handles = 2 * (files + self.pairs + self.unflushed_pairs) + HANDLES_IN_PROGRESS;
        files >= self.max_files || (files > 0 && handles >= limit::handles_per_thread())
    }
}

/// The two folders of a piece, and where it stands in the plan.
#[derive(Clone, Debug)]
pub(super) struct FolderPair {
    pub(super) job: usize,
    pub(super) folder: usize,
    pub(super) from: Arc<Folder>,
    pub(super) to: Arc<Folder>,
    /// The file system of the destination.
    pub(super) device: u64,
}

/// A file that has a temporary name.
#[derive(Debug)]
pub(super) struct PendingFile {
    pub(super) pair: FolderPair,
    pub(super) item: QueuedItem,
    pub(super) temp: TempCopy,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        jobs: &'a [Job],
        context: &'a TransferContext<'a>,
        folders: &'a DestinationFolders,
        queue: &'a CopyQueue<'a>,
    ) -> Self {
        let mut mover = Copier::default();
        mover.with_digests = context.verify;
        Self {
            jobs,
            context,
            folders,
            queue,
            copier: mover,
            descents: [context.source, context.destination].map(FolderOpener::new),
            group: Group::default(),
            budget: HandleBudget {
                max_files: MAX_GROUP_FILES,
                pairs: 0,
                unflushed_pairs: 0,
                is_counted: false,
                seen_shortages: limit::shortage_count(),
            },
        }
    }

    /// Copies until nothing is left, or work should stop.
    pub(super) fn run(mut self, large_first: bool) {
        while interrupt::check().is_ok()
            && !self.is_past_deadline()
            && let Some(piece) = self.queue.next(large_first)
        {
            self.copy_batch(piece);
        }
        self.finish_group();
        self.flush_names();
    }

    /// Whether the time is over in which files may be begun.
    fn is_past_deadline(&self) -> bool {
        self.context
            .deadline
            .is_some_and(|until| Instant::now() >= until)
    }

    /// The path of a folder below its replica's.
    pub(super) fn folder_path(&self, job: usize, folder: usize) -> &'a Path {
        &self.jobs[job].plan.folders[folder].path
    }

    /// Tells how an item ended.
    pub(super) fn report(&self, pair: &FolderPair, item: &QueuedItem, outcome: Outcome) {
        let folder = self.folder_path(pair.job, pair.folder);
        (self.context.on_outcome)(pair.job, folder, &item.name, outcome);
        self.context.meter.add_files(1);
    }

    fn copy_batch(&mut self, piece: CopyBatch) {
        let path = self.folder_path(piece.job, piece.folder);
        let failure = self.folders.failure(piece.job, path);
        let opened = match failure {
            Some(why) => Err(Outcome::Failed(why.to_owned())),
            None => self.open_pair(&piece).map_err(|error| {
                let is_gone = is_not_found(&error) && self.has_vanished(piece.job, path);
                vanished_or_failed(is_gone, &error)
            }),
        };
        match opened {
            Ok(pair) => {
                self.budget.is_counted = false;
                self.folders.mark_touched(piece.job, piece.folder);
                self.copier.set_destination(&pair.to, pair.device);
                for item in piece.items {
                    self.copy_item(&pair, item);
                }
            }
            Err(outcome) => {
                for item in &piece.items {
                    let outcome = outcome.clone();
                    (self.context.on_outcome)(piece.job, path, &item.name, outcome);
                    self.context.meter.add_files(1);
                }
            }
        }
    }

    /// How an item ended that could not be copied: a file that went away by itself is nobody's failure.
    pub(super) fn failure_outcome(
        &self,
        pair: &FolderPair,
        item: &QueuedItem,
        error: &Error,
    ) -> Outcome {
        let is_gone = is_not_found(error)
            && !self.context.move_source
            && is_missing_in(&pair.from, item)
            && self.is_at_source(pair.job, Path::new(""));
        vanished_or_failed(is_gone, error)
    }

    /// Whether a folder of a replica went away from the source, and the replica did not.
    fn has_vanished(&self, job: usize, folder: &Path) -> bool {
        !self.context.move_source
            && !self.is_at_source(job, folder)
            && self.is_at_source(job, Path::new(""))
    }

    /// Whether the source has a folder of a replica. A whole replica that is not there may be on a disk that is not
    /// mounted.
    fn is_at_source(&self, job: usize, folder: &Path) -> bool {
        let path = self.jobs[job].relative.join(folder);
        !self
            .context
            .source
            .open_descendant(&path)
            .is_err_and(|error| is_not_found(&error))
    }

    /// Opens both folders of a piece; where no handle is left, once more without those of the group.
    fn open_pair(&mut self, piece: &CopyBatch) -> Result<FolderPair> {
        match self.try_open_pair(piece) {
            Err(error) if self.free_handles_if_exhausted(&error) => self.try_open_pair(piece),
            opened => opened,
        }
    }

    fn try_open_pair(&mut self, piece: &CopyBatch) -> Result<FolderPair> {
        let path = self.jobs[piece.job]
            .relative
            .join(self.folder_path(piece.job, piece.folder));
        let from = Arc::new(self.descents[0].open(&path)?);
        let to = Arc::new(self.descents[1].open(&path)?);
        Ok(FolderPair {
            job: piece.job,
            folder: piece.folder,
            from,
            device: to.stat_self()?.device,
            to,
        })
    }

    /// Whether something failed for want of handles. Then the group has closed its own, and the next is smaller.
    fn free_handles_if_exhausted(&mut self, error: &Error) -> bool {
        let is_shortage = limit::is_handle_shortage(error);
        if is_shortage {
            self.close_group();
        }
        is_shortage
    }

    /// Finishes the group and flushes its names, so that it holds no handle.
    fn close_group(&mut self) {
        self.budget.max_files = (self.group.len() / 2).clamp(1, self.budget.max_files);
        self.finish_group();
        self.flush_names();
        self.budget.unflushed_pairs = 0;
        self.budget.seen_shortages = limit::shortage_count();
        limit::set_holds_files(false);
    }

    /// Copies one file to a temporary name, and finishes the group once it is full.
    fn copy_item(&mut self, pair: &FolderPair, item: QueuedItem) {
        if interrupt::check().is_err() || self.is_past_deadline() {
            return self.report(pair, &item, Outcome::Unreached);
        }
        if limit::shortage_count() != self.budget.seen_shortages {
            self.close_group();
        }
        let part = match self.copy_to_temp(pair, &item) {
            Err(error) if self.free_handles_if_exhausted(&error) => self.copy_to_temp(pair, &item),
            // Written to while it was read: once more, in case that was the end of it.
            Err(Error::SourceChanged { .. }) => self.copy_to_temp_buffered(pair, &item),
            Err(Error::Copy { source, .. }) if source.kind() == std::io::ErrorKind::Interrupted => {
                self.copy_to_temp(pair, &item)
            }
            copied => copied,
        };
        match part {
            Ok(part) => {
                self.budget.pairs += usize::from(!self.budget.is_counted);
                self.budget.is_counted = true;
                limit::set_holds_files(true);
                self.group.add(PendingFile {
                    pair: pair.clone(),
                    item,
                    temp: part,
                });
            }
            Err(Error::Interrupted) => self.report(pair, &item, Outcome::Unreached),
            Err(error) => self.report(pair, &item, self.failure_outcome(pair, &item, &error)),
        }
        if self.budget.is_full(self.group.len()) || self.group.bytes() >= MAX_GROUP_BYTES {
            self.finish_group();
        }
    }

    /// Copies a file or link to a temporary name.
    pub(super) fn copy_to_temp(
        &mut self,
        pair: &FolderPair,
        item: &QueuedItem,
    ) -> Result<TempCopy> {
        if item.is_link {
            return copy_link(&pair.from, &item.name, &pair.to);
        }
        let meter = self.context.meter;
        let on_progress = |bytes| meter.add_bytes(bytes);
        if self.context.move_source
            && let Some(part) = move_file(&pair.from, &item.name, &pair.to, &mut self.copier)?
        {
            return Ok(part);
        }
        copy_file(
            &pair.from,
            &item.name,
            &pair.to,
            &mut self.copier,
            &on_progress,
        )
    }

    /// Copies a file once more, with nothing but reads and writes.
    pub(super) fn copy_to_temp_buffered(
        &mut self,
        pair: &FolderPair,
        item: &QueuedItem,
    ) -> Result<TempCopy> {
        self.copier.buffered_only = true;
        let copied = self.copy_to_temp(pair, item);
        self.copier.buffered_only = false;
        copied
    }

    /// Flushes, reads back and names what was copied since the last time.
    fn finish_group(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        // What finishing opens is waited for: the files that wait are needed until then.
        limit::set_holds_files(false);
        group.persist_all(self);
        self.group = group;
        limit::set_holds_files(self.budget.pairs > 0);
        self.budget.unflushed_pairs = self.budget.pairs;
        self.budget.pairs = 0;
        self.budget.is_counted = false;
    }

    /// Flushes the names of the last group.
    fn flush_names(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        group.flush_names(self);
        self.group = group;
    }
}

fn is_missing_in(folder: &Folder, item: &QueuedItem) -> bool {
    folder
        .stat(&item.name)
        .is_err_and(|error| is_not_found(&error))
}

fn vanished_or_failed(is_gone: bool, error: &Error) -> Outcome {
    if is_gone {
        Outcome::Skipped(VANISHED.to_owned())
    } else {
        Outcome::Failed(error.full_message())
    }
}
