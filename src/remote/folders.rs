//! Making folders with nothing in them, many in one process: they are made here first, and the empty tree is copied.

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::Remote;
use super::log;
use super::names;
use super::process::{self, Line, Patience, failed};
use crate::error::{At as _, Result};
use crate::os::scratch::ScratchFolder;

impl Remote {
    /// Makes folders, by their paths below the root, and those above them.
    ///
    /// # Errors
    /// One of them could not be made.
    pub fn make_folders(&self, folders: &[PathBuf]) -> Result<()> {
        if folders.is_empty() {
            return Ok(());
        }
        let tree = ScratchFolder::new()?;
        for folder in folders
            .iter()
            .filter(|folder| names::refusal(folder).is_none())
        {
            let path = tree.path().join(folder);
            fs::create_dir_all(&path).at("create", &path)?;
        }
        let mut words: Vec<OsString> = ["copy", "--create-empty-src-dirs", "--low-level-retries=3"]
            .into_iter()
            .chain(process::ALWAYS)
            .chain([
                "--log-level=INFO",
                "--stats=1s",
                "--no-unicode-normalization",
                "--",
            ])
            .map(OsString::from)
            .collect();
        words.push(tree.path().into());
        words.push(self.root().into());
        let mut said = None;
        let end = process::run(&self.program, &words, Patience::WORK, &mut |line| {
            if let Line::Log(line) = line {
                let entry = log::read(&line);
                if entry.is_error {
                    said.get_or_insert(entry.message);
                }
            }
            ControlFlow::Continue(())
        })?;
        if end.is_good() {
            return Ok(());
        }
        Err(failed(
            "make folders on",
            self.root(),
            said.unwrap_or_else(|| "it ended early".to_owned()),
        ))
    }
}
