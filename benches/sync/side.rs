//! Destination of a tool: a root of its own on a server, and the tool's record.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use auto_backup::base::error::IoResultExt as _;

use crate::common::interrupted;
use crate::common::measure::{Sample, measure};
use crate::common::outcome::Outcome;
use crate::server::Server;
use crate::tool::Tool;
use crate::tree::{CATEGORY, Tree};

#[derive(Debug)]
pub(crate) struct Side<'a> {
    pub(crate) tool: Tool,
    server: &'a Server,
    /// Name of its root on the server.
    name: String,
}

impl<'a> Side<'a> {
    /// Returns an empty one.
    pub(crate) fn new(tool: Tool, server: &'a Server, set: &str) -> Outcome<Self> {
        let name = format!("{set}-{}", tool.folder());
        let side = Self { tool, server, name };
        side.empty()?;
        Ok(side)
    }

    /// Returns the typed address of its root.
    pub(crate) fn root(&self) -> String {
        self.server.at(&self.name)
    }

    /// Returns the typed address of the category in it.
    pub(crate) fn category(&self) -> String {
        format!("{}/{CATEGORY}", self.root())
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.remembered("sqlite")
    }

    /// Returns the folder of our start-up file.
    pub(crate) fn startup(&self) -> PathBuf {
        self.remembered("config")
    }

    /// Returns the first program's record of the files.
    pub(crate) fn record(&self) -> PathBuf {
        self.remembered("record")
    }

    /// Restores the state before the first run.
    pub(crate) fn empty(&self) -> Outcome<()> {
        self.server.empty(&self.name)?;
        for end in ["sqlite", "sqlite-wal", "sqlite-shm"] {
            let path = self.remembered(end);
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.at("remove", path)?,
            }
        }
        Ok(())
    }

    /// Removes it.
    pub(crate) fn remove(self) -> Outcome<()> {
        self.server.remove(&self.name)
    }

    /// Sends a tree with any tool, outside the measured time.
    pub(crate) fn fill(&self, tree: &Tree) -> Outcome<()> {
        // Our program needs its own record of the sent files.
        let tool = match self.tool {
            Tool::Sync => Tool::Sync,
            _ => Tool::RcloneCopyEight,
        };
        self.send(tool, tree).map(drop)
    }

    /// Sends a tree with its tool, and checks the result.
    pub(crate) fn measure(&self, tree: &Tree) -> Outcome<Sample> {
        self.send(self.tool, tree)
    }

    fn send(&self, tool: Tool, tree: &Tree) -> Outcome<Sample> {
        let mut line = self.server.lent();
        line.extend(tool.command(tree, self)?);
        let (sample, _) = measure(&line)?;
        self.check(tree)?;
        Ok(sample)
    }

    /// Fails unless exactly the files of the tree are there, with their sizes.
    fn check(&self, tree: &Tree) -> Outcome<()> {
        let words = ["check", "--size-only"].map(OsString::from);
        let places = [tree.category().into(), self.category().into()];
        let checked = self.server.rclone(&[words, places].concat());
        interrupted::check()?;
        checked.map_err(|error| {
            format!("{} did not send everything: {error}", self.tool.name()).into()
        })
    }

    fn remembered(&self, end: &str) -> PathBuf {
        self.server.home.join(format!("{}.{end}", self.name))
    }
}
