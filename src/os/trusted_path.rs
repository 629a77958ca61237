//! The path to a file of this program: folder by folder, and only through links of this user and of root.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::account;
use super::attribute::acl_group_mode;
use super::folder::Folder;
use super::host;
use super::limit;
use super::stat::{EntryKind, Stat};
use crate::base::error::{Error, IoResultExt as _, Result};

/// Maximum number of symbolic links on one path; more are a cycle.
const MAX_LINKS: u32 = 40;

/// Flags for opening the folders on the path: permission to enter them is enough.
#[cfg(target_os = "linux")]
const TRAVERSE_FLAGS: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// Flags for opening the folders on the path.
#[cfg(not(target_os = "linux"))]
const TRAVERSE_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Flags for opening the last folder.
const LIST_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// True for this user and for root, who can change everything.
pub fn is_us_or_root(owner: u32) -> bool {
    owner == 0 || owner == host::user_id()
}

/// True if only this user and root can change the names in a folder.
pub fn is_private(folder: &Folder) -> bool {
    const GROUP: u32 = 0o020;
    const OTHERS: u32 = 0o002;
    let Ok(stat) = folder.stat_self() else {
        return false;
    };
    // With an access control list the group bits may be those of other users.
    let is_group_private =
        || account::is_private_group(stat.group) && acl_group_mode(folder).is_none();
    is_us_or_root(stat.owner)
        && stat.mode & OTHERS == 0
        && (stat.mode & GROUP == 0 || is_group_private())
}

/// Returns the open folder that contains a file, and the name of the file. Creates missing folders if `create_missing`
/// is set.
///
/// # Errors
/// A folder is missing or cannot be opened; a link on the way belongs to another user.
pub fn open_parent(path: &Path, create_missing: bool) -> Result<(Folder, OsString)> {
    let mut walk = PathWalk::start(path)?;
    loop {
        let Some(step) = walk.rest.pop_front() else {
            return Err(io::Error::from(io::ErrorKind::IsADirectory)).at("open", path);
        };
        let name = match step {
            PathStep::Root => {
                walk.handle = open_for_traversal(CWD, "/").at("open", "/")?;
                walk.path = PathBuf::from("/");
                continue;
            }
            PathStep::Parent => OsString::from(".."),
            PathStep::Name(name) => name,
        };
        let is_last = walk.rest.is_empty();
        match walk.kind(&name)? {
            Some(EntryKind::Link) => walk.follow_link(&name, path)?,
            kind if is_last => {
                let is_folder = kind == Some(EntryKind::Folder);
                return if is_folder {
                    Err(io::Error::from(io::ErrorKind::IsADirectory)).at("open", path)
                } else {
                    Ok((walk.end()?, name))
                };
            }
            None if create_missing => walk.create_folder(&name)?,
            _ => walk.enter(&name)?,
        }
    }
}

/// Opens a folder in order to traverse it.
fn open_for_traversal(above: impl AsFd, name: impl AsRef<Path>) -> Result<OwnedFd, Errno> {
    limit::open_with_retry(|| {
        rustix::fs::openat(&above, name.as_ref(), TRAVERSE_FLAGS, Mode::empty())
    })
}

/// One part of a path.
#[derive(Debug)]
enum PathStep {
    Root,
    Parent,
    Name(OsString),
}

fn path_steps(path: &Path) -> impl DoubleEndedIterator<Item = PathStep> {
    path.components().filter_map(|component| match component {
        Component::RootDir => Some(PathStep::Root),
        Component::ParentDir => Some(PathStep::Parent),
        Component::Normal(name) => Some(PathStep::Name(name.to_owned())),
        _ => None,
    })
}

/// The folder reached so far, and the remaining parts.
#[derive(Debug)]
struct PathWalk {
    handle: OwnedFd,
    path: PathBuf,
    rest: VecDeque<PathStep>,
    links: u32,
}

impl PathWalk {
    fn start(path: &Path) -> Result<Self> {
        Ok(Self {
            handle: open_for_traversal(CWD, ".").at("open", ".")?,
            path: PathBuf::new(),
            rest: path_steps(path).collect(),
            links: 0,
        })
    }

    /// Returns the kind of an entry; `None` if it does not exist.
    fn kind(&self, name: &OsStr) -> Result<Option<EntryKind>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => {
                let stat = found.at("read the metadata of", self.path.join(name))?;
                Ok(Some(Stat::from_raw(&stat).kind))
            }
        }
    }

    fn enter(&mut self, name: &OsStr) -> Result<()> {
        let path = self.path.join(name);
        let opened = open_for_traversal(&self.handle, name);
        self.handle = opened.at("open the folder", &path)?;
        self.path = path;
        Ok(())
    }

    /// Creates a folder for this user alone; a folder that root creates in the folder of a user belongs to that user.
    fn create_folder(&mut self, name: &OsStr) -> Result<()> {
        let parent = self.open_folder()?;
        match parent
            .permit()
            .and_then(|permit| parent.create_folder(name, 0o700, &permit))
        {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        let made = parent.open_child(name)?;
        parent.assign_owner_to(&made);
        self.enter(name)
    }

    /// Follows a link.
    fn follow_link(&mut self, name: &OsStr, path: &Path) -> Result<()> {
        let link = self.path.join(name);
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(io::Error::from(Errno::LOOP)).at("open", path);
        }
        let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
            .at("read the metadata of", &link)?;
        if !is_us_or_root(Stat::from_raw(&stat).owner) {
            let why = io::Error::other("it belongs to another user");
            return Err(why).at("follow the link", &link);
        }
        let target =
            rustix::fs::readlinkat(&self.handle, name, Vec::new()).at("read the link", &link)?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        for step in path_steps(&target).rev() {
            self.rest.push_front(step);
        }
        Ok(())
    }

    /// Opens the folder reached.
    fn open_folder(&self) -> Result<Folder> {
        let handle = limit::open_with_retry(|| {
            rustix::fs::openat(&self.handle, ".", LIST_FLAGS, Mode::empty())
        });
        let handle = handle.at("open the folder", &self.path)?;
        Ok(Folder::from_handle(handle, &self.path))
    }

    fn end(self) -> Result<Folder> {
        self.open_folder()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn own_symlinks_are_followed_to_the_end() {
        let temporary = tempfile::tempdir().unwrap();
        let top = temporary.path();
        fs::create_dir_all(top.join("a/b")).unwrap();
        symlink("../c/file", top.join("a/link")).unwrap();
        symlink("a/b/../../c", top.join("to-c")).unwrap();
        symlink("circle", top.join("circle")).unwrap();
        fs::create_dir(top.join("c")).unwrap();
        for way in ["a/link", "to-c/file", "a/b/../../c/file"] {
            let (folder, name) = open_parent(&top.join(way), false).unwrap();
            assert!(
                folder.path().ends_with("c") || folder.path().ends_with("to-c"),
                "{way}"
            );
            assert_eq!(name, "file", "{way}");
        }
        for way in ["circle", "a", "none/file"] {
            assert!(open_parent(&top.join(way), false).is_err(), "{way}");
        }
        let (folder, _) = open_parent(&top.join("new/er/file"), true).unwrap();
        assert!(is_private(&folder));
    }

    #[test]
    fn folder_writable_by_others_is_not_private() {
        let temporary = tempfile::tempdir().unwrap();
        for (mode, private) in [
            (0o755, true),
            (0o700, true),
            (0o757, false),
            (0o1777, false),
        ] {
            fs::set_permissions(temporary.path(), fs::Permissions::from_mode(mode)).unwrap();
            let folder = Folder::open(temporary.path()).unwrap();
            assert_eq!(is_private(&folder), private, "{mode:o}");
        }
    }
}
