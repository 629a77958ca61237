//! Empty folders on a remote. One process creates many: it copies an empty local tree. They are removed one by one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::command::PROGRESS_FLAGS;
use super::daemon::RcAnswer;
use super::feature::RemoteFeatures;
use super::listed_file::ListTarget;
use super::name;
use super::process::ProcessLimits;
use super::remote::{Remote, remote_error};
use super::status::ProcessEnd;
use crate::base::error::{Error, IoResultExt as _, Result, STORAGE_TIMEOUT_SECONDS};
use crate::base::lease::WritePermit;
use crate::os::scratch::TempFolder;

/// Greatest number of folders that a run removes without the daemon, by a process each. The rest waits for the next run.
const MAX_WITHOUT_DAEMON: usize = 50;

/// Time for the removal of one folder.
const RMDIR_TIMEOUT: Duration = Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS);

/// Folders that could not be created.
#[derive(Debug)]
pub struct UnmadeFolders {
    /// Their paths below the root.
    pub paths: BTreeSet<PathBuf>,
    /// The reason.
    pub error: Error,
}

impl Remote {
    /// Creates folders, by their paths below the root, and their missing parents. Returns those that do not exist then, with the
    /// reason. What counts is what the storage holds: rclone may fail at a folder that exists and cannot be listed.
    ///
    /// # Errors
    /// Interruption; the loss of the lease.
    pub fn create_folders(
        &self,
        folders: &[PathBuf],
        features: &RemoteFeatures,
        _: &WritePermit,
    ) -> Result<Option<UnmadeFolders>> {
        if folders.is_empty() {
            return Ok(None);
        }
        let tree = TempFolder::new()?;
        for folder in folders
            .iter()
            .filter(|folder| name::unsupported_reason(folder).is_none())
        {
            let path = tree.path().join(folder);
            fs::create_dir_all(&path).at("create", &path)?;
        }
        let command = self
            .command(&["copy", "--create-empty-src-dirs", "--low-level-retries=3"])
            .flags(PROGRESS_FLAGS)
            .operands([tree.path(), self.root()]);
        let Some(why) = command.collect(ProcessLimits::TRANSFER)?.failure() else {
            return Ok(None);
        };
        let paths = self.missing_folders(folders, features)?;
        Ok((!paths.is_empty()).then(|| UnmadeFolders {
            paths,
            error: remote_error("create folders on", self.root(), why),
        }))
    }

    /// Returns the folders that the listings of their parents do not show.
    fn missing_folders(
        &self,
        folders: &[PathBuf],
        features: &RemoteFeatures,
    ) -> Result<BTreeSet<PathBuf>> {
        let parents: BTreeSet<&Path> = folders.iter().filter_map(|path| path.parent()).collect();
        let mut missing: BTreeSet<PathBuf> = folders.iter().cloned().collect();
        for parent in parents {
            match self.list_entries(ListTarget::Folder(parent), features) {
                Ok(Some(listed)) => missing.retain(|path| !listed.folders.contains_key(path)),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // What cannot be seen was not created.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(missing)
    }

    /// Removes empty folders in this order, by their paths below the root, and returns the removed ones. A folder that is not
    /// empty stays, which is no error. Without the daemon, at most 50 are removed.
    ///
    /// # Errors
    /// Interruption; the loss of the lease.
    pub fn remove_empty_folders(&self, folders: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
        let mut removed = BTreeSet::new();
        let max_folders = if self.daemon().is_some() {
            folders.len()
        } else {
            MAX_WITHOUT_DAEMON
        };
        for folder in folders.iter().take(max_folders) {
            match self.remove_empty_folder(folder, &self.permit()?)? {
                Some(true) => {
                    removed.insert(folder.clone());
                }
                Some(false) => {}
                // The storage does not answer.
                None => break,
            }
        }
        Ok(removed)
    }

    /// Removes one folder if it is empty; `None` if the storage does not answer. Where a storage would remove the content too,
    /// rclone checks first that the folder is empty.
    fn remove_empty_folder(&self, folder: &Path, _: &WritePermit) -> Result<Option<bool>> {
        let Ok(encoded) = name::encode_path(folder) else {
            return Ok(Some(false));
        };
        if let Some(daemon) = self.daemon() {
            let params = json!({ "fs": self.root_text(), "remote": encoded });
            return Ok(
                match daemon.call("operations/rmdir", &params, RMDIR_TIMEOUT)? {
                    RcAnswer::Success(_) => Some(true),
                    RcAnswer::NotFound | RcAnswer::Failure(_) => Some(false),
                    RcAnswer::TimedOut => None,
                },
            );
        }
        let command = self
            .command(&["rmdir", "--low-level-retries=1"])
            .operands([self.rclone_path(folder)?]);
        let output = command.collect_within(RMDIR_TIMEOUT)?;
        let has_answered = matches!(output.end, ProcessEnd::Exited(_) | ProcessEnd::Killed);
        Ok(has_answered.then_some(output.end.is_success()))
    }
}
