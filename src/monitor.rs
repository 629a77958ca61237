//! What long work tells of itself while it runs. Watching never steers: a monitor returns nothing.

use crate::error::Error;

/// Something that happened during long work.
#[derive(Debug)]
pub enum Event<'a> {
    /// A task begins; totals where they are known.
    Started {
        /// What it is, for people: `looking at NAS`.
        task: &'a str,
        /// Files it will handle.
        files: Option<u64>,
        /// Bytes it will move.
        bytes: Option<u64>,
    },
    /// The task is at this place now, perhaps at others too: the name of a database.
    Entered(&'a str),
    /// It is done there.
    Left(&'a str),
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
    /// The task is over.
    Finished,
}

/// Told of events, from any thread.
pub trait Monitor: Sync {
    /// Takes note of one event.
    fn event(&self, event: &Event<'_>);
}

/// Tells nobody.
#[derive(Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn event(&self, _event: &Event<'_>) {}
}
