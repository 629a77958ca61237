//! The identity file of a remote: made by the first copy or sync that goes there.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::Duration;

use super::Remote;
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
        let mut words: Vec<OsString> = ["copyto", "--ignore-existing", "--low-level-retries=3"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain(["--"])
            .map(OsString::from)
            .collect();
        words.push(here.path().into());
        words.push(self.argument(&file)?);
        let mut said = None;
        let patience = Patience::within(Duration::from_secs(3 * PATIENCE));
        process::run(&self.program, &words, patience, &mut |line| {
            if let Line::Log(line) = line {
                let entry = log::read(&line);
                said = entry.is_error.then_some(entry.message).or(said.take());
            }
            ControlFlow::Continue(())
        })?;
        let read = self.identity(Duration::from_secs(PATIENCE))?;
        read.ok_or_else(|| {
            failed(
                "write",
                &self.path(&file),
                said.unwrap_or_else(|| "it is not there afterwards".to_owned()),
            )
        })
    }
}
