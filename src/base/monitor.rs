//! What long work tells of itself while it runs. Watching never steers: a monitor returns nothing.

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
    /// Sending files to a remote.
    Sync,
}

impl Task {
    /// The word for people: `looking at NAS`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scan => "looking",
            Self::Compare => "comparing",
            Self::Copy => "copying",
            Self::Sync => "syncing",
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
    /// The task is at this place now, perhaps at others too: the name of a database.
    DatabaseStarted(&'a str),
    /// It is done there.
    DatabaseFinished(&'a str),
    /// This many more files were handled.
    Files(u64),
    /// This many more folders were looked at.
    Folders(u64),
    /// This many more bytes were moved.
    Bytes(u64),
    /// One item went wrong; the task goes on.
    Problem(&'a Error),
    /// Something a person should know that is no failure.
    Notice(&'a str),
    /// Something a person must know that is no failure.
    Warning(&'a str),
    /// So many more files and bytes will be handled than was known when the task began.
    TotalsRaised {
        /// Files.
        files: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The task is over.
    Finished,
}

/// Told of events, from any thread.
pub trait Monitor: Sync {
    /// Takes note of one event.
    fn on_event(&self, event: &ProgressEvent<'_>);
}

/// Counts what several threads do; whoever shows it looks at it now and then.
#[derive(Debug, Default)]
pub struct ProgressCounter {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl ProgressCounter {
    /// This many more files were handled.
    pub fn add_files(&self, number: u64) {
        self.files.fetch_add(number, Ordering::Relaxed);
    }

    /// This many more bytes were moved or read back.
    pub fn add_bytes(&self, number: u64) {
        self.bytes.fetch_add(number, Ordering::Relaxed);
    }

    /// Files and bytes so far.
    pub fn totals(&self) -> (u64, u64) {
        (
            self.files.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}
