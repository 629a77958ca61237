//! Folders and files of the program below a root that other people may write to.
//!
//! No name proves anything there. Every entry is opened relative to the handle of its folder, without following a
//! symbolic link, and its type and owner are checked on the open handle.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{Gid, Mode, OFlags, Uid};

use super::folder::{Folder, explain_errno, is_not_found};
use super::host;
use super::stat::{EntryKind, Stat};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;

impl Folder {
    /// Opens a folder that a trusted user owns; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if another user owns it.
    pub fn find_trusted(&self, name: &OsStr) -> Result<Option<Self>> {
        let child = match self.open_child(name) {
            Err(error) if is_not_found(&error) => return Ok(None),
            child => child?,
        };
        child.require_trusted(self)?;
        Ok(Some(child))
    }

    /// Opens a folder that a trusted user owns; creates it for the owner and group of this folder if it does not exist.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if another user owns it.
    pub fn open_trusted(&self, name: &OsStr) -> Result<Self> {
        if let Some(child) = self.find_trusted(name)? {
            return Ok(child);
        }
        let child = self.open_or_make_child(name, self)?;
        child.require_trusted(self)?;
        self.assign_owner_to(&child);
        Ok(child)
    }

    /// Opens a folder inside a folder of this program; creates it with the permissions of `root` if it does not exist.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if another user owns it.
    pub fn trusted_child(&self, name: &OsStr, root: &Self) -> Result<Self> {
        let child = self.open_or_make_child(name, root)?;
        child.require_trusted(root)?;
        Ok(child)
    }

    /// Creates a folder that only this user can enter, and returns its name and handle. The name is `PREFIX-` and 128
    /// random bits.
    ///
    /// # Errors
    /// The system refused, or another process exchanged the folder.
    pub fn create_private_folder(&self, prefix: &str) -> Result<(OsString, Self)> {
        let name = OsString::from(format!("{prefix}-{}", host::random_id()?));
        rustix::fs::mkdirat(self.handle(), &name, Mode::RWXU)
            .at("create the folder", self.path().join(&name))?;
        let folder = self.open_child(&name)?;
        if !folder.entry_names()?.is_empty() {
            return Err(untrusted(&folder, "it was exchanged for another folder"));
        }
        folder.require_trusted(self)?;
        Ok((name, folder))
    }

    /// Opens a regular file for reading; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if it is a link, folder, pipe or device; or it cannot be read.
    pub fn open_trusted_file(&self, name: &OsStr) -> Result<Option<File>> {
        self.open_regular(name, OFlags::RDONLY, u64::MAX)
    }

    /// Opens a lock file for reading and writing, without changing it, or for reading if writing is refused. `None` if
    /// it does not exist. Network file systems lock only files that are open for writing.
    ///
    /// # Errors
    /// [`Error::Untrusted`] if it is anything but a regular file with one name; or it cannot be opened.
    pub fn open_to_lock(&self, name: &OsStr) -> Result<Option<File>> {
        const ONE_NAME: u64 = 1;
        match self.open_regular(name, OFlags::RDWR, ONE_NAME) {
            Err(Error::Io { .. }) => self.open_regular(name, OFlags::RDONLY, ONE_NAME),
            opened => opened,
        }
    }

    /// Opens a regular file with at most `max_links` names. It is checked before it is opened, because opening a device
    /// can have effects, and again on the handle, because another process may have exchanged it.
    fn open_regular(&self, name: &OsStr, access: OFlags, max_links: u64) -> Result<Option<File>> {
        let path = self.path().join(name);
        let require = |stat: &Stat| match irregularity(stat, max_links) {
            Some(why) => Err(Error::Untrusted {
                path: path.clone(),
                why,
            }),
            None => Ok(()),
        };
        match self.stat(name) {
            Err(error) if is_not_found(&error) => return Ok(None),
            stat => require(&stat?)?,
        }
        let flags = access | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened = super::limit::open_with_retry(|| {
            rustix::fs::openat(self.handle(), name, flags, Mode::empty())
        });
        let handle = match opened.map_err(explain_errno).at("open", &path) {
            Err(error) if is_not_found(&error) => return Ok(None),
            opened => opened?,
        };
        let stat = rustix::fs::fstat(&handle).at("read the metadata of", &path)?;
        require(&Stat::from_raw(&stat))?;
        Ok(Some(handle.into()))
    }

    /// Assigns this folder's owner and group, as far as the process may: root's nightly copy must not lock the owner
    /// out.
    pub fn assign_owner_to(&self, target: &impl AsFd) {
        if let Ok(stat) = rustix::fs::fstat(self.handle()) {
            let (owner, group) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
            ignore(
                rustix::fs::fchown(target, Some(owner), Some(group)),
                "only root may give files away, and the others own them already",
            );
        }
    }

    /// Fails unless the folder belongs to this user, to root, to the owner of `parent`, or to a user who may write to
    /// `parent` anyway.
    fn require_trusted(&self, parent: &Self) -> Result<()> {
        let owner = self.stat_self()?.owner;
        if is_trusted(owner, host::user_id(), &parent.stat_self()?) {
            return Ok(());
        }
        let why = format!("it belongs to another user (number {owner})");
        Err(untrusted(self, &why))
    }
}

/// True if a folder in `parent` may be trusted with this owner. If a group or everybody can write to `parent` and no
/// sticky bit protects its entries, the owner can change everything below the root without any trick.
fn is_trusted(owner: u32, user: u32, parent: &Stat) -> bool {
    const OTHERS_WRITE: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    [0, user, parent.owner].contains(&owner)
        || (parent.mode & OTHERS_WRITE != 0 && parent.mode & STICKY == 0)
}

/// Returns the reason why an entry is not a regular file with at most `max_links` names.
fn irregularity(stat: &Stat, max_links: u64) -> Option<String> {
    match stat.kind {
        EntryKind::File if stat.link_count > max_links => Some(format!(
            "it is also another file ({} hard links lead to it)",
            stat.link_count
        )),
        EntryKind::File => None,
        kind => Some(format!("it is {}, not a file", kind.noun_with_article())),
    }
}

fn untrusted(folder: &Folder, why: &str) -> Error {
    Error::Untrusted {
        path: folder.path().to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const NAME: &str = ".own";

    /// A root with a trusted folder, and both handles.
    fn own() -> (tempfile::TempDir, Folder, Folder) {
        let temporary = tempfile::tempdir().unwrap();
        let root = Folder::open(temporary.path()).unwrap();
        let own = root.open_trusted(OsStr::new(NAME)).unwrap();
        (temporary, root, own)
    }

    fn above(mode: u32) -> Stat {
        let temporary = tempfile::tempdir().unwrap();
        let stat = Folder::open(temporary.path()).unwrap().stat_self().unwrap();
        Stat {
            owner: 1000,
            mode,
            ..stat
        }
    }

    #[test]
    fn trusted_owners_can_write_above() {
        let is_trusted = |owner, mode| is_trusted(owner, 1001, &above(mode));
        for owner in [0, 1000, 1001] {
            assert!(is_trusted(owner, 0o755), "{owner}");
        }
        assert!(!is_trusted(1002, 0o755));
        assert!(is_trusted(1002, 0o2775));
        assert!(is_trusted(1002, 0o777));
        // In such a folder everybody may create entries, and only their owners may rename them.
        assert!(!is_trusted(1002, 0o1777));
    }

    #[test]
    fn only_regular_single_link_files_are_locked() {
        let (temporary, root, own) = own();
        let path = temporary.path().join(NAME).join("lock");
        let name = OsStr::new("lock");
        assert!(own.open_to_lock(name).unwrap().is_none());
        fs::write(temporary.path().join("reel.mov"), "bytes").unwrap();
        fs::hard_link(temporary.path().join("reel.mov"), &path).unwrap();
        let why = |error: Error| error.full_message().rsplit(": ").next().unwrap().to_owned();
        let refused = |own: &Folder| why(own.open_to_lock(name).unwrap_err());
        assert_eq!(
            refused(&own),
            "it is also another file (2 hard links lead to it)"
        );
        assert!(own.open_trusted_file(name).unwrap().is_some());
        fs::remove_file(&path).unwrap();
        symlink(temporary.path().join("reel.mov"), &path).unwrap();
        assert_eq!(refused(&own), "it is a symbolic link, not a file");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(refused(&own), "it is a folder, not a file");
        fs::remove_dir(&path).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(refused(&own), "it is a socket, pipe or device, not a file");
        assert!(root.find_trusted(OsStr::new(NAME)).unwrap().is_some());
    }

    #[test]
    fn private_folder_is_new_and_closed() {
        let (_temporary, _root, own) = own();
        let (first, folder) = own.create_private_folder("incoming").unwrap();
        let (second, _) = own.create_private_folder("incoming").unwrap();
        assert_ne!(first, second);
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
