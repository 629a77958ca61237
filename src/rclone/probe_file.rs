//! A small file that shows whether two databases are the same place: created in one of them for a moment, and searched for in
//! the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::command::UNREADABLE_ANSWER;
use super::daemon::{Daemon, RcAnswer};
use super::name;
use super::remote::{Remote, remote_error};
use crate::base::error::{Result, STORAGE_TIMEOUT_SECONDS};
use crate::os::scratch::TempFile;

/// Time for the removal of a probe file.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS);

/// Time for the search: its answer is only an additional hint.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(5);

impl Remote {
    /// Creates a file with one line, by its path below the root, which must be free.
    pub fn put_probe_file(&self, file: &Path, line: &str) -> Result<()> {
        let local_file = TempFile::with_lines(std::iter::once(line.to_owned()))?;
        match self.upload_if_missing(&local_file, file)? {
            None => Ok(()),
            Some(why) => Err(remote_error("write", &self.path(file), why)),
        }
    }

    /// Removes a file that [`Self::put_probe_file`] created.
    pub fn remove_probe_file(&self, file: &Path) -> Result<()> {
        let failure = if let Some(daemon) = self.daemon() {
            let params = json!({
                "fs": self.root_text(),
                "remote": file.to_str().unwrap_or_default(),
            });
            match daemon.call("operations/deletefile", &params, REMOVE_TIMEOUT)? {
                RcAnswer::NotFound => None,
                answer => answer.failure(),
            }
        } else {
            let command = self
                .command(&["deletefile", "--low-level-retries=3"])
                .operands([self.rclone_path(file)?]);
            command.collect_within(REMOVE_TIMEOUT)?.failure()
        };
        failure.map_or(Ok(()), |why| {
            Err(remote_error("remove", &self.path(file), why))
        })
    }

    /// Returns true if any of these files exists below an address of this remote, which is the database's root or a folder
    /// above it. Each file is requested by its name.
    ///
    /// # Errors
    /// The search failed, or interruption.
    pub fn any_exists(&self, base: &Path, files: &[PathBuf]) -> Result<bool> {
        let list = TempFile::with_lines(name::encoded_paths(files))?;
        if let Some(daemon) = self.daemon() {
            return any_exists_by_daemon(daemon, base, &list);
        }
        let flags = [
            "--recursive",
            "--files-only",
            "--low-level-retries=1",
            "--contimeout=5s",
            "--no-traverse",
        ];
        let command = self.command(&["lsf"]).flags(flags);
        let command = command.files_from(list.path()).operands([base]);
        let output = command.collect_within(SEARCH_TIMEOUT)?;
        if output.stdout.iter().any(|byte| *byte != b'\n') {
            return Ok(true);
        }
        match output.failure() {
            Some(why) => Err(remote_error("list", base, why)),
            None => Ok(false),
        }
    }
}

fn any_exists_by_daemon(daemon: &Daemon, base: &Path, list: &TempFile) -> Result<bool> {
    let params = json!({
        "fs": base.to_str().unwrap_or_default(),
        "remote": "",
        "opt": { "recurse": true, "noMimeType": true, "noModTime": true, "filesOnly": true },
        "_filter": { "FilesFromRaw": [list.path().to_str().unwrap_or_default()] },
        "_config": { "NoTraverse": true, "LowLevelRetries": 1 },
    });
    let answer = daemon.call("operations/list", &params, SEARCH_TIMEOUT)?;
    let why = match &answer {
        RcAnswer::Success(body) => match body.get("list") {
            Some(Value::Array(list)) => return Ok(!list.is_empty()),
            // An empty list is `null`.
            Some(Value::Null) => return Ok(false),
            _ => UNREADABLE_ANSWER.to_owned(),
        },
        _ => answer.failure().unwrap_or_default(),
    };
    Err(remote_error("list", base, why))
}
