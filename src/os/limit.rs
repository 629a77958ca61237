//! The limit of open files of this process, and the shares of copies.

use std::cell::Cell;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::base::error::Error;
use crate::base::ignore::ignore;
use crate::base::interrupt;

/// No operation needs more open files than this.
const MAX_OPEN_FILES: u64 = 16_384;

/// Assumed limit if the system reports none.
const DEFAULT_OPEN_FILES: u64 = 1024;

/// Open files of the two threads of a copy, with a reserve.
const RESERVED_HANDLES: u64 = 4096;

/// Minimum number of handles for one thread of a copy.
const MIN_HANDLES_PER_THREAD: usize = 16;

/// Handles of each further destination besides its copies: its index, root, lock and versions.
const HANDLES_PER_DESTINATION: usize = 12;

/// Number of copying threads of all destinations.
static COPY_THREADS: AtomicUsize = AtomicUsize::new(0);

/// Number of destinations of running copies.
static ACTIVE_DESTINATIONS: AtomicUsize = AtomicUsize::new(0);

/// Number of times that the system had no handle left.
static SHORTAGE_COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// True if this thread holds files that it can close when handles run short.
    static HOLDS_FILES: Cell<bool> = const { Cell::new(false) };
}

/// Grows the kernel's table of open files while the process has one thread. Later, Linux stops the process for 10 ms or
/// more each time the table doubles.
pub fn grow_file_table() {
    let last = max_open_files().min(RESERVED_HANDLES).saturating_sub(1);
    if let Ok(last) = i32::try_from(last) {
        ignore(
            rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), last),
            "the table grows later, when it must",
        );
    }
}

/// Raises the limit of open files as far as needed and permitted, and returns it.
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

/// Returns the given fraction of all handles.
pub fn handle_share(divisor: usize) -> usize {
    usize::try_from(max_open_files()).unwrap_or(usize::MAX) / divisor.max(1)
}

/// Returns the number of handles for all copies together. The rest is for walks, the index, rclone and the terminal.
fn copy_handles() -> usize {
    const OTHER_HANDLES: usize = 128;
    let destinations = ACTIVE_DESTINATIONS
        .load(Ordering::Relaxed)
        .saturating_sub(1);
    let rest = handle_share(2).min(OTHER_HANDLES) + destinations * HANDLES_PER_DESTINATION;
    handle_share(1).saturating_sub(rest)
}

/// Copying threads that one destination has reserved.
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

/// Returns the number of handles that one copying thread may hold now.
pub fn handles_per_thread() -> usize {
    copy_handles() / COPY_THREADS.load(Ordering::Relaxed).max(1)
}

/// Returns the number of times that the system had no handle left. A thread that can close files does so when it
/// changes.
pub fn shortage_count() -> u64 {
    SHORTAGE_COUNT.load(Ordering::Relaxed)
}

/// Sets whether this thread holds files that it can close; such a thread never waits for handles.
pub fn set_holds_files(holds: bool) {
    HOLDS_FILES.set(holds);
}

/// True if the error reports too many open files in this process or on this machine.
pub fn is_handle_shortage(error: &Error) -> bool {
    let (Error::Io { source, .. } | Error::Copy { source, .. }) = error else {
        return false;
    };
    let number = source.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| number == io::Error::from(*errno).raw_os_error())
}

/// Calls `open`. If no handle is left, it retries for at most a second while other threads close files.
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
    fn file_table_is_reserved_at_full_size() {
        grow_file_table();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        let size: u64 = size.unwrap().trim().parse().unwrap();
        assert!(size >= RESERVED_HANDLES.min(max_open_files()), "{size}");
    }

    #[test]
    fn handle_shortage_is_retried_unless_files_are_held() {
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
