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
    /// A file failed because it was written to while it was read, with rclone's words.
    Changing(&'a Path, &'a str),
    /// A replaced file was moved to the versions folder.
    VersionKept,
    /// The refused files are sent again. From now on, replaced files are moved to this versions folder.
    Repeated(&'a Path),
    /// Number of bytes moved since the last event.
    Bytes(u64),
}

/// State of one transfer, built from its log.
pub(super) struct TransferLog<'a> {
    verb: Verb,
    /// The remote's root.
    root: &'a Path,
    files: &'a [PathBuf],
    /// Positions in `files` by the name in rclone's encoding.
    index_of: HashMap<String, usize>,
    is_reported: Vec<bool>,
    progress: TransferProgress,
    last_progress: Instant,
    /// Time at which a file last failed because the storage was unreachable.
    last_unreachable: Option<Instant>,
    /// Positions and errors of the files that the storage refused because there were too many requests.
    refused: Vec<(usize, LogEntry)>,
    /// The last error about no file, or about a file that did not reach the storage.
    last_error: Option<LogEntry>,
}

impl<'a> TransferLog<'a> {
    pub(super) fn new(
        verb: Verb,
        root: &'a Path,
        files: &'a [PathBuf],
        index_of: HashMap<String, usize>,
    ) -> Self {
        Self {
            verb,
            root,
            files,
            index_of,
            is_reported: vec![false; files.len()],
            progress: TransferProgress::default(),
            last_progress: Instant::now(),
            last_unreachable: None,
            refused: Vec::new(),
            last_error: None,
        }
    }

    /// Returns the last error about no file, or about a file that did not reach the storage.
    pub(super) fn error(&self) -> Option<String> {
        let error = self.last_error.as_ref();
        error.map(|error| error.explained(self.root))
    }

    /// Reads the error with which a transfer ended that rclone did not log.
    pub(super) fn read_end(&mut self, failure: Option<String>) {
        self.last_error = self.last_error.take().or(failure.map(LogEntry::of_error));
    }

    /// True if the storage refused more than single files.
    pub(super) fn is_rate_limited(&self) -> bool {
        let error = self.last_error.as_ref();
        error.is_some_and(LogEntry::is_rate_limited)
    }

    /// Returns the files to send again: those that the storage refused, and after a refusal of all requests those without an
    /// event.
    pub(super) fn refused_files(&self) -> Vec<PathBuf> {
        let is_limited = self.is_rate_limited();
        let refused = self.refused.iter().map(|(index, _)| *index);
        let indexes = 0..self.files.len();
        let unreported = indexes.filter(|index| is_limited && !self.is_reported[*index]);
        let indexes = refused.chain(unreported);
        indexes.map(|index| self.files[index].clone()).collect()
    }

    /// Reports the refused files as failed.
    pub(super) fn fail_refused(&self, on_event: &mut dyn FnMut(TransferEvent<'_>)) {
        for (index, error) in &self.refused {
            let why = error.explained(self.root);
            on_event(TransferEvent::Failed(&self.files[*index], &why));
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
                None if entry.is_error() => self.last_error = Some(entry.clone()),
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
                self.read_failure(index, entry, on_event);
            }
            _ => {}
        }
    }

    /// Reads the error of a file. The log has only words for the cause: no status belongs to one file.
    fn read_failure(
        &mut self,
        index: usize,
        entry: &LogEntry,
        on_event: &mut dyn FnMut(TransferEvent<'_>),
    ) {
        match entry.cause() {
            ConnectionError::RateLimited => {
                self.refused.push((index, entry.clone()));
                return;
            }
            ConnectionError::ConnectionRefused
            | ConnectionError::HostNotFound
            | ConnectionError::HostUnreachable => {
                self.last_unreachable = Some(Instant::now());
                self.last_error = Some(entry.clone());
            }
            _ => {}
        }
        let (file, why) = (&self.files[index], entry.explained(self.root));
        on_event(if entry.is_source_changing() {
            TransferEvent::Changing(file, &why)
        } else {
            TransferEvent::Failed(file, &why)
        });
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

/// True if the storage is lost: no progress for [`UNREACHABLE_TIMEOUT`], and a file failed to reach the storage since the last
/// progress. Each further file would wait in vain. A failure before the last progress does not count: the storage came back.
fn is_lost_at(last_unreachable: Option<Instant>, last_progress: Instant, now: Instant) -> bool {
    last_unreachable.is_some_and(|at| at > last_progress)
        && now.duration_since(last_progress) > UNREACHABLE_TIMEOUT
}

#[cfg(test)]
mod tests {
    use super::super::log;
    use super::*;

    /// Reads these messages about `a`, `b` and no file. Returns the events, and the files to send again.
    fn read(lines: &[(&str, &str)]) -> (Vec<String>, Vec<PathBuf>) {
        let files = ["p/a", "p/b"].map(PathBuf::from);
        let index_of = [("p/a".to_owned(), 0), ("p/b".to_owned(), 1)].into();
        let mut log = TransferLog::new(Verb::Copy, Path::new("drive:studio"), &files, index_of);
        let mut events = Vec::new();
        for (message, object) in lines {
            let level = if message.starts_with("Copied") {
                "info"
            } else {
                "error"
            };
            let line = serde_json::json!({ "level": level, "msg": message, "object": object });
            let entry = log::parse_line(line.to_string().as_bytes());
            let on_event = &mut |event: TransferEvent<'_>| events.push(format!("{event:?}"));
            assert!(log.read_entry(&entry, on_event).is_continue());
        }
        (events, log.refused_files())
    }

    const REFUSED: &str =
        "Failed to copy: googleapi: Error 403: User rate limit exceeded, userRateLimitExceeded";

    #[test]
    fn refused_file_is_sent_again() {
        let copied = "Done(\"p/b\")".to_owned();
        let (events, again) = read(&[(REFUSED, "p/a"), ("Copied (new)", "p/b")]);
        assert_eq!((events, again), (vec![copied], vec!["p/a".into()]));
        // Nothing was sent.
        let (events, again) = read(&[(REFUSED, "")]);
        assert_eq!(events.len(), 0);
        assert_eq!(again, ["p/a", "p/b"].map(PathBuf::from));
    }

    #[test]
    fn failed_file_is_not_sent_again() {
        for message in [
            "Failed to copy: permission denied",
            "Failed to copy: open /studio/p/a: 403 Forbidden rate limit exceeded: EOF",
        ] {
            let (events, again) = read(&[(message, "p/a")]);
            assert_eq!(events, [format!("Failed(\"p/a\", {message:?})")]);
            assert_eq!(again, [] as [PathBuf; 0]);
        }
        let message =
            "Failed to copy: can't copy - source file is being updated (size changed from 1 to 2)";
        let (events, _) = read(&[(message, "p/a")]);
        assert_eq!(events, [format!("Changing(\"p/a\", {message:?})")]);
        let (events, _) = read(&[("Failed to copy: 401 Unauthorized", "p/a")]);
        assert!(
            events[0].contains("rejected the key, user or password"),
            "{events:?}"
        );
    }

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
