//! The folders that are still to be read, shared by all walkers of a walk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::WalkTarget;
use crate::os::folder::Folder;
use crate::os::limit;

/// How many folders all walks of the process keep open for the sake of their subfolders; others are opened again from
/// the root.
const MAX_OPEN: usize = 32;

/// How many there are.
static OPEN_COUNT: AtomicUsize = AtomicUsize::new(0);

/// A folder that is to be read.
#[derive(Debug)]
pub(super) struct FolderTask {
    /// The replica it is in, by its place among the starts.
    pub(super) replica: usize,
    /// The path below the replica's folder; empty for that folder itself.
    pub(super) path: PathBuf,
    /// The folder it is in, if that is still open.
    pub(super) parent: Option<Arc<OpenFolder>>,
}

/// A folder that is kept open.
#[derive(Debug)]
pub(super) struct OpenFolder {
    pub(super) folder: Folder,
}

impl Drop for OpenFolder {
    fn drop(&mut self) {
        OPEN_COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a walker does next.
#[derive(Debug)]
pub(super) enum WalkStep {
    /// Read this folder.
    Read(FolderTask),
    /// Others may yet find something: hand over what is done, then wait.
    Idle,
    /// Everything was read, or the walk was stopped.
    Done,
}

/// The queue. The last folder found is the first to be read, so that it stays as short as the tree is deep; the replicas
/// are begun in order, each once the walkers run out of others.
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
    /// How many replicas were begun.
    started: usize,
    /// Folders being read.
    reading: usize,
    /// For each replica the folders that are found and not handed over.
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

    /// What to do next, without waiting.
    pub(super) fn next(&self) -> WalkStep {
        self.next_in(&mut self.state())
    }

    /// What to do next, once there is something to do.
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

    /// A folder was read, and these were found in it.
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

    /// Folders of these replicas were handed over; says which replicas are complete with that.
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

    /// Keeps a folder open, unless too many are.
    pub(super) fn keep_open(folder: Folder) -> Option<Arc<OpenFolder>> {
        if OPEN_COUNT.fetch_add(1, Ordering::Relaxed) < MAX_OPEN.min(limit::handle_share(16)) {
            return Some(Arc::new(OpenFolder { folder }));
        }
        OPEN_COUNT.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Makes all walkers end soon.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Under the lock, so that nobody who has just looked goes on to wait.
        let left = std::mem::take(&mut self.state().pending);
        self.ready.notify_all();
        // These hold folders open.
        drop(left);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// What [`Self::is_stopped`] asks, for reading a long folder.
    pub(super) const fn stop_flag(&self) -> &AtomicBool {
        &self.stopped
    }
}
