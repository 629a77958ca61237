//! Renames: with replacement, without replacement, and the exchange of two names.

use std::ffi::OsStr;
use std::io;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::folder::Folder;
use super::stat::Stat;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::lease::WritePermit;

impl Folder {
    /// Renames an entry and replaces the entry of the new name, if any.
    pub fn rename(&self, name: &OsStr, to: &Self, to_name: &OsStr, _: &WritePermit) -> Result<()> {
        let before = self.stat_if_unreliable(name, to)?;
        self.raw_rename(name, to, to_name)
            .at("rename to", to.path().join(to_name))?;
        self.verify_renamed(name, to, to_name, before.as_ref())
    }

    /// Renames an entry to a free name.
    ///
    /// # Errors
    /// [`Error::ConcurrentChange`] if the name is taken by now.
    pub fn rename_no_replace(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
        _: &WritePermit,
    ) -> Result<()> {
        let before = self.stat_if_unreliable(name, to)?;
        let renamed = if to.features().is_reliable {
            match self.raw_rename_no_replace(name, to, to_name) {
                // File systems without this flag, such as network file systems, usually have hard links, which never
                // replace.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                    self.rename_no_replace_fallback(name, to, to_name)
                }
                renamed => renamed,
            }
        } else {
            // A FUSE program may ignore the flag: a name that another machine has just taken would be replaced.
            self.rename_no_replace_fallback(name, to, to_name)
        };
        let path = to.path().join(to_name);
        match renamed {
            Err(Errno::EXIST) => Err(Error::ConcurrentChange { path }),
            renamed => renamed.at("create", path),
        }?;
        self.verify_renamed(name, to, to_name, before.as_ref())
    }

    /// Returns the metadata of the entry to rename, if the file system is not known to be reliable.
    fn stat_if_unreliable(&self, name: &OsStr, to: &Self) -> Result<Option<Stat>> {
        if to.features().is_reliable {
            return Ok(None);
        }
        self.stat(name).map(Some)
    }

    /// Fails unless the entry has its new name and lost its old one. Another process may have given the old name to
    /// another file meanwhile.
    fn verify_renamed(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
        before: Option<&Stat>,
    ) -> Result<()> {
        let Some(before) = before else {
            return Ok(());
        };
        // Size and time may lag behind. The old name must be free or belong to another file.
        let has_new_name = to.stat(to_name).is_ok_and(|now| now.kind == before.kind);
        let has_old_name = self
            .stat(name)
            .is_ok_and(|now| to.is_same_file(&now, before));
        let why = if !has_new_name {
            "the file system reported success, but the file is not there under its new name"
        } else if has_old_name && !to.is_case_variant(self, name, to_name) {
            "the file system reported success, but the file still has its old name"
        } else {
            return Ok(());
        };
        Err(io::Error::other(why)).at("rename to", to.path().join(to_name))
    }

    /// True if two names in one folder are the same to a case-insensitive file system.
    fn is_case_variant(&self, other: &Self, name: &OsStr, to_name: &OsStr) -> bool {
        let folded = |name: &OsStr| name.to_string_lossy().to_lowercase();
        self.path() == other.path() && folded(name) == folded(to_name)
    }

    /// Renames to a free name in two steps, by a hard link. Without hard links it uses a rename with the flag, and
    /// without the flag it checks the name first.
    fn rename_no_replace_fallback(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
    ) -> Result<(), Errno> {
        let linked = if to.features().hard_links {
            rustix::fs::linkat(self.handle(), name, to.handle(), to_name, AtFlags::empty())
        } else {
            Err(Errno::NOTSUP)
        };
        match linked {
            Ok(()) => return rustix::fs::unlinkat(self.handle(), name, AtFlags::empty()),
            // Folders cannot have a second name, and some file systems link only within a part of the tree.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK | Errno::XDEV) => {}
            Err(error) => return Err(error),
        }
        if to.features().no_replace {
            match self.raw_rename_no_replace(name, to, to_name) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                renamed => return renamed,
            }
        }
        match rustix::fs::statat(to.handle(), to_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => self.raw_rename(name, to, to_name),
            Err(error) => Err(error),
        }
    }

    /// Renames without checking the result.
    pub(super) fn raw_rename(&self, name: &OsStr, to: &Self, to_name: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat(self.handle(), name, to.handle(), to_name)
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn raw_rename_no_replace(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
    ) -> Result<(), Errno> {
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
    pub(super) fn raw_rename_no_replace(
        &self,
        _name: &OsStr,
        _to: &Self,
        _to_name: &OsStr,
    ) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }

    /// Gives a file a second name on the same file system.
    ///
    /// # Errors
    /// The name is taken, or the file system has no hard links.
    pub fn hard_link(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
        _: &WritePermit,
    ) -> Result<()> {
        rustix::fs::linkat(self.handle(), name, to.handle(), to_name, AtFlags::empty())
            .at("keep the old version as", to.path().join(to_name))
    }

    /// Exchanges two entries in one step, so that neither name is ever free. Returns `false` if the file system cannot,
    /// or did something else in a probe.
    pub fn exchange(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
        _: &WritePermit,
    ) -> Result<bool> {
        if !to.features().exchange {
            return Ok(false);
        }
        match self.raw_exchange(name, to, to_name) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            exchanged => exchanged
                .at("replace", to.path().join(to_name))
                .map(|()| true),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn raw_exchange(
        &self,
        name: &OsStr,
        to: &Self,
        to_name: &OsStr,
    ) -> Result<(), Errno> {
        use rustix::fs::{RenameFlags, renameat_with};
        let flags = RenameFlags::EXCHANGE;
        renameat_with(self.handle(), name, to.handle(), to_name, flags)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub(super) fn raw_exchange(
        &self,
        _name: &OsStr,
        _to: &Self,
        _to_name: &OsStr,
    ) -> Result<(), Errno> {
        Err(Errno::NOSYS)
    }
}
