//! Sizes of files that fit into memory.

use std::fs;
use std::path::Path;

use crate::common::outcome::Outcome;

/// Returns this size, or the largest half, quarter and so on of which this number of files fits into memory beside other
/// processes.
pub(crate) fn fitting(memory: &Path, size: u64, files: u64) -> Outcome<u64> {
    const SPARE: u64 = 4 << 30;
    const SMALLEST: u64 = 1 << 20;
    let space = rustix::fs::statvfs(memory)?;
    let room = (space.f_bavail * space.f_frsize)
        .min(available())
        .saturating_sub(SPARE);
    let mut size = size;
    while size > SMALLEST && files * size > room {
        size /= 2;
    }
    Ok(size)
}

/// Returns the memory that processes can still use, in bytes.
fn available() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or(u64::MAX, |kilobytes| 1024 * kilobytes)
}
