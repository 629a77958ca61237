//! Counting the threads of a destination that wait for the source.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Interval at which a waiting thread checks for cancellation.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Threads of one destination: all, and those that have nothing to write.
#[derive(Debug, Default)]
pub(super) struct WaitCount {
    threads: AtomicUsize,
    waiting: AtomicUsize,
}

/// Counts a thread until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted<'c>(&'c AtomicUsize);

impl WaitCount {
    /// Counts a thread that copies.
    pub(super) fn add_thread(&self) -> Counted<'_> {
        Counted::begin(&self.threads)
    }

    /// Counts a thread that waits.
    pub(super) fn begin(&self) -> Counted<'_> {
        Counted::begin(&self.waiting)
    }

    /// True if every thread waits.
    pub(super) fn all_wait(&self) -> bool {
        let threads = self.threads.load(Ordering::Relaxed);
        threads > 0 && self.waiting.load(Ordering::Relaxed) >= threads
    }
}

impl<'c> Counted<'c> {
    fn begin(counter: &'c AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
