//! Parts of tests in process: a monitor, a folder in memory, and the length of random tests.

use std::sync::Mutex;

use super::monitor::{Monitor, ProgressEvent};

/// The problems, notices and warnings of a run, in their order.
#[derive(Default)]
pub(crate) struct RecordedMessages(Mutex<Vec<String>>);

impl RecordedMessages {
    /// Returns the messages, one per line.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// Creates a folder in memory where there is one: random tests write hundreds of studios and indexes.
pub(crate) fn temporary_folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Returns the number of random cases of a law: `AUTO_BACKUP_HISTORIES` sets it for long campaigns.
pub(crate) fn case_count(usual: u32) -> u32 {
    std::env::var("AUTO_BACKUP_HISTORIES").map_or(usual, |count| count.parse().unwrap())
}

impl Monitor for RecordedMessages {
    fn on_event(&self, event: &ProgressEvent<'_>) {
        let message = match event {
            ProgressEvent::Problem(error) => error.full_message(),
            ProgressEvent::Notice(text) | ProgressEvent::Warning(text) => (*text).to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(message);
    }
}
