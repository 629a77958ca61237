//! File systems mounted inside projects, or at the folders of projects and clients: an unmounted one deletes nothing.

use std::fs;

use super::CheckedSync;
use crate::disks::MountedDisk;
use crate::studio::Studio;

const SPOT: &str = "WORK/footage/acme/spot";

#[track_caller]
fn sync(studio: &Studio, options: &str) -> CheckedSync {
    let run = studio.json(&[&format!("sync all all WORK NAS {options}")]);
    CheckedSync::new(run, studio.path("NAS").to_str().unwrap())
}

/// Syncs with a mount at this folder, then again without it.
fn assert_missing_mount_deletes_nothing(folder: &str, is_removed: bool) {
    let studio = Studio::filled();
    studio.folder(format!("WORK/{folder}"));
    let Some(disk) = MountedDisk::mount(&studio, &format!("WORK/{folder}"), "1m") else {
        return;
    };
    let inside = format!("{folder}/acme/spot/cache.exr");
    studio.file(format!("WORK/{inside}"), "cached");
    sync(&studio, "").assert_sent(6);
    drop(disk);
    if is_removed {
        fs::remove_dir(studio.path(format!("WORK/{folder}"))).unwrap();
    }
    studio.remove(format!("{SPOT}/reel.mov"));
    for _ in 0..2 {
        let night = sync(&studio, "--delete --force").status(3);
        assert_eq!(night.count("failed"), 1, "{night}");
        let load = studio.lines(&["load WORK"]).status(3);
        assert!(load.stderr.contains("is not mounted now"), "{load}");
    }
    assert_eq!(studio.read(format!("NAS/{inside}")), "cached");
    assert!(!studio.path("NAS/footage/acme/spot/reel.mov").exists());
    let found = studio.lines(&["find cache.exr"]).ok();
    assert_eq!(found.stdout.matches("cache.exr").count(), 2, "{found}");
    studio.lines(&["compare all footage WORK NAS"]).status(3);
    studio.lines(&["load --forget WORK --yes"]).ok();
    let deleted = sync(&studio, "--delete --force").assert_sent(0);
    assert_eq!(deleted.paths_with("deleted"), [inside]);
}

#[test]
fn missing_mount_in_project_deletes_nothing() {
    assert_missing_mount_deletes_nothing("footage/acme/spot/inner", false);
    assert_missing_mount_deletes_nothing("footage/acme/spot/inner", true);
}

#[test]
fn missing_project_mount_deletes_nothing() {
    assert_missing_mount_deletes_nothing("footage/nova/film", false);
    assert_missing_mount_deletes_nothing("footage/nova/film", true);
    assert_missing_mount_deletes_nothing("footage/nova", false);
}

#[test]
fn nothing_is_written_below_a_missing_mount() {
    let studio = Studio::filled();
    let folder = "NAS/footage/acme/spot/plates";
    studio.folder(folder);
    let Some(disk) = MountedDisk::mount(&studio, folder, "1m") else {
        return;
    };
    sync(&studio, "").assert_sent(5);
    drop(disk);
    studio.file(format!("{SPOT}/plates/new.exr"), "new");
    sync(&studio, "").status(3);
    studio.lines(&["copy all all WORK NAS"]).status(3);
    assert_eq!(fs::read_dir(studio.path(folder)).unwrap().count(), 0);
}
