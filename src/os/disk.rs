//! The disk of a folder: work on one disk takes turns, and the kind of the disk decides the number of threads.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::disk_traffic::DiskTraffic;
use super::folder::Folder;
use crate::base::error::Result;
use crate::base::interrupt;

/// Longest wait between two checks for Ctrl-C.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Threads for a network storage: each waits for an answer most of the time.
const NETWORK_THREADS: usize = 8;

/// Most threads that make a local disk faster.
const MAX_LOCAL_THREADS: usize = 8;

/// Most threads of a walk, all of which wait for a disk most of the time.
const MAX_WALKERS: usize = 32;

/// File system types of Linux's `statfs` on a network: NFS, SMB (three generations), AFS, Ceph, 9P, FUSE.
#[cfg(target_os = "linux")]
const NETWORK_FILE_SYSTEMS: [u32; 8] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x5346_414f,
    0x00c3_6400,
    0x0102_1997,
    0x6573_5546,
];

/// A disk, a network share or a file system in memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disk {
    key: DiskKey,
    kind: DiskKind,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DiskKey {
    /// A disk of this machine, by its path in the system's list of devices.
    Block(PathBuf),
    /// A file system without a disk of its own, by its device number.
    Device(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum DiskKind {
    /// Serves many requests at once.
    SolidState,
    /// Serves one place at a time: two readers make its head travel between them.
    Rotational,
    /// Answers late, but many requests at once.
    Network,
}

/// Number of threads of a walk, and the way in which they read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkPace {
    /// Number of threads at first, and as long as none of them waits for the disk; at least 1.
    pub first: usize,
    /// Number of threads while more of them make the disk faster.
    pub most: usize,
    /// The disk says that it has a head that must travel.
    pub is_rotational: bool,
    /// The disk, if a polite walk leaves it to others as soon as they use it.
    pub polite: Option<Disk>,
}

impl WalkPace {
    /// Returns a number that never changes.
    pub const fn fixed(threads: usize) -> Self {
        Self {
            first: threads,
            most: threads,
            is_rotational: false,
            polite: None,
        }
    }

    /// Limits the number of threads, to no less than one.
    #[must_use]
    pub fn at_most(self, limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            first: self.first.clamp(1, limit),
            most: self.most.clamp(1, limit),
            ..self
        }
    }
}

impl Disk {
    /// Returns the disk of an open folder. Partitions of one disk are the same, as far as the system reports it.
    pub fn of(folder: &Folder) -> Self {
        let device = folder.stat_self().map_or(0, |stat| stat.device);
        match block_device(device) {
            Some(path) => {
                let kind = if is_rotational(&path) {
                    DiskKind::Rotational
                } else {
                    DiskKind::SolidState
                };
                Self {
                    key: DiskKey::Block(path),
                    kind,
                }
            }
            None => Self {
                key: DiskKey::Device(device),
                kind: if is_on_network(folder) {
                    DiskKind::Network
                } else {
                    DiskKind::SolidState
                },
            },
        }
    }

    /// Returns the number of threads that suits copies between two disks.
    pub fn copy_threads(&self, other: &Self) -> usize {
        /// One thread copies while the other flushes or reads back.
        const ROTATIONAL_THREADS: usize = 2;
        match (self.kind, other.kind) {
            (DiskKind::Rotational, _) | (_, DiskKind::Rotational) => ROTATIONAL_THREADS,
            (DiskKind::Network, _) | (_, DiskKind::Network) => NETWORK_THREADS,
            (DiskKind::SolidState, DiskKind::SolidState) => self.read_threads(),
        }
    }

    /// Returns the number of threads that suits a walk.
    pub fn walk_pace(&self) -> WalkPace {
        let depth = match &self.key {
            DiskKey::Block(path) => queue_depth(path),
            DiskKey::Device(_) => None,
        };
        let first = self.read_threads();
        let most = depth.map_or(MAX_WALKERS, |depth| depth.min(MAX_WALKERS));
        WalkPace {
            first,
            most: most.max(first),
            is_rotational: self.kind == DiskKind::Rotational,
            polite: None,
        }
    }

    /// Returns the pace of a walk with a number of threads that never changes.
    pub fn fixed_walk_pace(&self, threads: usize) -> WalkPace {
        WalkPace {
            is_rotational: self.kind == DiskKind::Rotational,
            ..WalkPace::fixed(threads)
        }
    }

    /// Returns the pace of a walk that leaves the disk to others: one thread.
    pub fn polite_walk_pace(&self) -> WalkPace {
        WalkPace {
            polite: Some(self.clone()),
            ..self.fixed_walk_pace(1)
        }
    }

    /// Opens the counters of what the disk reads for this thread and for others; `None` if the system does not count.
    pub fn traffic(&self) -> Option<DiskTraffic> {
        match &self.key {
            DiskKey::Block(path) => DiskTraffic::open(path),
            DiskKey::Device(_) => None,
        }
    }

    /// Returns the number of threads that suits reading files.
    pub fn read_threads(&self) -> usize {
        match self.kind {
            DiskKind::Rotational => 1,
            DiskKind::Network => NETWORK_THREADS,
            DiskKind::SolidState => thread::available_parallelism()
                .map_or(2, NonZero::get)
                .min(MAX_LOCAL_THREADS),
        }
    }
}

/// Makes work on the same disk take turns.
#[derive(Debug, Default)]
pub struct DiskLocks {
    locked: Mutex<BTreeSet<Disk>>,
    released: Condvar,
}

/// Holds the disk until it is dropped.
#[derive(Debug)]
pub struct DiskLockGuard<'a> {
    locks: &'a DiskLocks,
    disk: Disk,
}

impl DiskLocks {
    /// Waits until the disk is free.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::base::error::Error::Interrupted) while waiting.
    pub fn lock(&self, disk: Disk) -> Result<DiskLockGuard<'_>> {
        let mut taken = self.locked_disks();
        while taken.contains(&disk) {
            interrupt::check()?;
            let woken = self.released.wait_timeout(taken, POLL_INTERVAL);
            taken = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        taken.insert(disk.clone());
        Ok(DiskLockGuard { locks: self, disk })
    }

    fn locked_disks(&self) -> MutexGuard<'_, BTreeSet<Disk>> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DiskLockGuard<'_> {
    fn drop(&mut self) {
        self.locks.locked_disks().remove(&self.disk);
        self.locks.released.notify_all();
    }
}

/// Returns the disk of a device in Linux's list; for a partition, the whole disk.
#[cfg(target_os = "linux")]
fn block_device(device: u64) -> Option<PathBuf> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let link = Path::new("/sys/dev/block").join(format!("{major}:{minor}"));
    let path = fs::canonicalize(link).ok()?;
    if path.join("partition").exists() {
        path.parent().map(Path::to_owned)
    } else {
        Some(path)
    }
}

/// True if the disk has a head that must travel. A virtual machine's disk claims that without knowledge.
fn is_rotational(path: &Path) -> bool {
    let is_virtual = path.iter().any(|part| {
        let part = part.as_encoded_bytes();
        part.starts_with(b"virtio") || part.starts_with(b"vbd-")
    });
    !is_virtual
        && fs::read(path.join("queue/rotational")).is_ok_and(|answer| answer.starts_with(b"1"))
}

/// Returns the number of requests that a disk accepts at once, if the system reports it.
fn queue_depth(path: &Path) -> Option<usize> {
    let mut reports = ["device/queue_depth", "queue/nr_requests"].into_iter();
    reports.find_map(|report| {
        let depth = fs::read_to_string(path.join(report)).ok()?;
        depth.trim().parse().ok().filter(|depth| *depth > 0)
    })
}

#[cfg(not(target_os = "linux"))]
fn block_device(_device: u64) -> Option<PathBuf> {
    None
}

/// True if a folder is on a network storage, as far as the system reports it.
#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers have 32 bits, in a field that is wider and signed on most systems"
)]
fn is_on_network(folder: &Folder) -> bool {
    rustix::fs::fstatfs(folder.handle())
        .is_ok_and(|system| NETWORK_FILE_SYSTEMS.contains(&(system.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn is_on_network(_folder: &Folder) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_one_file_system_share_disk() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("a")).unwrap();
        let disk = |path: &Path| Disk::of(&Folder::open(path).unwrap());
        assert_eq!(disk(temporary.path()), disk(&temporary.path().join("a")));
        assert!(disk(temporary.path()).read_threads() >= 1);
        if cfg!(target_os = "linux") {
            assert_ne!(disk(temporary.path()), disk(Path::new("/proc")));
        }
    }

    #[test]
    fn disk_is_used_by_one_at_a_time() {
        let turns = DiskLocks::default();
        let disk = |number| Disk {
            key: DiskKey::Device(number),
            kind: DiskKind::SolidState,
        };
        let first = turns.lock(disk(1)).unwrap();
        drop(turns.lock(disk(2)).unwrap());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(turns.lock(disk(1)).unwrap()));
            thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            drop(first);
        });
    }
}
