//! Folders of the benchmark: one in memory and one on a disk. Both are removed when dropped.

use std::path::Path;

use auto_backup::base::error::IoResultExt as _;
use tempfile::TempDir;

use crate::common::machine;
use crate::common::outcome::Outcome;

/// A destination folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    /// Name in the table.
    pub(crate) name: &'a str,
    /// True if a flush at the end is part of the measured time.
    pub(crate) is_flushed: bool,
    /// True if the folder is in memory.
    pub(crate) is_memory: bool,
}

/// The two folders.
#[derive(Debug)]
pub(crate) struct Places {
    memory: TempDir,
    disk: TempDir,
}

impl Places {
    /// Creates the folders below these.
    pub(crate) fn new(memory: &Path, disk: &Path) -> Outcome<Self> {
        Ok(Self {
            memory: folder(memory)?,
            disk: folder(disk)?,
        })
    }

    pub(crate) fn memory(&self) -> Place<'_> {
        Place {
            folder: self.memory.path(),
            name: "in memory",
            is_flushed: false,
            is_memory: true,
        }
    }

    /// On a disk, data counts only after a flush, for every tool.
    pub(crate) fn disk(&self) -> Place<'_> {
        Place {
            folder: self.disk.path(),
            name: "on the disk",
            is_flushed: true,
            is_memory: false,
        }
    }

    /// Returns the description of the machine.
    pub(crate) fn description(&self) -> String {
        let memory = machine::file_system(self.memory.path());
        let disk = machine::file_system(self.disk.path());
        let places = format!("memory is {memory}, the disk is {disk}");
        machine::description(&places, &["cp", "rsync", "xcp", "cpz", "rcp", "rclone"])
    }

    /// Removes both, and reports a failure.
    pub(crate) fn remove(self) -> Outcome<()> {
        for folder in [self.memory, self.disk] {
            let path = folder.path().to_owned();
            folder.close().at("remove", path)?;
        }
        Ok(())
    }
}

fn folder(at: &Path) -> Outcome<TempDir> {
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("auto-backup-bench-").tempdir_in(at);
    Ok(folder.at("create a folder in", at)?)
}
