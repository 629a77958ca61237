//! An open folder. Everything in it is reached through its handle and no symbolic link is followed on the way, so that
//! work below a root stays below that root even while somebody moves things about.

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
use crate::base::timestamp::Timestamp;
use crate::base::unicode::to_nfc;

/// An open folder and the path it was opened by.
#[derive(Debug)]
pub struct Folder {
    handle: OwnedFd,
    path: PathBuf,
    /// Features of its file system, once they were asked for.
    features: OnceLock<FileSystemFeatures>,
    /// What was found out about file systems below the root that this was opened from.
    feature_cache: Arc<FeatureCache>,
}

/// How folders are opened: links are refused, and a pipe in the place of a folder does not block.
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
    /// Opens a folder that the user named; a link there is followed, because the user named it.
    ///
    /// # Errors
    /// The folder is not there or cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OPEN_FLAGS.difference(OFlags::NOFOLLOW);
        let handle = limit::open_with_retry(|| rustix::fs::openat(CWD, path, flags, Mode::empty()));
        let handle = handle.at("open", path)?;
        Ok(Self {
            handle,
            path: path.to_owned(),
            features: OnceLock::new(),
            feature_cache: Arc::default(),
        })
    }

    /// A folder that is open.
    pub(super) fn from_handle(handle: OwnedFd, path: &Path) -> Self {
        Self {
            handle,
            path: path.to_owned(),
            features: OnceLock::new(),
            feature_cache: Arc::default(),
        }
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The handle itself.
    pub(super) fn into_handle(self) -> OwnedFd {
        self.handle
    }

    /// The handle, for what else reads folders.
    pub(super) const fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Opens the folder of this name in it.
    ///
    /// # Errors
    /// It is not there, is no folder (a link to one is none), or cannot be read.
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
        Ok(self.with_shared_features(handle, path))
    }

    /// The name of an entry that has this name in another Unicode normal form; asked only where there is none of this
    /// very name.
    fn find_normalized_name(&self, name: &OsStr) -> Option<OsString> {
        if name.as_bytes().is_ascii() {
            return None;
        }
        let normalized = to_nfc(name.as_bytes());
        let mut entries = self.entry_names().ok()?.into_iter();
        entries.find(|entry| to_nfc(entry.as_bytes()) == normalized)
    }

    /// The name that an entry has here: this one, or the same in another Unicode normal form.
    pub fn existing_name(&self, name: &OsStr) -> OsString {
        if !name.as_bytes().is_ascii()
            && self.stat(name).is_err_and(|error| is_not_found(&error))
            && let Some(other) = self.find_normalized_name(name)
        {
            return other;
        }
        name.to_owned()
    }

    /// Opens a folder some levels down.
    ///
    /// # Errors
    /// As for `Self::entry`, naming the level that failed.
    pub fn open_descendant(&self, relative: &Path) -> Result<Self> {
        let mut folder = self.try_clone()?;
        for name in normal_components(relative) {
            folder = folder.open_child(name)?;
        }
        Ok(folder)
    }

    /// A second handle of the same folder.
    pub(super) fn try_clone(&self) -> Result<Self> {
        let handle = limit::open_with_retry(|| rustix::io::fcntl_dupfd_cloexec(&self.handle, 0));
        let handle = handle.at("open", &self.path)?;
        Ok(self.with_shared_features(handle, self.path.clone()))
    }

    /// A folder that shares with this one what is found out about file systems.
    pub(super) fn with_shared_features(&self, handle: OwnedFd, path: PathBuf) -> Self {
        Self {
            handle,
            path,
            features: OnceLock::new(),
            feature_cache: Arc::clone(&self.feature_cache),
        }
    }

    /// Features of its file system, once they were asked for.
    pub(super) const fn features_cell(&self) -> &OnceLock<FileSystemFeatures> {
        &self.features
    }

    /// What was found out about file systems below the same root.
    pub(super) fn feature_cache(&self) -> &FeatureCache {
        &self.feature_cache
    }

    /// Makes a folder in it with these permissions, less those the process withholds; one that is there already will
    /// do.
    ///
    /// # Errors
    /// The system refused, or something else has the name.
    pub fn ensure_folder(&self, name: &OsStr, mode: u32) -> Result<()> {
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

    /// The folder of this name, made with the permissions of `like` where there is none.
    ///
    /// # Errors
    /// It cannot be made, or something else has the name.
    pub fn open_or_create_child(&self, name: &OsStr, like: &Self) -> Result<Self> {
        match self.open_child(name) {
            Err(error) if is_not_found(&error) => {
                // Where there is an access control list the group's bits show what anybody in the list may.
                let group = acl_group_mode(like).map_or(0o777, |group| !0o070 | group);
                let mode = like.stat_self()?.mode & group | 0o700;
                self.ensure_folder(name, mode)?;
                let child = self.open_child(name)?;
                child.set_own_mode(mode)?;
                self.flush()?;
                Ok(child)
            }
            opened => opened,
        }
    }

    /// Whether a path leads to this very folder.
    pub fn is_same_as_path(&self, path: &Path) -> bool {
        let [here, there] = [rustix::fs::fstat(&self.handle), rustix::fs::stat(path)];
        here.is_ok_and(|here| {
            there.is_ok_and(|there| (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino))
        })
    }

    /// Makes a folder that must not be there yet.
    ///
    /// # Errors
    /// The name is taken, or the system refused.
    pub fn create_folder(&self, name: &OsStr, mode: u32) -> Result<()> {
        rustix::fs::mkdirat(&self.handle, name, permission_bits(mode | 0o700))
            .at("create the folder", self.path.join(name))
    }

    /// The names of all entries but `.` and `..`, in the order of the file system.
    ///
    /// # Errors
    /// The folder cannot be read.
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

    /// What the file system says of an entry; a link is not followed.
    ///
    /// # Errors
    /// The entry is not there or cannot be looked at.
    pub fn stat(&self, name: &OsStr) -> Result<Stat> {
        let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
            .at("look at", self.path.join(name))?;
        Ok(Stat::from_raw(&stat))
    }

    /// What the file system says of the folder itself.
    ///
    /// # Errors
    /// The folder is gone.
    pub fn stat_self(&self) -> Result<Stat> {
        Ok(Stat::from_raw(
            &rustix::fs::fstat(&self.handle).at("look at", &self.path)?,
        ))
    }

    /// Where a symbolic link points.
    ///
    /// # Errors
    /// It is not there or no link.
    pub fn read_link(&self, name: &OsStr) -> Result<OsString> {
        let target = rustix::fs::readlinkat(&self.handle, name, Vec::new())
            .at("read the link", self.path.join(name))?;
        Ok(OsString::from_vec(target.into_bytes()))
    }

    /// Opens a regular file for reading, and says what it is.
    ///
    /// # Errors
    /// It cannot be read, or is something else by now.
    pub fn open_file(&self, name: &OsStr) -> Result<(File, Stat)> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let spelled = self.existing_name(name);
        let handle = limit::open_with_retry(|| {
            rustix::fs::openat(&self.handle, &spelled, flags, Mode::empty())
        })
        .map_err(explain_errno)
        .at("read", &path)?;
        let stat = Stat::from_raw(&rustix::fs::fstat(&handle).at("look at", &path)?);
        if stat.kind == EntryKind::File {
            Ok((handle.into(), stat))
        } else {
            Err(Error::SourceChanged { path })
        }
    }

    /// Creates a file that must not be there yet, readable by nobody else.
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

    /// Removes a temporary file of ours.
    ///
    /// # Errors
    /// The system refused.
    pub fn remove_temporary(&self, name: &OsStr) -> Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())
            .at("remove the temporary file", self.path.join(name))
    }

    /// Removes a folder in which there is nothing; the system refuses for any other.
    ///
    /// # Errors
    /// There is something in it, it is no folder, or the system refused.
    pub fn remove_empty_folder(&self, name: &OsStr) -> Result<()> {
        rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)
            .at("remove the empty folder", self.path.join(name))
    }

    /// Sets the modification time of an entry; a link's own, not that of its target.
    ///
    /// # Errors
    /// The system refused.
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

    /// Sets the permissions of the folder itself; the group that its files inherit stays as it is. A file system
    /// without permissions keeps its own.
    ///
    /// # Errors
    /// The system refused.
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

    /// Lets this process write into the folder if it is its owner, whatever the mode says; root may anyway.
    ///
    /// # Errors
    /// The system refused.
    pub fn ensure_owner_can_write(&self) -> Result<()> {
        let stat = rustix::fs::fstat(&self.handle).at("look at", &self.path)?;
        let user = rustix::process::geteuid();
        if user.is_root() || stat.st_uid != user.as_raw() {
            return Ok(());
        }
        self.set_own_mode(self.stat_self()?.mode | 0o700)
    }

    /// Makes renames and new names in this folder survive a loss of power.
    ///
    /// # Errors
    /// The disk refused.
    pub fn flush(&self) -> Result<()> {
        match rustix::fs::fsync(&self.handle) {
            // Some network file systems cannot flush a folder and keep it safe themselves.
            Err(Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
            flushed => flushed.at("flush", &self.path),
        }
    }
}

/// Whether an error says that something is not there.
pub fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

/// The folder names of a relative path.
fn normal_components(relative: &Path) -> impl Iterator<Item = &OsStr> {
    relative
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
}

/// `Too many levels of symbolic links` is what the system says of one link that we refuse to follow.
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

/// The bits that are neither of owner, group nor others.
fn special_bits(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o7000) as rustix::fs::RawMode)
}

/// The bits that anybody may set; the system's type for them has 16 bits on some systems.
fn permission_bits(mode: u32) -> Mode {
    Mode::from_raw_mode((mode & 0o777) as rustix::fs::RawMode)
}
