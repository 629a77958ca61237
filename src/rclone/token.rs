//! A small file that shows whether two databases are one place: put on one of them for a moment, and looked for on the
//! other.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::daemon::{Daemon, RcAnswer};
use super::list::encoded_paths;
use super::process;
use super::process::{OutputLine, ProcessLimits, remote_error};
use super::{Remote, log};
use crate::base::error::{Result, STORAGE_TIMEOUT_SECONDS};
use crate::os::scratch::TempFile;

/// How long putting, finding or removing a token may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3 * STORAGE_TIMEOUT_SECONDS);

/// How long a question may take of which the answer is no more than a further hint.
const HINT_TIMEOUT: Duration = Duration::from_secs(5);

impl Remote {
    /// Puts a file with one line there, by its path below the root, which must be free.
    ///
    /// # Errors
    /// rclone could not write it, or an interruption.
    pub fn put_probe_file(&self, file: &Path, line: &str) -> Result<()> {
        let local_file = TempFile::with_lines(std::iter::once(line.to_owned()))?;
        match self.upload_if_missing(&local_file, file)? {
            None => Ok(()),
            Some(why) => Err(remote_error("write", &self.path(file), why)),
        }
    }

    /// Removes a file that [`Self::put_probe_file`] put there.
    ///
    /// # Errors
    /// rclone could not remove it, or an interruption.
    pub fn remove_probe_file(&self, file: &Path) -> Result<()> {
        let failure = if let Some(daemon) = self.daemon() {
            let params = json!({
                "fs": self.root().to_str().unwrap_or_default(),
                "remote": file.to_str().unwrap_or_default(),
            });
            match daemon.call("operations/deletefile", &params, PROBE_TIMEOUT)? {
                RcAnswer::Success(_) | RcAnswer::NotFound => None,
                RcAnswer::Failure(why) => Some(why),
                RcAnswer::TimedOut => Some("rclone does not answer".to_owned()),
            }
        } else {
            let mut args = command_args("deletefile", &["--low-level-retries=3"]);
            args.push(self.rclone_path(file)?);
            self.run_command(&args, PROBE_TIMEOUT)?.1
        };
        failure.map_or(Ok(()), |why| {
            Err(remote_error("remove", &self.path(file), why))
        })
    }

    /// Returns whether any of these files is below an address of this remote, be it this database's root or a folder
    /// above it. Each is asked for by its name.
    ///
    /// # Errors
    /// The question could not be answered, or an interruption.
    pub fn any_exists(&self, base: &Path, files: &[PathBuf]) -> Result<bool> {
        let list = TempFile::with_lines(encoded_paths(files))?;
        if let Some(daemon) = self.daemon() {
            return any_exists_by_daemon(daemon, base, &list);
        }
        let more = [
            "--recursive",
            "--files-only",
            "--low-level-retries=1",
            "--contimeout=5s",
            "--no-traverse",
        ];
        let mut args = command_args("lsf", &more);
        let before_separator = args.len() - 1;
        args.splice(
            before_separator..before_separator,
            ["--files-from-raw".into(), list.path().into()],
        );
        args.push(base.into());
        let (found, failure) = self.run_command(&args, HINT_TIMEOUT)?;
        match failure {
            Some(why) if !found => Err(remote_error("list", base, why)),
            _ => Ok(found),
        }
    }

    /// Runs rclone for at most so long; returns whether it printed anything, and what it failed with.
    fn run_command(&self, args: &[OsString], timeout: Duration) -> Result<(bool, Option<String>)> {
        let (mut printed, mut first_error) = (false, None);
        let end = process::run(
            &self.program,
            args,
            ProcessLimits::with_timeout(timeout),
            &mut |line| {
                match line {
                    OutputLine::Stdout(line) => printed |= !line.is_empty(),
                    OutputLine::Log(line) => {
                        let entry = log::parse_line(&line);
                        if entry.is_error {
                            first_error.get_or_insert(entry.message);
                        }
                    }
                }
                ControlFlow::Continue(())
            },
        )?;
        let failure =
            (!end.is_success()).then(|| first_error.unwrap_or_else(|| "it ended early".to_owned()));
        Ok((printed, failure))
    }
}

/// The words of a command, with `--` at their end.
fn command_args(verb: &str, more: &[&str]) -> Vec<OsString> {
    let args = [verb].into_iter().chain(process::COMMON_FLAGS);
    let words = args.chain(more.iter().copied()).chain(["--"]);
    words.map(OsString::from).collect()
}

fn any_exists_by_daemon(daemon: &Daemon, base: &Path, list: &TempFile) -> Result<bool> {
    let params = json!({
        "fs": base.to_str().unwrap_or_default(),
        "remote": "",
        "opt": { "recurse": true, "noMimeType": true, "noModTime": true, "filesOnly": true },
        "_filter": { "FilesFromRaw": [list.path().to_str().unwrap_or_default()] },
        "_config": { "NoTraverse": true, "LowLevelRetries": 1 },
    });
    match daemon.call("operations/list", &params, HINT_TIMEOUT)? {
        RcAnswer::Success(answer) => match answer["list"].as_array() {
            Some(list) => Ok(!list.is_empty()),
            // An empty list is `null` there.
            None if answer["list"].is_null() => Ok(false),
            None => Err(remote_error("list", base, "its answer is no list")),
        },
        RcAnswer::Failure(why) => Err(remote_error("list", base, why)),
        RcAnswer::NotFound => Err(remote_error(
            "list",
            base,
            "rclone says that it is not there",
        )),
        RcAnswer::TimedOut => Err(remote_error("list", base, "rclone does not answer")),
    }
}
