//! Private folders below a root: used through their handles, also by other programs, and removed as a whole.

use std::ffi::OsStr;
use std::fs;
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::process;

use super::folder::Folder;
use super::host;
use super::stat::EntryKind;
use crate::base::error::{IoResultExt as _, Result};
use crate::base::lease::WritePermit;

impl Folder {
    /// Opens a private folder of this user.
    ///
    /// # Errors
    /// It does not exist, is not a folder, or belongs to another user.
    pub fn open_private(&self, name: &OsStr) -> Result<Self> {
        let folder = self.open_child(name)?;
        if folder.stat_self()?.owner == host::user_id() {
            return Ok(folder);
        }
        let why = io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user",
        );
        Err(why).at("use", folder.path())
    }

    /// Returns a path by which another program reaches this very folder, even after its name was given to another one.
    /// It is valid while this handle is open.
    pub fn handle_path(&self) -> PathBuf {
        #[cfg(target_os = "linux")]
        {
            let number = self.as_fd().as_raw_fd();
            let path = PathBuf::from(format!("/proc/{}/fd/{number}", process::id()));
            // `/proc` may be missing, or show the handles of another namespace.
            if self.is_same_as_path(&path) {
                return path;
            }
        }
        self.path().to_owned()
    }

    /// Removes an entry and everything below it, without following links. A missing entry is not an error.
    pub fn remove_tree(&self, name: &OsStr, _: &WritePermit) -> Result<()> {
        self.remove_private_tree(name)
    }

    /// Removes a private folder of this program and everything below it. It needs no permit, because no name of the user's
    /// changes.
    pub fn remove_private_tree(&self, name: &OsStr) -> Result<()> {
        let is_folder = match self.stat(name) {
            Err(error) if super::folder::is_not_found(&error) => return Ok(()),
            stat => stat?.kind == EntryKind::Folder,
        };
        if !is_folder {
            return self.remove_temporary(name);
        }
        fs::remove_dir_all(self.handle_path().join(name)).at("remove", self.path().join(name))
    }
}
