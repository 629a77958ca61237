//! Output of a listing process. It counts as a list only if all of it is readable and its end was seen.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::command::UNREADABLE_ANSWER;
use super::entry::{ListParser, decode_path_below};
use super::line::OutputLine;
use super::listed_file::{DUPLICATE_NAME, ListTarget, RemoteListing};
use super::log::{self, LogEvent};
use super::name;
use super::status::{ProcessEnd, RcloneStatus};
use crate::base::error::ConnectionError;
use crate::snapshot::digest::Digest;

/// Greatest number of files and folders in one listing: about 150 MB of memory. A folder with more is listed in parts.
pub(super) const MAX_ENTRIES: u64 = 1_000_000;

/// Greatest number of folders that cannot be listed, and of files listed twice.
const MAX_PROBLEMS: usize = 20_000;

/// State of a list while its output arrives.
pub(super) struct ListReader<'a> {
    base: &'a Path,
    /// Requested files in rclone's encoding; `None` for a folder. A listing of chosen files may show others, which are ignored.
    requested: Option<HashSet<String>>,
    parser: ListParser,
    listing: RemoteListing,
    /// Digests of the paths of listed folders.
    seen_folders: HashSet<u64>,
    /// The last error that is not about a folder.
    last_error: Option<String>,
    /// Number of errors in the log.
    logged_errors: u64,
    /// Number of errors that the last line reports.
    reported_errors: Option<u64>,
}

/// Result of a listing.
pub(super) enum ListOutcome {
    Listed(RemoteListing),
    /// rclone reports the folder as missing, which is not confirmed yet.
    NotFound,
    Failed(String),
}

impl<'a> ListReader<'a> {
    pub(super) fn new(target: ListTarget<'a>) -> Self {
        let requested = match target {
            ListTarget::Files(files) => Some(name::encoded_paths(files).collect()),
            ListTarget::Folder(_) => None,
        };
        Self {
            base: target.base(),
            requested,
            parser: ListParser::default(),
            listing: RemoteListing::default(),
            seen_folders: HashSet::new(),
            last_error: None,
            logged_errors: 0,
            reported_errors: None,
        }
    }

    pub(super) fn read_line(&mut self, line: &OutputLine) -> ControlFlow<()> {
        match line {
            OutputLine::Stdout(line) => self.read_entry(line),
            OutputLine::Log(line) => self.read_log_entry(&log::parse_line(line)),
        }
        let is_too_much = self.parser.entry_count > MAX_ENTRIES
            || self.listing.duplicates.len() > MAX_PROBLEMS
            || self.listing.problems.len() > MAX_PROBLEMS;
        if is_too_much || !self.parser.is_valid() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn read_entry(&mut self, line: &[u8]) {
        let Some(entry) = self.parser.parse_line(line) else {
            return;
        };
        let requested = self.requested.as_ref();
        if requested.is_some_and(|files| !files.contains(entry.path.as_ref())) {
            return;
        }
        let digest = || Digest::of_bytes(entry.path.as_bytes()).low_64();
        if entry.is_dir && !self.seen_folders.insert(digest()) {
            let (Ok(path) | Err(path)) = decode_path_below(self.base, &entry.path);
            self.listing.add_problem(path, DUPLICATE_NAME);
        }
        self.listing.add(self.base, &entry);
    }

    fn read_log_entry(&mut self, entry: &log::LogEntry) {
        let object = entry.object.as_deref().unwrap_or_default();
        if let LogEvent::ErrorCount(count) = entry.event() {
            self.reported_errors = Some(count);
            // The line repeats the last logged error, if any.
            if self.logged_errors == 0 {
                self.last_error = Some(entry.message.clone());
            }
            return;
        }
        self.listing.is_incomplete |= entry.is_notice() && entry.object.is_some();
        if !entry.is_error() {
            return;
        }
        self.logged_errors += 1;
        if object.is_empty() {
            self.last_error = Some(entry.message.clone());
            return;
        }
        let (Ok(path) | Err(path)) = decode_path_below(self.base, object);
        self.listing.problems.push((path, entry.message.clone()));
    }

    pub(super) fn is_rate_limited(&self, end: ProcessEnd) -> bool {
        let error = self.last_error.as_deref();
        !end.is_success()
            && error.is_some_and(|message| {
                ConnectionError::from_message(message) == ConnectionError::RateLimited
            })
    }

    /// Returns the result; `None` if the target holds more than [`MAX_ENTRIES`].
    ///
    /// A list counts if all of it is readable and its end was seen. If folders could not be listed, rclone closes the list only
    /// for a local folder; otherwise the process's end is the list's end, and its last line reports the number of errors.
    pub(super) fn into_outcome(self, end: ProcessEnd) -> Option<ListOutcome> {
        if self.parser.entry_count > MAX_ENTRIES {
            return None;
        }
        Some(match end {
            ProcessEnd::Stopped => ListOutcome::Failed(UNREADABLE_ANSWER.to_owned()),
            ProcessEnd::Exited(RcloneStatus::Success)
                if self.parser.is_complete() && self.last_error.is_none() =>
            {
                ListOutcome::Listed(self.listing)
            }
            ProcessEnd::Exited(RcloneStatus::DirectoryNotFound)
                if self.parser.entry_count == 0
                    && self.parser.is_well_formed()
                    && self.listing.problems.is_empty() =>
            {
                ListOutcome::NotFound
            }
            ProcessEnd::Exited(status)
                if status != RcloneStatus::Success
                    && status != RcloneStatus::Crash
                    && self.last_error.is_none()
                    && self.parser.is_well_formed()
                    && !self.listing.problems.is_empty()
                    // The last line counts itself.
                    && self.reported_errors.is_some_and(|counted| counted <= self.logged_errors + 1) =>
            {
                ListOutcome::Listed(self.listing)
            }
            ProcessEnd::IdleTimeout => {
                ListOutcome::Failed("rclone wrote nothing for 15 min".to_owned())
            }
            end => {
                let why = self.last_error.or_else(|| end.failure());
                ListOutcome::Failed(why.unwrap_or_else(|| UNREADABLE_ANSWER.to_owned()))
            }
        })
    }
}
