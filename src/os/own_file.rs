//! Files of this program in folders that other users may be able to write: the start-up file, the history, the run log,
//! the index.
//!
//! Each is opened once, through the handle of its folder and without following a link, and then checked on the open
//! handle. In a folder that only this user can write, any regular file is accepted. Elsewhere the file must have one
//! name and belong to this user, to root or to the owner of the folder.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Gid, Mode, OFlags, Uid};

use super::folder::{Folder, is_not_found};
use super::host;
use super::limit;
use super::stat::{EntryKind, Stat};
use super::trusted_path;
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::ignore::ignore;
use crate::base::own_name;

/// Maximum number of attempts while another process creates and removes the file.
const MAX_ATTEMPTS: u32 = 16;

/// A file of this program: its open folder and its name there.
#[derive(Debug)]
pub struct OwnFile {
    folder: Folder,
    name: OsString,
    /// True if only this user and root can write to the folder.
    is_private: bool,
    /// Owner of the folder.
    owner: u32,
}

impl OwnFile {
    /// Finds a file in an existing folder; the file itself may be missing.
    ///
    /// # Errors
    /// The folder is missing or cannot be opened; a link on the way belongs to another user.
    pub fn find(path: &Path) -> Result<Self> {
        Self::from_parent(trusted_path::open_parent(path, false)?)
    }

    /// Finds a file, and creates missing folders for this user alone.
    ///
    /// # Errors
    /// As for [`Self::find`]; a folder cannot be created.
    pub fn find_or_make_folder(path: &Path) -> Result<Self> {
        Self::from_parent(trusted_path::open_parent(path, true)?)
    }

    fn from_parent((folder, name): (Folder, OsString)) -> Result<Self> {
        Ok(Self {
            is_private: trusted_path::is_private(&folder),
            owner: folder.stat_self()?.owner,
            folder,
            name,
        })
    }

    /// Returns its path without symbolic links.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    pub const fn is_private(&self) -> bool {
        self.is_private
    }

    pub const fn folder_owner(&self) -> u32 {
        self.owner
    }

    /// Returns the file beside this one whose name has this suffix.
    pub fn sibling(&self, suffix: &str) -> Result<Self> {
        let mut name = self.name.clone();
        name.push(suffix);
        Self::from_parent((self.folder.try_clone()?, name))
    }

    /// Returns its metadata; `None` if it does not exist.
    ///
    /// # Errors
    /// It is not a file of this program.
    pub fn stat(&self) -> Result<Option<Stat>> {
        match self.folder.stat(&self.name) {
            Err(error) if is_not_found(&error) => Ok(None),
            found => {
                let stat = found?;
                self.require_own(&stat).at("use", self.path())?;
                Ok(Some(stat))
            }
        }
    }

    /// Opens it for reading.
    ///
    /// # Errors
    /// It is missing, or not a file of this program.
    pub fn open(&self) -> Result<(File, Stat)> {
        self.open_with(OFlags::RDONLY, "read")
    }

    /// Opens it for reading and appending. Creates it for this user alone if it does not exist.
    ///
    /// # Errors
    /// It is not a file of this program, or cannot be written.
    pub fn open_to_append(&self) -> Result<File> {
        self.open_or_create(OFlags::RDWR | OFlags::APPEND)
    }

    /// Opens it for locking. Creates it for this user alone if it does not exist.
    ///
    /// # Errors
    /// As for [`Self::open_to_append`].
    pub fn open_to_lock(&self) -> Result<File> {
        self.open_or_create(OFlags::RDWR)
    }

    fn open_or_create(&self, flags: OFlags) -> Result<File> {
        for _ in 0..MAX_ATTEMPTS {
            match self.open_with(flags, "open") {
                Err(error) if is_not_found(&error) => {}
                opened => return opened.map(|(file, _)| file),
            }
            match self.create() {
                Err(error) if is_already_exists(&error) => {}
                created => return created,
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists)).at("create", self.path())
    }

    fn open_with(&self, flags: OFlags, action: &'static str) -> Result<(File, Stat)> {
        let path = self.path();
        // Checked before it is opened: opening a pipe or device can have effects.
        let prefix = self.folder.stat(&self.name)?;
        self.require_own(&prefix).at(action, &path)?;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let open = || rustix::fs::openat(self.folder.handle(), &self.name, flags, Mode::empty());
        let handle = limit::open_with_retry(open);
        let file = File::from(handle.at(action, &path)?);
        let stat = super::file::stat(&file).at("read the metadata of", &path)?;
        self.require_own(&stat).at(action, &path)?;
        Ok((file, stat))
    }

    /// Creates the file for this user alone; a file that root creates in the folder of a user belongs to that user.
    ///
    /// # Errors
    /// The name is taken, or the system refused.
    pub fn create(&self) -> Result<File> {
        let file = self.folder.create_file(&self.name)?;
        if host::user_id() == 0 {
            self.folder.assign_owner_to(&file);
        }
        Ok(file)
    }

    /// Creates the file with this content, owner, group and permissions of `like`.
    ///
    /// # Errors
    /// The name is taken, or this user cannot give files to the owner of `like`.
    pub fn create_with(&self, content: &[u8], like: &Stat) -> Result<()> {
        let mut file = self.folder.create_file(&self.name)?;
        let private = Stat {
            mode: 0o600,
            ..*like
        };
        let written = apply_ownership(&file, &private).and_then(|()| file.write_all(content));
        let written = written.and_then(|()| file.sync_all());
        if written.is_err() {
            ignore(
                self.folder.remove_temporary(&self.name),
                "the failure of the write is reported",
            );
        }
        written.at("write", self.path())
    }

    /// Tries a POSIX lock on the folder's file system. Succeeds without a test if no file can be created.
    ///
    /// # Errors
    /// The file system refused the lock.
    pub fn probe_lock_support(&self) -> io::Result<()> {
        let Ok(name) = temporary_name() else {
            return Ok(());
        };
        let Ok(file) = self.folder.create_file(&name) else {
            return Ok(());
        };
        let locked = rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive);
        ignore(
            self.folder.remove_temporary(&name),
            "a temporary file is harmless",
        );
        Ok(locked?)
    }

    /// Locks the folder until the returned handle is dropped; `None` if its file system has no locks.
    ///
    /// # Errors
    /// Another process holds the lock for longer than `timeout`.
    pub fn lock_folder(&self, timeout: Duration, poll_interval: Duration) -> Result<Option<File>> {
        let handle = File::from(self.folder.try_clone()?.into_handle());
        let start = Instant::now();
        loop {
            match handle.try_lock() {
                Ok(()) => return Ok(Some(handle)),
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) if start.elapsed() < timeout => {
                    thread::sleep(poll_interval);
                }
                Err(TryLockError::WouldBlock) => {
                    let why = io::Error::other("another program keeps its folder locked");
                    return Err(why).at("write", self.path());
                }
            }
        }
    }

    /// Replaces its content at once: the new content is written under a random name, flushed and renamed. Owner, group
    /// and permissions are those of `like`, if given.
    ///
    /// # Errors
    /// It cannot be written, or this user cannot give files to the owner of `like`.
    pub fn replace(&self, content: &[u8], like: Option<&Stat>) -> Result<()> {
        let name = temporary_name()?;
        let file = self.folder.create_file(&name)?;
        let replaced = self.write_and_rename(&name, file, content, like);
        if replaced.is_err() {
            ignore(
                self.folder.remove_temporary(&name),
                "the failure of the write is reported, and a temporary file is harmless",
            );
        }
        replaced
    }

    fn write_and_rename(
        &self,
        name: &OsStr,
        mut file: File,
        content: &[u8],
        like: Option<&Stat>,
    ) -> Result<()> {
        let path = self.path();
        let written = file.write_all(content);
        written.at("write", &path)?;
        match like {
            Some(like) => apply_ownership(&file, like).at("write", &path)?,
            None if host::user_id() == 0 => self.folder.assign_owner_to(&file),
            None => {}
        }
        file.sync_all().at("write", &path)?;
        self.folder
            .rename(name, &self.folder, &self.name, &self.folder.permit()?)?;
        let (named, ours) = (self.folder.stat(&self.name)?, super::file::stat(&file));
        let ours = ours.at("read the metadata of", &path)?;
        if named.file_id() != ours.file_id() {
            return Err(Error::ConcurrentChange { path });
        }
        self.folder.flush()
    }

    /// Renames it to another name in its folder.
    ///
    /// # Errors
    /// [`Error::ConcurrentChange`] if the name is taken.
    pub fn rename_to(&self, other: &Self) -> Result<()> {
        self.folder.rename_no_replace(
            &self.name,
            &other.folder,
            &other.name,
            &other.folder.permit()?,
        )
    }

    /// Refuses anything but a file of this program.
    fn require_own(&self, stat: &Stat) -> io::Result<()> {
        let why = match stat.kind {
            EntryKind::File => None,
            EntryKind::Link => Some("it is a symbolic link"),
            _ => Some("it is not a regular file"),
        };
        let is_ours = trusted_path::is_us_or_root(stat.owner) || stat.owner == self.owner;
        let second_name = "it has another name somewhere, and others can write its folder";
        let why = why
            .or_else(|| (!self.is_private && !is_ours).then_some("it belongs to another user"))
            .or_else(|| (!self.is_private && stat.link_count > 1).then_some(second_name));
        why.map_or(Ok(()), |why| Err(io::Error::other(why)))
    }
}

/// Returns a random temporary name.
fn temporary_name() -> Result<OsString> {
    Ok(own_name::temporary(host::random_id()?))
}

/// Applies the owner, group and permissions of another file.
fn apply_ownership(file: &File, like: &Stat) -> io::Result<()> {
    let now = super::file::stat(file)?;
    if (now.owner, now.group) != (like.owner, like.group) {
        let (owner, group) = (Uid::from_raw(like.owner), Gid::from_raw(like.group));
        let given = rustix::fs::fchown(file, Some(owner), Some(group));
        // If this user is not in the group, the file keeps its own group. A file of another user is refused.
        if let Err(error) = given
            && now.owner != like.owner
        {
            let why = "it belongs to another user, and would be this user's afterwards";
            return Err(io::Error::new(io::Error::from(error).kind(), why));
        }
    }
    super::file::set_mode(file, like.mode)
}

fn is_already_exists(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder(mode: u32) -> tempfile::TempDir {
        let temporary = tempfile::tempdir().unwrap();
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(mode)).unwrap();
        temporary
    }

    #[test]
    fn special_file_is_refused_at_once() {
        let temporary = folder(0o700);
        let path = temporary.path().join("log");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let own = OwnFile::find(&path).unwrap();
        for refused in [own.open_to_append().map(|_| ()), own.open().map(|_| ())] {
            let refused = refused.unwrap_err().full_message();
            assert!(refused.contains("not a regular file"), "{refused}");
        }
    }

    #[test]
    fn hard_link_is_refused_in_shared_folder() {
        for (mode, refused) in [(0o700, false), (0o777, true)] {
            let temporary = folder(mode);
            let path = temporary.path().join("history");
            fs::write(&path, "").unwrap();
            fs::hard_link(&path, temporary.path().join("second")).unwrap();
            let opened = OwnFile::find(&path).unwrap().open_to_append();
            assert_eq!(opened.is_err(), refused, "{mode:o}");
        }
    }

    #[test]
    fn planted_symlink_is_not_followed() {
        let temporary = folder(0o777);
        let path = temporary.path().join("log");
        let own = OwnFile::find(&path).unwrap();
        symlink("victim", &path).unwrap();
        assert!(own.open_to_append().is_err() && own.create().is_err());
        assert!(!temporary.path().join("victim").exists());
        own.replace(b"new", None).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!temporary.path().join("victim").exists());
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
    }
}
