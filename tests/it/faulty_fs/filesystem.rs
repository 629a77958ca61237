//! Replies to the kernel's requests.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

use fuser::{
    BsdFileFlags, CopyFileRangeFlags, Errno, FileHandle, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, RenameFlags, ReplyAttr,
    ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{FallocateFlags, FileType as Kind};

use super::fault::FuseOperation;
use super::node::{Node, NodeContent};
use super::reply::{NOT_AT_ALL, attributes, data, empty, entry, opened, sized, written};
use super::state::{AttributeChanges, FaultyState};
use super::tree::FuseResult;

/// `lseek` for data.
const SEEK_DATA: i32 = 3;

#[derive(Debug)]
pub(super) struct FaultyFs(pub(super) Arc<Mutex<FaultyState>>);

impl FaultyFs {
    fn state(&self) -> MutexGuard<'_, FaultyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_flags(&self) -> FopenFlags {
        // With its cache, the kernel fills short reads with zeros, and reads what was written by itself.
        let lies = &self.state().lies;
        if lies.short_reads.is_some() || lies.uploads_on_close {
            FopenFlags::FOPEN_DIRECT_IO
        } else {
            FopenFlags::empty()
        }
    }

    fn remove(&self, operation: FuseOperation, parent: INodeNo, name: &OsStr) -> FuseResult<()> {
        let mut state = self.state();
        state.call(operation)?;
        let FaultyState { tree, lies, .. } = &mut *state;
        tree.remove((parent.0, name), lies)
    }
}

fn owner(request: &Request) -> (u32, u32) {
    (request.uid(), request.gid())
}

impl Filesystem for FaultyFs {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.state();
        let found = state.call(FuseOperation::Lookup);
        let found = found.and_then(|()| state.tree.find((parent.0, name), &state.lies));
        let found = found.and_then(|found| state.entry(&found));
        let delay = state.lies.lookup_delay;
        if delay.is_zero() {
            entry(reply, found);
            return;
        }
        let [now, most] = &mut state.lookups;
        *now += 1;
        *most = (*most).max(*now);
        drop(state);
        let shared = Arc::clone(&self.0);
        thread::spawn(move || {
            thread::sleep(delay);
            shared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .lookups[0] -= 1;
            entry(reply, found);
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let mut state = self.state();
        let called = state.call(FuseOperation::GetAttributes);
        attributes(reply, called.and_then(|()| state.attributes(ino.0)));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        accessed: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changes = AttributeChanges {
            mode,
            owner: (uid, gid),
            size,
            accessed,
            modified,
        };
        attributes(reply, self.state().change(ino.0, &changes));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        data(reply, self.state().target(ino.0));
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let node = Node::new(NodeContent::File(Vec::new()), mode, owner(request));
        let found = if Kind::from_raw_mode(mode) == Kind::RegularFile {
            let place = (parent.0, name);
            // Called for file systems that cannot create and open in one step.
            self.state().make(FuseOperation::Open, place, node)
        } else {
            Err(Errno::EPERM)
        };
        entry(reply, found);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        let content = NodeContent::Folder(std::collections::BTreeMap::new());
        let node = Node::new(content, mode, owner(request));
        let place = (parent.0, name);
        entry(
            reply,
            self.state().make(FuseOperation::MakeFolder, place, node),
        );
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.remove(FuseOperation::Unlink, parent, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(
            reply,
            self.remove(FuseOperation::RemoveFolder, parent, name),
        );
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let node = Node::new(NodeContent::Link(target.to_owned()), 0o777, owner(request));
        let place = (parent.0, name);
        entry(
            reply,
            self.state().make(FuseOperation::MakeLink, place, node),
        );
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
        let mut state = self.state();
        let called = state.call(FuseOperation::Rename);
        if !flags.is_empty() {
            state.write_as_other_machine((new_parent.0, new_name));
        }
        let FaultyState { tree, lies, .. } = &mut *state;
        let (from, to) = ((parent.0, name), (new_parent.0, new_name));
        let renamed = called.and_then(|()| {
            if flags.contains(RenameFlags::RENAME_EXCHANGE) {
                tree.exchange(from, to, lies)
            } else if flags.contains(RenameFlags::RENAME_NOREPLACE) {
                tree.rename_new(from, to, lies)
            } else {
                tree.rename(from, to, lies)
            }
        });
        empty(reply, renamed);
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.state();
        let called = state.call(FuseOperation::HardLink);
        state.write_as_other_machine((parent.0, name));
        let FaultyState { tree, lies, .. } = &mut *state;
        let linked = called.and_then(|()| tree.link(ino.0, (parent.0, name), lies));
        entry(reply, linked.and_then(|linked| state.entry(&linked)));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let called = self.state().open(ino.0);
        opened(reply, called, self.open_flags());
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let node = Node::new(NodeContent::File(Vec::new()), mode, owner(request));
        let found = self
            .state()
            .make(FuseOperation::Create, (parent.0, name), node);
        let flags = self.open_flags();
        match found {
            Ok(found) => reply.created(&NOT_AT_ALL, &found, Generation(0), FileHandle(0), flags),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let is_written = flags.acc_mode() != OpenAccMode::O_RDONLY;
        data(reply, self.state().read(ino.0, (offset, size), is_written));
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
        let delay = self.state().lies.write_delay;
        thread::sleep(delay);
        written(reply, self.state().write(ino.0, offset, bytes));
    }

    fn flush(&self, _: &Request, ino: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        empty(reply, self.state().flush(FuseOperation::Flush, ino.0));
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.state().flush(FuseOperation::SyncFile, ino.0));
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let called = self.state().call(FuseOperation::OpenFolder);
        opened(reply, called, FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        match self.state().list(ino.0, offset) {
            Ok(listed) => {
                for (inode, place, kind, name) in listed {
                    if reply.add(INodeNo(inode), place, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(errno) => reply.error(errno),
        }
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.state().call(FuseOperation::SyncFolder));
    }

    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let lies_about_locks = self
            .state()
            .lies
            .failures
            .contains_key(&FuseOperation::Lock);
        if lies_about_locks
            && config
                .add_capabilities(InitFlags::FUSE_POSIX_LOCKS)
                .is_err()
        {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if !self.state().lies.lookup_delay.is_zero()
            && config
                .add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS)
                .is_err()
        {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(())
    }

    fn setlk(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: LockOwner,
        _: u64,
        _: u64,
        _: i32,
        _: u32,
        _: bool,
        reply: ReplyEmpty,
    ) {
        match self.state().call(FuseOperation::Lock) {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match self.state().space() {
            Ok(space) => reply.statfs(
                space.blocks,
                space.free,
                space.available,
                space.files,
                space.free_files,
                space.block,
                space.name,
                space.block,
            ),
            Err(errno) => reply.error(errno),
        }
    }

    fn setxattr(
        &self,
        _: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        _: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        let name = name.to_owned();
        empty(reply, self.state().set_attribute(ino.0, name, value));
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        sized(reply, self.state().attribute(ino.0, name), size);
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        sized(reply, self.state().attribute_names(ino.0), size);
    }

    fn removexattr(&self, _: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.state().remove_attribute(ino.0, name));
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        empty(reply, self.state().allocate(ino.0, (offset, length), mode));
    }

    fn lseek(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let found = self.state().seek(ino.0, offset, whence == SEEK_DATA);
        match found {
            Ok(offset) => reply.offset(offset),
            Err(errno) => reply.error(errno),
        }
    }

    fn copy_file_range(
        &self,
        _: &Request,
        from: INodeNo,
        _: FileHandle,
        from_offset: u64,
        to: INodeNo,
        _: FileHandle,
        to_offset: u64,
        size: u64,
        _: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let mut state = self.state();
        let copied = state.copy_range((from.0, from_offset), (to.0, to_offset), size);
        written(reply, copied);
    }
}
