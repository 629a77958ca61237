//! The list of mounted file systems.

use std::path::{Path, PathBuf};

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
    }
}
