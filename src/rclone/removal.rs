//! Removal of files from a remote, one request for many.

use std::path::PathBuf;

use super::command::{PATIENT_FLAGS, PROGRESS_FLAGS};
use super::name;
use super::process::ProcessLimits;
use super::remote::{Remote, remote_error};
use crate::base::error::Result;
use crate::base::lease::WritePermit;
use crate::os::scratch::TempFile;

impl Remote {
    /// Removes files, by their paths below the root. A file that is gone is no error.
    ///
    /// # Errors
    /// A file could not be removed; others may be.
    pub fn delete_files(&self, files: &[PathBuf], _: &WritePermit) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let list = TempFile::with_lines(name::encoded_paths(files))?;
        let command = self
            .command(&["delete"])
            .flags(PATIENT_FLAGS)
            .flags(PROGRESS_FLAGS)
            .files_from(list.path())
            .operands([self.root()]);
        match command.collect(ProcessLimits::TRANSFER)?.failure() {
            None => Ok(()),
            Some(why) => Err(remote_error("remove files from", self.root(), why)),
        }
    }
}
