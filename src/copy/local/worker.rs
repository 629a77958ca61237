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
use crate::copy::shared_source::{Delivery, MissedFile, Next, Origin, SharedFile, Subscription};
use crate::copy::source_root::SourceRoot;
use crate::os::descent::FolderOpener;
use crate::os::limit;
use crate::storage::copy_file::{ContentError, Copier, TempCopy};

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
        copier.reads_once =
            context.source_root == SourceRoot::Replica || context.subscription.is_some();
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
        let subscription = self.items.context.subscription;
        if let Some(subscription) = subscription {
            self.copy_shared(subscription, large_first);
        }
        while !self.must_stop()
            && let Some(batch) = self.queue.next(large_first)
        {
            self.copy_batch(batch);
        }
        self.finish_all();
        if let Some(subscription) = subscription {
            self.copy_missed(subscription);
        }
    }

    /// Gives all files their final names and flushes these.
    fn finish_all(&mut self) {
        self.finish_group();
        self.group.flush_names(&self.items);
    }

    /// Copies the files that are read for several destinations. While none is ready, copies those of this one alone.
    fn copy_shared(&mut self, subscription: &Subscription<'_>, large_first: bool) {
        let _thread = subscription.add_thread();
        let mut has_own = true;
        while !self.must_stop() {
            match subscription.next(!has_own) {
                Next::Ready(delivery) => self.copy_delivery(subscription, &delivery),
                Next::Ended => return,
                Next::NotReady => match self.queue.next(large_first) {
                    Some(batch) => self.copy_batch(batch),
                    None => has_own = false,
                },
            }
        }
    }

    /// Copies files that another thread read.
    fn copy_delivery(&mut self, subscription: &Subscription<'_>, delivery: &Delivery) {
        let pair = self.enter_folder(delivery.position);
        subscription.visit(delivery, &mut |mut file| match &pair {
            Ok(pair) => self.copy_shared_file(subscription, pair, &mut file),
            Err(outcome) => {
                let (plan, folder) = delivery.position;
                let outcome = outcome.clone();
                self.items.report_in(plan, folder, &file.item, outcome);
            }
        });
    }

    fn copy_shared_file(
        &mut self,
        subscription: &Subscription<'_>,
        pair: &FolderPair,
        file: &mut SharedFile<'_>,
    ) {
        if self.must_stop() {
            return self.items.report(pair, &file.item, Outcome::Unreached);
        }
        self.close_group_after_shortage();
        let written = match &mut file.content {
            Ok(content) => self.items.write_to_temp(pair, &file.item, content),
            Err(error) => Err(ContentError::Source(Arc::clone(error))),
        };
        let item = file.item.clone();
        match written {
            Ok(temp) => self.add_to_group(pair, item, temp),
            Err(ContentError::Missed) => return subscription.miss(file),
            // It is read once more, by itself.
            Err(ContentError::Source(error)) if matches!(*error, Error::SourceChanged { .. }) => {
                let copied = self.items.copy_to_temp_buffered(pair, &item);
                self.add_copied(pair, item, copied);
            }
            Err(ContentError::Source(error)) => self.items.report_failure(pair, &item, &error),
            Err(ContentError::Copy(error)) if self.free_handles_if_exhausted(&error) => {
                let copied = self.items.copy_to_temp(pair, &item);
                self.add_copied(pair, item, copied);
            }
            Err(ContentError::Copy(error)) => self.items.report_failure(pair, &item, &error),
        }
        self.finish_full_group();
    }

    /// Copies the files that were no longer in memory, as soon as another destination has them.
    fn copy_missed(&mut self, subscription: &Subscription<'_>) {
        while !self.must_stop() {
            match subscription.next_missed(false) {
                Next::Ready(missed) => self.copy_missed_file(missed),
                Next::Ended => break,
                Next::NotReady => {
                    // Others may wait for files of this group.
                    self.finish_all();
                    match subscription.next_missed(true) {
                        Next::Ready(missed) => self.copy_missed_file(missed),
                        Next::NotReady | Next::Ended => break,
                    }
                }
            }
        }
        self.finish_all();
    }

    fn copy_missed_file(&mut self, missed: MissedFile) {
        let (plan, folder) = missed.position;
        let pair = match self.enter_folder(missed.position) {
            Ok(pair) => pair,
            Err(outcome) => return self.items.report_in(plan, folder, &missed.item, outcome),
        };
        let copied = match missed.origin {
            Origin::Source => self.copy_with_retry(&pair, &missed.item),
            Origin::Peer { root, name, digest } => {
                let path = self.items.plans[plan]
                    .replica
                    .join(self.items.folder_path(plan, folder));
                let copied = root.open_descendant(&path).and_then(|peer| {
                    self.items
                        .copy_from_peer(&peer, &pair, &missed.item, digest)
                });
                match copied {
                    Ok(temp) => {
                        (self.items.context.on_relayed)(&name, missed.item.bytes);
                        Ok(temp)
                    }
                    // The source has it all the same.
                    Err(_) => self.copy_with_retry(&pair, &missed.item),
                }
            }
        };
        self.add_copied(&pair, missed.item, copied);
        self.finish_full_group();
    }

    fn must_stop(&self) -> bool {
        self.items.context.must_stop() || interrupt::is_past(self.items.context.deadline)
    }

    /// Opens both folders at this position for the next files; returns the outcome of the files if that fails.
    fn enter_folder(&mut self, (plan, folder): (usize, usize)) -> Result<FolderPair, Outcome> {
        let path = self.items.folder_path(plan, folder);
        if let Some(why) = self.folders.failure(plan, path) {
            return Err(Outcome::Failed(why.to_owned()));
        }
        let pair = self
            .open_pair(plan, folder)
            .map_err(|error| self.items.folder_failure(plan, path, &error))?;
        self.budget.is_counted = false;
        self.folders.mark_touched(plan, folder);
        self.items.copier.set_destination(&pair.to, pair.device);
        Ok(pair)
    }

    fn copy_batch(&mut self, batch: CopyBatch) {
        match self.enter_folder((batch.plan, batch.folder)) {
            Ok(pair) => {
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
    fn open_pair(&mut self, plan: usize, folder: usize) -> Result<FolderPair> {
        match self.try_open_pair(plan, folder) {
            Err(error) if self.free_handles_if_exhausted(&error) => {
                self.try_open_pair(plan, folder)
            }
            opened => opened,
        }
    }

    fn try_open_pair(&mut self, plan: usize, folder: usize) -> Result<FolderPair> {
        let path = self.items.folder_path(plan, folder);
        let replica = &self.items.plans[plan].replica;
        let source = self.items.context.source_root.path(replica, path);
        let from = Arc::new(self.openers[0].open(&source)?);
        let to = Arc::new(self.openers[1].open(&replica.join(path))?);
        Ok(FolderPair {
            plan,
            folder,
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
        self.close_group_after_shortage();
        let copied = self.copy_with_retry(pair, &item);
        self.add_copied(pair, item, copied);
        self.finish_full_group();
    }

    /// Closes the group if any thread ran short of handles meanwhile.
    fn close_group_after_shortage(&mut self) {
        if limit::shortage_count() != self.budget.seen_shortages {
            self.close_group();
        }
    }

    /// Adds a copy to the group, or reports why there is none.
    fn add_copied(&mut self, pair: &FolderPair, item: PlannedFile, copied: Result<TempCopy>) {
        match copied {
            Ok(temp) => self.add_to_group(pair, item, temp),
            Err(error) => self.items.report_failure(pair, &item, &error),
        }
    }

    fn add_to_group(&mut self, pair: &FolderPair, item: PlannedFile, temp: TempCopy) {
        self.budget.pairs += usize::from(!self.budget.is_counted);
        self.budget.is_counted = true;
        limit::set_holds_files(true);
        self.group.add(PendingFile {
            pair: pair.clone(),
            item,
            temp,
        });
    }

    fn finish_full_group(&mut self) {
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
