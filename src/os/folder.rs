//! An open folder. Its entries are reached through its handle and without following symbolic links, so that work below
//! a root stays there even while other processes rename folders.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::attribute::acl_group_mode;
use super::feature_cache::{FeatureCache, FileSystemFeatures};
use super::limit;
use super::stat::{EntryKind, Stat};
use crate::base::error::{Error, IoResultExt as _, Result};
use crate::base::lease::{WriteGuard, WritePermit};
use crate::base::timestamp::Timestamp;
use crate::base::unicode::to_nfc;

/// An open folder and the path by which it was opened.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
    path: PathBuf,
    /// Features of its file system, once requested.
    features: OnceLock<FileSystemFeatures>,
    /// Features of the file systems below the same root.
    feature_cache: Arc<FeatureCache>,
    /// The check before writes below the same root.
    guard: WriteGuard,
}

/// Flags for opening folders: links are refused, and a pipe does not block.
const OPEN_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW);

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Folder {
    /// Opens a folder that the user named. A link is followed because the user named it.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OPEN_FLAGS.difference(OFlags::NOFOLLOW);
        let handle = limit::open_with_retry(|| rustix::fs::openat(CWD, path, flags, Mode::empty()));
        let handle = handle.at("open", path)?;
        Ok(Self {
            handle,
            path: path.to_owned(),
            features: OnceLock::new(),
            feature_cache: Arc::default(),
            guard: WriteGuard::default(),
        })
    }

    pub(super) fn from_handle(handle: OwnedFd, path: &Path) -> Self {
        Self {
            handle,
            path: path.to_owned(),
            features: OnceLock::new(),
            feature_cache: Arc::default(),
            guard: WriteGuard::default(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The check before writes below the root that this folder was opened from.
    pub const fn write_guard(&self) -> &WriteGuard {
        &self.guard
    }

    /// Returns the permit for one operation below that root.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub fn permit(&self) -> Result<WritePermit> {
        self.guard.permit()
    }

    pub(super) fn into_handle(self) -> OwnedFd {
        self.handle
    }

    pub(super) const fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Opens the folder of this name inside.
    ///
    /// # Errors
    /// It does not exist, is not a folder (or is a link), or cannot be read.
    pub fn open_child(&self, name: &OsStr) -> Result<Self> {
        let mut path = self.path.join(name);
        let open = |name: &OsStr| {
            limit::open_with_retry(|| {
                rustix::fs::openat(&self.handle, name, OPEN_FLAGS, Mode::empty())
            })
        };
        let mut opened = open(name);
        if matches!(opened, Err(Errno::NOENT))
            && let Some(other) = self.find_normalized_name(name)
        {
            path = self.path.join(&other);
            opened = open(&other);
        }
        let handle = opened.map_err(explain_errno).at("open", &path)?;
        Ok(self.below_same_root(handle, path))
    }

    /// Returns the name of the entry that is the same in another Unicode normal form. Called only if no entry has this
    /// very name.
    fn find_normalized_name(&self, name: &OsStr) -> Option<OsString> {
        if name.as_bytes().is_ascii() {
            return None;
        }
        let normalized = to_nfc(name.as_bytes());
        let mut entries = self.entry_names().ok()?.into_iter();
        entries.find(|entry| to_nfc(entry.as_bytes()) == normalized)
    }

    /// Returns the name of the entry: this one, or the same in another Unicode normal form.
    pub fn existing_name(&self, name: &OsStr) -> OsString {
        if !name.as_bytes().is_ascii()
            && self.stat(name).is_err_and(|error| is_not_found(&error))
            && let Some(other) = self.find_normalized_name(name)
        {
            return other;
        }
        name.to_owned()
    }

    /// Opens a folder at this path inside.
    ///
    /// # Errors
    /// As for [`Self::open_child`], with the path that failed.
    pub fn open_descendant(&self, relative: &Path) -> Result<Self> {
        let mut folder = self.try_clone()?;
        for name in normal_components(relative) {
            folder = folder.open_child(name)?;
        }
        Ok(folder)
    }

    /// Opens the folder of a path below this one, or its nearest existing ancestor.
    pub fn open_nearest(&self, relative: &Path) -> Result<Self> {
        let mut ancestors = relative.ancestors();
        let found = ancestors.find_map(|path| self.open_descendant(path).ok());
        found.map_or_else(|| self.try_clone(), Ok)
    }

    /// Returns a second handle of the same folder.
    pub(super) fn try_clone(&self) -> Result<Self> {
        let handle = limit::open_with_retry(|| rustix::io::fcntl_dupfd_cloexec(&self.handle, 0));
        let handle = handle.at("open", &self.path)?;
        Ok(self.below_same_root(handle, self.path.clone()))
    }

    /// Returns a folder below the same root, which shares its cache of features and its guard.
    pub(super) fn below_same_root(&self, handle: OwnedFd, path: PathBuf) -> Self {
        Self {
            handle,
            path,
            features: OnceLock::new(),
            feature_cache: Arc::clone(&self.feature_cache),
            guard: self.guard.clone(),
        }
    }

    pub(super) const fn features_cell(&self) -> &OnceLock<FileSystemFeatures> {
        &self.features
    }

    pub(super) fn feature_cache(&self) -> &FeatureCache {
        &self.feature_cache
    }

    /// Creates a folder with these permissions, minus the umask; an existing folder is accepted.
    ///
    /// # Errors
    /// Another kind of entry has the name, or the system refused.
    pub fn ensure_folder(&self, name: &OsStr, mode: u32, _: &WritePermit) -> Result<()> {
        self.make_folder(name, mode)
    }

    fn make_folder(&self, name: &OsStr, mode: u32) -> Result<()> {
        match rustix::fs::mkdirat(&self.handle, name, permission_bits(mode)) {
            Err(Errno::EXIST)
                if self
                    .stat(name)
                    .is_ok_and(|stat| stat.kind == EntryKind::Folder) =>
            {
                Ok(())
            }
            done => done.at("create the folder", self.path.join(name)),
        }
    }

    /// Opens the folder of this name; creates it with the permissions of `like` if it does not exist.
    ///
    /// # Errors
    /// Another kind of entry has the name, or it cannot be created.
    pub fn open_or_create_child(&self, name: &OsStr, like: &Self, _: &WritePermit) -> Result<Self> {
        self.open_or_make_child(name, like)
    }

    /// Opens or creates a folder as [`Self::open_or_create_child`] does, for the program's own folders too.
    pub(super) fn open_or_make_child(&self, name: &OsStr, like: &Self) -> Result<Self> {
        match self.open_child(name) {
            Err(error) if is_not_found(&error) => {
                // With an access control list the group bits are its mask, not the permissions of the group.
                let group = acl_group_mode(like).map_or(0o777, |group| !0o070 | group);
                let mode = like.stat_self()?.mode & group | 0o700;
                self.make_folder(name, mode)?;
                let child = self.open_child(name)?;
                child.set_own_mode(mode)?;
                self.flush()?;
                Ok(child)
            }
            opened => opened,
        }
    }

    /// True if a path leads to this very folder.
    pub fn is_same_as_path(&self, path: &Path) -> bool {
        let [here, there] = [rustix::fs::fstat(&self.handle), rustix::fs::stat(path)];
        here.is_ok_and(|here| {
            there.is_ok_and(|there| (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
        })
    }

    /// Creates a folder.
    ///
    /// # Errors
    /// The name is taken, or the system refused.
    pub fn create_folder(&self, name: &OsStr, mode: u32, _: &WritePermit) -> Result<()> {
        rustix::fs::mkdirat(&self.handle, name, permission_bits(mode | 0o700))
            .at("create the folder", self.path.join(name))
    }

    /// Returns the names of all entries but `.` and `..`, in the order of the file system.
    pub fn entry_names(&self) -> Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.handle).at("read", &self.path)? {
            let name = entry
                .at("read", &self.path)?
                .file_name()
                .to_bytes()
                .to_owned();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// Returns the metadata of an entry; a link is not followed.
    pub fn stat(&self, name: &OsStr) -> Result<Stat> {
        let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
            .at("read the metadata of", self.path.join(name))?;
        Ok(Stat::from_raw(&stat))
    }

    /// Returns the metadata of the folder itself.
    pub fn stat_self(&self) -> Result<Stat> {
        Ok(Stat::from_raw(
            &rustix::fs::fstat(&self.handle).at("read the metadata of", &self.path)?,
        ))
    }

    /// Returns the target of a symbolic link.
    pub fn read_link(&self, name: &OsStr) -> Result<OsString> {
        let target = rustix::fs::readlinkat(&self.handle, name, Vec::new())
            .at("read the link", self.path.join(name))?;
        Ok(OsString::from_vec(target.into_bytes()))
    }

    /// Opens a regular file for reading, and returns its metadata.
    ///
    /// # Errors
    /// It cannot be read, or is no regular file any more.
    pub fn open_file(&self, name: &OsStr) -> Result<(File, Stat)> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let spelled = self.existing_name(name);
        let handle = limit::open_with_retry(|| {
            rustix::fs::openat(&self.handle, &spelled, flags, Mode::empty())
        })
        .map_err(explain_errno)
        .at("read", &path)?;
        let stat = Stat::from_raw(&rustix::fs::fstat(&handle).at("read the metadata of", &path)?);
        if stat.kind == EntryKind::File {
            Ok((handle.into(), stat))
        } else {
            Err(Error::SourceChanged { path })
        }
    }

    /// Creates a file that only this user can read.
    ///
    /// # Errors
    /// The name is taken, or the system refused.
    pub fn create_file(&self, name: &OsStr) -> Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o600);
        let created =
            limit::open_with_retry(|| rustix::fs::openat(&self.handle, name, flags, mode));
        Ok(created.at("create", self.path.join(name))?.into())
    }

    /// Creates a symbolic link.
    ///
    /// # Errors
    /// The name is taken, or the system refused.
    pub fn create_symlink(&self, name: &OsStr, target: &OsStr) -> Result<()> {
        rustix::fs::symlinkat(target, &self.handle, name)
            .at("create the link", self.path.join(name))
    }

    /// Removes a file for good.
    pub fn erase_file(&self, name: &OsStr, _: &WritePermit) -> Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())
            .at("remove", self.path.join(name))
    }

    /// Removes a temporary file of this program. It needs no permit, because no name of the user's changes.
    pub fn remove_temporary(&self, name: &OsStr) -> Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())
            .at("remove the temporary file", self.path.join(name))
    }

    /// Removes an empty folder; the system refuses any other.
    pub fn remove_empty_folder(&self, name: &OsStr, _: &WritePermit) -> Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)
            .at("remove the empty folder", self.path.join(name))
    }

    /// Sets the modification time of an entry; of a link itself, not of its target.
    pub fn set_modified(&self, name: &OsStr, modified: Timestamp) -> Result<()> {
        let timespec = Timespec {
            tv_sec: modified.seconds,
            tv_nsec: modified.nanoseconds.into(),
        };
        let times = Timestamps {
            last_access: timespec,
            last_modification: timespec,
        };
        rustix::fs::utimensat(&self.handle, name, &times, AtFlags::SYMLINK_NOFOLLOW)
            .at("set the time of", self.path.join(name))
    }

    /// Sets the permissions of the folder itself, but keeps setgid, by which new files inherit the group. A file system
    /// without permissions keeps its own.
    pub fn set_own_mode(&self, mode: u32) -> Result<()> {
        const INHERIT_GROUP: u32 = 0o2000;
        const STICKY: u32 = 0o1000;
        let kept = self.stat_self()?.mode & INHERIT_GROUP;
        let bits = permission_bits(mode).union(special_bits(kept | (mode & STICKY)));
        match rustix::fs::fchmod(&self.handle, bits) {
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
            set => set.at("set the permissions of", &self.path),
        }
    }

    /// Lets this process write into the folder if it owns it, whatever the mode is. Root needs no permission.
    pub fn ensure_owner_can_write(&self) -> Result<()> {
        let stat = rustix::fs::fstat(&self.handle).at("read the metadata of", &self.path)?;
        let user = rustix::process::geteuid();
        if user.is_root() || stat.st_uid != user.as_raw() {
            return Ok(());
        }
        self.set_own_mode(self.stat_self()?.mode | 0o700)
    }

    /// Flushes new names and renames in this folder to the disk.
    pub fn flush(&self) -> Result<()> {
        match rustix::fs::fsync(&self.handle) {
            // Some network file systems cannot flush a folder and store it safely by themselves.
            Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
            flushed => flushed.at("flush", &self.path),
        }
    }
}

/// True if the error reports a missing entry.
pub fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

/// Returns the names of a relative path.
fn normal_components(relative: &Path) -> impl Iterator<Item = &OsStr> {
    relative
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
}

/// Replaces `Too many levels of symbolic links`, which the system reports for a single link that this program refuses
/// to follow.
pub(super) fn explain_errno(errno: Errno) -> io::Error {
    match errno {
        Errno::LOOP => io::Error::other("it is a symbolic link, and links are not followed"),
        Errno::NOTDIR => io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is no folder (links to folders are not followed)",
        ),
        errno => errno.into(),
    }
}

/// Returns the setuid, setgid and sticky bits.
fn special_bits(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o7000) as rustix::fs::RawMode)
}

/// Returns the permission bits. The type of the system has 16 bits on some systems.
fn permission_bits(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o777) as rustix::fs::RawMode)
}
