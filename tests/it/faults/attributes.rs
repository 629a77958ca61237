//! Extended attributes and access control lists, on disks with and without them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::{FROM, LINE, TO, assert_accounted, assert_mirrored, has_programs};
use crate::disks::MountedDisk;
use crate::studio::{Studio, report_skip};

const LIST: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

/// Sets an attribute. Reports a skip if this machine cannot.
pub(super) fn set(path: &Path, name: &str, value: &[u8]) -> bool {
    match setxattr(path, name, value, XattrFlags::empty()) {
        Ok(()) => true,
        Err(rustix::io::Errno::NOTSUP) => {
            report_skip(&format!("no `{name}` can be given to {}", path.display()));
            false
        }
        Err(error) => panic!("{name} of {}: {error}", path.display()),
    }
}

pub(super) fn get(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 65_536];
    let length = getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(length);
    Some(value)
}

/// An access control list: one user may read and write, the owning group may read, others have no access.
fn list() -> Vec<u8> {
    const NOBODY_ELSE: u32 = u32::MAX;
    let entries: [(u16, u16, u32); 5] = [
        (1, 6, NOBODY_ELSE),
        (2, 6, 1234),
        (4, 4, NOBODY_ELSE),
        (0x10, 6, NOBODY_ELSE),
        (0x20, 0, NOBODY_ELSE),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, who) in entries {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(who.to_le_bytes());
    }
    list
}

#[test]
fn extended_attributes_are_copied() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/small"), "small")
        .file(format!("{FROM}/sub/large"), vec![7; 3 << 20])
        .file(format!("{FROM}/plain"), "plain");
    let long = vec![b'x'; 3000];
    let given = [
        ("sub", "user.colour", &b"red"[..]),
        ("sub/small", "user.empty", b""),
        ("sub/small", "user.bytes", b"\x00\xff\n"),
        ("sub/large", "user.long", &long),
        ("", "user.project", b"spot"),
    ];
    for (path, name, value) in given {
        if !set(&studio.path(FROM).join(path), name, value) || !has_programs(&["rsync"]) {
            return;
        }
    }
    assert_accounted(&studio.json(&[LINE]).ok());
    for (path, name, value) in given {
        let copied = get(&studio.path(TO).join(path), name);
        assert_eq!(copied.as_deref(), Some(value), "{name} of {path:?}");
    }
    assert_eq!(get(&studio.path(TO).join("plain"), "user.colour"), None);
    assert_mirrored(&studio);
}

#[test]
fn access_control_lists_are_copied() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "a")
        .file(format!("{FROM}/b"), "b");
    for (path, name) in [("sub/a", LIST), ("sub", LIST), ("sub", DEFAULT)] {
        if !set(&studio.path(FROM).join(path), name, &list()) || !has_programs(&["rsync"]) {
            return;
        }
    }
    assert_accounted(&studio.json(&[LINE]).ok());
    for (path, name) in [("sub/a", LIST), ("sub", LIST), ("sub", DEFAULT)] {
        let copied = get(&studio.path(TO).join(path), name);
        assert_eq!(copied.as_deref(), Some(&list()[..]), "{name} of {path}");
    }
    assert_eq!(get(&studio.path(TO).join("b"), LIST), None);
    assert_mirrored(&studio);
}

#[test]
fn missing_acl_support_never_widens_group_access() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/sub/a"), "a");
    let Some(_disk) =
        MountedDisk::try_mount(&studio, "NAS", &["-t", "ramfs", "ramfs"].map(OsStr::new))
    else {
        return report_skip("a disk without attributes cannot be mounted here");
    };
    for path in ["sub/a", "sub"] {
        if !set(&studio.path(FROM).join(path), LIST, &list()) {
            return;
        }
    }
    assert!(set(&studio.path(FROM).join("sub/a"), "user.colour", b"red"));
    let mode = |path: &str| {
        fs::metadata(studio.path(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    // The group bits are the mask of the list.
    assert_eq!(mode(&format!("{FROM}/sub/a")), 0o660);
    assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(mode(&format!("{TO}/sub/a")), 0o640);
    assert_eq!(mode(&format!("{TO}/sub")) & 0o077, 0o040);
    assert_eq!(studio.read(format!("{TO}/sub/a")), "a");
    let again = assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(again["same_files"], 1);
}
