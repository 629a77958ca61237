//! One thread of a transfer: copies files to temporary names until its group is full, then finishes the group.

use std::io::ErrorKind;
use std::sync::Arc;

use super::context::TransferContext;
use super::folder::DestinationFolders;
use super::group::Group;
use super::item::{FolderPair, ItemCopier, PendingFile};
use super::queue::{CopyBatch, CopyQueue};
use crate::base::error::{Error, Result};
use crate::base::interrupt;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Plan, PlannedFile};
use crate::os::descent::FolderOpener;
use crate::os::limit;
use crate::storage::copy_file::{Copier, TempCopy};

/// Number of files that fill a group, whatever the limit on open files.
const MAX_GROUP_FILES: usize = 1024;

/// Number of bytes that fill a group: 512 MiB.
const MAX_GROUP_BYTES: u64 = 512 << 20;

/// State of one copying thread.
pub(super) struct Worker<'a> {
    items: ItemCopier<'a>,
    folders: &'a DestinationFolders,
    queue: &'a CopyQueue<'a>,
    /// Openers of source and destination folders.
    openers: [FolderOpener; 2],
    group: Group,
    budget: HandleBudget,
}

/// File handles that a worker's group holds.
#[derive(Debug)]
struct HandleBudget {
    /// Number of files that fill a group; lowered after each shortage of handles.
    max_files: usize,
    /// Number of folder pairs of files under temporary names.
    pairs: usize,
    /// Number of folder pairs of files whose final names are not flushed yet.
    unflushed_pairs: usize,
    /// True if the current batch is counted in `pairs`.
    is_counted: bool,
    /// The process-wide shortage count that this worker has reacted to.
    seen_shortages: u64,
}

impl HandleBudget {
    /// True if a group of this many files uses this thread's share of handles.
    fn is_full(&self, files: usize) -> bool {
        /// Handles of the file being copied, of its copy, and of the folders being opened.
        const HANDLES_IN_PROGRESS: usize = 6;
        // Each pending copy is open, and usually its source too.
        let handles = 2 * (files + self.pairs + self.unflushed_pairs) + HANDLES_IN_PROGRESS;
        files >= self.max_files || (files > 0 && handles >= limit::handles_per_thread())
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        plans: &'a [&'a Plan],
        context: &'a TransferContext<'a>,
        folders: &'a DestinationFolders,
        queue: &'a CopyQueue<'a>,
    ) -> Self {
        let mut copier = Copier::default();
        copier.with_digests = context.verify;
        Self {
            items: ItemCopier {
                plans,
                context,
                copier,
            },
            folders,
            queue,
            openers: [context.source, context.destination].map(FolderOpener::new),
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

    /// Copies until the queue is empty, the deadline has passed, or cancellation is requested.
    pub(super) fn run(mut self, large_first: bool) {
        while !self.must_stop()
            && let Some(batch) = self.queue.next(large_first)
        {
            self.copy_batch(batch);
        }
        self.finish_group();
        self.group.flush_names(&self.items);
    }

    fn must_stop(&self) -> bool {
        interrupt::check().is_err() || interrupt::is_past(self.items.context.deadline)
    }

    fn copy_batch(&mut self, batch: CopyBatch) {
        let path = self.items.folder_path(batch.plan, batch.folder);
        let opened = match self.folders.failure(batch.plan, path) {
            Some(why) => Err(Outcome::Failed(why.to_owned())),
            None => self
                .open_pair(&batch)
                .map_err(|error| self.items.folder_failure(batch.plan, path, &error)),
        };
        match opened {
            Ok(pair) => {
                self.budget.is_counted = false;
                self.folders.mark_touched(batch.plan, batch.folder);
                self.items.copier.set_destination(&pair.to, pair.device);
                for item in batch.items {
                    self.copy_item(&pair, item);
                }
            }
            Err(outcome) => {
                for item in &batch.items {
                    let outcome = outcome.clone();
                    self.items
                        .report_in(batch.plan, batch.folder, item, outcome);
                }
            }
        }
    }

    /// Opens both folders of a batch. If no handle is left, closes the group and tries once more.
    fn open_pair(&mut self, batch: &CopyBatch) -> Result<FolderPair> {
        match self.try_open_pair(batch) {
            Err(error) if self.free_handles_if_exhausted(&error) => self.try_open_pair(batch),
            opened => opened,
        }
    }

    fn try_open_pair(&mut self, batch: &CopyBatch) -> Result<FolderPair> {
        let path = self.items.folder_path(batch.plan, batch.folder);
        let path = self.items.plans[batch.plan].replica.join(path);
        let from = Arc::new(self.openers[0].open(&path)?);
        let to = Arc::new(self.openers[1].open(&path)?);
        Ok(FolderPair {
            plan: batch.plan,
            folder: batch.folder,
            has_stable_ids: [&from, &to].map(|folder| folder.has_reliable_file_system()),
            from,
            device: to.stat_self()?.device,
            to,
        })
    }

    /// Returns true if an operation failed for want of handles; then the group was closed, and the next one is smaller.
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
        self.group.flush_names(&self.items);
        self.budget.unflushed_pairs = 0;
        self.budget.seen_shortages = limit::shortage_count();
        limit::set_holds_files(false);
    }

    /// Copies one file to a temporary name, and finishes the group once it is full.
    fn copy_item(&mut self, pair: &FolderPair, item: PlannedFile) {
        if let Some(outcome) = self.items.unavailable(pair, &item) {
            return self.items.report(pair, &item, outcome);
        }
        if self.must_stop() {
            return self.items.report(pair, &item, Outcome::Unreached);
        }
        if limit::shortage_count() != self.budget.seen_shortages {
            self.close_group();
        }
        match self.copy_with_retry(pair, &item) {
            Ok(temp) => {
                self.budget.pairs += usize::from(!self.budget.is_counted);
                self.budget.is_counted = true;
                limit::set_holds_files(true);
                self.group.add(PendingFile {
                    pair: pair.clone(),
                    item,
                    temp,
                });
            }
            Err(error) => self.items.report_failure(pair, &item, &error),
        }
        if self.budget.is_full(self.group.len()) || self.group.bytes() >= MAX_GROUP_BYTES {
            self.finish_group();
        }
    }

    fn copy_with_retry(&mut self, pair: &FolderPair, item: &PlannedFile) -> Result<TempCopy> {
        match self.items.copy_to_temp(pair, item) {
            Err(error) if self.free_handles_if_exhausted(&error) => {
                self.items.copy_to_temp(pair, item)
            }
            // The file was written to while it was read; one retry, in case the writer has finished.
            Err(Error::SourceChanged { .. }) => self.items.copy_to_temp_buffered(pair, item),
            Err(Error::Copy { source, .. }) if source.kind() == ErrorKind::Interrupted => {
                self.items.copy_to_temp(pair, item)
            }
            copied => copied,
        }
    }

    /// Flushes, reads back and renames the files of the group.
    fn finish_group(&mut self) {
        // Finishing waits for handles instead of failing: the pending files must stay open until it is done.
        limit::set_holds_files(false);
        self.group.persist_all(&mut self.items);
        limit::set_holds_files(self.budget.pairs > 0);
        self.budget.unflushed_pairs = self.budget.pairs;
        self.budget.pairs = 0;
        self.budget.is_counted = false;
    }
}
