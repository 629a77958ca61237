//! The state of a lying file system: its entries, its faults and the counted calls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::SystemTime;

use fuser::{Errno, FileAttr, FileType, TimeOrNow};

use super::fault::{Faults, FuseOperation, InodeFault, ReportedSpace};
use super::node::{Node, NodeContent, NodeEntry};
use super::tree::{EntryKey, FuseResult, NodeTree};

#[derive(Debug)]
pub(super) struct FaultyState {
    pub(super) tree: NodeTree,
    pub(super) lies: Faults,
    /// Number of calls of each operation since the faults were set.
    pub(super) calls: BTreeMap<FuseOperation, u64>,
    /// Number of files that another machine wrote since then.
    pub(super) rivals: usize,
    /// Number of `lookup` calls without a reply, now and at most since the faults were set.
    pub(super) lookups: [usize; 2],
    /// Places of the files that were created and are open, by number.
    open: BTreeMap<u64, (u64, OsString)>,
    looks: u64,
}

/// Values of `setattr`.
#[derive(Debug, Default)]
pub(super) struct AttributeChanges {
    pub(super) mode: Option<u32>,
    pub(super) owner: (Option<u32>, Option<u32>),
    pub(super) size: Option<u64>,
    pub(super) accessed: Option<TimeOrNow>,
    pub(super) modified: Option<TimeOrNow>,
}

impl FaultyState {
    pub(super) fn new(lies: Faults) -> Self {
        Self {
            tree: NodeTree::new(),
            lies,
            calls: BTreeMap::new(),
            rivals: 0,
            lookups: [0, 0],
            open: BTreeMap::new(),
            looks: 0,
        }
    }

    /// Counts a call; fails if a fault requires it.
    pub(super) fn call(&mut self, operation: FuseOperation) -> FuseResult<()> {
        let calls = self.calls.entry(operation).or_default();
        *calls += 1;
        let failure =
            self.lies.failures.get(&operation).filter(|failure| {
                *calls > failure.after && *calls - failure.after <= failure.count
            });
        failure.map_or(Ok(()), |failure| Err(failure.errno))
    }

    /// Returns the number by which the kernel refers to an entry.
    pub(super) const fn number(&self, entry: &NodeEntry) -> u64 {
        match self.lies.inodes {
            InodeFault::PerName | InodeFault::PerPath => entry.number,
            InodeFault::Stable | InodeFault::PerLook | InodeFault::Same => entry.node,
        }
    }

    /// Returns the reported inode number.
    pub(super) fn inode(&mut self, number: u64) -> u64 {
        match self.lies.inodes {
            InodeFault::Stable => self.tree.file_number(number),
            InodeFault::PerName => number,
            InodeFault::PerPath => {
                let mut hasher = DefaultHasher::new();
                self.tree.path(number).hash(&mut hasher);
                hasher.finish() >> 1
            }
            InodeFault::PerLook => {
                self.looks += 1;
                (self.looks << 32) + number
            }
            InodeFault::Same => 42,
        }
    }

    /// Returns the attributes that `stat` reports.
    pub(super) fn attributes(&mut self, number: u64) -> FuseResult<FileAttr> {
        let inode = self.inode(number);
        Ok(self.tree.node_mut(number)?.shown(inode, &self.lies))
    }

    /// Returns an entry's attributes under the number for the kernel. The reported values are computed at every
    /// request.
    pub(super) fn entry(&mut self, entry: &NodeEntry) -> FuseResult<FileAttr> {
        let number = self.number(entry);
        let node = self.tree.node(number)?.clone();
        Ok(node.clone().shown(number, &self.lies))
    }

    pub(super) fn make(
        &mut self,
        operation: FuseOperation,
        place: EntryKey<'_>,
        node: Node,
    ) -> FuseResult<FileAttr> {
        self.call(operation)?;
        let entry = self.tree.make(place, node, &self.lies)?;
        if operation == FuseOperation::Create {
            let number = self.number(&entry);
            self.open.insert(number, (place.0, place.1.to_owned()));
        }
        self.entry(&entry)
    }

    /// Opens a file, unless a fault hides it until it was closed.
    pub(super) fn open(&mut self, number: u64) -> FuseResult<()> {
        self.call(FuseOperation::Open)?;
        if self.lies.uploads_on_close && self.open.contains_key(&number) {
            return Err(Errno::ENOENT);
        }
        Ok(())
    }

    /// Creates the name of a closed file again, if a fault requires it.
    fn upload(&mut self, number: u64) -> FuseResult<()> {
        let place = self.open.remove(&number);
        if let Some((folder, name)) = place.filter(|_| self.lies.uploads_on_close) {
            let mut node = self.tree.node(number)?.clone();
            if node.names == 0 {
                node.names = 1;
                self.tree.make((folder, &name), node, &self.lies)?;
            }
        }
        Ok(())
    }

    /// Lets another machine take a free name just after the kernel's check, but never the name of a temporary file or
    /// in the program's own folder.
    pub(super) fn write_as_other_machine(&mut self, place: EntryKey<'_>) {
        let is_temporary = place.1.as_encoded_bytes().starts_with(b".auto-backup-");
        let is_own = self.tree.path(place.0).starts_with(".auto-backup");
        if let Some(content) = self.lies.rival.filter(|_| !is_temporary && !is_own) {
            let node = Node::new(NodeContent::File(content.to_vec()), 0o644, (0, 0));
            // A taken name stays.
            self.rivals += usize::from(self.tree.make(place, node, &self.lies).is_ok());
        }
    }

    pub(super) fn change(
        &mut self,
        number: u64,
        changes: &AttributeChanges,
    ) -> FuseResult<FileAttr> {
        let asked = [
            (changes.mode.is_some(), FuseOperation::SetMode),
            (changes.owner != (None, None), FuseOperation::SetOwner),
            (changes.size.is_some(), FuseOperation::SetSize),
            (changes.modified.is_some(), FuseOperation::SetTimes),
        ];
        for (is_asked, operation) in asked {
            if is_asked {
                self.call(operation)?;
            }
        }
        if let Some(size) = changes.size {
            let size = usize::try_from(size).map_err(|_| Errno::EFBIG)?;
            self.tree
                .write(number, &self.lies, |bytes| bytes.resize(size, 0))?;
        }
        let times = self.lies.times;
        let stored = |time: TimeOrNow| match time {
            TimeOrNow::SpecificTime(time) => times.stored(time),
            TimeOrNow::Now => times.stored(SystemTime::now()),
        };
        let node = self.tree.node_mut(number)?;
        if let Some(mode) = changes.mode {
            node.mode = mode & 0o7777;
        }
        node.owner.0 = changes.owner.0.unwrap_or(node.owner.0);
        node.owner.1 = changes.owner.1.unwrap_or(node.owner.1);
        if !times.ignored {
            node.accessed = changes.accessed.map_or(node.accessed, stored);
            node.modified = changes.modified.map_or(node.modified, stored);
        }
        node.changed = SystemTime::now();
        self.attributes(number)
    }

    /// Flushes a file; a failure may lose the written bytes.
    pub(super) fn flush(&mut self, operation: FuseOperation, number: u64) -> FuseResult<()> {
        let called = self.call(operation);
        let lies = &self.lies;
        // A close alone saves nothing.
        if called.is_err() || operation == FuseOperation::SyncFile {
            self.tree.node_mut(number)?.flush(called.is_err(), lies);
        }
        if operation == FuseOperation::Flush {
            self.upload(number)?;
        }
        called
    }

    pub(super) fn read(
        &mut self,
        number: u64,
        (offset, size): (u64, u32),
        is_written: bool,
    ) -> FuseResult<Vec<u8>> {
        self.call(FuseOperation::Read)?;
        if is_written && self.lies.uploads_on_close {
            return Err(Errno::EPERM);
        }
        let size = self.lies.short_reads.map_or(size, |most| most.min(size));
        let bytes = self.tree.bytes(number)?;
        let begin = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
        let end = bytes.len().min(begin + size as usize);
        Ok(bytes[begin..end].to_vec())
    }

    pub(super) fn write(&mut self, number: u64, offset: u64, data: &[u8]) -> FuseResult<u32> {
        self.call(FuseOperation::Write)?;
        self.put_bytes(number, offset, data)?;
        u32::try_from(data.len()).map_err(|_| Errno::EINVAL)
    }

    fn put_bytes(&mut self, number: u64, offset: u64, data: &[u8]) -> FuseResult<()> {
        let begin = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let end = begin + data.len();
        self.tree.write(number, &self.lies, |bytes| {
            bytes.resize(bytes.len().max(end), 0);
            bytes[begin..end].copy_from_slice(data);
        })
    }

    pub(super) fn copy_range(
        &mut self,
        (from, from_offset): (u64, u64),
        (to, to_offset): (u64, u64),
        size: u64,
    ) -> FuseResult<u32> {
        self.call(FuseOperation::CopyRange)?;
        let bytes = self.tree.bytes(from)?;
        let place =
            |offset: u64| usize::try_from(offset).map_or(bytes.len(), |at| at.min(bytes.len()));
        let data = bytes[place(from_offset)..place(from_offset.saturating_add(size))].to_vec();
        self.put_bytes(to, to_offset, &data)?;
        u32::try_from(data.len()).map_err(|_| Errno::EINVAL)
    }

    /// Lists a folder from a position on: inode numbers, positions, kinds and names.
    pub(super) fn list(
        &mut self,
        number: u64,
        from: u64,
    ) -> FuseResult<Vec<(u64, u64, FileType, OsString)>> {
        self.call(FuseOperation::ReadFolder)?;
        let listed = self.tree.list(number, from)?;
        let shown = listed.into_iter().map(|(name, entry, kind)| {
            let inode = self.inode(self.number(&entry));
            (inode, entry.place, kind, name)
        });
        Ok(shown.collect())
    }

    pub(super) fn space(&mut self) -> FuseResult<ReportedSpace> {
        self.call(FuseOperation::Space)?;
        Ok(self.lies.space.unwrap_or(ReportedSpace::HONEST))
    }

    pub(super) fn target(&mut self, number: u64) -> FuseResult<Vec<u8>> {
        self.call(FuseOperation::ReadLink)?;
        match &self.tree.node(number)?.content {
            NodeContent::Link(target) => Ok(target.clone().into_os_string().into_encoded_bytes()),
            _ => Err(Errno::EINVAL),
        }
    }
}
