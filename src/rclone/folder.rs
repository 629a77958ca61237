//! Folders with nothing in them. They are made many in one process: here first, and the empty tree is copied. They are
//! removed one by one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::Remote;
use super::daemon::RcAnswer;
use super::log;
use super::name;
use super::process;
use super::process::{OutputLine, ProcessLimits, remote_error};
use crate::base::error::{IoResultExt as _, Result, STORAGE_TIMEOUT_SECONDS};
use crate::os::scratch::TempFolder;

/// How many folders are removed in a run by a process each; the rest waits for the next.
const MAX_WITHOUT_DAEMON: usize = 50;

/// How long removing one may take.
const RMDIR_TIMEOUT: Duration = Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS);

impl Remote {
    /// Makes folders, by their paths below the root, and those above them.
    ///
    /// # Errors
    /// One of them could not be made.
    pub fn create_folders(&self, folders: &[PathBuf]) -> Result<()> {
        if folders.is_empty() {
            return Ok(());
        }
        let tree = TempFolder::new()?;
        for folder in folders
            .iter()
            .filter(|folder| name::unsupported_reason(folder).is_none())
        {
            let path = tree.path().join(folder);
            fs::create_dir_all(&path).at("create", &path)?;
        }
        let mut args: Vec<OsString> = ["copy", "--create-empty-src-dirs", "--low-level-retries=3"]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain([
                "--log-level=INFO",
                "--stats=1s",
                "--no-unicode-normalization",
                "--",
            ])
            .map(OsString::from)
            .collect();
        args.push(tree.path().into());
        args.push(self.root().into());
        let mut first_error = None;
        let end = process::run(&self.program, &args, ProcessLimits::TRANSFER, &mut |line| {
            if let OutputLine::Log(line) = line {
                let entry = log::parse_line(&line);
                if entry.is_error {
                    first_error.get_or_insert(entry.message);
                }
            }
            ControlFlow::Continue(())
        })?;
        if end.is_success() {
            return Ok(());
        }
        Err(remote_error(
            "make folders on",
            self.root(),
            first_error.unwrap_or_else(|| "it ended early".to_owned()),
        ))
    }

    /// Removes folders that are empty, in this order, by their paths below the root; returns those that were removed. One
    /// in which there is something stays, which is no error. Without the process that is asked everything at most
    /// 50 are removed.
    ///
    /// # Errors
    /// An interruption.
    pub fn remove_empty_folders(&self, folders: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
        let mut removed = BTreeSet::new();
        let max_folders = if self.daemon().is_some() {
            folders.len()
        } else {
            MAX_WITHOUT_DAEMON
        };
        for folder in folders.iter().take(max_folders) {
            match self.remove_empty_folder(folder)? {
                Some(true) => {
                    removed.insert(folder.clone());
                }
                Some(false) => {}
                // A storage that does not answer is not asked again.
                None => break,
            }
        }
        Ok(removed)
    }

    /// Removes one folder, if it is empty; `None` where nothing answers. rclone looks whether it is where a storage would remove what is in it too.
    fn remove_empty_folder(&self, folder: &Path) -> Result<Option<bool>> {
        let Ok(encoded) = name::encode_path(folder) else {
            return Ok(Some(false));
        };
        if let Some(daemon) = self.daemon() {
            let params = json!({
                "fs": self.root().to_str().unwrap_or_default(),
                "remote": encoded,
            });
            return Ok(
                match daemon.call("operations/rmdir", &params, RMDIR_TIMEOUT)? {
                    RcAnswer::Success(_) => Some(true),
                    RcAnswer::NotFound | RcAnswer::Failure(_) => Some(false),
                    RcAnswer::TimedOut => None,
                },
            );
        }
        let mut args: Vec<OsString> = ["rmdir", "--low-level-retries=1"]
            .into_iter()
            .chain(process::COMMON_FLAGS)
            .chain(["--"])
            .map(OsString::from)
            .collect();
        args.push(self.rclone_path(folder)?);
        let limits = ProcessLimits::with_timeout(RMDIR_TIMEOUT);
        let end = process::run(&self.program, &args, limits, &mut |_| {
            ControlFlow::Continue(())
        })?;
        let has_answered = matches!(end, process::ProcessEnd::Exited(_));
        Ok(has_answered.then_some(end.is_success()))
    }
}
