//! Queue of folders to read, shared by all walkers of a walk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::visit::WalkTarget;
use crate::os::folder::Folder;
use crate::os::limit;

/// Greatest number of folders that all walks of the process keep open for opening their subfolders. Subfolders of other folders
/// are opened from the root.
const MAX_OPEN: usize = 32;

/// Number of folders kept open. A budget of the process, not a setting: file descriptors are limited for the whole process.
static OPEN_COUNT: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
pub(super) struct FolderTask {
    /// Index of the replica among the targets.
    pub(super) replica: usize,
    /// Path below the replica's folder; empty for that folder itself.
    pub(super) path: PathBuf,
    /// The parent folder, if it is still open.
    pub(super) parent: Option<Arc<OpenFolder>>,
}

#[derive(Debug)]
pub(super) struct OpenFolder {
    pub(super) folder: Folder,
}

impl Drop for OpenFolder {
    fn drop(&mut self) {
        OPEN_COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Next step of a walker.
#[derive(Debug)]
pub(super) enum WalkStep {
    Read(FolderTask),
    /// Other walkers may still find folders: send the batch, then wait.
    Idle,
    /// Every folder was read, or the walk was stopped.
    Done,
}

/// Queue in which the last folder found is read first, so that its length is limited by the depth of the tree. Replicas start in
/// order, each when no other folder is pending.
#[derive(Debug)]
pub(super) struct FolderQueue {
    pub(super) targets: Vec<WalkTarget>,
    state: Mutex<FolderQueueState>,
    ready: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct FolderQueueState {
    pending: Vec<FolderTask>,
    /// Number of replicas started.
    started: usize,
    /// Number of folders being read.
    reading: usize,
    /// Number of folders of each replica that were found and not sent yet.
    unfinished: Vec<usize>,
}

impl FolderQueue {
    pub(super) fn new(targets: Vec<WalkTarget>) -> Self {
        let unfinished = vec![1; targets.len()];
        let state = FolderQueueState {
            unfinished,
            ..FolderQueueState::default()
        };
        Self {
            targets,
            state: Mutex::new(state),
            ready: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, FolderQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next step without waiting.
    pub(super) fn next(&self) -> WalkStep {
        self.next_in(&mut self.state())
    }

    /// Waits for the next step other than [`WalkStep::Idle`].
    pub(super) fn wait(&self) -> WalkStep {
        let mut state = self.state();
        loop {
            match self.next_in(&mut state) {
                WalkStep::Idle => {
                    let woken = self.ready.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                next => return next,
            }
        }
    }

    fn next_in(&self, state: &mut FolderQueueState) -> WalkStep {
        if self.is_stopped() {
            return WalkStep::Done;
        }
        let task = state.pending.pop().or_else(|| {
            let replica = state.started;
            (replica < self.targets.len()).then(|| {
                state.started += 1;
                FolderTask {
                    replica,
                    path: PathBuf::new(),
                    parent: None,
                }
            })
        });
        match task {
            Some(task) => {
                state.reading += 1;
                WalkStep::Read(task)
            }
            None if state.reading == 0 => WalkStep::Done,
            None => WalkStep::Idle,
        }
    }

    /// Records that a folder was read, and the subfolders found in it.
    pub(super) fn finish_folder(&self, found: Vec<FolderTask>) {
        let mut state = self.state();
        if let Some(task) = found.first() {
            state.unfinished[task.replica] += found.len();
        }
        state.reading -= 1;
        if self.is_stopped() {
            return;
        }
        let wake = !found.is_empty() || state.reading == 0;
        state.pending.extend(found);
        drop(state);
        if wake {
            self.ready.notify_all();
        }
    }

    /// Records that folders of these replicas were sent. Returns the replicas that are complete now.
    pub(super) fn complete_folders(&self, replicas: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut state = self.state();
        let mut complete = Vec::new();
        for replica in replicas {
            state.unfinished[replica] -= 1;
            if state.unfinished[replica] == 0 {
                complete.push(replica);
            }
        }
        complete
    }

    /// Keeps a folder open unless the limit is reached.
    pub(super) fn keep_open(folder: Folder) -> Option<Arc<OpenFolder>> {
        if OPEN_COUNT.fetch_add(1, Ordering::Relaxed) < MAX_OPEN.min(limit::handle_share(16)) {
            return Some(Arc::new(OpenFolder { folder }));
        }
        OPEN_COUNT.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Makes all walkers end.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Under the lock, so that no walker that has just checked the flag starts to wait.
        let pending = std::mem::take(&mut self.state().pending);
        self.ready.notify_all();
        // Closes folders, which may take long, after the lock is released.
        drop(pending);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The flag behind [`Self::is_stopped`], checked while a long folder is read.
    pub(super) const fn stop_flag(&self) -> &AtomicBool {
        &self.stopped
    }
}
