//! A monitor for tests in process.

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
