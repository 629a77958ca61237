//! Whole files of the program's own on a remote: sent over an earlier one, and fetched with a limit.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::remote::Remote;
use crate::base::error::Result;

/// Time for one file of this many bytes: slow storages take a megabyte a second.
fn transfer_timeout(bytes: u64) -> Duration {
    Duration::from_secs(60 + (bytes >> 20))
}

impl Remote {
    /// Sends a file over an earlier one of its name. Returns the reason of a failure, if any; only a listing proves success.
    pub fn send_own_file(&self, local: &Path, file: &Path, bytes: u64) -> Result<Option<String>> {
        let timeout = transfer_timeout(bytes);
        if let Some(daemon) = self.daemon().filter(|_| local.to_str().is_some()) {
            let params = self.upload_params(local, file, &json!({}));
            let answer = daemon.call("operations/copyfile", &params, timeout)?;
            return Ok(answer.failure());
        }
        let command = self
            .command(&["copyto", "--low-level-retries=3"])
            .operands([local.into(), self.rclone_path(file)?]);
        Ok(command.collect_within(timeout)?.failure())
    }

    /// Fetches a file to a local path that does not exist. A file of more than `max_bytes` is not fetched to its end. Returns
    /// the reason of a failure, if any.
    pub fn fetch_own_file(
        &self,
        file: &Path,
        local: &Path,
        max_bytes: u64,
    ) -> Result<Option<String>> {
        let timeout = transfer_timeout(max_bytes);
        if let Some(daemon) = self.daemon().filter(|_| local.to_str().is_some()) {
            return self.fetch_by_daemon(daemon, file, local, (max_bytes, timeout));
        }
        let limit = format!("--max-transfer={max_bytes}B");
        let command = self
            .command(&[
                "copyto",
                "--low-level-retries=3",
                "--cutoff-mode=hard",
                &limit,
            ])
            .operands([self.rclone_path(file)?, local.into()]);
        Ok(command.collect_within(timeout)?.failure())
    }

    fn fetch_by_daemon(
        &self,
        daemon: &Daemon,
        file: &Path,
        local: &Path,
        (max_bytes, timeout): (u64, Duration),
    ) -> Result<Option<String>> {
        let params = json!({
            "srcFs": self.root_text(),
            "srcRemote": file.to_str(),
            "dstFs": local.parent().and_then(Path::to_str),
            "dstRemote": local.file_name().and_then(OsStr::to_str),
            // The file may have grown since it was listed.
            "_config": { "MaxTransfer": max_bytes, "CutoffMode": "HARD" },
        });
        let answer = daemon.call("operations/copyfile", &params, timeout)?;
        Ok(answer.failure())
    }

    /// Returns the parameters of a request that sends one file.
    pub(super) fn upload_params(&self, local: &Path, file: &Path, config: &Value) -> Value {
        json!({
            "srcFs": local.parent().and_then(Path::to_str),
            "srcRemote": local.file_name().and_then(OsStr::to_str),
            "dstFs": self.root_text(),
            "dstRemote": file.to_str(),
            "_config": config,
        })
    }
}
