//! Walking many replicas at once: several threads read folders through their handles, without following a link, and hand
//! over what was made of each.
//!
//! What comes in is in no order but this: everything of a replica comes before the replica is complete. What is held in
//! memory are the folders being read and a few batches, not the tree.

mod folder;
mod queue;
mod walker;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

pub use self::folder::{FolderContents, FolderEntry};

use self::queue::FolderQueue;
use self::walker::{WalkShared, Walker};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::interrupt;
use crate::model::exclusion::Exclusions;
use crate::os::folder::Folder;
use crate::os::limit;
use crate::os::stat::Stat;

/// How long is waited at once before Ctrl-C is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How many batches may wait for whoever takes them.
const MAX_QUEUED_BATCHES: usize = 4;

/// A replica that is to be walked.
#[derive(Debug)]
pub struct WalkTarget {
    /// Its folder below the root.
    pub path: PathBuf,
    /// The folders of other categories, below the root: they are not part of it.
    pub inner_categories: Arc<[PathBuf]>,
}

impl WalkTarget {
    /// Whether the whole of it is another category's.
    fn is_in_other_category(&self) -> bool {
        self.inner_categories
            .iter()
            .any(|inner| self.path.starts_with(inner))
    }

    /// Whether this path below the replica's folder is another category's.
    fn is_inner_category(&self, path: &Path) -> bool {
        !self.inner_categories.is_empty() && self.inner_categories.contains(&self.path.join(path))
    }
}

/// One folder of a replica.
#[derive(Debug)]
pub struct FolderVisit<'a> {
    /// The path below the replica's folder; empty for that folder itself.
    pub path: &'a Path,
    /// What came of reading it.
    pub outcome: VisitOutcome<'a>,
}

/// What came of reading a folder.
#[derive(Debug)]
pub enum VisitOutcome<'a> {
    /// It was read; of a replica's own folder also what the file system says of itself.
    Read(&'a mut FolderContents, Option<Stat>),
    /// It cannot be opened or read: nothing is known of what is in it.
    Unreadable(Error),
    /// It is not there, or no longer.
    Missing,
}

/// Makes of a folder what is handed over; runs on the walkers' threads.
pub type VisitFn<T> = dyn Fn(FolderVisit<'_>) -> T + Send + Sync;

/// What walkers hand over at once.
#[derive(Debug)]
pub struct VisitBatch<T> {
    /// What was made of folders, with their replicas.
    pub folders: Vec<(usize, T)>,
    /// Replicas of which everything was handed over.
    pub complete: Vec<usize>,
}

/// A walk under way. It stops when this goes, without waiting for threads that a dead storage holds up.
pub struct Walk<T> {
    receiver: Receiver<VisitBatch<T>>,
    queue: Arc<FolderQueue>,
    root: PathBuf,
    /// Why the system gave no more threads.
    spawn_error: Option<io::Error>,
    /// How many replicas are not complete.
    remaining: usize,
}

impl<T> fmt::Debug for Walk<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Walk")
            .field("left", &self.remaining)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Walk<T> {
    /// Begins to walk these replicas of a root with so many threads.
    pub fn begin(
        root: &Arc<Folder>,
        targets: Vec<WalkTarget>,
        exclusions: &Arc<Exclusions>,
        walkers: usize,
        visit: impl Fn(FolderVisit<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        let remaining = targets.len();
        let queue = Arc::new(FolderQueue::new(targets));
        let (sender, receiver) = mpsc::sync_channel(MAX_QUEUED_BATCHES);
        let shared = WalkShared {
            root: Arc::clone(root),
            exclusions: Arc::clone(exclusions),
            queue: Arc::clone(&queue),
            visit: Arc::new(visit),
        };
        let mut spawn_error = None;
        // Each opens three folders at once.
        for _ in 0..walkers.min(limit::handle_share(32)).max(1) {
            let walker = Walker::new(shared.clone(), sender.clone());
            // Where the system gives no more threads, those that there are will do; with none the walk fails.
            if let Err(error) = thread::Builder::new().spawn(move || walker.run()) {
                spawn_error = Some(error);
                break;
            }
        }
        Self {
            receiver,
            queue,
            root: root.path().to_owned(),
            spawn_error,
            remaining,
        }
    }

    /// What comes next; `None` once every replica is complete.
    ///
    /// # Errors
    /// The walk was interrupted, or a walker failed.
    pub fn next(&mut self) -> Result<Option<VisitBatch<T>>> {
        while self.remaining > 0 {
            interrupt::check()?;
            match self.receiver.recv_timeout(POLL_INTERVAL) {
                Ok(batch) => {
                    self.remaining -= batch.complete.len();
                    return Ok(Some(batch));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end_error(),
            }
        }
        Ok(None)
    }

    /// The walkers have gone though replicas are left.
    fn end_error(&mut self) -> Result<Option<VisitBatch<T>>> {
        if let Some(spawn_error) = self.spawn_error.take() {
            return Err(spawn_error).at("begin a thread to walk", &self.root);
        }
        Err(io::Error::other("the walk ended early; look again")).at("walk", &self.root)
    }
}

impl<T> Drop for Walk<T> {
    fn drop(&mut self) {
        self.queue.stop();
    }
}
