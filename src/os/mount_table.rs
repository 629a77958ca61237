//! The list of mounted file systems.

use std::path::{Path, PathBuf};

/// A mounted file system.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) point: PathBuf,
    /// Its type: `ext4`, `nfs4`, `fuse.sshfs`.
    pub(super) kind: String,
    /// What is mounted: a device, `host:/path`, or a word without meaning.
    pub(super) source: String,
}

/// Returns the file system that is mounted at or above an absolute path without links; the last one of several at one point.
#[cfg(target_os = "linux")]
pub(super) fn mount_of(path: &Path) -> Option<Mount> {
    let list = std::fs::read("/proc/self/mountinfo").ok()?;
    let mounts = list.split(|byte| *byte == b'\n').filter_map(parse_mount);
    let above = mounts.filter(|mount| path.starts_with(&mount.point));
    above.max_by_key(|mount| mount.point.as_os_str().len())
}

/// Reads a line of the list.
#[cfg(target_os = "linux")]
fn parse_mount(line: &[u8]) -> Option<Mount> {
    let point = parse_mount_point(line)?;
    // A variable number of fields ends with a single `-`.
    let mut words = line.split(|byte| *byte == b' ');
    words.find(|word| *word == b"-")?;
    let mut text = || {
        let word = unescape_octal(words.next()?);
        Some(String::from_utf8_lossy(&word).into_owned())
    };
    Some(Mount {
        point,
        kind: text()?,
        source: text()?,
    })
}

/// Returns the mount points below this folder as relative paths; none if the system has no such list.
#[cfg(target_os = "linux")]
pub fn mount_points_below(root: &Path) -> Vec<PathBuf> {
    let list = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let Ok(root) = root.canonicalize() else {
        return Vec::new();
    };
    let points = list
        .split(|byte| *byte == b'\n')
        .filter_map(parse_mount_point);
    let below = points.filter_map(|point| point.strip_prefix(&root).map(Path::to_owned).ok());
    below.filter(|path| path != Path::new("")).collect()
}

/// Returns nothing: the system has no such list.
#[cfg(not(target_os = "linux"))]
pub fn mount_points_below(_root: &Path) -> Vec<PathBuf> {
    Vec::new()
}

/// Returns the mount point of a line.
#[cfg(target_os = "linux")]
fn parse_mount_point(line: &[u8]) -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    const MOUNT_POINT_FIELD: usize = 4;
    let word = line.split(|byte| *byte == b' ').nth(MOUNT_POINT_FIELD)?;
    Some(OsString::from_vec(unescape_octal(word)).into())
}

/// Decodes a word in which blanks, tabs, line feeds and backslashes are written in octal.
#[cfg(target_os = "linux")]
fn unescape_octal(mut word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    while let Some((first, rest)) = word.split_first() {
        let digits = rest.get(..3).filter(|_| *first == b'\\');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            plain.push(byte);
            word = &rest[3..];
        } else {
            plain.push(*first);
            word = rest;
        }
    }
    plain
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        let line = br"36 35 98:0 / /mnt/a\040b\134c rw,noatime - ext4 /dev/sda1 rw";
        assert_eq!(parse_mount_point(line), Some(r"/mnt/a b\c".into()));
        assert_eq!(parse_mount_point(b""), None);
        let mount = parse_mount(line).unwrap();
        assert_eq!(
            (mount.kind.as_str(), mount.source.as_str()),
            ("ext4", "/dev/sda1")
        );
    }
}
