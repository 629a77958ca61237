//! Storages unlike a Unix disk: exFAT and NTFS, mounted through FUSE. They ignore case, refuse `?` and names that are
//! not UTF-8, and cannot exchange two names. exFAT has no links.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::studio::{CHANGED, Studio, report_skip};
use crate::trust::flip_bit;

const LINE: &str = "copy acme/spot footage WORK NAS";

/// A disk in a foreign format, mounted on `NAS` until dropped.
struct ForeignDisk {
    mount: PathBuf,
    device: String,
}

impl ForeignDisk {
    /// Formats a device with `format` and mounts it with `mount` and these further arguments.
    fn mount(studio: &Studio, format: &[&str], mount: &str, words: &[&str]) -> Option<Self> {
        let image = studio.path("disk.img");
        let file = fs::File::create(&image).unwrap();
        file.set_len(64 << 20).unwrap();
        let device = output(Command::new("losetup").args(["-f", "--show"]).arg(&image))?;
        let foreign = Self {
            mount: studio.path("NAS"),
            device: device.trim().to_owned(),
        };
        let (program, options) = format.split_first().unwrap();
        let made = output(Command::new(program).args(options).arg(&foreign.device));
        let mut command = Command::new(mount);
        command.arg(&foreign.device).arg(&foreign.mount).args(words);
        if made.and_then(|_| output(&mut command)).is_some() {
            return Some(foreign);
        }
        report_skip("a disk of another system cannot be mounted here");
        None
    }

    fn exfat(studio: &Studio) -> Option<Self> {
        Self::mount(studio, &["mkfs.exfat"], "mount.exfat-fuse", &[])
    }

    fn ntfs(studio: &Studio) -> Option<Self> {
        let options = ["-o", "ignore_case,windows_names"];
        Self::mount(studio, &["mkntfs", "-F", "-q"], "lowntfs-3g", &options)
    }
}

impl Drop for ForeignDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.mount).status();
        let _freed = Command::new("losetup").arg("-d").arg(&self.device).status();
    }
}

/// Returns the output of a program. Reports a skip and returns `None` if it is missing or fails.
fn output(command: &mut Command) -> Option<String> {
    let run = command.stderr(Stdio::null()).output();
    match run {
        Ok(run) if run.status.success() => Some(String::from_utf8(run.stdout).unwrap()),
        _ => {
            report_skip("a disk of another system cannot be made here");
            None
        }
    }
}

/// A studio with names that some storages cannot hold.
fn odd_names() -> Studio {
    let studio = Studio::new();
    for name in [
        "A.txt",
        "a.txt",
        "b.txt",
        "what?",
        "caf\u{e9}",
        "Plates/p",
        "plates/p",
    ] {
        studio.file(format!("WORK/footage/acme/spot/{name}"), name);
    }
    let latin = OsStr::from_bytes(b"WORK/footage/acme/spot/caf\xe9");
    studio.file(latin, "not UTF-8");
    studio
}

#[test]
fn exfat_refuses_unsupported_and_colliding_names() {
    let studio = odd_names();
    studio.link("WORK/footage/acme/spot/link", "b.txt");
    let Some(_disk) = ForeignDisk::exfat(&studio) else {
        return;
    };
    assert_snapshot!(studio.lines(&[LINE]), @r"
    exit 3
    --- stdout
    copied and verified 2 files, 10 B in N s; 1 failed; 8 refused
    refused $STUDIO/NAS/footage/acme/spot/A.txt: this storage cannot distinguish its name from `a.txt` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/Plates: this storage cannot distinguish its name from `plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/Plates/p: its folder `Plates`: this storage cannot distinguish its name from `plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/a.txt: this storage cannot distinguish its name from `A.txt` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/caf\xe9: its name is not UTF-8, and this storage does not support such names
    failed $STUDIO/NAS/footage/acme/spot/link: cannot create a symbolic link in `$STUDIO/NAS/footage/acme/spot`: the file system may not support symbolic links: Function not implemented (os error 38)
    refused $STUDIO/NAS/footage/acme/spot/plates: this storage cannot distinguish its name from `Plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/plates/p: its folder `plates`: this storage cannot distinguish its name from `Plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/what?: this storage does not support names with `?`
    ");
    assert_snapshot!(studio.tree("NAS/footage"), @"
    acme/
    acme/spot/
    acme/spot/b.txt 5
    acme/spot/café 5
    ");
}

#[test]
fn ntfs_refuses_unsupported_and_colliding_names() {
    let studio = odd_names();
    let Some(_disk) = ForeignDisk::ntfs(&studio) else {
        return;
    };
    assert_snapshot!(studio.lines(&[LINE]), @r"
    exit 3
    --- stdout
    copied and verified 2 files, 10 B in N s; 8 refused
    refused $STUDIO/NAS/footage/acme/spot/A.txt: this storage cannot distinguish its name from `a.txt` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/Plates: this storage cannot distinguish its name from `plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/Plates/p: its folder `Plates`: this storage cannot distinguish its name from `plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/a.txt: this storage cannot distinguish its name from `A.txt` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/caf\xe9: its name is not UTF-8, and this storage does not support such names
    refused $STUDIO/NAS/footage/acme/spot/plates: this storage cannot distinguish its name from `Plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/plates/p: its folder `plates`: this storage cannot distinguish its name from `Plates` in the same folder
    refused $STUDIO/NAS/footage/acme/spot/what?: this storage does not support names with `?`
    ");
}

#[test]
fn existing_name_in_other_case_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = ForeignDisk::exfat(&studio) else {
        return;
    };
    studio
        .file("NAS/footage/acme/spot/Reel.mov", "another reel")
        .file("NAS/footage/acme/spot/PLATES/p2.exr", "plate two");
    assert_snapshot!(studio.lines(&[LINE]), @"
    exit 3
    --- stdout
    copied and verified 1 file, 9 B in N s; 1 refused
    refused $STUDIO/NAS/footage/acme/spot/reel.mov: this storage cannot distinguish its name from `Reel.mov` in the same folder
    ");
    // A folder in another case is the same folder there, and takes the spelling of the source.
    let names = fs::read_dir(studio.path("NAS/footage/acme/spot")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.contains(&"plates".into()), "{names:?}");
    assert_eq!(
        studio.read("NAS/footage/acme/spot/plates/p2.exr"),
        "plate two"
    );
    assert_eq!(
        studio.read("NAS/footage/acme/spot/Reel.mov"),
        "another reel"
    );
}

/// Checks that a replaced file is kept without an exchange of names, and that nothing is copied twice.
fn assert_replaced_version_is_kept(studio: &Studio) {
    studio.lines(&[LINE]).ok();
    let again = studio.lines(&[LINE]).ok();
    assert!(again.stdout.starts_with("copied 0 files"), "{again}");
    studio.file_at("WORK/footage/acme/spot/reel.mov", "new reel", CHANGED + 60);
    studio.lines(&[LINE]).ok();
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "new reel");
    let tree = studio.tree("NAS/.auto-backup/versions");
    assert!(tree.ends_with("/footage/acme/spot/reel.mov 4"), "{tree}");
    studio.lines(&["compare acme/spot footage WORK NAS"]).ok();
}

#[test]
fn replaced_file_on_exfat_is_kept() {
    let studio = Studio::filled();
    if let Some(_disk) = ForeignDisk::exfat(&studio) {
        assert_replaced_version_is_kept(&studio);
    }
}

#[test]
fn replaced_file_on_ntfs_is_kept() {
    let studio = Studio::filled();
    if let Some(_disk) = ForeignDisk::ntfs(&studio) {
        assert_replaced_version_is_kept(&studio);
    }
}

#[test]
fn foreign_disks_are_verified_healed_and_freed() {
    let reel = "NAS/footage/acme/spot/reel.mov";
    for mount in [ForeignDisk::exfat, ForeignDisk::ntfs] {
        let studio = Studio::filled();
        let Some(_disk) = mount(&studio) else {
            return;
        };
        let startup = "home/.config/auto-backup/.config";
        let lines = studio.read(startup);
        let named = lines.replace("/NAS\n", "/NAS --medium drive\n");
        let named = named.replace("/WORK\n", "/WORK --medium disk\n");
        studio.file(startup, named + "policy footage copies 1\n");
        studio.lines(&["load", LINE]).ok();
        flip_bit(&studio.path(reel), 1);
        // These programs set the time of a file once more when it is closed.
        let touch = studio
            .other_program("touch")
            .arg("-r")
            .arg(studio.path("WORK/footage/acme/spot/reel.mov"))
            .arg(studio.path(reel))
            .status();
        assert!(touch.unwrap().success());
        let found = studio.lines(&["verify in NAS"]).status(3);
        let cause = "whether the disk or a program changed it is not known";
        assert!(found.stdout.contains(cause), "{found}");
        studio.lines(&["heal acme/spot footage NAS"]).ok();
        assert_eq!(studio.read(reel), "reel");
        let freed = studio.json(&["free acme/spot footage NAS --yes"]);
        assert!(!studio.path(reel).exists(), "{freed}");
        let run = freed.document()["run"].as_i64().unwrap();
        studio.lines(&[&format!("undo {run} --yes")]).ok();
        assert_eq!(studio.read(reel), "reel");
        studio
            .lines(&["verify in NAS", "compare acme/spot footage WORK NAS"])
            .ok();
    }
}
