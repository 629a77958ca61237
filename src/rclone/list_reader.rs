//! What a process says that lists, and whether that is a list: only where all of it was understood and its end was seen.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use super::entry::{Entry, List, path_below};
use super::list::{Listed, Wanted, base, names_of};
use super::log;
use super::process::{CRASHED, End, Line};
use crate::base::error::{DIRECTORY_NOT_FOUND, Trouble};
use crate::snapshot::digest::Digest;

/// Greatest number of files and folders in a listing: about 150 MB of memory. A folder with more is listed in parts.
pub(super) const MOST_ENTRIES: u64 = 1_000_000;

/// Greatest number of folders that cannot be listed, and of files that are listed twice.
const MOST_PROBLEMS: usize = 20_000;

/// What is wrong with a folder whose name there is more than once.
pub(super) const TWICE: &str = "its name is there more than once: rename one of them there";

/// Beginning of the line that a failing process ends with.
const LAST_LINE: &str = "Failed to lsjson";

/// What was asked for: a listing of chosen files may show others, which say nothing.
#[derive(Debug)]
pub(super) struct Asked {
    files: Option<HashSet<String>>,
}

impl Asked {
    pub(super) fn of(wanted: Wanted<'_>) -> Self {
        let files = match wanted {
            Wanted::Files(files) => Some(names_of(files).collect()),
            Wanted::Below(_) => None,
        };
        Self { files }
    }

    pub(super) fn is_asked(&mut self, entry: &Entry<'_>) -> bool {
        let files = self.files.as_ref();
        files.is_none_or(|files| files.contains(entry.path.as_ref()))
    }
}

/// What a process says that lists.
pub(super) struct Heard<'a> {
    base: &'a Path,
    asked: Asked,
    list: List,
    listed: Listed,
    /// Digests of the paths of the folders that it showed.
    folders: HashSet<u64>,
    /// What was said of no folder.
    said: Option<String>,
    /// Number of errors that were logged.
    errors: u64,
    /// Number of errors that its last line names.
    counted: Option<u64>,
}

/// What a listing means.
pub(super) enum Meaning {
    Listed(Listed),
    /// The folder is said not to be there.
    Absent,
    Failed(String),
}

impl<'a> Heard<'a> {
    pub(super) fn of(wanted: Wanted<'a>) -> Self {
        Self {
            base: base(wanted),
            asked: Asked::of(wanted),
            list: List::default(),
            listed: Listed::default(),
            folders: HashSet::new(),
            said: None,
            errors: 0,
            counted: None,
        }
    }

    pub(super) fn hear(&mut self, line: &Line) -> ControlFlow<()> {
        match line {
            Line::Out(line) => {
                if let Some(entry) = self.list.take(line)
                    && self.asked.is_asked(&entry)
                {
                    let digest = || Digest::of_bytes(entry.path.as_bytes()).half();
                    if entry.is_dir && !self.folders.insert(digest()) {
                        let (Ok(path) | Err(path)) = path_below(self.base, &entry.path);
                        self.listed.distrust(path, TWICE);
                    }
                    self.listed.add(self.base, &entry);
                }
            }
            Line::Log(line) => self.hear_log(&log::read(line)),
        }
        let is_too_much = self.list.entries > MOST_ENTRIES
            || self.listed.twice.len() > MOST_PROBLEMS
            || self.listed.problems.len() > MOST_PROBLEMS;
        if is_too_much || !self.list.is_going_on() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn hear_log(&mut self, entry: &log::Entry) {
        let object = entry.object.as_deref().unwrap_or_default();
        if object.is_empty() && entry.message.starts_with(LAST_LINE) {
            self.counted = Some(counted(&entry.message));
            // It repeats the last of the errors, if there was one.
            if self.errors == 0 {
                self.said = Some(entry.message.clone());
            }
            return;
        }
        self.listed.left_out |= entry.is_notice && entry.object.is_some();
        if !entry.is_error {
            return;
        }
        self.errors += 1;
        if object.is_empty() {
            self.said = Some(entry.message.clone());
            return;
        }
        let (Ok(path) | Err(path)) = path_below(self.base, object);
        self.listed.problems.push((path, entry.message.clone()));
    }

    pub(super) fn is_rate_limited(&self, end: End) -> bool {
        let said = self.said.as_deref();
        !end.is_good() && said.is_some_and(|said| Trouble::of(said) == Trouble::RateLimited)
    }

    /// A list counts where all of it was understood and its end was seen. Where folders could not be listed, its end is that of
    /// the process, which then says how many errors there were: the list is closed only for a folder of this machine.
    pub(super) fn meaning(self, end: End) -> Option<Meaning> {
        if self.list.entries > MOST_ENTRIES {
            return None;
        }
        let not_understood = "rclone's list cannot be understood";
        Some(match end {
            End::Stopped => Meaning::Failed(not_understood.to_owned()),
            End::Exited(Some(0)) if self.list.is_whole() && self.said.is_none() => {
                Meaning::Listed(self.listed)
            }
            End::Exited(Some(DIRECTORY_NOT_FOUND))
                if self.list.entries == 0
                    && self.list.is_understood()
                    && self.listed.problems.is_empty() =>
            {
                Meaning::Absent
            }
            End::Exited(Some(status))
                if status > 0
                    && status != CRASHED
                    && self.said.is_none()
                    && self.list.is_understood()
                    && !self.listed.problems.is_empty()
                    // The error that it ends with counts too.
                    && self.counted.is_some_and(|counted| counted <= self.errors + 1) =>
            {
                Meaning::Listed(self.listed)
            }
            End::Silent => Meaning::Failed("it said nothing for 15 min".to_owned()),
            end => {
                let why = self.said.or_else(|| end.failure());
                Meaning::Failed(why.unwrap_or_else(|| not_understood.to_owned()))
            }
        })
    }
}

/// Number of errors that the last line names: `Failed to lsjson with 3 errors: last error was: ...`, or without for one.
fn counted(message: &str) -> u64 {
    let number = message.strip_prefix(LAST_LINE).and_then(|rest| {
        let number = rest.strip_prefix(" with ")?.split(' ').next()?;
        number.parse().ok()
    });
    number.unwrap_or(1)
}
