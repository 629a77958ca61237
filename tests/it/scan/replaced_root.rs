//! Another root in place of a database's own, without a copy before: no identity file distinguishes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;

use super::{change_counts, database_row, find_output, index, replica_state};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, Studio, report_skip};

/// Moves WORK away, and puts another folder with these files in its place.
fn replace(studio: &Studio, files: &[&str]) {
    fs::rename(studio.path("WORK"), studio.path("shelf")).unwrap();
    // If the old folder were deleted, the new one could get its inode.
    for file in files {
        studio.file(Path::new("WORK").join(file), "other");
    }
}

fn put_back(studio: &Studio) {
    studio.remove("WORK");
    fs::rename(studio.path("shelf"), studio.path("WORK")).unwrap();
}

/// True if the file system stores creation times.
fn has_births(studio: &Studio) -> bool {
    let made = studio.path("WORK").metadata().unwrap().created().is_ok();
    if !made {
        report_skip("a folder made anew: this file system does not say when folders are made");
    }
    made
}

#[test]
fn disk_with_other_projects_is_offline() {
    let studio = Studio::filled();
    studio.file("NAS/footage/other/thing/t.mov", "t");
    studio.lines(&["load"]).ok();
    let before = find_output(&studio, "find '*'");
    replace(
        &studio,
        &["footage/other/thing/t.mov", "scratch/render/x/y/z.exr"],
    );
    let loads = [
        "load WORK",
        "load WORK --project acme/spot",
        "load --category render",
    ];
    let reported = loads.map(|line| studio.lines(&[line]).status(3).stderr);
    assert_snapshot!(reported[0], @"
    problem: storage `WORK` is offline: `$STUDIO/WORK` contains none of the projects in the index: it may be another disk
    hint: mount or connect it; if this is the right disk, `load --forget WORK`, then `load WORK`
    ");
    assert!(
        reported.iter().all(|other| *other == reported[0]),
        "{reported:?}"
    );
    assert_eq!(find_output(&studio, "find '*'"), before);
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "WORK"),
        "offline 2"
    );
    assert!(
        studio
            .lines(&["list databases"])
            .ok()
            .stdout
            .contains("offline")
    );
    // Nothing is written there, and nothing there counts as the database's own.
    let tree = studio.tree("WORK");
    for line in [
        "copy other/thing footage NAS WORK",
        "copy other/thing footage WORK NAS --overwrite",
    ] {
        let copy = studio.lines(&[line]).status(1);
        assert!(copy.stderr.contains("it may be another disk"), "{copy}");
    }
    assert_eq!(studio.tree("WORK"), tree);
    put_back(&studio);
    let load = studio.json(&["load"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [0, 0, 0]);
    assert_eq!(database_row(&load, "WORK")["state"], "complete");
}

#[test]
fn forget_accepts_replaced_root() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    replace(&studio, &["footage/other/thing/t.mov"]);
    studio.lines(&["load WORK"]).status(3);
    studio.lines(&["load --forget WORK --yes"]).ok();
    let load = studio.json(&["load WORK"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [1, 0, 0]);
}

#[test]
fn recreated_root_needs_half_the_projects() {
    let studio = Studio::filled();
    if !has_births(&studio) {
        return;
    }
    studio.lines(&["load"]).ok();
    replace(
        &studio,
        &["footage/acme/spot/reel.mov", "footage/new/one/f"],
    );
    let load = studio.lines(&["load WORK"]).status(3);
    assert!(
        load.stderr.contains("contains only 1 of 4 project folders"),
        "{load}"
    );
    studio.folder("WORK/footage/acme/teaser");
    let load = studio.json(&["load WORK"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [1, 1, 4]);
    // From now on this root is the known one.
    studio
        .remove("WORK/footage/acme")
        .remove("WORK/footage/new");
    studio.file("WORK/footage/newer/one/f", "");
    let load = studio.json(&["load WORK"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [1, 0, 2]);
}

#[test]
fn known_root_may_lose_every_project() {
    let studio = Studio::filled();
    if !has_births(&studio) {
        return;
    }
    studio.lines(&["load"]).ok();
    studio.remove("WORK/footage").remove("WORK/scratch");
    studio.file("WORK/footage/new/one/f", "");
    let load = studio.json(&["load WORK"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [1, 0, 5]);
}

#[test]
fn unknown_root_id_needs_one_project() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let forget_birth = || {
        let sql = "UPDATE databases SET birth = NULL";
        index(&studio).execute(sql, []).unwrap();
        studio.reseal_index();
    };
    forget_birth();
    fs::rename(studio.path("WORK/footage"), studio.path("WORK/elsewhere")).unwrap();
    studio.file("WORK/footage/new/one/f", "");
    let load = studio.json(&["load WORK"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [1, 0, 4]);
    forget_birth();
    studio.remove("WORK/footage/new").remove("WORK/scratch");
    studio.file("WORK/footage/newer/one/f", "");
    let load = studio.lines(&["load WORK"]).status(3);
    assert!(
        load.stderr
            .contains("contains none of the projects in the index"),
        "{load}"
    );
}

#[test]
fn other_disk_at_same_mount_is_detected() {
    let studio = Studio::new();
    let Some(_first) = MountedDisk::mount(&studio, "WORK", "1m") else {
        return;
    };
    studio.file("WORK/footage/a/b/c", "x");
    studio.lines(&["load WORK"]).ok();
    let second = MountedDisk::mount(&studio, "WORK", "1m");
    studio.file("WORK/footage/d/e/f", "x");
    let other = studio.lines(&["load WORK"]).status(3);
    assert!(other.stderr.contains("it may be another disk"), "{other}");
    drop(second);
    let load = studio.json(&["load WORK"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [0, 0, 0]);
}

/// Creates a disk image, formatted at this moment.
fn formatted(studio: &Studio, name: &str) -> Option<PathBuf> {
    let path = studio.path(name);
    fs::File::create(&path).unwrap().set_len(16 << 20).unwrap();
    let mut format = Command::new("mkfs.ext4");
    format.env("E2FSPROGS_FAKE_TIME", CHANGED.to_string());
    let status = format.args(["-q", "-F"]).arg(&path).status();
    status.is_ok_and(|status| status.success()).then_some(path)
}

#[test]
fn disks_formatted_in_one_second_are_distinct() {
    let studio = Studio::new();
    let disks = ["one", "two"].map(|name| formatted(&studio, name));
    let [Some(one), Some(two)] = disks else {
        return report_skip("disks in turn: there is no mkfs.ext4");
    };
    let load = |image: &Path, file: &str| {
        let disk = MountedDisk::mount_image(&studio, "WORK", image)?;
        studio.file(Path::new("WORK").join(file), "x");
        let load = studio.json(&["load WORK"]);
        drop(disk);
        Some(load)
    };
    let Some(first) = load(&one, "footage/a/b/c") else {
        return;
    };
    assert_eq!(change_counts(&first.ok(), "WORK"), [1, 0, 0]);
    let other = load(&two, "footage/d/e/f").unwrap().status(3);
    assert!(other.stderr.contains("it may be another disk"), "{other}");
    let again = load(&one, "footage/a/b/d").unwrap().ok();
    assert_eq!(change_counts(&again, "WORK"), [1, 0, 0]);
}
