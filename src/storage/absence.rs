//! Absence at a remote: what no listing shows may still be there, in a folder that cannot be listed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::RemoteStorage;
use crate::base::error::{Error, Result};
use crate::rclone::{ListTarget, TimeSource};

impl RemoteStorage {
    /// Returns those of these files that a listing shows, or that lie where nothing can be listed: that shows nothing
    /// either, and the process that is asked for lists says nothing of it.
    ///
    /// # Errors
    /// An interruption.
    pub fn possibly_present(&self, mut files: Vec<PathBuf>) -> Result<HashSet<PathBuf>> {
        if files.is_empty() {
            return Ok(HashSet::new());
        }
        let listed = self.remote.list(
            ListTarget::Files(&files),
            &self.features,
            TimeSource::ModTime,
        );
        match listed {
            Ok(Some(listed)) => {
                let is_unreadable = |path: &Path| {
                    let mut problems = listed.problems.iter();
                    problems.any(|(closed, _)| path.starts_with(closed))
                };
                files.retain(|path| listed.file(path).is_some() || is_unreadable(path));
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // That the root itself is not there is no answer about files.
            Ok(None) | Err(_) => {}
        }
        Ok(files.into_iter().collect())
    }
}
