//! Output of a listing process. It counts as a list only if all of it is readable and its end was seen.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::command::UNREADABLE_ANSWER;
use super::entry::{ListParser, decode_path_below};
use super::line::OutputLine;
use super::listed_file::{DUPLICATE_NAME, ListTarget, RemoteListing};
use super::log::{self, LogEntry, LogEvent};
use super::name;
use super::status::{ProcessEnd, RcloneStatus};
use crate::snapshot::digest::Digest;

/// Greatest number of files and folders in one listing: about 150 MB of memory. A folder with more is listed in parts.
pub(super) const MAX_ENTRIES: u64 = 1_000_000;

/// Greatest number of folders that cannot be listed, and of files listed twice.
const MAX_PROBLEMS: usize = 20_000;

/// State of a list while its output arrives.
pub(super) struct ListReader<'a> {
    root: &'a Path,
    base: &'a Path,
    /// Requested files in rclone's encoding; `None` for a folder. A listing of chosen files may show others, which are ignored.
    requested: Option<HashSet<String>>,
    parser: ListParser,
    listing: RemoteListing,
    /// Digests of the paths of listed folders.
    seen_folders: HashSet<u64>,
    /// The last error that is not about a folder.
    last_error: Option<LogEntry>,
    /// True if the storage refused to list a folder because there were too many requests.
    has_refused_folder: bool,
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
    pub(super) fn new(root: &'a Path, target: ListTarget<'a>) -> Self {
        let requested = match target {
            ListTarget::Files(files) => Some(name::encoded_paths(files).collect()),
            ListTarget::Folder(_) => None,
        };
        Self {
            root,
            base: target.base(),
            requested,
            parser: ListParser::default(),
            listing: RemoteListing::default(),
            seen_folders: HashSet::new(),
            last_error: None,
            has_refused_folder: false,
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

    fn read_log_entry(&mut self, entry: &LogEntry) {
        let object = entry.object.as_deref().unwrap_or_default();
        if let LogEvent::ErrorCount(count) = entry.event() {
            self.reported_errors = Some(count);
            // The line repeats the last logged error, if any.
            if self.logged_errors == 0 {
                self.last_error = Some(entry.clone());
            }
            return;
        }
        self.listing.is_incomplete |= entry.is_notice() && entry.object.is_some();
        if !entry.is_error() {
            return;
        }
        self.logged_errors += 1;
        if object.is_empty() {
            self.last_error = Some(entry.clone());
            return;
        }
        self.has_refused_folder |= entry.is_rate_limited();
        let (Ok(path) | Err(path)) = decode_path_below(self.base, object);
        let why = entry.explained(self.root);
        self.listing.problems.push((path, why));
    }

    pub(super) fn is_rate_limited(&self, end: ProcessEnd) -> bool {
        let error = self.last_error.as_ref();
        !end.is_success()
            && (self.has_refused_folder || error.is_some_and(LogEntry::is_rate_limited))
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
            ProcessEnd::Exited(RcloneStatus::SUCCESS)
                if self.parser.is_complete() && self.last_error.is_none() =>
            {
                ListOutcome::Listed(self.listing)
            }
            ProcessEnd::Exited(RcloneStatus::DIRECTORY_NOT_FOUND)
                if self.parser.entry_count == 0
                    && self.parser.is_well_formed()
                    && self.listing.problems.is_empty() =>
            {
                ListOutcome::NotFound
            }
            ProcessEnd::Exited(status)
                if status != RcloneStatus::SUCCESS
                    && status != RcloneStatus::CRASH
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
                let error = self.last_error.map(|error| error.message);
                let why = error.or_else(|| end.failure());
                ListOutcome::Failed(why.unwrap_or_else(|| UNREADABLE_ANSWER.to_owned()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"Path":"a","Name":"a","Size":1,"ModTime":"","IsDir":false}"#;
    const LIMIT: &str = r#"{"level":"error","msg":"googleapi: Error 403: Rate Limit Exceeded, rateLimitExceeded","object":"sub"}"#;
    const COUNT: &str =
        r#"{"level":"error","msg":"Failed to lsjson with 2 errors: last error was: x"}"#;

    fn read(list: &str, log: &[&str]) -> ListReader<'static> {
        let target = ListTarget::Folder(Path::new("footage"));
        let mut reader = ListReader::new(Path::new("drive:"), target);
        let lines = list.split('\n').map(|line| OutputLine::Stdout(line.into()));
        let log = log.iter().map(|line| OutputLine::Log((*line).into()));
        for line in lines.chain(log) {
            let _end = reader.read_line(&line);
        }
        reader
    }

    fn exited(status: i32) -> ProcessEnd {
        ProcessEnd::Exited(RcloneStatus(status))
    }

    #[test]
    fn failed_listing_is_never_empty() {
        let whole = format!("[\n{ONE}\n]\n");
        let cut = format!("[\n{ONE}");
        let error = r#"{"level":"error","msg":"error listing: directory not found","object":""}"#;
        for (list, log, end) in [
            ("", &[][..], exited(0)),
            ("[\n", &[], exited(0)),
            ("[\n]\n", &[error], exited(0)),
            ("[\n]\n", &[], exited(1)),
            ("[\n]\n", &[error], exited(1)),
            ("[\n]\n", &[], ProcessEnd::Killed),
            ("[\n]\n", &[], ProcessEnd::IdleTimeout),
            (&*cut, &[], exited(0)),
            (&cut, &[], exited(3)),
            (&whole, &[], exited(3)),
            (&whole, &[], exited(5)),
            (&whole, &[], ProcessEnd::Killed),
            (&whole, &[LIMIT, COUNT], exited(2)),
        ] {
            let outcome = read(list, log).into_outcome(end);
            let is_failed = matches!(outcome, Some(ListOutcome::Failed(_)));
            assert!(is_failed, "{list} {log:?} {end:?}");
        }
        let empty = read("[\n]\n", &[]).into_outcome(exited(0));
        assert!(matches!(empty, Some(ListOutcome::Listed(_))));
        let missing = read("", &[error]).into_outcome(exited(3));
        assert!(matches!(missing, Some(ListOutcome::NotFound)));
    }

    #[test]
    fn refused_folder_is_a_problem() {
        let reader = read(&format!("[\n{ONE}\n"), &[LIMIT, COUNT]);
        assert!(reader.is_rate_limited(exited(1)));
        let Some(ListOutcome::Listed(listed)) = reader.into_outcome(exited(1)) else {
            panic!("the rest is listed");
        };
        let (path, why) = &listed.problems[0];
        assert_eq!(path, Path::new("footage/sub"));
        assert!(
            why.starts_with("the storage limits the rate of requests: "),
            "{why}"
        );
    }
}
