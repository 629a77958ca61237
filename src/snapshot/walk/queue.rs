//! Queue of folders to read, shared by all walkers of a walk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::crew::Crew;
use super::entry_job::EntryJob;
use super::visit::WalkTarget;
use crate::os::disk::WalkPace;
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
    pub(super) folder: Arc<Folder>,
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
    /// Read entries of a folder that another walker has listed.
    Help(Arc<EntryJob>),
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
    pub(super) crew: Crew,
    state: Mutex<FolderQueueState>,
    ready: Condvar,
    /// Wakes walkers that are surplus.
    reserve: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct FolderQueueState {
    pending: Vec<FolderTask>,
    /// Long folders whose entries are being read.
    jobs: Vec<Arc<EntryJob>>,
    /// Number of walkers that wait for a step.
    waiting: usize,
    /// Number of replicas started.
    started: usize,
    /// Number of folders being read.
    reading: usize,
    /// Number of folders of each replica that were found and not sent yet.
    unfinished: Vec<usize>,
}

impl FolderQueue {
    pub(super) fn new(targets: Vec<WalkTarget>, pace: WalkPace) -> Self {
        let unfinished = vec![1; targets.len()];
        let state = FolderQueueState {
            unfinished,
            ..FolderQueueState::default()
        };
        Self {
            targets,
            crew: Crew::new(pace),
            state: Mutex::new(state),
            ready: Condvar::new(),
            reserve: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, FolderQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next step of a walker without waiting.
    pub(super) fn next(&self, walker: usize) -> WalkStep {
        self.next_in(&mut self.state(), walker)
    }

    /// Waits for the next step other than [`WalkStep::Idle`].
    pub(super) fn wait(&self, walker: usize) -> WalkStep {
        let mut state = self.state();
        loop {
            match self.next_in(&mut state, walker) {
                WalkStep::Idle if self.crew.is_surplus(walker) => {
                    let woken = self.reserve.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                WalkStep::Idle => {
                    state.waiting += 1;
                    let woken = self.ready.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                    state.waiting -= 1;
                    if self.crew.is_surplus(walker) {
                        // It was surplus meanwhile, and was woken in place of another.
                        self.ready.notify_one();
                    }
                }
                next => return next,
            }
        }
    }

    fn next_in(&self, state: &mut FolderQueueState, walker: usize) -> WalkStep {
        if self.is_stopped() {
            return WalkStep::Done;
        }
        let is_over =
            state.reading == 0 && state.pending.is_empty() && state.started >= self.targets.len();
        if is_over {
            return WalkStep::Done;
        }
        if self.crew.is_surplus(walker) {
            return WalkStep::Idle;
        }
        state.jobs.retain(|job| !job.is_taken());
        if let Some(job) = state.jobs.first() {
            return WalkStep::Help(Arc::clone(job));
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
        let is_last = state.reading == 0;
        // The caller takes one of them itself, or one that is as good.
        let wake = found.len().min(state.waiting);
        state.pending.extend(found);
        drop(state);
        if is_last {
            self.notify_all();
        } else {
            for _ in 0..wake {
                self.ready.notify_one();
            }
        }
    }

    /// Offers the entries of a long folder to the walkers that wait.
    pub(super) fn offer(&self, job: &Arc<EntryJob>) {
        self.state().jobs.push(Arc::clone(job));
        self.ready.notify_all();
    }

    /// Wakes all walkers: more of them may take folders.
    pub(super) fn wake(&self) {
        drop(self.state());
        self.notify_all();
    }

    fn notify_all(&self) {
        self.ready.notify_all();
        self.reserve.notify_all();
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
    pub(super) fn keep_open(folder: Arc<Folder>) -> Option<Arc<OpenFolder>> {
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
        let pending = {
            let mut state = self.state();
            (
                std::mem::take(&mut state.pending),
                std::mem::take(&mut state.jobs),
            )
        };
        self.notify_all();
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
