//! Progress events of long work. A monitor returns nothing, so that watching never changes the work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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
    /// Reading files again.
    Verify,
}

impl Task {
    /// The word for people: `scanning NAS`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scan => "scanning",
            Self::Compare => "comparing",
            Self::Copy => "copying",
            Self::Verify => "verifying",
        }
    }

    /// The word for finished work: `511 MB of 5.50 GB copied`.
    pub const fn done_word(self) -> &'static str {
        match self {
            Self::Scan => "scanned",
            Self::Compare => "compared",
            Self::Copy => "copied",
            Self::Verify => "verified",
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
    /// The name of a file whose copying began.
    CurrentFile(&'a str),
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
    /// The bytes that one of several destinations has got so far.
    Destination {
        /// Name of the database.
        name: &'a str,
        /// Bytes.
        bytes: u64,
        /// Bytes that it will get.
        total: u64,
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
    /// The name of a file that is being worked on.
    current: Mutex<Option<String>>,
}

impl ProgressCounter {
    pub fn add_files(&self, number: u64) {
        self.files.fetch_add(number, Ordering::Relaxed);
    }

    /// Adds bytes that were moved or read back.
    pub fn add_bytes(&self, number: u64) {
        self.bytes.fetch_add(number, Ordering::Relaxed);
    }

    /// Sets the name of the file that a worker begins with, unless the display has not taken the last one yet.
    pub fn set_current(&self, name: impl FnOnce() -> String) {
        if let Ok(mut current) = self.current.try_lock()
            && current.is_none()
        {
            *current = Some(name());
        }
    }

    /// Returns the name of a file that was begun since the last call.
    pub fn take_current(&self) -> Option<String> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.take()
    }

    /// Returns the numbers of files and bytes so far.
    pub fn totals(&self) -> (u64, u64) {
        (
            self.files.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}
