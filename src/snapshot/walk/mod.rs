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

pub use self::folder::{Child, Contents};

use self::queue::Queue;
use self::walker::{Ground, Walker};
use crate::base::error::{At as _, Error, Result};
use crate::base::interrupt;
use crate::model::exclusion::Exclusions;
use crate::os::folder::Folder;
use crate::os::limit;
use crate::os::stat::Stat;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(50);

/// How many batches may wait for whoever takes them.
const WAITING: usize = 4;

/// A replica that is to be walked.
#[derive(Debug)]
pub struct Start {
    /// Its folder below the root.
    pub path: PathBuf,
    /// The folders of other categories, below the root: they are not part of it.
    pub inner: Arc<[PathBuf]>,
}

impl Start {
    /// Whether the whole of it is another category's.
    fn is_another(&self) -> bool {
        self.inner.iter().any(|inner| self.path.starts_with(inner))
    }

    /// Whether this path below the replica's folder is another category's.
    fn is_inner(&self, path: &Path) -> bool {
        !self.inner.is_empty() && self.inner.contains(&self.path.join(path))
    }
}

/// One folder of a replica.
#[derive(Debug)]
pub struct Visited<'a> {
    /// The path below the replica's folder; empty for that folder itself.
    pub path: &'a Path,
    /// What came of reading it.
    pub what: What<'a>,
}

/// What came of reading a folder.
#[derive(Debug)]
pub enum What<'a> {
    /// It was read; of a replica's own folder also what the file system says of itself.
    Read(&'a mut Contents, Option<Stat>),
    /// It cannot be opened or read: nothing is known of what is in it.
    Closed(Error),
    /// It is not there, or no longer.
    Gone,
}

/// Makes of a folder what is handed over; runs on the walkers' threads.
pub type Make<T> = dyn Fn(Visited<'_>) -> T + Send + Sync;

/// What walkers hand over at once.
#[derive(Debug)]
pub struct Batch<T> {
    /// What was made of folders, with their replicas.
    pub folders: Vec<(usize, T)>,
    /// Replicas of which everything was handed over.
    pub complete: Vec<usize>,
}

/// A walk under way. It stops when this goes, without waiting for threads that a dead storage holds up.
pub struct Walk<T> {
    receiver: Receiver<Batch<T>>,
    queue: Arc<Queue>,
    root: PathBuf,
    /// Why the system gave no more threads.
    refused: Option<io::Error>,
    /// How many replicas are not complete.
    left: usize,
}

impl<T> fmt::Debug for Walk<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Walk")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Walk<T> {
    /// Begins to walk these replicas of a root with so many threads.
    pub fn begin(
        root: &Arc<Folder>,
        starts: Vec<Start>,
        exclusions: &Arc<Exclusions>,
        walkers: usize,
        make: impl Fn(Visited<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        let left = starts.len();
        let queue = Arc::new(Queue::new(starts));
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let ground = Ground {
            root: Arc::clone(root),
            exclusions: Arc::clone(exclusions),
            queue: Arc::clone(&queue),
            make: Arc::new(make),
        };
        let mut refused = None;
        // Each opens three folders at once.
        for _ in 0..walkers.min(limit::part(32)).max(1) {
            let walker = Walker::new(ground.clone(), sender.clone());
            // Where the system gives no more threads, those that there are will do; with none the walk fails.
            if let Err(error) = thread::Builder::new().spawn(move || walker.run()) {
                refused = Some(error);
                break;
            }
        }
        Self {
            receiver,
            queue,
            root: root.path().to_owned(),
            refused,
            left,
        }
    }

    /// What comes next; `None` once every replica is complete.
    ///
    /// # Errors
    /// The walk was interrupted, or a walker failed.
    pub fn next(&mut self) -> Result<Option<Batch<T>>> {
        while self.left > 0 {
            interrupt::check()?;
            match self.receiver.recv_timeout(STEP) {
                Ok(batch) => {
                    self.left -= batch.complete.len();
                    return Ok(Some(batch));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.failed(),
            }
        }
        Ok(None)
    }

    /// The walkers have gone though replicas are left.
    fn failed(&mut self) -> Result<Option<Batch<T>>> {
        if let Some(refused) = self.refused.take() {
            return Err(refused).at("begin a thread to walk", &self.root);
        }
        Err(io::Error::other("the walk ended early; look again")).at("walk", &self.root)
    }
}

impl<T> Drop for Walk<T> {
    fn drop(&mut self) {
        self.queue.stop();
    }
}
