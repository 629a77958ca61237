//! Files of our own in folders that others may be able to write: the start-up file, the history, the log of runs, the index.
//!
//! Each is opened once, through the handle of its folder and without following a link, and what was opened is checked.
//! Where only this user can write the folder whatever lies there is this user's; elsewhere it must be a file with one name
//! that belongs to this user, to root or to the folder's owner.

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
use crate::base::own_name;

/// Number of tries where a file appears and disappears under our hands.
const MAX_ATTEMPTS: u32 = 16;

/// A file of ours: its folder, open, and its name there.
#[derive(Debug)]
pub struct OwnFile {
    folder: Folder,
    name: OsString,
    /// Whether nobody else can write the folder.
    is_private: bool,
    /// The user that the folder belongs to.
    owner: u32,
}

impl OwnFile {
    /// Finds a file whose folder is there; the file itself need not be.
    ///
    /// # Errors
    /// The folder is missing or cannot be opened; a link on the way belongs to another user.
    pub fn find(path: &Path) -> Result<Self> {
        Self::from_parent(trusted_path::open_parent(path, false)?)
    }

    /// Finds a file; folders that are missing are made for this user alone.
    ///
    /// # Errors
    /// As for [`Self::find`]; a folder cannot be made.
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

    /// The path that it was found by, without links.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Whether nobody but this user and root can write its folder.
    pub const fn is_private(&self) -> bool {
        self.is_private
    }

    /// The number of the user that its folder belongs to.
    pub const fn folder_owner(&self) -> u32 {
        self.owner
    }

    /// The file beside it whose name is this one's and a suffix.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn sibling(&self, suffix: &str) -> Result<Self> {
        let mut name = self.name.clone();
        name.push(suffix);
        Self::from_parent((self.folder.try_clone()?, name))
    }

    /// Its state; `None` where there is no such file.
    ///
    /// # Errors
    /// It cannot be looked at, or is nothing that we use.
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
    /// It is not there, cannot be read, or is nothing that we use.
    pub fn open(&self) -> Result<(File, Stat)> {
        self.open_with(OFlags::RDONLY, "read")
    }

    /// Opens it for reading and adding at its end; makes it, for this user alone, where there is none.
    ///
    /// # Errors
    /// It cannot be written or made, or is nothing that we use.
    pub fn open_to_append(&self) -> Result<File> {
        self.open_or_create(OFlags::RDWR | OFlags::APPEND)
    }

    /// Opens it for locking; makes it, for this user alone, where there is none.
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
        // Looked at first: opening a pipe or device can do things.
        let prefix = self.folder.stat(&self.name)?;
        self.require_own(&prefix).at(action, &path)?;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let open = || rustix::fs::openat(self.folder.handle(), &self.name, flags, Mode::empty());
        let handle = limit::open_with_retry(open);
        let file = File::from(handle.at(action, &path)?);
        let stat = super::file::stat(&file).at("look at", &path)?;
        self.require_own(&stat).at(action, &path)?;
        Ok((file, stat))
    }

    /// Makes the file, which must not be there, for this user alone; what root makes in a user's folder is that user's.
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

    /// Makes the file, which must not be there, with this content, for the owner and group of `like` alone.
    ///
    /// # Errors
    /// The name is taken, or the system refused; `like` belongs to a user to whom this one cannot give files.
    pub fn create_with(&self, content: &[u8], like: &Stat) -> Result<()> {
        let mut file = self.folder.create_file(&self.name)?;
        let private = Stat {
            mode: 0o600,
            ..*like
        };
        let written = apply_ownership(&file, &private).and_then(|()| file.write_all(content));
        let written = written.and_then(|()| file.sync_all());
        if written.is_err() {
            // The failure is told; half a file is of no use.
            self.folder.remove_temporary(&self.name).unwrap_or_default();
        }
        written.at("write", self.path())
    }

    /// Whether the folder's file system locks files for programs that ask for POSIX locks: an error where it cannot. Where no
    /// file can be made nothing is tried.
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
        self.folder.remove_temporary(&name).unwrap_or_default();
        Ok(locked?)
    }

    /// Locks the folder, where its file system knows locks, until what is returned is dropped.
    ///
    /// # Errors
    /// Another process keeps it locked for longer than `patience`.
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

    /// Puts a file with this content in its place, never half: written under a name that nobody can guess, flushed, named.
    /// Owner, group and permissions are those of `like`, where there is one.
    ///
    /// # Errors
    /// It cannot be written; or what is there belongs to a user to whom this one cannot give files.
    pub fn replace(&self, content: &[u8], like: Option<&Stat>) -> Result<()> {
        let name = temporary_name()?;
        let file = self.folder.create_file(&name)?;
        let replaced = self.write_and_rename(&name, file, content, like);
        if replaced.is_err() {
            // The failure is told; what is left is a file with a name of ours.
            self.folder.remove_temporary(&name).unwrap_or_default();
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
        self.folder.rename(name, &self.folder, &self.name)?;
        let (named, ours) = (self.folder.stat(&self.name)?, super::file::stat(&file));
        let ours = ours.at("look at", &path)?;
        if named.file_id() != ours.file_id() {
            return Err(Error::ConcurrentChange { path });
        }
        self.folder.flush()
    }

    /// Gives it another name beside it, which must be free.
    ///
    /// # Errors
    /// [`Error::ConcurrentChange`] if the name is taken; the system refused.
    pub fn rename_to(&self, other: &Self) -> Result<()> {
        self.folder
            .rename_no_replace(&self.name, &other.folder, &other.name)
    }

    /// Refuses what is no file of ours.
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

/// A name of ours that nobody can guess.
fn temporary_name() -> Result<OsString> {
    Ok(own_name::temporary(host::random_id()?))
}

/// Gives a file the owner, group and permissions of another.
fn apply_ownership(file: &File, like: &Stat) -> io::Result<()> {
    let now = super::file::stat(file)?;
    if (now.owner, now.group) != (like.owner, like.group) {
        let (owner, group) = (Uid::from_raw(like.owner), Gid::from_raw(like.group));
        let given = rustix::fs::fchown(file, Some(owner), Some(group));
        // A group that this user is not in gets nothing; a file of another user is not taken over.
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
    fn what_is_no_regular_file_is_refused_at_once() {
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
    fn a_second_name_is_refused_where_others_write() {
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
    fn a_link_that_appears_is_not_followed() {
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
