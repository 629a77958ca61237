//! Progress events of long work. A monitor returns nothing, so that watching never changes the work.

use std::sync::atomic::{AtomicU64, Ordering};

use super::error::Error;

/// A kind of long work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Scanning databases.
    Scan,
    /// Comparing source and destination.
    Compare,
    /// Copying files.
    Copy,
}

impl Task {
    /// The word for people: `scanning NAS`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scan => "scanning",
            Self::Compare => "comparing",
            Self::Copy => "copying",
        }
    }
}

/// Something that happened during long work.
#[derive(Debug)]
pub enum ProgressEvent<'a> {
    /// A task begins; totals where they are known.
    Started {
        /// The kind of task.
        task: Task,
        /// Files it will handle.
        files: Option<u64>,
        /// Bytes it will move.
        bytes: Option<u64>,
    },
    /// The task starts work on the database of this name. Several may be in progress.
    DatabaseStarted(&'a str),
    /// The task finished its work on this database.
    DatabaseFinished(&'a str),
    /// More files were processed.
    Files(u64),
    /// More folders were scanned.
    Folders(u64),
    /// More bytes were moved.
    Bytes(u64),
    /// One item failed; the task continues.
    Problem(&'a Error),
    /// A message of interest that is not a failure.
    Notice(&'a str),
    /// An important message that is not a failure.
    Warning(&'a str),
    /// The totals grow by these numbers after the start.
    TotalsRaised {
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The task ended.
    Finished,
}

/// Receives progress events, from any thread.
pub trait Monitor: Sync {
    fn on_event(&self, event: &ProgressEvent<'_>);
}

/// Counters that several threads increase and the progress display polls.
#[derive(Debug, Default)]
pub struct ProgressCounter {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl ProgressCounter {
    pub fn add_files(&self, number: u64) {
        self.files.fetch_add(number, Ordering::Relaxed);
    }

    /// Adds bytes that were moved or read back.
    pub fn add_bytes(&self, number: u64) {
        self.bytes.fetch_add(number, Ordering::Relaxed);
    }

    /// Returns the numbers of files and bytes so far.
    pub fn totals(&self) -> (u64, u64) {
        (
            self.files.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}
