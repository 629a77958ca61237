//! The folders that are still to be read, shared by all walkers of a walk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Start;
use crate::os::folder::Folder;
use crate::os::limit;

/// How many folders all walks of the process keep open for the sake of their subfolders; others are opened again from
/// the root.
const OPEN: usize = 32;

/// How many there are.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// A folder that is to be read.
#[derive(Debug)]
pub(super) struct Task {
    /// The replica it is in, by its place among the starts.
    pub(super) replica: usize,
    /// The path below the replica's folder; empty for that folder itself.
    pub(super) path: PathBuf,
    /// The folder it is in, if that is still open.
    pub(super) parent: Option<Arc<Open>>,
}

/// A folder that is kept open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) folder: Folder,
}

impl Drop for Open {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a walker does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Read this folder.
    Read(Task),
    /// Others may yet find something: hand over what is done, then wait.
    Idle,
    /// Everything was read, or the walk was stopped.
    Done,
}

/// The queue. The last folder found is the first to be read, so that it stays as short as the tree is deep; the replicas
/// are begun in order, each once the walkers run out of others.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) starts: Vec<Start>,
    state: Mutex<State>,
    ready: Condvar,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    found: Vec<Task>,
    /// How many replicas were begun.
    begun: usize,
    /// Folders being read.
    reading: usize,
    /// For each replica the folders that are found and not handed over.
    unfinished: Vec<usize>,
}

impl Queue {
    pub(super) fn new(starts: Vec<Start>) -> Self {
        let unfinished = vec![1; starts.len()];
        let state = State {
            unfinished,
            ..State::default()
        };
        Self {
            starts,
            state: Mutex::new(state),
            ready: Condvar::new(),
            stopped: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do next, without waiting.
    pub(super) fn next(&self) -> Next {
        self.next_in(&mut self.state())
    }

    /// What to do next, once there is something to do.
    pub(super) fn wait(&self) -> Next {
        let mut state = self.state();
        loop {
            match self.next_in(&mut state) {
                Next::Idle => {
                    let woken = self.ready.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                }
                next => return next,
            }
        }
    }

    fn next_in(&self, state: &mut State) -> Next {
        if self.is_stopped() {
            return Next::Done;
        }
        let task = state.found.pop().or_else(|| {
            let replica = state.begun;
            (replica < self.starts.len()).then(|| {
                state.begun += 1;
                Task {
                    replica,
                    path: PathBuf::new(),
                    parent: None,
                }
            })
        });
        match task {
            Some(task) => {
                state.reading += 1;
                Next::Read(task)
            }
            None if state.reading == 0 => Next::Done,
            None => Next::Idle,
        }
    }

    /// A folder was read, and these were found in it.
    pub(super) fn read(&self, found: Vec<Task>) {
        let mut state = self.state();
        if let Some(task) = found.first() {
            state.unfinished[task.replica] += found.len();
        }
        state.reading -= 1;
        if self.is_stopped() {
            return;
        }
        let wake = !found.is_empty() || state.reading == 0;
        state.found.extend(found);
        drop(state);
        if wake {
            self.ready.notify_all();
        }
    }

    /// Folders of these replicas were handed over; says which replicas are complete with that.
    pub(super) fn hand_over(&self, replicas: impl Iterator<Item = usize>) -> Vec<usize> {
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
    pub(super) fn keep_open(folder: Folder) -> Option<Arc<Open>> {
        if KEPT.fetch_add(1, Ordering::Relaxed) < OPEN.min(limit::part(16)) {
            return Some(Arc::new(Open { folder }));
        }
        KEPT.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Makes all walkers end soon.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Under the lock, so that nobody who has just looked goes on to wait.
        let left = std::mem::take(&mut self.state().found);
        self.ready.notify_all();
        // These hold folders open.
        drop(left);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// What [`Self::is_stopped`] asks, for reading a long folder.
    pub(super) const fn stopped(&self) -> &AtomicBool {
        &self.stopped
    }
}
