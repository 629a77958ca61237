//! The second question before a folder counts as not there: the folder above it must be there, and not show its name.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::Remote;
use super::daemon::{Answer, understood};
use super::entry::{Entry, List, path_below};
use super::log;
use super::name;
use super::process;
use super::process::{End, Line, Patience};
use super::socket::Reply;
use crate::base::error::{DIRECTORY_NOT_FOUND, PATIENCE, Result, Trouble};
use crate::base::name::Name;

/// Greatest number of names that a folder is asked for.
const MOST: u64 = 200_000;

/// Greatest length of an answer through the socket, in bytes.
pub(super) const ANSWER: usize = 16 << 20;

/// A list through the socket.
#[derive(Deserialize)]
pub(super) struct Listed<'a> {
    #[serde(borrow)]
    pub(super) list: Vec<Entry<'a>>,
}

/// The names in a folder.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) names: BTreeSet<Name>,
    /// Whether something was left out.
    pub(super) left_out: bool,
}

/// How the question for the names in a folder was answered.
#[derive(Debug)]
pub(super) enum Found {
    /// By these.
    Names(Names),
    /// With the status that says that there is no such folder.
    Absent,
    /// Not at all.
    Unread(Trouble),
}

impl Remote {
    /// Whether a folder below the root, of which rclone said that it is not there, is not in the folder above it either.
    ///
    /// # Errors
    /// An interruption; the inner error says why nobody knows.
    pub(super) fn is_absent(&self, folder: &Path) -> Result<std::result::Result<(), String>> {
        let mut below = folder;
        while let Some(above) = below.parent() {
            match self.names_in(above, Duration::from_secs(PATIENCE))? {
                Found::Names(found) => {
                    let name = below.file_name().map(Name::from);
                    let is_there = name.is_some_and(|name| found.names.contains(&name));
                    return Ok(if is_there {
                        Err("it is said to be missing, and the folder above it shows it".to_owned())
                    } else {
                        Ok(())
                    });
                }
                Found::Absent => below = above,
                Found::Unread(trouble) => {
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
    pub fn names(&self, folder: &Path) -> Result<Option<BTreeSet<Name>>> {
        Ok(
            match self.names_in(folder, Duration::from_secs(PATIENCE))? {
                Found::Names(found) => (!found.left_out).then_some(found.names),
                Found::Absent => Some(BTreeSet::new()),
                Found::Unread(_) => None,
            },
        )
    }

    /// The names in a folder below the root.
    ///
    /// # Errors
    /// An interruption.
    fn names_in(&self, folder: &Path, patience: Duration) -> Result<Found> {
        match self.names_by_socket(folder, patience)? {
            Some(found) => Ok(found),
            None => self.names_alone(folder, patience),
        }
    }

    /// The names in a folder below the root, by a process of its own: its log says whether something was left out, as a link
    /// is, which an answer through the socket does not.
    ///
    /// # Errors
    /// An interruption.
    pub(super) fn names_alone(&self, folder: &Path, patience: Duration) -> Result<Found> {
        let mut words: Vec<OsString> = ["lsjson", "--no-mimetype", "--no-modtime"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--low-level-retries=1", "--contimeout=10s", "--timeout=15s"])
            .chain(["--"])
            .map(OsString::from)
            .collect();
        words.push(self.argument(folder)?);
        let (mut list, mut found, mut said) = (List::default(), Names::default(), None);
        let limit = Patience::within(patience);
        let end = process::run(&self.program, &words, limit, &mut |line| {
            match line {
                Line::Out(line) => {
                    if let Some(entry) = list.take(&line) {
                        found.add(&entry);
                    }
                }
                Line::Log(line) => {
                    let entry = log::read(&line);
                    found.left_out |= entry.is_notice && entry.object.is_some();
                    if entry.is_error {
                        // The first says most; the last only how many there were.
                        said.get_or_insert(entry.message);
                    }
                }
            }
            if list.entries > MOST {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(match end {
            End::Exited(Some(0)) if list.is_whole() => Found::Names(found),
            End::Exited(Some(DIRECTORY_NOT_FOUND)) if list.entries == 0 && list.is_understood() => {
                Found::Absent
            }
            end => Found::Unread(trouble(end, said, patience)),
        })
    }

    /// The same through the socket, where it is sure.
    fn names_by_socket(&self, folder: &Path, patience: Duration) -> Result<Option<Found>> {
        let (Some(daemon), Ok(written)) = (self.daemon(), name::standard_path(folder)) else {
            return Ok(None);
        };
        let question = json!({
            "fs": self.root().to_str().unwrap_or_default(),
            "remote": written,
            "opt": { "noMimeType": true, "noModTime": true },
        });
        let body = match daemon.ask_for_list(question, patience, ANSWER)? {
            Reply::Came { status: 200, body } => body,
            Reply::Came { status, body } if is_absence(status, &body) => {
                return Ok(Some(Found::Absent));
            }
            _ => return Ok(None),
        };
        let Ok(Listed { list }) = serde_json::from_slice::<Listed<'_>>(&body) else {
            return Ok(None);
        };
        let mut found = Names::default();
        let prefix = if written.is_empty() {
            written
        } else {
            written + "/"
        };
        for mut entry in list {
            match entry.path.strip_prefix(prefix.as_str()) {
                Some(name) => entry.path = name.to_owned().into(),
                None => return Ok(None),
            }
            found.add(&entry);
        }
        Ok(Some(Found::Names(found)))
    }
}

pub(super) fn is_absence(status: u16, body: &[u8]) -> bool {
    matches!(understood(status, body), Answer::Absent)
}

impl Names {
    fn add(&mut self, entry: &Entry<'_>) {
        match path_below(Path::new(""), &entry.path) {
            Ok(name) if name.iter().count() == 1 => {
                self.names.insert(name.into());
            }
            _ => self.left_out = true,
        }
    }
}

/// What kept a question from being answered.
pub(super) fn trouble(end: End, said: Option<String>, patience: Duration) -> Trouble {
    match (end, said) {
        (End::Late | End::Silent, _) => Trouble::Late(patience.as_secs()),
        (End::Exited(status), Some(said)) => Trouble::of_end(status, &said),
        (End::Exited(Some(DIRECTORY_NOT_FOUND)), None) => Trouble::NoFolder,
        (end, _) => {
            let why = end.failure();
            Trouble::Other(why.unwrap_or_else(|| "rclone's answer cannot be understood".to_owned()))
        }
    }
}
