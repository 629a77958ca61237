//! The physical things that hold a folder: disks, servers, memory. Two databases on one of them are one copy.
//!
//! A name lasts as long as the system allows: the serial number of a disk, the name of a server. Where several disks hold a
//! folder together, as in a RAID, all of them are returned.

use super::folder::Folder;

/// Returns the names of the media that hold a folder, sorted; none if the system does not report them.
pub fn media_of(folder: &Folder) -> Vec<String> {
    let device = folder.stat_self().map_or(0, |stat| stat.device);
    let mut media = system::media(device, folder.path(), 0);
    media.sort();
    media.dedup();
    media
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    /// Returns the device number, which is all that the system reports here.
    pub(super) fn media(device: u64, _folder: &Path, _depth: u8) -> Vec<String> {
        vec![format!("device {device}")]
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::{Path, PathBuf};

    use crate::os::mount_table::{Mount, mount_of};

    /// Deepest chain of devices that are made of other devices, such as a file of a RAID that holds an encrypted disk.
    const MAX_DEPTH: u8 = 8;

    /// Returns the media of a folder on a device.
    pub(super) fn media(device: u64, folder: &Path, depth: u8) -> Vec<String> {
        if let Some(path) = block_device(device) {
            return disks_of(&path, depth);
        }
        let folder = folder.canonicalize();
        let mount = folder.ok().and_then(|folder| mount_of(&folder));
        mount.map_or_else(Vec::new, |mount| media_of_mount(&mount, depth))
    }

    /// Returns the media of a file system without a device number of its own: on a network, in memory, or Btrfs and ZFS.
    fn media_of_mount(mount: &Mount, depth: u8) -> Vec<String> {
        let (kind, source) = (mount.kind.as_str(), mount.source.as_str());
        if source.starts_with("/dev/") {
            let device = fs::metadata(source).map(|metadata| metadata.rdev());
            if let Some(path) = device.ok().and_then(block_device) {
                return disks_of(&path, depth);
            }
        }
        vec![match kind {
            "tmpfs" | "ramfs" => "memory".to_owned(),
            "zfs" => {
                let pool = source.split('/').next();
                format!("zfs {}", pool.unwrap_or_default())
            }
            _ => server(source).unwrap_or_else(|| format!("{kind} {source}")),
        }]
    }

    /// Returns the server of `host:/path`, `user@host:path` or `//host/share`.
    pub(super) fn server(source: &str) -> Option<String> {
        let host = match source.strip_prefix("//") {
            Some(share) => share.split('/').next()?,
            None => source.rsplit_once(":/").or(source.rsplit_once(':'))?.0,
        };
        let host = host.rsplit('@').next().unwrap_or(host);
        (!host.is_empty()).then(|| host.to_lowercase())
    }

    /// Returns the disk of a device in the system's list; for a partition, the whole disk.
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

    /// Returns the names of the disks that a device is made of.
    fn disks_of(path: &Path, depth: u8) -> Vec<String> {
        if depth < MAX_DEPTH {
            let parts = fs::read_dir(path.join("slaves")).into_iter().flatten();
            let parts: Vec<PathBuf> = parts
                .filter_map(|part| whole_disk(&part.ok()?.path()))
                .collect();
            if !parts.is_empty() {
                let disks = parts.iter().flat_map(|part| disks_of(part, depth + 1));
                return disks.collect();
            }
            if let Some(backing) = read_line(&path.join("loop/backing_file")) {
                let backing = Path::new(&backing);
                let below = fs::metadata(backing).map(|file| media(file.dev(), backing, depth + 1));
                if let Some(media) = below.ok().filter(|media| !media.is_empty()) {
                    return media;
                }
            }
        }
        vec![disk_name(path)]
    }

    /// Returns the path of a whole disk for an entry of the system's list that may be a partition.
    fn whole_disk(entry: &Path) -> Option<PathBuf> {
        let path = entry.canonicalize().ok()?;
        if path.join("partition").exists() {
            path.parent().map(Path::to_owned)
        } else {
            Some(path)
        }
    }

    /// Returns the serial number of a disk, or else its name on this machine.
    fn disk_name(path: &Path) -> String {
        const NAMES: [&str; 4] = ["wwid", "device/wwid", "serial", "device/serial"];
        let mut names = NAMES.iter().filter_map(|name| read_line(&path.join(name)));
        let own = || path.file_name().unwrap_or_default().to_string_lossy();
        names.next().unwrap_or_else(|| own().into_owned())
    }

    /// Returns the text of a small file, without blanks around it; `None` if it is empty.
    fn read_line(path: &Path) -> Option<String> {
        let text = fs::read_to_string(path).ok()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        (!words.is_empty()).then(|| words.join(" "))
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::system::server;
    use super::*;

    #[test]
    fn folders_of_one_file_system_share_their_media() {
        let temporary = tempfile::tempdir().unwrap();
        let media = |path: &Path| media_of(&Folder::open(path).unwrap());
        let all = media(temporary.path());
        assert!(!all.is_empty());
        std::fs::create_dir(temporary.path().join("a")).unwrap();
        assert_eq!(media(&temporary.path().join("a")), all);
        assert_ne!(media(Path::new("/proc")), all);
    }

    #[test]
    fn shares_of_one_server_are_one_medium() {
        for (source, expected) in [
            ("nas:/export/studio", Some("nas")),
            ("10.0.0.7:/export", Some("10.0.0.7")),
            ("//NAS/studio", Some("nas")),
            ("kim@nas:studio", Some("nas")),
            ("[fe80::1]:/export", Some("[fe80::1]")),
            ("overlay", None),
            ("", None),
        ] {
            assert_eq!(server(source).as_deref(), expected, "{source}");
        }
    }
}
