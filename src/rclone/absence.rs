//! The second question before a folder counts as not there: the folder above it must be there, and not show its name.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::Remote;
use super::daemon::{RcAnswer, parse_answer};
use super::entry::{ListEntry, ListParser, decode_path_below};
use super::log;
use super::name;
use super::process;
use super::process::{OutputLine, ProcessEnd, ProcessLimits};
use super::socket::HttpReply;
use crate::base::error::{
    ConnectionError, EXIT_DIRECTORY_NOT_FOUND, Result, STORAGE_TIMEOUT_SECONDS,
};
use crate::base::name::Name;

/// Greatest number of names that a folder is asked for.
const MAX_NAMES: u64 = 200_000;

/// Greatest length of an answer through the socket, in bytes.
pub(super) const MAX_LIST_BYTES: usize = 16 << 20;

/// A list through the socket.
#[derive(Deserialize)]
pub(super) struct ListReply<'a> {
    #[serde(borrow)]
    pub(super) list: Vec<ListEntry<'a>>,
}

/// The names in a folder.
#[derive(Debug, Default)]
pub(super) struct FolderNames {
    pub(super) names: BTreeSet<Name>,
    /// Whether something was left out.
    pub(super) is_incomplete: bool,
}

/// How the question for the names in a folder was answered.
#[derive(Debug)]
pub(super) enum NamesResult {
    /// By these.
    Listed(FolderNames),
    /// With the status that says that there is no such folder.
    Missing,
    /// Not at all.
    Failed(ConnectionError),
}

impl Remote {
    /// Whether a folder below the root, of which rclone said that it is not there, is not in the folder above it either.
    ///
    /// # Errors
    /// An interruption; the inner error says why nobody knows.
    pub(super) fn confirm_missing(&self, folder: &Path) -> Result<std::result::Result<(), String>> {
        let mut below = folder;
        while let Some(above) = below.parent() {
            match self.list_names(above, Duration::from_secs(STORAGE_TIMEOUT_SECONDS))? {
                NamesResult::Listed(found) => {
                    let name = below.file_name().map(Name::from);
                    let is_there = name.is_some_and(|name| found.names.contains(&name));
                    return Ok(if is_there {
                        Err("it is said to be missing, and the folder above it shows it".to_owned())
                    } else {
                        Ok(())
                    });
                }
                NamesResult::Missing => below = above,
                NamesResult::Failed(trouble) => {
                    return Ok(Err(format!(
                        "it is said to be missing, and the folder above it {trouble}"
                    )));
                }
            }
        }
        Ok(Err("the root is said to be missing".to_owned()))
    }

    /// The names in a folder below the root, if they are all known; none of a folder that is not there.
    ///
    /// # Errors
    /// An interruption.
    pub fn folder_names(&self, folder: &Path) -> Result<Option<BTreeSet<Name>>> {
        Ok(
            match self.list_names(folder, Duration::from_secs(STORAGE_TIMEOUT_SECONDS))? {
                NamesResult::Listed(found) => (!found.is_incomplete).then_some(found.names),
                NamesResult::Missing => Some(BTreeSet::new()),
                NamesResult::Failed(_) => None,
            },
        )
    }

    /// The names in a folder below the root.
    ///
    /// # Errors
    /// An interruption.
    fn list_names(&self, folder: &Path, timeout: Duration) -> Result<NamesResult> {
        match self.list_names_by_daemon(folder, timeout)? {
            Some(found) => Ok(found),
            None => self.list_names_by_process(folder, timeout),
        }
    }

    /// The names in a folder below the root, by a process of its own: its log says whether something was left out, as a link
    /// is, which an answer through the socket does not.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn list_names_by_process(
        &self,
        folder: &Path,
        timeout: Duration,
    ) -> Result<NamesResult> {
        let mut words: Vec<OsString> = ["lsjson", "--no-mimetype", "--no-modtime"]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain(["--low-level-retries=1", "--contimeout=10s", "--timeout=15s"])
            .chain(["--"])
            .map(OsString::from)
            .collect();
        words.push(self.rclone_path(folder)?);
        let (mut list, mut found, mut first_error) =
            (ListParser::default(), FolderNames::default(), None);
        let limit = ProcessLimits::with_timeout(timeout);
        let end = process::run(&self.program, &words, limit, &mut |line| {
            match line {
                OutputLine::Stdout(line) => {
                    if let Some(entry) = list.parse_line(&line) {
                        found.add(&entry);
                    }
                }
                OutputLine::Log(line) => {
                    let entry = log::parse_line(&line);
                    found.is_incomplete |= entry.is_notice && entry.object.is_some();
                    if entry.is_error {
                        // The first says most; the last only how many there were.
                        first_error.get_or_insert(entry.message);
                    }
                }
            }
            if list.entry_count > MAX_NAMES {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(match end {
            ProcessEnd::Exited(Some(0)) if list.is_complete() => NamesResult::Listed(found),
            ProcessEnd::Exited(Some(EXIT_DIRECTORY_NOT_FOUND))
                if list.entry_count == 0 && list.is_well_formed() =>
            {
                NamesResult::Missing
            }
            end => NamesResult::Failed(connection_error(end, first_error, timeout)),
        })
    }

    /// The same through the socket, where it is sure.
    fn list_names_by_daemon(
        &self,
        folder: &Path,
        timeout: Duration,
    ) -> Result<Option<NamesResult>> {
        let (Some(daemon), Ok(encoded)) = (self.daemon(), name::encode_path(folder)) else {
            return Ok(None);
        };
        let params = json!({
            "fs": self.root().to_str().unwrap_or_default(),
            "remote": encoded,
            "opt": { "noMimeType": true, "noModTime": true },
        });
        let body = match daemon.call_list(params, timeout, MAX_LIST_BYTES)? {
            HttpReply::Complete { status: 200, body } => body,
            HttpReply::Complete { status, body } if is_not_found(status, &body) => {
                return Ok(Some(NamesResult::Missing));
            }
            _ => return Ok(None),
        };
        let Ok(ListReply { list }) = serde_json::from_slice::<ListReply<'_>>(&body) else {
            return Ok(None);
        };
        let mut found = FolderNames::default();
        let prefix = if encoded.is_empty() {
            encoded
        } else {
            encoded + "/"
        };
        for mut entry in list {
            match entry.path.strip_prefix(prefix.as_str()) {
                Some(name) => entry.path = name.to_owned().into(),
                None => return Ok(None),
            }
            found.add(&entry);
        }
        Ok(Some(NamesResult::Listed(found)))
    }
}

pub(super) fn is_not_found(status: u16, body: &[u8]) -> bool {
    matches!(parse_answer(status, body), RcAnswer::NotFound)
}

impl FolderNames {
    fn add(&mut self, entry: &ListEntry<'_>) {
        match decode_path_below(Path::new(""), &entry.path) {
            Ok(name) if name.iter().count() == 1 => {
                self.names.insert(name.into());
            }
            _ => self.is_incomplete = true,
        }
    }
}

/// What kept a question from being answered.
pub(super) fn connection_error(
    end: ProcessEnd,
    first_error: Option<String>,
    timeout: Duration,
) -> ConnectionError {
    match (end, first_error) {
        (ProcessEnd::Timeout | ProcessEnd::IdleTimeout, _) => {
            ConnectionError::Timeout(timeout.as_secs())
        }
        (ProcessEnd::Exited(status), Some(said)) => ConnectionError::from_exit(status, &said),
        (ProcessEnd::Exited(Some(EXIT_DIRECTORY_NOT_FOUND)), None) => {
            ConnectionError::FolderNotFound
        }
        (end, _) => {
            let why = end.failure();
            ConnectionError::Other(
                why.unwrap_or_else(|| "rclone's answer cannot be understood".to_owned()),
            )
        }
    }
}
