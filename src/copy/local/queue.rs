//! Queue of the files to copy. It hands out small files of one folder in batches, and each large file by itself.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::job::{Job, TransferContext};
use crate::copy::outcome::Outcome;
use crate::copy::plan::{PlannedFile, PlannedFiles};

/// Maximum number of files in a batch.
const MAX_BATCH_FILES: usize = 128;

/// Maximum number of bytes in a batch: 8 MiB. With larger ones, one thread would still be copying at the end while the
/// others have nothing left to do.
const MAX_BATCH_BYTES: u64 = 8 << 20;

/// Minimum size of a large file: 64 MiB. Large files are handed out alone, so that none is left for the end.
const LARGE_FILE_BYTES: u64 = 64 << 20;

/// Files of one folder, by the indexes of its job and of the folder in the plan.
#[derive(Debug)]
pub(super) struct CopyBatch {
    pub(super) job: usize,
    pub(super) folder: usize,
    pub(super) items: Vec<PlannedFile>,
}

/// Files not handed out yet.
#[derive(Debug)]
pub(super) struct CopyQueue<'a> {
    jobs: &'a [Job],
    state: Mutex<CopyQueueState<'a>>,
}

#[derive(Debug)]
struct CopyQueueState<'a> {
    /// Large files, the largest first.
    large: VecDeque<CopyBatch>,
    /// Index of the current job.
    job: usize,
    /// Index of the current folder.
    folder: usize,
    /// Remaining files of the current folder, small and large.
    files: Option<PlannedFiles<'a>>,
}

impl<'a> CopyQueue<'a> {
    pub(super) fn new(jobs: &'a [Job]) -> Self {
        let mut large = Vec::new();
        for (job, planned) in jobs.iter().enumerate() {
            for (folder, planned) in planned.plan.folders.iter().enumerate() {
                large.extend(planned.files().filter(is_large).map(|item| CopyBatch {
                    job,
                    folder,
                    items: vec![item],
                }));
            }
        }
        large.sort_by_key(|batch| std::cmp::Reverse(batch.items[0].bytes));
        let mut state = CopyQueueState {
            large: large.into(),
            job: 0,
            folder: 0,
            files: None,
        };
        state.enter_folder(jobs);
        Self {
            jobs,
            state: Mutex::new(state),
        }
    }

    /// Returns the next batch, or `None` if the queue is empty.
    pub(super) fn next(&self, large_first: bool) -> Option<CopyBatch> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if large_first {
            let large = state.large.pop_front();
            large.or_else(|| state.next_small(self.jobs))
        } else {
            let small = state.next_small(self.jobs);
            small.or_else(|| state.large.pop_front())
        }
    }

    /// Reports all remaining files as not reached.
    pub(super) fn report_unreached(&self, context: &TransferContext<'_>) {
        while let Some(batch) = self.next(false) {
            let folder = &self.jobs[batch.job].plan.folders[batch.folder].path;
            for item in &batch.items {
                let name = item.name.as_os_str();
                (context.on_outcome)(batch.job, folder, name, Outcome::Unreached);
            }
        }
    }
}

impl<'a> CopyQueueState<'a> {
    /// Starts the files of the current folder.
    fn enter_folder(&mut self, jobs: &'a [Job]) {
        let folder = jobs
            .get(self.job)
            .and_then(|job| job.plan.folders.get(self.folder));
        self.files = folder.map(|folder| folder.files());
    }

    fn next_small(&mut self, jobs: &'a [Job]) -> Option<CopyBatch> {
        while let Some(job) = jobs.get(self.job) {
            if self.folder < job.plan.folders.len() {
                let items = self.take_small();
                if !items.is_empty() {
                    return Some(CopyBatch {
                        job: self.job,
                        folder: self.folder,
                        items,
                    });
                }
                self.folder += 1;
            } else {
                self.job += 1;
                self.folder = 0;
            }
            self.enter_folder(jobs);
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
