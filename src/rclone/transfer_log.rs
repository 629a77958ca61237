//! What the log of a transfer says: of each file how it fared, and of the storage whether it is still there.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::batch::TransferEvent;
use super::log::{LogEntry, TransferProgress};
use crate::base::error::ConnectionError;

/// How long nothing may move though rclone says every second that it lives: it may be reading a huge file to digest it.
const STALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How long files may find nobody there before the rest is given up.
const UNREACHABLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Beginnings of what rclone says of a file that is whole at its destination. A copy on the server's own side is none: so
/// are old versions moved where a storage cannot rename.
const COPIED_PREFIXES: [&str; 4] = [
    "Copied (new)",
    "Copied (replaced existing)",
    "Multi-thread Copied (new)",
    "Multi-thread Copied (replaced existing)",
];

/// Beginnings of what it says of a file that was moved away.
const MOVED_PREFIXES: [&str; 2] = ["Moved (", "Deleted"];

/// Beginnings of what it says of an old version that was moved aside before a file takes its place.
const VERSION_KEPT_PREFIXES: [&str; 2] = ["Moved (server-side)", "Deleted"];

/// What is made of the log.
pub(super) struct TransferLog<'a> {
    verb: &'static str,
    files: &'a [PathBuf],
    /// The places of the files in the batch, by their names as rclone writes them.
    index_of: HashMap<String, usize>,
    is_reported: Vec<bool>,
    progress: TransferProgress,
    /// When the progress was another.
    last_progress: Instant,
    /// When a file last found nobody there.
    last_unreachable: Option<Instant>,
    /// What was said last of no file, or of one that found nobody there.
    pub(super) last_error: Option<String>,
}

impl<'a> TransferLog<'a> {
    /// Of files that are moved in this way; their places among them by their names as rclone writes them.
    pub(super) fn new(
        verb: &'static str,
        files: &'a [PathBuf],
        index_of: HashMap<String, usize>,
    ) -> Self {
        Self {
            verb,
            files,
            index_of,
            is_reported: vec![false; files.len()],
            progress: TransferProgress::default(),
            last_progress: Instant::now(),
            last_unreachable: None,
            last_error: None,
        }
    }

    /// Hears an entry, and tells what it means; breaks off where going on is in vain.
    pub(super) fn read_entry(
        &mut self,
        entry: &LogEntry,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) -> ControlFlow<()> {
        if let Some(progress) = &entry.progress {
            self.record_progress(progress, on_event);
        } else {
            let object = entry.object.as_ref();
            match object.and_then(|object| self.index_of.get(object)).copied() {
                Some(index) => self.read_file_entry(index, entry, on_event),
                None if entry.is_error => self.last_error = Some(entry.message.clone()),
                None => {}
            }
        }
        if self.is_connection_lost() || self.is_stalled() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Whether the storage is gone.
    pub(super) fn is_connection_lost(&self) -> bool {
        is_lost_at(self.last_unreachable, self.last_progress, Instant::now())
    }

    fn is_stalled(&self) -> bool {
        self.last_progress.elapsed() > STALL_TIMEOUT
    }

    fn read_file_entry(
        &mut self,
        index: usize,
        entry: &LogEntry,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) {
        if self.is_reported[index] {
            return;
        }
        let file = &self.files[index];
        if self.verb != "move" && entry.starts_with_any(&VERSION_KEPT_PREFIXES) {
            on_event(TransferEvent::VersionKept);
            return;
        }
        let is_done = if self.verb == "move" {
            entry.starts_with_any(&MOVED_PREFIXES)
        } else {
            entry.starts_with_any(&COPIED_PREFIXES)
        };
        if is_done {
            self.is_reported[index] = true;
            self.last_progress = Instant::now();
            on_event(TransferEvent::Done(file));
        } else if entry.is_error {
            self.is_reported[index] = true;
            if is_unreachable(&entry.message) {
                self.last_unreachable = Some(Instant::now());
                self.last_error = Some(entry.message.clone());
            }
            on_event(TransferEvent::Failed(file, &entry.message));
        }
    }

    fn record_progress(
        &mut self,
        progress: &TransferProgress,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) {
        if *progress == self.progress {
            return;
        }
        self.last_progress = Instant::now();
        on_event(TransferEvent::Bytes(
            progress.bytes.saturating_sub(self.progress.bytes),
        ));
        self.progress = progress.clone();
    }
}

/// Whether a message says that nobody is there.
fn is_unreachable(message: &str) -> bool {
    matches!(
        ConnectionError::from_message(message),
        ConnectionError::ConnectionRefused
            | ConnectionError::HostNotFound
            | ConnectionError::HostUnreachable
    )
}

/// Whether a storage is gone: nothing moved for so long, and since it last did a file found nobody there. Every further one
/// would only wait for it in vain. One that found nobody before says nothing: the storage came back.
fn is_lost_at(last_unreachable: Option<Instant>, last_progress: Instant, now: Instant) -> bool {
    last_unreachable.is_some_and(|at| at > last_progress)
        && now.duration_since(last_progress) > UNREACHABLE_TIMEOUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_is_gone_a_minute_after_anything_moved_once_a_file_found_nobody_there() {
        let moved = Instant::now();
        let at = |seconds| moved + Duration::from_secs(seconds);
        assert!(is_lost_at(Some(at(5)), moved, at(61)));
        assert!(!is_lost_at(Some(at(5)), moved, at(59)));
        // It digests a huge file, and nobody found it gone.
        assert!(!is_lost_at(None, moved, at(600)));
        // It was gone, and came back.
        assert!(!is_lost_at(Some(at(5)), at(10), at(600)));
    }
}
