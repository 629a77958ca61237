//! The identity file of a remote: made by the first copy or sync that goes there.

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::Remote;
use super::daemon::{Answer, Daemon};
use super::log;
use super::process::{self, Line, Patience, failed};
use crate::error::{PATIENCE, Result};
use crate::identity;
use crate::os::scratch::Scratch;

impl Remote {
    /// Makes the identity file of a database that has none, and gives what it says then: another first copy may have been
    /// quicker.
    ///
    /// # Errors
    /// It cannot be written there.
    pub fn make_identity(&self, database: &str) -> Result<String> {
        let file = identity::path();
        let text = identity::text(database, &self.path(&file))?;
        let here = Scratch::list(text.lines().map(str::to_owned))?;
        let said = self.put_new(&here, &file)?;
        let read = self.identity(Duration::from_secs(PATIENCE))?;
        read.ok_or_else(|| {
            failed(
                "write",
                &self.path(&file),
                said.unwrap_or_else(|| "it is not there afterwards".to_owned()),
            )
        })
    }

    /// Puts a small file there unless there is one of its name; returns what rclone failed with, if it did.
    pub(super) fn put_new(&self, here: &Scratch, file: &Path) -> Result<Option<String>> {
        match self.daemon() {
            Some(daemon) => self.put_identity(daemon, here, file),
            None => self.put_identity_alone(here, file),
        }
    }

    /// Puts it there by the process that is asked everything.
    fn put_identity(&self, daemon: &Daemon, here: &Scratch, file: &Path) -> Result<Option<String>> {
        let text = |path: Option<&Path>| path.and_then(Path::to_str).unwrap_or_default().to_owned();
        let question = json!({
            "srcFs": text(here.path().parent()),
            "srcRemote": here.path().file_name().and_then(OsStr::to_str),
            "dstFs": text(Some(self.root())),
            "dstRemote": text(Some(file)),
            "_config": { "IgnoreExisting": true },
        });
        let patience = Duration::from_secs(3 * PATIENCE);
        Ok(
            match daemon.ask("operations/copyfile", &question, patience)? {
                Answer::Good(_) => None,
                Answer::Bad(said) => Some(said),
                Answer::Late => Some("rclone does not answer".to_owned()),
            },
        )
    }

    /// The same by a process of its own.
    fn put_identity_alone(&self, here: &Scratch, file: &Path) -> Result<Option<String>> {
        let mut words: Vec<OsString> = ["copyto", "--ignore-existing", "--low-level-retries=3"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--"])
            .map(OsString::from)
            .collect();
        words.push(here.path().into());
        words.push(self.argument(file)?);
        let mut said = None;
        let patience = Patience::within(Duration::from_secs(3 * PATIENCE));
        process::run(&self.program, &words, patience, &mut |line| {
            if let Line::Log(line) = line {
                let entry = log::read(&line);
                said = entry.is_error.then_some(entry.message).or(said.take());
            }
            ControlFlow::Continue(())
        })?;
        Ok(said)
    }
}
