//! The volume that holds a folder: its root, its serial number and its label.

use std::path::{Path, PathBuf};

/// A mounted file system, as far as the system reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// The serial number that formatting gave it, such as `3A5C-11F0`.
    pub serial: Option<String>,
    pub label: Option<String>,
    /// The folder where it is mounted.
    pub mount_point: Option<PathBuf>,
}

impl Volume {
    /// Returns the volume that holds a folder; `path` is absolute and has no links.
    pub fn of(path: &Path) -> Self {
        #[cfg(target_os = "linux")]
        {
            linux::volume(path)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = path;
            Self::default()
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use super::Volume;
    use crate::os::mount_table::mount_of;

    /// Folders in which the system describes block devices.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct DeviceFolders<'a> {
        /// Descriptions by device number, readable by every user.
        pub(super) descriptions: &'a Path,
        /// Links with serials and labels as names: `by-uuid` and `by-label`.
        pub(super) links: &'a Path,
    }

    pub(super) fn volume(path: &Path) -> Volume {
        let system = DeviceFolders {
            descriptions: Path::new("/run/udev/data"),
            links: Path::new("/dev/disk"),
        };
        let mount = mount_of(path);
        let device = fs::metadata(path).map_or(0, |metadata| metadata.dev());
        // Btrfs has other device numbers than its disks.
        let source = mount
            .as_ref()
            .and_then(|mount| fs::metadata(&mount.source).ok());
        let device = source.map_or(device, |source| source.rdev());
        Volume {
            mount_point: mount.map(|mount| mount.point),
            ..system.describe(device)
        }
    }

    impl DeviceFolders<'_> {
        /// Returns serial and label of the file system on a block device.
        pub(super) fn describe(self, device: u64) -> Volume {
            let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
            let described = self.descriptions.join(format!("b{major}:{minor}"));
            let text = fs::read_to_string(described).unwrap_or_default();
            let property = |key: &str| {
                let mut lines = text.lines();
                let value = lines.find_map(|line| {
                    line.strip_prefix("E:")?
                        .strip_prefix(key)?
                        .strip_prefix('=')
                });
                value.map(decode)
            };
            let link = |kind: &str| self.linked_name(kind, device).map(|name| decode(&name));
            Volume {
                serial: property("ID_FS_UUID").or_else(|| link("by-uuid")),
                label: property("ID_FS_LABEL_ENC")
                    .or_else(|| property("ID_FS_LABEL"))
                    .or_else(|| link("by-label")),
                mount_point: None,
            }
        }

        /// Returns the name of the link to a device.
        fn linked_name(self, kind: &str, device: u64) -> Option<String> {
            let links = fs::read_dir(self.links.join(kind)).ok()?;
            let mut names = links.filter_map(|link| {
                let link = link.ok()?;
                let target = fs::metadata(link.path()).ok()?;
                (target.rdev() == device).then(|| link.file_name().to_string_lossy().into_owned())
            });
            names.next()
        }
    }

    /// Decodes characters that are written as `\x20`.
    fn decode(text: &str) -> String {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let code = after.strip_prefix(b"x").and_then(|code| code.get(..2));
            let code = code.and_then(|code| std::str::from_utf8(code).ok());
            let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
            if let Some(byte) = code.filter(|_| *first == b'\\') {
                bytes.push(byte);
                rest = &after[3..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::linux::DeviceFolders;
    use super::*;

    #[test]
    fn serial_and_label_come_from_the_system() {
        let temporary = tempfile::tempdir().unwrap();
        let [descriptions, links] = ["data", "disk"].map(|name| temporary.path().join(name));
        fs::create_dir_all(&descriptions).unwrap();
        for kind in ["by-uuid", "by-label"] {
            fs::create_dir_all(links.join(kind)).unwrap();
        }
        let folders = DeviceFolders {
            descriptions: &descriptions,
            links: &links,
        };
        let device = rustix::fs::makedev(8, 17);
        assert_eq!(folders.describe(device), Volume::default());
        let text =
            "S:disk/by-uuid/3A5C-11F0\nE:ID_FS_UUID=3A5C-11F0\nE:ID_FS_LABEL_ENC=A001\\x20C2\n";
        fs::write(descriptions.join("b8:17"), text).unwrap();
        let volume = folders.describe(device);
        assert_eq!(volume.serial.as_deref(), Some("3A5C-11F0"));
        assert_eq!(volume.label.as_deref(), Some("A001 C2"));
        // Without descriptions, the links say the same. `/dev/null` stands for a device.
        symlink("/dev/null", links.join("by-uuid/1111-2222")).unwrap();
        symlink("/dev/null", links.join("by-label/B\\x2f1")).unwrap();
        let device = fs::metadata("/dev/null").unwrap().rdev();
        let volume = folders.describe(device);
        assert_eq!(volume.serial.as_deref(), Some("1111-2222"));
        assert_eq!(volume.label.as_deref(), Some("B/1"));
    }

    #[test]
    fn folder_has_a_mount_point() {
        let volume = Volume::of(Path::new("/proc/self"));
        assert_eq!(volume.mount_point.as_deref(), Some(Path::new("/proc")));
        assert_eq!(volume.serial, None);
    }
}
