//! The log of a transfer: the outcome of each file, and the signs of a lost connection.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::log::{LogEntry, LogEvent, TransferProgress};
use crate::base::error::ConnectionError;

/// Time without any progress after which a transfer is stopped. rclone may read a huge file to compute its checksum.
const STALL_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Time without progress after which the storage counts as lost, once a file could not reach it.
const UNREACHABLE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Copy,
    Move,
}

/// Outcome of one file as the log reports it, which is no proof.
#[derive(Debug)]
pub enum TransferEvent<'a> {
    Done(&'a Path),
    /// A file failed, with the reason.
    Failed(&'a Path, &'a str),
    /// A replaced file was moved to the versions folder.
    VersionKept,
    /// Number of bytes moved since the last event.
    Bytes(u64),
}

/// State of one transfer, built from its log.
pub(super) struct TransferLog<'a> {
    verb: Verb,
    files: &'a [PathBuf],
    /// Positions in `files` by the name in rclone's encoding.
    index_of: HashMap<String, usize>,
    is_reported: Vec<bool>,
    progress: TransferProgress,
    last_progress: Instant,
    /// Time at which a file last failed because the storage was unreachable.
    last_unreachable: Option<Instant>,
    /// The last error about no file, or about a file that did not reach the storage.
    pub(super) last_error: Option<String>,
}

impl<'a> TransferLog<'a> {
    pub(super) fn new(verb: Verb, files: &'a [PathBuf], index_of: HashMap<String, usize>) -> Self {
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

    /// Reads an entry and reports its meaning. Breaks if the transfer should be stopped.
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
                None if entry.is_error() => self.last_error = Some(entry.message.clone()),
                None => {}
            }
        }
        let is_stalled = self.last_progress.elapsed() > STALL_TIMEOUT;
        if self.is_connection_lost() || is_stalled {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    pub(super) fn is_connection_lost(&self) -> bool {
        is_lost_at(self.last_unreachable, self.last_progress, Instant::now())
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
        match (self.verb, entry.event()) {
            (Verb::Copy, LogEvent::MovedServerSide | LogEvent::Deleted) => {
                on_event(TransferEvent::VersionKept);
            }
            (Verb::Copy, LogEvent::Copied)
            | (Verb::Move, LogEvent::MovedServerSide | LogEvent::Moved | LogEvent::Deleted) => {
                self.is_reported[index] = true;
                self.last_progress = Instant::now();
                on_event(TransferEvent::Done(file));
            }
            _ if entry.is_error() => {
                self.is_reported[index] = true;
                if is_unreachable(&entry.message) {
                    self.last_unreachable = Some(Instant::now());
                    self.last_error = Some(entry.message.clone());
                }
                on_event(TransferEvent::Failed(file, &entry.message));
            }
            _ => {}
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

/// True if a message means that the storage is unreachable. The log has only words for it: no status belongs to one file.
fn is_unreachable(message: &str) -> bool {
    matches!(
        ConnectionError::from_message(message),
        ConnectionError::ConnectionRefused
            | ConnectionError::HostNotFound
            | ConnectionError::HostUnreachable
    )
}

/// True if the storage is lost: no progress for [`UNREACHABLE_TIMEOUT`], and a file failed to reach the storage since the last
/// progress. Each further file would wait in vain. A failure before the last progress does not count: the storage came back.
fn is_lost_at(last_unreachable: Option<Instant>, last_progress: Instant, now: Instant) -> bool {
    last_unreachable.is_some_and(|at| at > last_progress)
        && now.duration_since(last_progress) > UNREACHABLE_TIMEOUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_is_lost_minute_after_failed_file() {
        let moved = Instant::now();
        let at = |seconds| moved + Duration::from_secs(seconds);
        assert!(is_lost_at(Some(at(5)), moved, at(61)));
        assert!(!is_lost_at(Some(at(5)), moved, at(59)));
        // It reads a huge file, and no file failed.
        assert!(!is_lost_at(None, moved, at(600)));
        // It was unreachable, and came back.
        assert!(!is_lost_at(Some(at(5)), at(10), at(600)));
    }
}
