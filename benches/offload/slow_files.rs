//! Replies of a slow disk to the kernel's requests. All others are unsupported; for `flush` and `fsync` the kernel takes that
//! as success.

use std::ffi::{OsStr, OsString};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::slow_disk::{BLOCK, Node, Tree};

/// Blocks of the file system, all of them free.
const BLOCKS: u64 = 1 << 30;

/// Lifetime in the kernel's cache: nobody else changes the files.
const CACHED: Duration = Duration::from_secs(60);

/// The files of a slow disk.
#[derive(Debug)]
pub(crate) struct Files {
    /// Seconds for a written byte.
    pub(crate) pace: f64,
    pub(crate) tree: Mutex<Tree>,
}

impl Files {
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_entry(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(found) => reply.entry(&CACHED, &found, Generation(0)),
        Err(errno) => reply.error(errno),
    }
}

fn answer(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.tree();
        let found = tree.find(parent.0, name);
        answer_entry(reply, found.and_then(|number| tree.attributes(number)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.tree().attributes(ino.0) {
            Ok(found) => reply.attr(&CACHED, &found),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.tree();
        let changed = tree.node(ino.0).map(|node| {
            node.mode = mode.unwrap_or(node.mode);
            if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
                node.bytes.resize(size, 0);
            }
            node.modified = match modified {
                Some(TimeOrNow::SpecificTime(time)) => time,
                Some(TimeOrNow::Now) => SystemTime::now(),
                None => node.modified,
            };
            node.attributes(ino.0)
        });
        match changed {
            Ok(changed) => reply.attr(&CACHED, &changed),
            Err(errno) => reply.error(errno),
        }
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let node = Node::new(FileType::Directory, mode);
        answer_entry(reply, self.tree().make(parent.0, name, node));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let node = Node::new(FileType::RegularFile, mode);
        match self.tree().make(parent.0, name, node) {
            Ok(file) => reply.created(
                &CACHED,
                &file,
                Generation(0),
                FileHandle(0),
                FopenFlags::empty(),
            ),
            Err(errno) => reply.error(errno),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.tree().remove(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.tree().remove(parent.0, name));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let mut tree = self.tree();
        if flags.contains(RenameFlags::RENAME_EXCHANGE) {
            return reply.error(Errno::EINVAL);
        }
        if flags.contains(RenameFlags::RENAME_NOREPLACE)
            && tree.find(new_parent.0, new_name).is_ok()
        {
            return reply.error(Errno::EEXIST);
        }
        let renamed = tree.find(parent.0, name).and_then(|number| {
            tree.node(parent.0)?.entries.remove(name);
            tree.node(new_parent.0)?
                .entries
                .insert(new_name.to_owned(), number);
            Ok(())
        });
        answer(reply, renamed);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.tree().node(ino.0) {
            Ok(node) => {
                let length = node.bytes.len();
                let start = usize::try_from(offset).unwrap_or(length).min(length);
                let end = length.min(start + size as usize);
                reply.data(&node.bytes[start..end]);
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        thread::sleep(Duration::from_secs_f64(self.pace * f64::from(length)));
        match self.tree().write(ino.0, offset, bytes) {
            Ok(()) => reply.written(length),
            Err(errno) => reply.error(errno),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut tree = self.tree();
        let entries: Vec<(OsString, u64)> = match tree.node(ino.0) {
            Ok(node) => node.entries.clone().into_iter().collect(),
            Err(errno) => return reply.error(errno),
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        for (place, (name, number)) in entries.into_iter().enumerate().skip(start) {
            let kind = tree
                .node(number)
                .map_or(FileType::RegularFile, |node| node.kind);
            if reply.add(INodeNo(number), place as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCK, 255, BLOCK);
    }
}
