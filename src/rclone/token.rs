//! A small file that shows whether two databases are one place: put on one of them for a moment, and looked for on the
//! other.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::daemon::{Answer, Daemon};
use super::list::names_of;
use super::process;
use super::process::{Line, Patience, failed};
use super::{Remote, log};
use crate::base::error::{PATIENCE, Result};
use crate::os::scratch::Scratch;

/// How long putting, finding or removing a token may take.
const WAIT: Duration = Duration::from_secs(3 * PATIENCE);

/// How long a question may take of which the answer is no more than a further hint.
const ABOVE: Duration = Duration::from_secs(5);

impl Remote {
    /// Puts a file with one line there, by its path below the root, which must be free.
    ///
    /// # Errors
    /// rclone could not write it, or an interruption.
    pub fn put_token(&self, file: &Path, line: &str) -> Result<()> {
        let here = Scratch::list(std::iter::once(line.to_owned()))?;
        match self.put_new(&here, file)? {
            None => Ok(()),
            Some(why) => Err(failed("write", &self.path(file), why)),
        }
    }

    /// Removes a file that [`Self::put_token`] put there.
    ///
    /// # Errors
    /// rclone could not remove it, or an interruption.
    pub fn remove_token(&self, file: &Path) -> Result<()> {
        let failure = if let Some(daemon) = self.daemon() {
            let question = json!({
                "fs": self.root().to_str().unwrap_or_default(),
                "remote": file.to_str().unwrap_or_default(),
            });
            match daemon.ask("operations/deletefile", &question, WAIT)? {
                Answer::Good(_) | Answer::Absent => None,
                Answer::Bad(why) => Some(why),
                Answer::Late => Some("rclone does not answer".to_owned()),
            }
        } else {
            let mut words = words("deletefile", &["--low-level-retries=3"]);
            words.push(self.argument(file)?);
            self.run_quietly(&words, WAIT)?.1
        };
        failure.map_or(Ok(()), |why| Err(failed("remove", &self.path(file), why)))
    }

    /// Returns whether any of these files is below an address of this remote, be it this database's root or a folder
    /// above it. Each is asked for by its name.
    ///
    /// # Errors
    /// The question could not be answered, or an interruption.
    pub fn holds_any(&self, base: &Path, files: &[PathBuf]) -> Result<bool> {
        let list = Scratch::list(names_of(files))?;
        if let Some(daemon) = self.daemon() {
            return holds_any_by(daemon, base, &list);
        }
        let more = [
            "--recursive",
            "--files-only",
            "--low-level-retries=1",
            "--contimeout=5s",
            "--no-traverse",
        ];
        let mut words = words("lsf", &more);
        let place = words.len() - 1;
        words.splice(
            place..place,
            ["--files-from-raw".into(), list.path().into()],
        );
        words.push(base.into());
        let (found, failure) = self.run_quietly(&words, ABOVE)?;
        match failure {
            Some(why) if !found => Err(failed("list", base, why)),
            _ => Ok(found),
        }
    }

    /// Runs rclone for at most so long; returns whether it printed anything, and what it failed with.
    fn run_quietly(
        &self,
        words: &[OsString],
        patience: Duration,
    ) -> Result<(bool, Option<String>)> {
        let (mut printed, mut said) = (false, None);
        let end = process::run(
            &self.program,
            words,
            Patience::within(patience),
            &mut |line| {
                match line {
                    Line::Out(line) => printed |= !line.is_empty(),
                    Line::Log(line) => {
                        let entry = log::read(&line);
                        if entry.is_error {
                            said.get_or_insert(entry.message);
                        }
                    }
                }
                ControlFlow::Continue(())
            },
        )?;
        let failure = (!end.is_good()).then(|| said.unwrap_or_else(|| "it ended early".to_owned()));
        Ok((printed, failure))
    }
}

/// The words of a command, with `--` at their end.
fn words(verb: &str, more: &[&str]) -> Vec<OsString> {
    let words = [verb].into_iter().chain(process::ALWAYS);
    let words = words.chain(more.iter().copied()).chain(["--"]);
    words.map(OsString::from).collect()
}

fn holds_any_by(daemon: &Daemon, base: &Path, list: &Scratch) -> Result<bool> {
    let question = json!({
        "fs": base.to_str().unwrap_or_default(),
        "remote": "",
        "opt": { "recurse": true, "noMimeType": true, "noModTime": true, "filesOnly": true },
        "_filter": { "FilesFromRaw": [list.path().to_str().unwrap_or_default()] },
        "_config": { "NoTraverse": true, "LowLevelRetries": 1 },
    });
    match daemon.ask("operations/list", &question, ABOVE)? {
        Answer::Good(answer) => match answer["list"].as_array() {
            Some(list) => Ok(!list.is_empty()),
            // An empty list is `null` there.
            None if answer["list"].is_null() => Ok(false),
            None => Err(failed("list", base, "its answer is no list")),
        },
        Answer::Bad(why) => Err(failed("list", base, why)),
        Answer::Absent => Err(failed("list", base, "rclone says that it is not there")),
        Answer::Late => Err(failed("list", base, "rclone does not answer")),
    }
}
