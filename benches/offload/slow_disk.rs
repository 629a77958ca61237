//! A file system in memory, mounted by FUSE, whose writes take a given time for each byte. Everything else is immediate.
//! The kernel handles locks itself; extended attributes are not supported.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::SystemTime;

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileType, INodeNo, MountOption, SessionACL,
};

use crate::slow_files::Files;

pub(crate) const BLOCK: u32 = 4096;

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub(crate) struct SlowDisk {
    folder: PathBuf,
    session: Option<BackgroundSession>,
}

impl SlowDisk {
    /// Mounts an empty one on a folder; a written byte takes this number of seconds.
    pub(crate) fn mount(folder: &Path, pace: f64) -> io::Result<Self> {
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::FSName("slow".to_owned()),
            MountOption::DefaultPermissions,
        ];
        if rustix::process::geteuid().is_root() {
            config.acl = SessionACL::All;
        }
        let tree = Tree {
            nodes: HashMap::from([(INodeNo::ROOT.0, Node::new(FileType::Directory, 0o755))]),
            last: INodeNo::ROOT.0,
        };
        let files = Files {
            pace,
            tree: Mutex::new(tree),
        };
        let session = Some(fuser::spawn_mount(files, folder, &config)?);
        let folder = folder.to_owned();
        Ok(Self { folder, session })
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        let mut umount = Command::new("umount");
        umount.arg("-l").arg(&self.folder).stderr(Stdio::null());
        // Where only `fusermount` may unmount, the end of the session does.
        let _ended = umount.status();
        drop(self.session.take());
    }
}

/// A file or a folder.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: FileType,
    pub(crate) mode: u32,
    pub(crate) modified: SystemTime,
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: BTreeMap<OsString, u64>,
}

impl Node {
    pub(crate) fn new(kind: FileType, mode: u32) -> Self {
        Self {
            kind,
            mode,
            modified: SystemTime::now(),
            bytes: Vec::new(),
            entries: BTreeMap::new(),
        }
    }

    pub(crate) fn attributes(&self, number: u64) -> FileAttr {
        let size = self.bytes.len() as u64;
        FileAttr {
            ino: INodeNo(number),
            size,
            blocks: size.div_ceil(512),
            atime: self.modified,
            mtime: self.modified,
            ctime: self.modified,
            crtime: self.modified,
            kind: self.kind,
            perm: (self.mode & 0o7777) as u16,
            nlink: 1,
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        }
    }
}

/// All files. A removed one stays, because it may be open.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: HashMap<u64, Node>,
    last: u64,
}

impl Tree {
    pub(crate) fn node(&mut self, number: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number).ok_or(Errno::ENOENT)
    }

    pub(crate) fn find(&mut self, folder: u64, name: &OsStr) -> Result<u64, Errno> {
        let entries = &self.node(folder)?.entries;
        entries.get(name).copied().ok_or(Errno::ENOENT)
    }

    pub(crate) fn attributes(&mut self, number: u64) -> Result<FileAttr, Errno> {
        Ok(self.node(number)?.attributes(number))
    }

    pub(crate) fn make(
        &mut self,
        folder: u64,
        name: &OsStr,
        node: Node,
    ) -> Result<FileAttr, Errno> {
        if self.find(folder, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.last += 1;
        let number = self.last;
        self.nodes.insert(number, node);
        self.node(folder)?.entries.insert(name.to_owned(), number);
        self.attributes(number)
    }

    pub(crate) fn remove(&mut self, folder: u64, name: &OsStr) -> Result<(), Errno> {
        let number = self.find(folder, name)?;
        if !self.node(number)?.entries.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.node(folder)?.entries.remove(name);
        Ok(())
    }

    pub(crate) fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let start = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let content = &mut self.node(number)?.bytes;
        let end = start + bytes.len();
        if start == content.len() {
            content.extend_from_slice(bytes);
        } else {
            content.resize(content.len().max(end), 0);
            content[start..end].copy_from_slice(bytes);
        }
        self.node(number)?.modified = SystemTime::now();
        Ok(())
    }
}
