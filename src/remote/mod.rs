//! Databases behind rclone: every question and every transfer is one rclone process, whatever the number of files.
//!
//! rclone's exit status proves nothing of a single file: what is there is what a listing afterwards shows.

mod abilities;
mod batch;
mod check;
mod folders;
mod identity;
mod listing;
mod log;
mod mover;
mod names;
mod process;
mod program;
mod reach;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

pub use abilities::Abilities;
pub use batch::{Batch, Limits, Sent};
pub use check::{Proof, Verdict};
pub use listing::{Listed, ListedFile, ListedFolder, Times, Wanted};
pub use mover::Mover;
pub use names::{refusal, unwritten};
pub use program::{Version, prefer};
pub use reach::Reached;

use crate::address;
use crate::error::{Error, Result};
use program::Program;

/// A folder on a remote, and the program that reaches it.
#[derive(Clone, Debug)]
pub struct Remote {
    root: PathBuf,
    program: Program,
}

impl Remote {
    /// The remote with this address.
    ///
    /// # Errors
    /// [`Error::NoRclone`] or [`Error::OldRclone`].
    pub fn at(root: &Path) -> Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            program: Program::find()?,
        })
    }

    /// Its address.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The version of the program.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.program.version
    }

    /// The address of something below it.
    #[must_use]
    pub fn path(&self, below: &Path) -> PathBuf {
        address::join(&self.root, below)
    }

    /// The same, as rclone writes it.
    fn argument(&self, below: &Path) -> Result<OsString> {
        let written = names::standard_path(below).map_err(|why| Error::Remote {
            action: "name",
            path: self.path(below),
            why: why.to_owned(),
        })?;
        Ok(address::join(&self.root, Path::new(OsStr::new(&written))).into())
    }
}
