//! Walk of many replicas at once: several threads read folders through file descriptors, without following a link, and send the
//! converted folders in batches.
//!
//! The only order: every folder of a replica is sent before the replica is complete. Memory holds the folders being read and
//! a few batches, not the tree.

mod crew;
mod entry_job;
mod folder;
mod lap;
mod pacer;
mod queue;
mod throttle;
mod visit;
mod walker;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

pub use self::folder::{FolderContents, FolderEntry};
use self::queue::FolderQueue;
pub use self::visit::{FolderVisit, VisitBatch, VisitOutcome, WalkTarget};
use self::walker::{WalkShared, Walker};
use crate::base::error::{IoResultExt as _, Result};
use crate::base::interrupt;
use crate::model::exclusion::Exclusions;
use crate::os::disk::WalkPace;
use crate::os::folder::Folder;
use crate::os::limit;

/// Longest wait between two checks for an interruption.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Capacity of the queue of batches.
const MAX_QUEUED_BATCHES: usize = 4;

/// A walk in progress. Dropping it stops the walk, without waiting for threads that are blocked by a dead storage.
pub struct Walk<T> {
    receiver: Receiver<VisitBatch<T>>,
    queue: Arc<FolderQueue>,
    root: PathBuf,
    /// Reason why the system started no further thread.
    spawn_error: Option<io::Error>,
    /// Number of replicas that are not complete.
    remaining: usize,
}

impl<T: Send + 'static> Walk<T> {
    /// Starts to walk replicas of a root at this pace.
    pub fn begin(
        root: &Arc<Folder>,
        targets: Vec<WalkTarget>,
        exclusions: &Arc<Exclusions>,
        pace: WalkPace,
        visit: impl Fn(FolderVisit<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        let remaining = targets.len();
        // Each thread opens up to four files at once.
        let pace = pace.at_most(limit::handle_share(32));
        let first = pace.first;
        let queue = Arc::new(FolderQueue::new(targets, pace));
        let (sender, receiver) = mpsc::sync_channel(MAX_QUEUED_BATCHES);
        let shared = Arc::new(WalkShared {
            root: Arc::clone(root),
            exclusions: Arc::clone(exclusions),
            queue: Arc::clone(&queue),
            visit: Box::new(visit),
        });
        let mut spawn_error = None;
        for number in 0..first {
            // If the system starts no further thread, the existing ones do the work; without any, the walk fails.
            if let Err(error) = Walker::start(number, Arc::clone(&shared), sender.clone()) {
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

    /// Returns the next batch; `None` once every replica is complete.
    ///
    /// # Errors
    /// Interruption, or a walker failed.
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

    /// The error if all walkers ended before every replica was complete.
    fn end_error(&mut self) -> Result<Option<VisitBatch<T>>> {
        if let Some(spawn_error) = self.spawn_error.take() {
            return Err(spawn_error).at("start a thread to walk", &self.root);
        }
        Err(io::Error::other("the walk ended early; try again")).at("walk", &self.root)
    }
}

impl<T> Drop for Walk<T> {
    fn drop(&mut self) {
        self.queue.stop();
    }
}
