//! Names in a folder, and the confirmation that a folder is missing: its parent must exist and must not list its name.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::command::QUICK_FLAGS;
use super::daemon::{ListReply, MAX_LIST_BYTES};
use super::entry::{ListEntry, ListParser, decode_path_below};
use super::name;
use super::remote::Remote;
use super::status::{ProcessEnd, RcloneStatus};
use crate::base::error::{ConnectionError, Result, STORAGE_TIMEOUT_SECONDS};
use crate::base::name::Name;

/// The names in a folder.
#[derive(Debug, Default)]
pub(super) struct FolderNames {
    pub(super) names: BTreeSet<Name>,
    /// True if the listing left something out.
    pub(super) is_incomplete: bool,
}

/// Result of a request for the names in a folder.
#[derive(Debug)]
pub(super) enum NamesResult {
    Listed(FolderNames),
    /// The exit status or the answer's status field says that the folder does not exist.
    Missing,
    Failed(ConnectionError),
}

impl Remote {
    /// Confirms that a folder is missing that rclone reported as missing: the closest existing folder above it must not
    /// list its name.
    ///
    /// # Errors
    /// Interruption. The inner error is the reason why it is not confirmed.
    pub(super) fn confirm_missing(&self, folder: &Path) -> Result<std::result::Result<(), String>> {
        let mut below = folder;
        while let Some(above) = below.parent() {
            match self.list_names(above, Duration::from_secs(STORAGE_TIMEOUT_SECONDS))? {
                NamesResult::Listed(found) => {
                    let name = below.file_name().map(Name::from);
                    let is_listed = name.is_some_and(|name| found.names.contains(&name));
                    return Ok(if is_listed {
                        Err(
                            "rclone reports it as missing, but the folder above lists it"
                                .to_owned(),
                        )
                    } else {
                        Ok(())
                    });
                }
                NamesResult::Missing => below = above,
                NamesResult::Failed(error) => {
                    return Ok(Err(format!(
                        "rclone reports it as missing, and the folder above it {error}"
                    )));
                }
            }
        }
        Ok(Err("rclone reports the root as missing".to_owned()))
    }

    /// Returns the names in a folder below the root; an empty set if the folder is missing, `None` if the names are not all
    /// known.
    ///
    /// # Errors
    /// Interruption.
    pub fn folder_names(&self, folder: &Path) -> Result<Option<BTreeSet<Name>>> {
        Ok(
            match self.list_names(folder, Duration::from_secs(STORAGE_TIMEOUT_SECONDS))? {
                NamesResult::Listed(found) => (!found.is_incomplete).then_some(found.names),
                NamesResult::Missing => Some(BTreeSet::new()),
                NamesResult::Failed(_) => None,
            },
        )
    }

    fn list_names(&self, folder: &Path, timeout: Duration) -> Result<NamesResult> {
        match self.list_names_by_daemon(folder, timeout)? {
            Some(found) => Ok(found),
            None => self.list_names_by_process(folder, timeout),
        }
    }

    /// Lists the names in a folder by a process. Its log names entries that were left out, such as links; an answer of the
    /// daemon does not.
    pub(super) fn list_names_by_process(
        &self,
        folder: &Path,
        timeout: Duration,
    ) -> Result<NamesResult> {
        let command = self
            .command(&["lsjson", "--no-mimetype", "--no-modtime"])
            .flags(QUICK_FLAGS)
            .operands([self.rclone_path(folder)?]);
        let output = command.collect_within(timeout)?;
        let mut list = ListParser::default();
        let mut found = FolderNames {
            is_incomplete: output.has_skipped_entries,
            ..FolderNames::default()
        };
        for line in output.stdout.split(|byte| *byte == b'\n') {
            if let Some(entry) = list.parse_line(line) {
                found.add(&entry);
            }
        }
        Ok(match output.end {
            ProcessEnd::Exited(RcloneStatus::SUCCESS) if list.is_complete() => {
                NamesResult::Listed(found)
            }
            ProcessEnd::Exited(RcloneStatus::DIRECTORY_NOT_FOUND)
                if list.entry_count == 0 && list.is_well_formed() =>
            {
                NamesResult::Missing
            }
            _ => NamesResult::Failed(output.connection_error(timeout)),
        })
    }

    /// Lists the names in a folder by the daemon; `None` if it gives no certain answer.
    fn list_names_by_daemon(
        &self,
        folder: &Path,
        timeout: Duration,
    ) -> Result<Option<NamesResult>> {
        let (Some(daemon), Ok(encoded)) = (self.daemon(), name::encode_path(folder)) else {
            return Ok(None);
        };
        let params = json!({
            "fs": self.root_text(),
            "remote": encoded,
            "opt": { "noMimeType": true, "noModTime": true },
        });
        let prefix = if encoded.is_empty() {
            encoded
        } else {
            encoded + "/"
        };
        let reply = daemon.list(params, timeout, MAX_LIST_BYTES, |entries| {
            FolderNames::below(&prefix, entries)
        })?;
        Ok(match reply {
            ListReply::Listed(found) => found.map(NamesResult::Listed),
            ListReply::NotFound => Some(NamesResult::Missing),
            ListReply::Unusable => None,
        })
    }
}

impl FolderNames {
    /// The names of entries whose paths begin with this prefix; `None` if another path is among them.
    fn below(prefix: &str, entries: Vec<ListEntry<'_>>) -> Option<Self> {
        let mut found = Self::default();
        for mut entry in entries {
            entry.path = entry.path.strip_prefix(prefix)?.to_owned().into();
            found.add(&entry);
        }
        Some(found)
    }

    fn add(&mut self, entry: &ListEntry<'_>) {
        match decode_path_below(Path::new(""), &entry.path) {
            Ok(name) if name.iter().count() == 1 => {
                self.names.insert(name.into());
            }
            _ => self.is_incomplete = true,
        }
    }
}
