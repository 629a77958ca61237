//! Giving entries other names: in the place of what has one, only where one is free, or both at once.

use std::ffi::OsStr;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::folder::Folder;
use crate::error::{At as _, Error, Result};

impl Folder {
    /// Gives an entry another name, in the place of whatever has it.
    ///
    /// # Errors
    /// The system refused.
    pub fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<()> {
        rustix::fs::renameat(self.handle(), name, to.handle(), to_name)
            .at("rename to", to.path().join(to_name))
    }

    /// Gives an entry another name that must be free.
    ///
    /// # Errors
    /// [`Error::Raced`] if the name is taken by now, or the system refused.
    pub fn rename_new(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<()> {
        let renamed = match self.rename_exclusively(name, to, to_name) {
            // File systems that do not know it, as on a network, mostly know hard links, which never replace.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                self.link_and_unlink(name, to, to_name)
            }
            renamed => renamed,
        };
        let path = to.path().join(to_name);
        match renamed {
            Err(Errno::EXIST) => Err(Error::Raced { path }),
            renamed => renamed.at("create", path),
        }
    }

    /// A rename that cannot replace, from two steps; where there are no hard links looking first is the best there is.
    fn link_and_unlink(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), Errno> {
        match rustix::fs::linkat(self.handle(), name, to.handle(), to_name, AtFlags::empty()) {
            Ok(()) => rustix::fs::unlinkat(self.handle(), name, AtFlags::empty()),
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => {
                match rustix::fs::statat(to.handle(), to_name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(_) => Err(Errno::EXIST),
                    Err(Errno::NOENT) => {
                        rustix::fs::renameat(self.handle(), name, to.handle(), to_name)
                    }
                    Err(error) => Err(error),
                }
            }
            linked => linked,
        }
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn rename_exclusively(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), Errno> {
        use rustix::fs::{RenameFlags, renameat_with};
        renameat_with(
            self.handle(),
            name,
            to.handle(),
            to_name,
            RenameFlags::NOREPLACE,
        )
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn rename_exclusively(&self, _name: &OsStr, _to: &Self, _to_name: &OsStr) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }

    /// Gives a file a second name elsewhere on the same file system.
    ///
    /// # Errors
    /// The name is taken, the file system has no hard links, or the system refused.
    pub fn link(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<()> {
        rustix::fs::linkat(self.handle(), name, to.handle(), to_name, AtFlags::empty())
            .at("keep the old version as", to.path().join(to_name))
    }

    /// Exchanges two entries in one step, so that neither name is ever free; says `false` where the system cannot.
    ///
    /// # Errors
    /// One of them is not there, they are on different file systems, or the system refused.
    pub fn exchange(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<bool> {
        match self.exchange_names(name, to, to_name) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            exchanged => exchanged
                .at("replace", to.path().join(to_name))
                .map(|()| true),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn exchange_names(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), Errno> {
        use rustix::fs::{RenameFlags, renameat_with};
        let flags = RenameFlags::EXCHANGE;
        renameat_with(self.handle(), name, to.handle(), to_name, flags)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    fn exchange_names(&self, _name: &OsStr, _to: &Self, _to_name: &OsStr) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }
}
