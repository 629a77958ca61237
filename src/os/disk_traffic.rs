//! Bytes that a disk reads, compared with those that one thread requested: the rest is for others.

/// Counters at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficCount {
    /// Bytes that the disk read since the system started.
    disk: u64,
    /// Bytes that this thread requested from all disks.
    own: u64,
}

impl TrafficCount {
    /// Returns the number of bytes that the disk read for others since an earlier moment.
    pub const fn foreign_since(&self, earlier: &Self) -> u64 {
        let disk = self.disk.saturating_sub(earlier.disk);
        disk.saturating_sub(self.own.saturating_sub(earlier.own))
    }
}

/// Reads the counters of a disk and of the thread that opened it.
#[derive(Debug)]
pub struct DiskTraffic {
    #[cfg(target_os = "linux")]
    disk: std::fs::File,
    #[cfg(target_os = "linux")]
    own: std::fs::File,
}

#[cfg(target_os = "linux")]
impl DiskTraffic {
    /// Opens the counters of a disk, by its path in the system's list of devices. Returns `None` if the system does not
    /// count.
    pub(super) fn open(path: &std::path::Path) -> Option<Self> {
        Some(Self {
            disk: std::fs::File::open(path.join("stat")).ok()?,
            own: std::fs::File::open("/proc/thread-self/io").ok()?,
        })
    }

    /// Returns the counters; `None` if they cannot be read.
    pub fn read(&self) -> Option<TrafficCount> {
        Some(TrafficCount {
            disk: disk_bytes(&text(&self.disk)?)?,
            own: own_bytes(&text(&self.own)?)?,
        })
    }
}

#[cfg(not(target_os = "linux"))]
impl DiskTraffic {
    /// Returns `None`: the system does not count.
    pub(super) const fn open(_path: &std::path::Path) -> Option<Self> {
        None
    }

    /// Returns `None`: the system does not count.
    pub const fn read(&self) -> Option<TrafficCount> {
        None
    }
}

#[cfg(target_os = "linux")]
fn text(file: &std::fs::File) -> Option<String> {
    use std::os::unix::fs::FileExt as _;

    let mut text = [0; 512];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text[..length]).ok().map(str::to_owned)
}

/// Parses the third number of a disk's counters: sectors read, of 512 bytes on every disk.
#[cfg(target_os = "linux")]
fn disk_bytes(text: &str) -> Option<u64> {
    let sectors: u64 = text.split_ascii_whitespace().nth(2)?.parse().ok()?;
    Some(sectors * 512)
}

/// Parses the bytes that a thread requested from disks.
#[cfg(target_os = "linux")]
fn own_bytes(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("read_bytes:"))?;
    bytes.trim().parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn own_reads_are_not_foreign() {
        let count = |disk, own| TrafficCount { disk, own };
        assert_eq!(count(900, 300).foreign_since(&count(500, 100)), 200);
        assert_eq!(count(600, 300).foreign_since(&count(500, 100)), 0);
    }

    #[test]
    fn counters_are_parsed() {
        assert_eq!(disk_bytes(" 7 0 16 5 1 0 8 2 0 3 7\n"), Some(16 * 512));
        assert_eq!(disk_bytes("7 0"), None);
        let text = "rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 5\n";
        assert_eq!(own_bytes(text), Some(4096));
        assert_eq!(own_bytes("rchar: 1\n"), None);
    }
}
