//! Optional calls of a file system: extended attributes, allocation, holes.

use std::ffi::{OsStr, OsString};
use std::time::SystemTime;

use fuser::Errno;
use rustix::fs::FallocateFlags;

use super::fault::FuseOperation;
use super::state::FaultyState;
use super::tree::FuseResult;

impl FaultyState {
    /// Sets an extended attribute, but none of the system's.
    pub(super) fn set_attribute(
        &mut self,
        number: u64,
        name: OsString,
        value: &[u8],
    ) -> FuseResult<()> {
        self.call(FuseOperation::SetAttribute)?;
        if name.as_encoded_bytes().starts_with(b"system.") {
            return Err(Errno::EOPNOTSUPP);
        }
        let node = self.tree.node_mut(number)?;
        node.attributes.insert(name, value.to_vec());
        node.changed = SystemTime::now();
        Ok(())
    }

    pub(super) fn attribute(&mut self, number: u64, name: &OsStr) -> FuseResult<Vec<u8>> {
        self.call(FuseOperation::GetAttribute)?;
        let node = self.tree.node(number)?;
        node.attributes.get(name).cloned().ok_or(Errno::ENODATA)
    }

    /// Returns the names of all extended attributes, each with a final NUL.
    pub(super) fn attribute_names(&mut self, number: u64) -> FuseResult<Vec<u8>> {
        self.call(FuseOperation::ListAttributes)?;
        let mut names = Vec::new();
        for name in self.tree.node(number)?.attributes.keys() {
            names.extend(name.as_encoded_bytes());
            names.push(0);
        }
        Ok(names)
    }

    pub(super) fn remove_attribute(&mut self, number: u64, name: &OsStr) -> FuseResult<()> {
        self.call(FuseOperation::SetAttribute)?;
        let node = self.tree.node_mut(number)?;
        node.attributes.remove(name).map(drop).ok_or(Errno::ENODATA)
    }

    /// Allocates space of a file, or punches a hole.
    pub(super) fn allocate(
        &mut self,
        number: u64,
        (offset, length): (u64, u64),
        mode: FallocateFlags,
    ) -> FuseResult<()> {
        self.call(FuseOperation::Allocate)?;
        let place = |offset: u64| usize::try_from(offset).map_err(|_| Errno::EFBIG);
        let (begin, end) = (place(offset)?, place(offset.saturating_add(length))?);
        self.tree.write(number, &self.lies, |bytes| {
            if mode.contains(FallocateFlags::PUNCH_HOLE) {
                let end = end.min(bytes.len());
                bytes[begin.min(end)..end].fill(0);
            } else if !mode.contains(FallocateFlags::KEEP_SIZE) {
                bytes.resize(bytes.len().max(end), 0);
            }
        })
    }

    /// Finds the next data or hole; the only hole is behind the end.
    pub(super) fn seek(&mut self, number: u64, offset: i64, for_data: bool) -> FuseResult<i64> {
        self.call(FuseOperation::Seek)?;
        let size = i64::try_from(self.tree.bytes(number)?.len()).map_err(|_| Errno::EFBIG)?;
        match offset {
            offset if offset >= size => Err(Errno::ENXIO),
            offset if for_data => Ok(offset),
            _ => Ok(size),
        }
    }
}
