//! How many files this process may hold open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this nothing here needs.
const ENOUGH: u64 = 16_384;

/// Where there is no limit to be asked for.
const USUAL: u64 = 1024;

/// So many open files the two threads of a copy have at once, and some more.
const RESERVED: u64 = 4096;

/// Lets the system make its table of this process's open files as large as a copy needs it. It grows at once while there
/// is one thread; later a Linux makes everybody wait for all processors each time it doubles, 10 ms and more.
pub fn reserve() {
    let last = open_files().min(RESERVED).saturating_sub(1);
    // Where it cannot be done it is done later.
    let _closed = i32::try_from(last)
        .is_ok_and(|last| rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), last).is_ok());
}

/// How many files may be open, after asking for as many as may be had.
#[must_use]
pub fn open_files() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if now.current.is_none_or(|current| current >= wanted) {
        return now.current.unwrap_or(ENOUGH).min(ENOUGH);
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: now.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(_) => now.current.unwrap_or(USUAL),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_open_files_is_as_large_as_a_copy_needs_it() {
        reserve();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        let size: u64 = size.unwrap().trim().parse().unwrap();
        assert!(size >= RESERVED.min(open_files()), "{size}");
    }
}
