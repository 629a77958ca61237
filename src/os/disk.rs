//! The disk that a folder is on: what shares one must take turns, and how many threads it can keep busy.

use std::collections::BTreeSet;
use std::fs;
use std::num::{NonZero, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::folder::Folder;
use crate::base::error::Result;
use crate::base::interrupt;

/// How long is waited at once before Ctrl-C is looked for.
const STEP: Duration = Duration::from_millis(50);

/// How many threads ask a storage behind a network at once: each waits for an answer most of the time.
const NETWORK: usize = 8;

/// More threads than this no local disk is the quicker for.
const LOCAL: usize = 8;

/// The numbers of network file systems in Linux's `statfs`: NFS, SMB (three generations), AFS, Ceph, 9P, FUSE.
#[cfg(target_os = "linux")]
const NETWORKS: [u32; 8] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x5346_414f,
    0x00c3_6400,
    0x0102_1997,
    0x6573_5546,
];

/// A disk, or what stands for one: a network share, a file system in memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disk {
    key: Key,
    kind: Kind,
}

/// What tells it from others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A disk of this machine, by its folder in the system's list of devices.
    Block(PathBuf),
    /// A file system without a disk of its own, by its device number.
    Other(u64),
}

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Many at once.
    Solid,
    /// One place at a time: two readers make its head travel between them.
    Spinning,
    /// After a while, but many at once.
    Network,
}

impl Disk {
    /// The disk of an open folder; as far as the system says, partitions of one disk are one.
    pub fn of(folder: &Folder) -> Self {
        let device = folder.stat_self().map_or(0, |stat| stat.device);
        match block_device(device) {
            Some(path) => {
                let kind = if spins(&path) {
                    Kind::Spinning
                } else {
                    Kind::Solid
                };
                Self {
                    key: Key::Block(path),
                    kind,
                }
            }
            None => Self {
                key: Key::Other(device),
                kind: if is_on_network(folder) {
                    Kind::Network
                } else {
                    Kind::Solid
                },
            },
        }
    }

    /// How many threads should copy between two disks at once.
    pub fn copiers(&self, other: &Self) -> usize {
        wanted_threads().unwrap_or_else(|| self.suitable_copiers(other))
    }

    fn suitable_copiers(&self, other: &Self) -> usize {
        /// One copies while the other flushes or reads back.
        const SPINNING: usize = 2;
        match (self.kind, other.kind) {
            (Kind::Spinning, _) | (_, Kind::Spinning) => SPINNING,
            (Kind::Network, _) | (_, Kind::Network) => NETWORK,
            (Kind::Solid, Kind::Solid) => self.suitable_walkers(),
        }
    }

    /// How many threads should walk it at once.
    pub fn walkers(&self) -> usize {
        wanted_threads().unwrap_or_else(|| self.suitable_walkers())
    }

    fn suitable_walkers(&self) -> usize {
        match self.kind {
            Kind::Spinning => 1,
            Kind::Network => NETWORK,
            Kind::Solid => thread::available_parallelism()
                .map_or(2, NonZero::get)
                .min(LOCAL),
        }
    }
}

/// How many threads somebody wants on every disk; 0 for what suits the disk.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// Has every disk worked on by so many threads from now on; `None` for what suits it.
pub fn want_threads(number: Option<NonZeroUsize>) {
    WANTED.store(number.map_or(0, NonZeroUsize::get), Ordering::Relaxed);
}

fn wanted_threads() -> Option<usize> {
    Some(WANTED.load(Ordering::Relaxed)).filter(|number| *number > 0)
}

/// Lets those who share a disk take turns.
#[derive(Debug, Default)]
pub struct Turns {
    taken: Mutex<BTreeSet<Disk>>,
    freed: Condvar,
}

/// While it lives, the disk is taken.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    disk: Disk,
}

impl Turns {
    /// Waits until nobody has this disk.
    ///
    /// # Errors
    /// [`Error::Interrupted`](crate::base::error::Error::Interrupted) while waiting.
    pub fn take(&self, disk: Disk) -> Result<Turn<'_>> {
        let mut taken = self.taken();
        while taken.contains(&disk) {
            interrupt::check()?;
            let woken = self.freed.wait_timeout(taken, STEP);
            taken = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        taken.insert(disk.clone());
        Ok(Turn { turns: self, disk })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeSet<Disk>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.taken().remove(&self.disk);
        self.turns.freed.notify_all();
    }
}

/// The folder of a disk in Linux's list of devices; the whole disk for one of its partitions.
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

/// Whether a disk has a head that must travel. A virtual machine's disk says so without knowing.
fn spins(path: &Path) -> bool {
    let is_virtual = path.iter().any(|part| {
        let part = part.as_encoded_bytes();
        part.starts_with(b"virtio") || part.starts_with(b"vbd-")
    });
    !is_virtual
        && fs::read(path.join("queue/rotational")).is_ok_and(|answer| answer.starts_with(b"1"))
}

#[cfg(not(target_os = "linux"))]
fn block_device(_device: u64) -> Option<PathBuf> {
    None
}

/// Whether a folder is on a storage behind a network, as far as the system says.
#[cfg(target_os = "linux")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers have 32 bits, in a field that is wider and signed on most systems"
)]
fn is_on_network(folder: &Folder) -> bool {
    rustix::fs::fstatfs(folder.handle())
        .is_ok_and(|system| NETWORKS.contains(&(system.f_type as u32)))
}

#[cfg(not(target_os = "linux"))]
fn is_on_network(_folder: &Folder) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_folders_of_one_file_system_are_on_one_disk() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("a")).unwrap();
        let disk = |path: &Path| Disk::of(&Folder::open(path).unwrap());
        assert_eq!(disk(temporary.path()), disk(&temporary.path().join("a")));
        assert!(disk(temporary.path()).walkers() >= 1);
        if cfg!(target_os = "linux") {
            assert_ne!(disk(temporary.path()), disk(Path::new("/proc")));
        }
    }

    #[test]
    fn a_disk_is_taken_by_one_at_a_time() {
        let turns = Turns::default();
        let disk = |number| Disk {
            key: Key::Other(number),
            kind: Kind::Solid,
        };
        let first = turns.take(disk(1)).unwrap();
        drop(turns.take(disk(2)).unwrap());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(turns.take(disk(1)).unwrap()));
            thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            drop(first);
        });
    }
}
