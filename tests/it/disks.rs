//! Real small disks: full disks and unmounted disks.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::studio::{Studio, report_skip};

/// A mounted file system, unmounted when dropped.
#[derive(Debug)]
pub(crate) struct MountedDisk(PathBuf);

impl MountedDisk {
    /// Mounts a tmpfs of this size, in the syntax of `mount`. Reports a skip and returns `None` if mounting is not
    /// permitted.
    pub(crate) fn mount(studio: &Studio, path: &str, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let words = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        Self::mount_with(studio, path, words.map(OsStr::new))
    }

    /// Mounts a disk image.
    pub(crate) fn mount_image(studio: &Studio, path: &str, image: &Path) -> Option<Self> {
        let words = ["-o".as_ref(), "loop".as_ref(), image.as_os_str()];
        Self::mount_with(studio, path, words)
    }

    /// Calls `mount` with these arguments; `None` if it refuses.
    pub(crate) fn try_mount(studio: &Studio, path: &str, words: &[&OsStr]) -> Option<Self> {
        studio.folder(path);
        let path = studio.path(path);
        let mounted = studio
            .other_program("mount")
            .args(words)
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match mounted {
            Ok(status) if status.success() => Some(Self(path)),
            _ => None,
        }
    }

    /// Bind-mounts one path of a studio at another.
    pub(crate) fn bind(studio: &Studio, from: &str, to: &str) -> Option<Self> {
        let from = studio.path(from);
        Self::mount_with(studio, to, ["--bind".as_ref(), from.as_os_str()])
    }

    /// Remounts it: `ro` forbids writing, `rw` permits it.
    pub(crate) fn remount(&self, how: &str) {
        let mut command = Command::new("mount");
        command.arg("-o").arg(format!("remount,{how}")).arg(&self.0);
        assert!(command.status().unwrap().success());
    }

    /// Unmounts it at once, with everything written.
    pub(crate) fn unmount(self) {
        assert!(
            Command::new("umount")
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
        std::mem::forget(self);
    }

    fn mount_with<const N: usize>(studio: &Studio, path: &str, words: [&OsStr; N]) -> Option<Self> {
        let mounted = Self::try_mount(studio, path, &words);
        if mounted.is_none() {
            report_skip("a small disk cannot be mounted here");
        }
        mounted
    }
}

impl Drop for MountedDisk {
    fn drop(&mut self) {
        let _ended = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn unmounted_category_is_not_empty() {
    let studio = Studio::filled();
    let Some(disk) = MountedDisk::mount(&studio, "NAS/footage", "1m") else {
        return;
    };
    studio
        .file("NAS/footage/acme/spot/reel.mov", "reel")
        .file("NAS/scratch/render/acme/spot/f1.exr", "frame");
    studio.lines(&["load"]).ok();
    drop(disk);
    assert_snapshot!(studio.lines(&["load NAS", "fetch project acme/spot"]), @"
    exit 3
    --- stdout
    ┌─────────┬──────────────────┬──────────┬───────┬──────┬────────────┬───────┐
    │ storage ┆ state            ┆ projects ┆ files ┆ size ┆ unreadable ┆ time  │
    ╞═════════╪══════════════════╪══════════╪═══════╪══════╪════════════╪═══════╡
    │ NAS     ┆ not all readable ┆        1 ┆     2 ┆  9 B ┆          1 ┆ N s │
    └─────────┴──────────────────┴──────────┴───────┴──────┴────────────┴───────┘
    scanned 1 storage, 2 files, 9 B in N s
    acme/spot  3 files, 18 B
    ┌──────────┬──────────────────────┬────────────────────────────────────┐
    │ category ┆ WORK                 ┆ NAS                                │
    ╞══════════╪══════════════════════╪════════════════════════════════════╡
    │ footage  ┆ whole, 2 files, 13 B ┆ lacks 1, 1 unreadable, 1 file, 4 B │
    │ render   ┆ whole, 1 file, 5 B   ┆ whole, 1 file, 5 B                 │
    └──────────┴──────────────────────┴────────────────────────────────────┘
    policy: footage 1 of 2 copies, on WORK; NAS shares its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    policy: render 1 of 2 copies, on WORK, NAS (one medium)
        add database NAME FOLDER
    scanned: WORK, NAS just now
    --- stderr
    problem: cannot read `$STUDIO/NAS/footage`: it was a mounted file system and is not mounted now; mount it, or `load --forget` the storage if it is an ordinary folder now
    ");
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK NAS"]), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 3 failed
    failed $STUDIO/NAS/footage/acme/spot/plates: cannot read `$STUDIO/NAS/footage`: it was a mounted file system and is not mounted now; mount it, or `load --forget` the storage if it is an ordinary folder now
    failed $STUDIO/NAS/footage/acme/spot/plates/p1.exr: cannot read `$STUDIO/NAS/footage`: it was a mounted file system and is not mounted now; mount it, or `load --forget` the storage if it is an ordinary folder now
    failed $STUDIO/NAS/footage/acme/spot/reel.mov: cannot read `$STUDIO/NAS/footage`: it was a mounted file system and is not mounted now; mount it, or `load --forget` the storage if it is an ordinary folder now
    ");
    assert_snapshot!(studio.tree("NAS"), @"
    footage/
    scratch/
    scratch/render/
    scratch/render/acme/
    scratch/render/acme/spot/
    scratch/render/acme/spot/f1.exr 5
    ");
    let Some(_disk) = MountedDisk::mount(&studio, "NAS/footage", "1m") else {
        return;
    };
    studio.file("NAS/footage/acme/spot/reel.mov", "reel");
    studio
        .lines(&["load NAS", "copy acme/spot footage WORK NAS"])
        .ok();
}

#[test]
fn full_disk_is_refused_before_copying() {
    let studio = Studio::filled();
    studio.file("WORK/footage/acme/spot/large.mov", vec![1; 3_000_000]);
    let Some(_disk) = MountedDisk::mount(&studio, "NAS", "1m") else {
        return;
    };
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK NAS"]), @"
    exit 1
    --- stderr
    -c:1:29: error: not enough space on `NAS`: 3.01 MB needed at `$STUDIO/NAS`, 1.05 MB free
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: free some space there, or copy fewer projects; nothing was copied
    ");
    assert_eq!(studio.tree("NAS"), "");
}

#[test]
fn replaced_file_is_kept_across_file_systems() {
    let studio = Studio::filled();
    let Some(_disk) = MountedDisk::mount(&studio, "NAS/footage", "4m") else {
        return;
    };
    studio.file_at(
        "NAS/footage/acme/spot/reel.mov",
        "an older reel",
        crate::studio::CHANGED - 10,
    );
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK NAS"]), @"
    exit 0
    --- stdout
    copied and verified 2 files, 13 B in N s; 1 of these replaced an older version
    old versions: $STUDIO/NAS/.auto-backup/versions/RUN-1
    ");
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    .auto-backup/versions/
    .auto-backup/versions/RUN-1/
    .auto-backup/versions/RUN-1/footage/
    .auto-backup/versions/RUN-1/footage/acme/
    .auto-backup/versions/RUN-1/footage/acme/spot/
    .auto-backup/versions/RUN-1/footage/acme/spot/reel.mov 13
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/plates/
    footage/acme/spot/plates/p1.exr 9
    footage/acme/spot/reel.mov 4
    ");
}

#[test]
fn free_space_is_checked_for_versions() {
    let studio = Studio::filled();
    let (Some(_root), Some(_category)) = (
        MountedDisk::mount(&studio, "NAS", "1m"),
        MountedDisk::mount(&studio, "NAS/footage", "8m"),
    ) else {
        return;
    };
    let name = "NAS/footage/acme/spot/reel.mov";
    studio.file_at(name, vec![1; 2_000_000], crate::studio::CHANGED - 10);
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK NAS"]), @"
    exit 1
    --- stderr
    -c:1:29: error: not enough space on `NAS`: 2.00 MB needed at `$STUDIO/NAS`, 1.05 MB free
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: free some space there, or copy fewer projects; nothing was copied
    ");
    assert_eq!(studio.read(name).len(), 2_000_000);
}

/// Deleted and replaced files are copied to the versions before they are removed.
#[test]
fn removed_files_are_kept_across_file_systems() {
    const SYNC: &str = "sync all all WORK NAS --delete --force";
    let studio = Studio::new();
    let Some(_disk) = MountedDisk::mount(&studio, "NAS/footage", "4m") else {
        return;
    };
    let from = "WORK/footage/acme/spot";
    for name in ["a", "b", "c"] {
        studio.file(format!("{from}/{name}"), format!("content of {name}"));
    }
    studio.lines(&[SYNC]).ok();
    std::fs::rename(
        studio.path(from).join("a"),
        studio.path(from).join("renamed"),
    )
    .unwrap();
    studio
        .remove(format!("{from}/b"))
        .remove(format!("{from}/c"))
        .file(format!("{from}/c/inner"), "in the place of a file");
    studio.lines(&[SYNC]).ok();
    studio.lines(&[SYNC]).ok();
    let there = "NAS/footage/acme/spot";
    assert_eq!(studio.read(format!("{there}/renamed")), "content of a");
    assert_eq!(
        studio.read(format!("{there}/c/inner")),
        "in the place of a file"
    );
    assert!(!studio.path(there).join("a").exists());
    assert!(!studio.path(there).join("b").exists());
    let tree = studio.tree("NAS/.auto-backup/versions");
    for name in ["a", "b", "c"] {
        let ends = format!("spot/{name} 12");
        assert!(tree.lines().any(|line| line.ends_with(&ends)), "{tree}");
    }
}
