//! What a process says that lists, and whether that is a list: only where all of it was understood and its end was seen.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::entry::{ListEntry, ListParser, decode_path_below};
use super::list::{ListTarget, RemoteListing, base_folder, encoded_paths};
use super::log;
use super::process::{CRASH_STATUS, OutputLine, ProcessEnd};
use crate::base::error::{ConnectionError, EXIT_DIRECTORY_NOT_FOUND};
use crate::snapshot::digest::Digest;

/// Greatest number of files and folders in a listing: about 150 MB of memory. A folder with more is listed in parts.
pub(super) const MAX_ENTRIES: u64 = 1_000_000;

/// Greatest number of folders that cannot be listed, and of files that are listed twice.
const MAX_PROBLEMS: usize = 20_000;

/// What is wrong with a folder whose name there is more than once.
pub(super) const DUPLICATE_NAME: &str =
    "its name is there more than once: rename one of them there";

/// Beginning of the line that a failing process ends with.
const LAST_LINE_PREFIX: &str = "Failed to lsjson";

/// What was asked for: a listing of chosen files may show others, which say nothing.
#[derive(Debug)]
pub(super) struct ListFilter {
    files: Option<HashSet<String>>,
}

impl ListFilter {
    pub(super) fn new(target: ListTarget<'_>) -> Self {
        let files = match target {
            ListTarget::Files(files) => Some(encoded_paths(files).collect()),
            ListTarget::Folder(_) => None,
        };
        Self { files }
    }

    pub(super) fn includes(&mut self, entry: &ListEntry<'_>) -> bool {
        let files = self.files.as_ref();
        files.is_none_or(|files| files.contains(entry.path.as_ref()))
    }
}

/// What a process says that lists.
pub(super) struct ListReader<'a> {
    base: &'a Path,
    filter: ListFilter,
    parser: ListParser,
    listing: RemoteListing,
    /// Digests of the paths of the folders that it showed.
    seen_folders: HashSet<u64>,
    /// What was said of no folder.
    last_error: Option<String>,
    /// Number of errors that were logged.
    logged_errors: u64,
    /// Number of errors that its last line names.
    reported_errors: Option<u64>,
}

/// What a listing means.
pub(super) enum ListOutcome {
    Listed(RemoteListing),
    /// The folder is said not to be there.
    NotFound,
    Failed(String),
}

impl<'a> ListReader<'a> {
    pub(super) fn new(target: ListTarget<'a>) -> Self {
        Self {
            base: base_folder(target),
            filter: ListFilter::new(target),
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
            OutputLine::Stdout(line) => {
                if let Some(entry) = self.parser.parse_line(line)
                    && self.filter.includes(&entry)
                {
                    let digest = || Digest::of_bytes(entry.path.as_bytes()).low_64();
                    if entry.is_dir && !self.seen_folders.insert(digest()) {
                        let (Ok(path) | Err(path)) = decode_path_below(self.base, &entry.path);
                        self.listing.add_problem(path, DUPLICATE_NAME);
                    }
                    self.listing.add(self.base, &entry);
                }
            }
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

    fn read_log_entry(&mut self, entry: &log::LogEntry) {
        let object = entry.object.as_deref().unwrap_or_default();
        if object.is_empty() && entry.message.starts_with(LAST_LINE_PREFIX) {
            self.reported_errors = Some(parse_error_count(&entry.message));
            // It repeats the last of the errors, if there was one.
            if self.logged_errors == 0 {
                self.last_error = Some(entry.message.clone());
            }
            return;
        }
        self.listing.is_incomplete |= entry.is_notice && entry.object.is_some();
        if !entry.is_error {
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
            && error.is_some_and(|said| {
                ConnectionError::from_message(said) == ConnectionError::RateLimited
            })
    }

    /// A list counts where all of it was understood and its end was seen. Where folders could not be listed, its end is that of
    /// the process, which then says how many errors there were: the list is closed only for a folder of this machine.
    pub(super) fn into_outcome(self, end: ProcessEnd) -> Option<ListOutcome> {
        if self.parser.entry_count > MAX_ENTRIES {
            return None;
        }
        let unreadable_list = "rclone's list cannot be understood";
        Some(match end {
            ProcessEnd::Stopped => ListOutcome::Failed(unreadable_list.to_owned()),
            ProcessEnd::Exited(Some(0))
                if self.parser.is_complete() && self.last_error.is_none() =>
            {
                ListOutcome::Listed(self.listing)
            }
            ProcessEnd::Exited(Some(EXIT_DIRECTORY_NOT_FOUND))
                if self.parser.entry_count == 0
                    && self.parser.is_well_formed()
                    && self.listing.problems.is_empty() =>
            {
                ListOutcome::NotFound
            }
            ProcessEnd::Exited(Some(status))
                if status > 0
                    && status != CRASH_STATUS
                    && self.last_error.is_none()
                    && self.parser.is_well_formed()
                    && !self.listing.problems.is_empty()
                    // The error that it ends with counts too.
                    && self.reported_errors.is_some_and(|counted| counted <= self.logged_errors + 1) =>
            {
                ListOutcome::Listed(self.listing)
            }
            ProcessEnd::IdleTimeout => ListOutcome::Failed("it said nothing for 15 min".to_owned()),
            end => {
                let why = self.last_error.or_else(|| end.failure());
                ListOutcome::Failed(why.unwrap_or_else(|| unreadable_list.to_owned()))
            }
        })
    }
}

/// Number of errors that the last line names: `Failed to lsjson with 3 errors: last error was: ...`, or without for one.
fn parse_error_count(message: &str) -> u64 {
    let number = message.strip_prefix(LAST_LINE_PREFIX).and_then(|rest| {
        let number = rest.strip_prefix(" with ")?.split(' ').next()?;
        number.parse().ok()
    });
    number.unwrap_or(1)
}
