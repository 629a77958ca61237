//! Destination of a tool: a folder of its own with the root of a database, and beside it our index.

use std::fs;
use std::io;
use std::path::PathBuf;

use auto_backup::base::error::IoResultExt as _;

use crate::common::outcome::Outcome;
use crate::set::PROJECT;
use crate::tool::Tool;

#[derive(Debug)]
pub(crate) struct Destination {
    folder: PathBuf,
}

impl Destination {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the root of our database.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("NAS")
    }

    /// Returns the folder that becomes a copy.
    pub(crate) fn project(&self) -> PathBuf {
        self.root().join(PROJECT)
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.folder.join("index.sqlite")
    }

    /// Restores the state before a first copy. Peers get their folder, because they differ in the folders that they
    /// create.
    pub(crate) fn empty(&self, tool: Tool) -> Outcome<()> {
        self.remove()?;
        let folder = if tool.is_ours() {
            self.root()
        } else {
            self.project()
        };
        Ok(fs::create_dir_all(&folder).at("create the folder", folder)?)
    }

    /// Removes everything, with the index.
    pub(crate) fn remove(&self) -> Outcome<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.at("remove", &self.folder)?),
        }
    }
}
