//! How many files this process may hold open at once, and how copies share them.

use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::base::error::Error;
use crate::base::interrupt;

/// More than this nothing here needs.
const MAX_OPEN_FILES: u64 = 16_384;

/// Where there is no limit to be asked for.
const DEFAULT_OPEN_FILES: u64 = 1024;

/// So many open files the two threads of a copy have at once, and some more.
const RESERVED_HANDLES: u64 = 4096;

/// Handles that one thread of a copy needs to be of use.
const MIN_HANDLES_PER_THREAD: usize = 16;

/// Handles that each further destination needs beside its copies: its index, root, lock and versions.
const HANDLES_PER_DESTINATION: usize = 12;

/// Threads that copy, of all destinations.
static COPY_THREADS: AtomicUsize = AtomicUsize::new(0);

/// Destinations that are copied to.
static ACTIVE_DESTINATIONS: AtomicUsize = AtomicUsize::new(0);

/// How often the system had no handle left.
static SHORTAGE_COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this thread can close files of its own when handles run short.
    static HOLDS_FILES: Cell<bool> = const { Cell::new(false) };
}

/// Lets the system make its table of this process's open files as large as a copy needs it. It grows at once while there
/// is one thread; later a Linux makes everybody wait for all processors each time it doubles, 10 ms and more.
pub fn grow_file_table() {
    let last = max_open_files().min(RESERVED_HANDLES).saturating_sub(1);
    // Where it cannot be done it is done later.
    let _closed = i32::try_from(last)
        .is_ok_and(|last| rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), last).is_ok());
}

/// How many files may be open, after asking for as many as may be had.
pub fn max_open_files() -> u64 {
    static LIMIT: OnceLock<u64> = OnceLock::new();
    *LIMIT.get_or_init(raise_limit)
}

fn raise_limit() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let target = now.maximum.unwrap_or(MAX_OPEN_FILES).min(MAX_OPEN_FILES);
    if now.current.is_none_or(|current| current >= target) {
        return now.current.unwrap_or(MAX_OPEN_FILES).min(MAX_OPEN_FILES);
    }
    let raised = Rlimit {
        current: Some(target),
        maximum: now.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => target,
        Err(_) => now.current.unwrap_or(DEFAULT_OPEN_FILES),
    }
}

/// One part of this many of all handles.
pub fn handle_share(divisor: usize) -> usize {
    usize::try_from(max_open_files()).unwrap_or(usize::MAX) / divisor.max(1)
}

/// Handles that all copies may hold together: the rest is for folders that are walked, the index, rclone and the terminal.
fn copy_handles() -> usize {
    const OTHER_HANDLES: usize = 128;
    let destinations = ACTIVE_DESTINATIONS
        .load(Ordering::Relaxed)
        .saturating_sub(1);
    let rest = handle_share(2).min(OTHER_HANDLES) + destinations * HANDLES_PER_DESTINATION;
    handle_share(1).saturating_sub(rest)
}

/// The threads that copy to one destination, as far as handles go.
#[derive(Debug)]
pub struct CopyThreads {
    count: usize,
}

impl CopyThreads {
    /// Reserves the requested threads as far as handles are available, at least one.
    pub fn reserve(requested: usize) -> Self {
        ACTIVE_DESTINATIONS.fetch_add(1, Ordering::Relaxed);
        let room = copy_handles() / MIN_HANDLES_PER_THREAD;
        let share = |others: usize| requested.min(room.saturating_sub(others)).max(1);
        // One atomic update: two destinations that start at once must not both take the same handles.
        let mut others = COPY_THREADS.load(Ordering::Relaxed);
        while let Err(current) = COPY_THREADS.compare_exchange_weak(
            others,
            others + share(others),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            others = current;
        }
        Self {
            count: share(others),
        }
    }

    /// Number of threads.
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl Drop for CopyThreads {
    fn drop(&mut self) {
        COPY_THREADS.fetch_sub(self.count, Ordering::Relaxed);
        ACTIVE_DESTINATIONS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Handles that one thread of a copy may hold now.
pub fn handles_per_thread() -> usize {
    copy_handles() / COPY_THREADS.load(Ordering::Relaxed).max(1)
}

/// How often the system had no handle left: when this changes, whoever can close files should.
pub fn shortage_count() -> u64 {
    SHORTAGE_COUNT.load(Ordering::Relaxed)
}

/// Says whether this thread holds files that it can close; then it does not wait when handles run short.
pub fn set_holds_files(holds: bool) {
    HOLDS_FILES.set(holds);
}

/// Whether something failed because this process, or the machine, has too many files open.
pub fn is_handle_shortage(error: &Error) -> bool {
    let (Error::Io { source, .. } | Error::Copy { source, .. }) = error else {
        return false;
    };
    let number = source.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| number == io::Error::from(*errno).raw_os_error())
}

/// Opens something; where no handle is left it waits, for a second at most, until others have closed theirs.
pub(super) fn open_with_retry<T>(mut open: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    const LONGEST_PAUSE: Duration = Duration::from_millis(256);
    let mut pause = Duration::from_millis(2);
    loop {
        match open() {
            Err(Errno::MFILE | Errno::NFILE)
                if pause <= LONGEST_PAUSE && !HOLDS_FILES.get() && !interrupt::is_requested() =>
            {
                SHORTAGE_COUNT.fetch_add(1, Ordering::Relaxed);
                thread::sleep(pause);
                pause *= 2;
            }
            opened => return opened,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_open_files_is_as_large_as_a_copy_needs_it() {
        grow_file_table();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        let size: u64 = size.unwrap().trim().parse().unwrap();
        assert!(size >= RESERVED_HANDLES.min(max_open_files()), "{size}");
    }

    #[test]
    fn a_shortage_is_waited_for_once() {
        let mut tries = 0;
        let opened = open_with_retry(|| {
            tries += 1;
            if tries < 3 { Err(Errno::MFILE) } else { Ok(()) }
        });
        assert_eq!((opened, tries), (Ok(()), 3));
        set_holds_files(true);
        let refused = open_with_retry(|| Err::<(), _>(Errno::NFILE));
        set_holds_files(false);
        assert_eq!(refused, Err(Errno::NFILE));
    }
}
