//! The way to a file of ours: folder by folder, where only links of this user and of root are followed.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use super::account;
use super::attribute::group_mode;
use super::folder::Folder;
use super::host;
use super::limit;
use super::stat::{Kind, Stat};
use crate::base::error::{At as _, Error, Result};

/// Number of symbolic links on one way; more are a circle.
const MOST_LINKS: u32 = 40;

/// How the folders on the way are opened: one that can be entered but not listed will do.
#[cfg(target_os = "linux")]
const PASS: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// How the folders on the way are opened.
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// How the folder at the end is opened.
const LIST: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Whether a user is this one or root, whom nobody is safe from.
pub fn is_us_or_root(owner: u32) -> bool {
    owner == 0 || owner == host::user()
}

/// Whether nobody but this user and root can change which names a folder holds.
pub fn is_private(folder: &Folder) -> bool {
    const GROUP: u32 = 0o020;
    const OTHERS: u32 = 0o002;
    let Ok(stat) = folder.stat_self() else {
        return false;
    };
    // With an access control list the bits of the group may be those of anybody.
    let is_group_private = || account::is_private_group(stat.group) && group_mode(folder).is_none();
    is_us_or_root(stat.owner)
        && stat.mode & OTHERS == 0
        && (stat.mode & GROUP == 0 || is_group_private())
}

/// The folder that holds a file, open, and the file's name in it. A folder that is missing is made if `make` says so.
///
/// # Errors
/// A folder is missing or cannot be opened; a link on the way belongs to another user.
pub fn find(path: &Path, make: bool) -> Result<(Folder, OsString)> {
    let mut way = Way::begin(path)?;
    loop {
        let Some(step) = way.rest.pop_front() else {
            return Err(io::Error::from(io::ErrorKind::IsADirectory)).at("open", path);
        };
        let name = match step {
            Step::Top => {
                way.handle = pass_through(CWD, "/").at("open", "/")?;
                way.path = PathBuf::from("/");
                continue;
            }
            Step::Up => OsString::from(".."),
            Step::Name(name) => name,
        };
        let is_last = way.rest.is_empty();
        match way.kind(&name)? {
            Some(Kind::Link) => way.follow(&name, path)?,
            found if is_last => {
                let is_folder = found == Some(Kind::Folder);
                return if is_folder {
                    Err(io::Error::from(io::ErrorKind::IsADirectory)).at("open", path)
                } else {
                    Ok((way.end()?, name))
                };
            }
            None if make => way.make(&name)?,
            _ => way.enter(&name)?,
        }
    }
}

/// Opens a folder to pass through it.
fn pass_through(above: impl AsFd, name: impl AsRef<Path>) -> Result<OwnedFd, Errno> {
    limit::open(|| rustix::fs::openat(&above, name.as_ref(), PASS, Mode::empty()))
}

/// One part of a path.
#[derive(Debug)]
enum Step {
    Top,
    Up,
    Name(OsString),
}

fn steps(path: &Path) -> impl DoubleEndedIterator<Item = Step> {
    path.components().filter_map(|component| match component {
        Component::RootDir => Some(Step::Top),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Name(name.to_owned())),
        _ => None,
    })
}

/// The folder that was reached, and what is still to go.
#[derive(Debug)]
struct Way {
    handle: OwnedFd,
    path: PathBuf,
    rest: VecDeque<Step>,
    links: u32,
}

impl Way {
    fn begin(path: &Path) -> Result<Self> {
        Ok(Self {
            handle: pass_through(CWD, ".").at("open", ".")?,
            path: PathBuf::new(),
            rest: steps(path).collect(),
            links: 0,
        })
    }

    /// The kind of an entry; `None` if there is none.
    fn kind(&self, name: &OsStr) -> Result<Option<Kind>> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            found => {
                let stat = found.at("look at", self.path.join(name))?;
                Ok(Some(Stat::from_raw(&stat).kind))
            }
        }
    }

    fn enter(&mut self, name: &OsStr) -> Result<()> {
        let path = self.path.join(name);
        let opened = pass_through(&self.handle, name);
        self.handle = opened.at("open the folder", &path)?;
        self.path = path;
        Ok(())
    }

    /// Makes a folder for this user alone; what root makes in a user's folder is that user's.
    fn make(&mut self, name: &OsStr) -> Result<()> {
        let above = self.again()?;
        match above.make_new(name, 0o700) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        let made = above.child(name)?;
        above.share_owner(&made);
        self.enter(name)
    }

    /// Goes where a link leads.
    fn follow(&mut self, name: &OsStr, path: &Path) -> Result<()> {
        let link = self.path.join(name);
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(io::Error::from(Errno::LOOP)).at("open", path);
        }
        let found = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)
            .at("look at", &link)?;
        if !is_us_or_root(Stat::from_raw(&found).owner) {
            let why = io::Error::other("it belongs to another user");
            return Err(why).at("follow the link", &link);
        }
        let target =
            rustix::fs::readlinkat(&self.handle, name, Vec::new()).at("read the link", &link)?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        for step in steps(&target).rev() {
            self.rest.push_front(step);
        }
        Ok(())
    }

    /// The folder that was reached.
    fn again(&self) -> Result<Folder> {
        let handle = limit::open(|| rustix::fs::openat(&self.handle, ".", LIST, Mode::empty()));
        let handle = handle.at("open the folder", &self.path)?;
        Ok(Folder::from_handle(handle, &self.path))
    }

    fn end(self) -> Result<Folder> {
        self.again()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn links_of_ours_are_followed_to_their_end() {
        let temporary = tempfile::tempdir().unwrap();
        let top = temporary.path();
        fs::create_dir_all(top.join("a/b")).unwrap();
        symlink("../c/file", top.join("a/link")).unwrap();
        symlink("a/b/../../c", top.join("to-c")).unwrap();
        symlink("circle", top.join("circle")).unwrap();
        fs::create_dir(top.join("c")).unwrap();
        for way in ["a/link", "to-c/file", "a/b/../../c/file"] {
            let (folder, name) = find(&top.join(way), false).unwrap();
            assert!(
                folder.path().ends_with("c") || folder.path().ends_with("to-c"),
                "{way}"
            );
            assert_eq!(name, "file", "{way}");
        }
        for way in ["circle", "a", "none/file"] {
            assert!(find(&top.join(way), false).is_err(), "{way}");
        }
        let (folder, _) = find(&top.join("new/er/file"), true).unwrap();
        assert!(is_private(&folder));
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_private() {
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
