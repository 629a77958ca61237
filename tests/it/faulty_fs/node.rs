//! One file, folder or link in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo};

use super::fault::{BlockFault, Faults, TimeFaults};

/// A name in a folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeEntry {
    /// The named file.
    pub(super) node: u64,
    /// ID of the name: that of its file for the first name, and another for further names.
    pub(super) number: u64,
    /// Position in listings, in the order of creation.
    pub(super) place: u64,
}

/// Kind and content of a node.
#[derive(Clone, Debug)]
pub(super) enum NodeContent {
    File(Vec<u8>),
    Folder(BTreeMap<OsString, NodeEntry>),
    Link(PathBuf),
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: NodeContent,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) accessed: SystemTime,
    pub(super) modified: SystemTime,
    pub(super) changed: SystemTime,
    /// Number of its names.
    pub(super) names: u32,
    pub(super) attributes: BTreeMap<OsString, Vec<u8>>,
    /// An old size, and the number of `stat` calls that still report it.
    lag: Option<(u64, u32)>,
    /// The content at the last flush.
    flushed: Option<Vec<u8>>,
}

impl Node {
    pub(super) fn new(content: NodeContent, mode: u32, owner: (u32, u32)) -> Self {
        let now = SystemTime::now();
        Self {
            content,
            mode: mode & 0o7777,
            owner,
            accessed: now,
            modified: now,
            changed: now,
            names: 1,
            attributes: BTreeMap::new(),
            lag: None,
            flushed: None,
        }
    }

    pub(super) const fn kind(&self) -> FileType {
        match self.content {
            NodeContent::File(_) => FileType::RegularFile,
            NodeContent::Folder(_) => FileType::Directory,
            NodeContent::Link(_) => FileType::Symlink,
        }
    }

    pub(super) fn size(&self) -> u64 {
        let size = match &self.content {
            NodeContent::File(bytes) => bytes.len(),
            NodeContent::Folder(_) => 4096,
            NodeContent::Link(target) => target.as_os_str().len(),
        };
        size as u64
    }

    /// Marks a change of the content, and starts the delay of its size.
    pub(super) fn written(&mut self, old_size: u64, lies: &Faults) {
        let now = lies.times.stored(SystemTime::now());
        self.modified = now;
        self.changed = now;
        if lies.size_lag > 0 && old_size != self.size() {
            self.lag.get_or_insert((old_size, lies.size_lag));
        }
    }

    /// Keeps the written bytes; reverts them if the flush `failed` and the file system then loses them.
    pub(super) fn flush(&mut self, failed: bool, lies: &Faults) {
        let NodeContent::File(bytes) = &mut self.content else {
            return;
        };
        if !failed {
            self.flushed = Some(bytes.clone());
        } else if lies.loses_what_failed {
            let mut kept = self.flushed.clone().unwrap_or_default();
            kept.resize(bytes.len(), 0);
            *bytes = kept;
        }
    }

    /// Returns the reported attributes with this inode number. Counts as a `stat` call.
    pub(super) fn shown(&mut self, inode: u64, lies: &Faults) -> FileAttr {
        let mut size = self.size();
        if let Some((old, looks)) = &mut self.lag {
            size = *old;
            *looks -= 1;
            if *looks == 0 {
                self.lag = None;
            }
        }
        let blocks = match lies.blocks {
            BlockFault::Honest => size.div_ceil(512),
            BlockFault::Half => size / 1024,
            BlockFault::Zero => 0,
            BlockFault::Many => size + 1000,
        };
        let mode = match (lies.modes, self.kind()) {
            (Some((files, _)), FileType::RegularFile) => files,
            (Some((_, folders)), FileType::Directory) => folders,
            _ => self.mode,
        };
        FileAttr {
            ino: INodeNo(inode),
            size,
            blocks,
            atime: lies.times.shown(self.accessed),
            mtime: lies.times.shown(self.modified),
            ctime: self.changed,
            crtime: self.changed,
            kind: self.kind(),
            perm: u16::try_from(mode).unwrap(),
            nlink: self.names,
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl TimeFaults {
    /// Returns the stored time for a set one.
    pub(super) fn stored(&self, time: SystemTime) -> SystemTime {
        let mut nanoseconds = since_1970(time);
        let step = i128::try_from(self.step.as_nanos()).unwrap();
        if step > 0 {
            let above = if self.up { step - 1 } else { 0 };
            nanoseconds = (nanoseconds + above).div_euclid(step) * step;
        }
        if let Some((first, last)) = self.range {
            let second = |second: i64| i128::from(second) * 1_000_000_000;
            nanoseconds = nanoseconds.clamp(second(first), second(last));
        }
        at(nanoseconds)
    }

    /// Returns the reported time for a stored one.
    fn shown(&self, time: SystemTime) -> SystemTime {
        at(since_1970(time) + i128::from(self.shift) * 1_000_000_000)
    }
}

/// Nanoseconds since 1970.
fn since_1970(time: SystemTime) -> i128 {
    let nanoseconds = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap();
    time.duration_since(UNIX_EPOCH)
        .map_or_else(|error| -nanoseconds(error.duration()), nanoseconds)
}

fn at(nanoseconds: i128) -> SystemTime {
    let distance = nanoseconds.unsigned_abs();
    let seconds = u64::try_from(distance / 1_000_000_000).unwrap();
    let distance = Duration::new(seconds, u32::try_from(distance % 1_000_000_000).unwrap());
    if nanoseconds < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}
