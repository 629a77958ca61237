//! Queue of the files to copy. It hands out small files of one folder in batches, and each large file by itself.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::context::TransferContext;
use crate::copy::outcome::Outcome;
use crate::copy::plan::{Plan, PlannedFile, PlannedFiles};

/// Maximum number of files in a batch.
const MAX_BATCH_FILES: usize = 128;

/// Maximum number of bytes in a batch: 8 MiB. With larger ones, one thread would still be copying at the end while the
/// others have nothing left to do.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// Minimum size of a large file: 64 MiB. Large files are handed out alone, so that none is left for the end.
const LARGE_FILE_BYTES: u64 = 64 << 20;

/// Files of one folder, by the indexes of the plan and of the folder in it.
#[derive(Debug)]
pub(super) struct CopyBatch {
    pub(super) plan: usize,
    pub(super) folder: usize,
    pub(super) items: Vec<PlannedFile>,
}

/// Files not handed out yet.
#[derive(Debug)]
pub(super) struct CopyQueue<'a> {
    plans: &'a [&'a Plan],
    state: Mutex<CopyQueueState<'a>>,
}

#[derive(Debug)]
struct CopyQueueState<'a> {
    /// Large files, the largest first.
    large: VecDeque<CopyBatch>,
    /// Index of the current plan.
    plan: usize,
    /// Index of the current folder.
    folder: usize,
    /// Remaining files of the current folder, small and large.
    files: Option<PlannedFiles<'a>>,
}

impl<'a> CopyQueue<'a> {
    pub(super) fn new(plans: &'a [&'a Plan]) -> Self {
        let mut large = Vec::new();
        for (plan, planned) in plans.iter().enumerate() {
            for (folder, planned) in planned.folders.iter().enumerate() {
                large.extend(planned.files().filter(is_large).map(|item| CopyBatch {
                    plan,
                    folder,
                    items: vec![item],
                }));
            }
        }
        large.sort_by_key(|batch| std::cmp::Reverse(batch.items[0].bytes));
        let mut state = CopyQueueState {
            large: large.into(),
            plan: 0,
            folder: 0,
            files: None,
        };
        state.enter_folder(plans);
        Self {
            plans,
            state: Mutex::new(state),
        }
    }

    /// Returns the next batch, or `None` if the queue is empty.
    pub(super) fn next(&self, large_first: bool) -> Option<CopyBatch> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if large_first {
            let large = state.large.pop_front();
            large.or_else(|| state.next_small(self.plans))
        } else {
            let small = state.next_small(self.plans);
            small.or_else(|| state.large.pop_front())
        }
    }

    /// Reports all remaining files as not reached.
    pub(super) fn report_unreached(&self, context: &TransferContext<'_>) {
        while let Some(batch) = self.next(false) {
            let folder = &self.plans[batch.plan].folders[batch.folder].path;
            for item in &batch.items {
                let name = item.name.as_os_str();
                (context.on_outcome)(batch.plan, folder, name, Outcome::Unreached);
            }
        }
    }
}

impl<'a> CopyQueueState<'a> {
    /// Starts the files of the current folder.
    fn enter_folder(&mut self, plans: &'a [&'a Plan]) {
        let folder = plans
            .get(self.plan)
            .and_then(|plan| plan.folders.get(self.folder));
        self.files = folder.map(|folder| folder.files());
    }

    fn next_small(&mut self, plans: &'a [&'a Plan]) -> Option<CopyBatch> {
        while let Some(plan) = plans.get(self.plan) {
            if self.folder < plan.folders.len() {
                let items = self.take_small();
                if !items.is_empty() {
                    return Some(CopyBatch {
                        plan: self.plan,
                        folder: self.folder,
                        items,
                    });
                }
                self.folder += 1;
            } else {
                self.plan += 1;
                self.folder = 0;
            }
            self.enter_folder(plans);
        }
        None
    }

    /// Takes the next small files of the current folder.
    fn take_small(&mut self) -> Vec<PlannedFile> {
        let mut items = Vec::new();
        let mut bytes = 0;
        while items.len() < MAX_BATCH_FILES
            && bytes < MAX_BATCH_BYTES
            && let Some(item) = self.files.as_mut().and_then(Iterator::next)
        {
            if !is_large(&item) {
                bytes += item.bytes;
                items.push(item);
            }
        }
        items
    }
}

const fn is_large(item: &PlannedFile) -> bool {
    item.bytes >= LARGE_FILE_BYTES
}
