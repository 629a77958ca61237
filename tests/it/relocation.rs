//! Databases that are mounted elsewhere: their identity file leads to what the index knows of them.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::studio::Studio;

const STARTUP: &str = "home/.config/auto-backup/.config";

/// A scanned studio whose NAS holds everything and has an identity file.
fn synced_studio() -> Studio {
    let studio = Studio::filled();
    studio
        .lines(&["load", "sync all all WORK NAS", "load"])
        .ok();
    studio
}

/// Moves the folder of NAS, as another mount point does.
fn mount_elsewhere(studio: &Studio) {
    fs::rename(studio.path("NAS"), studio.path("other")).unwrap();
}

fn replace_in_startup_file(studio: &Studio, from: &str, to: &str) {
    studio.file(STARTUP, studio.read(STARTUP).replace(from, to));
}

/// Scans all databases, and returns the state, files and added files of one.
fn scanned(studio: &Studio, name: &str) -> [Value; 3] {
    let answer = studio.json(&["load"]).document();
    let mut databases = answer["databases"].as_array().unwrap().iter();
    let database = databases.find(|database| database["name"] == name).unwrap();
    ["state", "files", "added"].map(|field| database[field].clone())
}

/// Returns the number of files that a sync from WORK would send.
fn unsent(studio: &Studio, to: &str) -> u64 {
    let line = format!("sync all all WORK {to} --count");
    let answer = studio.json(&[&line]).status(0).document();
    let count = |field: &str| answer[field].as_u64().unwrap();
    count("planned_files") - count("same_files")
}

/// Returns the files with this name on NAS.
fn found_on_nas(studio: &Studio, name: &str) -> usize {
    let line = format!("find {name} in NAS");
    let answer = studio.json(&[&line]).status(0).document();
    answer["files"].as_array().unwrap().len()
}

#[test]
fn replaced_root_keeps_scans_and_records() {
    let studio = synced_studio();
    mount_elsewhere(&studio);
    let run = studio
        .lines(&["add database NAS other --replace", "save"])
        .status(0);
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    NAS is now at $STUDIO/other (was $STUDIO/NAS)
    saved in $STUDIO/home/.config/auto-backup/.config: 1 line added, 1 removed
    backup: $STUDIO/home/.config/auto-backup/.config.DATE
    --- stderr
    NAS was at `$STUDIO/NAS` and is now at `$STUDIO/other`: its scans are kept
    ");
    // Known without another scan.
    assert_eq!(found_on_nas(&studio, "reel.mov"), 1);
    assert_eq!(unsent(&studio, "NAS"), 0);
    assert_eq!(
        scanned(&studio, "NAS"),
        [json!("complete"), json!(5), json!(0)]
    );
    let compared = studio
        .json(&["compare acme/spot WORK NAS --checksum"])
        .ok()
        .document();
    assert_eq!(compared["same"], 3);
}

#[test]
fn startup_file_with_another_root_keeps_scans() {
    let studio = synced_studio();
    mount_elsewhere(&studio);
    replace_in_startup_file(&studio, "../NAS", "../other");
    let run = studio.lines(&["find reel.mov in NAS"]).status(0);
    assert!(run.stderr.contains("its scans are kept"), "{run}");
    let again = studio.lines(&["find reel.mov in NAS"]).status(0);
    assert_eq!(again.stderr, "");
    assert_eq!(unsent(&studio, "NAS"), 0);
    // Back again, as from another machine with the same index.
    fs::rename(studio.path("other"), studio.path("NAS")).unwrap();
    replace_in_startup_file(&studio, "../other", "../NAS");
    assert_eq!(
        scanned(&studio, "NAS"),
        [json!("complete"), json!(5), json!(0)]
    );
}

#[test]
fn source_at_another_root_sends_nothing_again() {
    let studio = synced_studio();
    // WORK gets an identity by a copy to it.
    studio.file("NAS/footage/acme/extra/x.mov", "x");
    studio
        .lines(&[
            "copy acme/extra footage NAS WORK",
            "sync all all WORK NAS",
            "load",
        ])
        .ok();
    fs::rename(studio.path("WORK"), studio.path("work2")).unwrap();
    replace_in_startup_file(&studio, "../WORK", "../work2");
    fs::rename(
        studio.path("work2/footage/acme/spot/reel.mov"),
        studio.path("work2/footage/acme/spot/r2.mov"),
    )
    .unwrap();
    // The record of sent files shows that the old name was sent from here.
    let answer = studio.json(&["sync all all WORK NAS"]).status(0).document();
    let counts = ["copied_files", "same_files", "gone_files"].map(|field| &answer[field]);
    assert_eq!(counts, [1, 5, 1]);
}

#[test]
fn renamed_database_keeps_scans() {
    let studio = synced_studio();
    replace_in_startup_file(&studio, "database NAS", "database ARCHIVE");
    assert_eq!(unsent(&studio, "ARCHIVE"), 0);
    assert_eq!(
        scanned(&studio, "ARCHIVE"),
        [json!("complete"), json!(5), json!(0)]
    );
}

#[test]
fn other_identity_or_none_stays_unknown() {
    let studio = synced_studio();
    mount_elsewhere(&studio);
    replace_in_startup_file(&studio, "../NAS", "../other");
    let identity = "other/.auto-backup/database.json";
    let own = studio.read(identity);
    for text in [r#"{"id": "0123", "name": "NAS"}"#, "{}"] {
        studio.file(identity, text);
        assert_eq!(found_on_nas(&studio, "reel.mov"), 0);
    }
    studio.remove(identity);
    assert_eq!(found_on_nas(&studio, "reel.mov"), 0);
    studio.file(identity, &own);
    // The file alone, on a new drive.
    fs::rename(studio.path("other"), studio.path("aside")).unwrap();
    studio
        .file(identity, &own)
        .folder("other/footage/acme/spot");
    assert_eq!(found_on_nas(&studio, "reel.mov"), 0);
    studio.remove("other");
    fs::rename(studio.path("aside"), studio.path("other")).unwrap();
    assert_eq!(unsent(&studio, "NAS"), 0);
}

#[test]
fn absent_database_is_known_once_mounted() {
    let studio = synced_studio();
    mount_elsewhere(&studio);
    replace_in_startup_file(&studio, "../NAS", "../mount");
    assert_eq!(scanned(&studio, "NAS")[0], "offline");
    fs::rename(studio.path("other"), studio.path("mount")).unwrap();
    assert_eq!(
        scanned(&studio, "NAS"),
        [json!("complete"), json!(5), json!(0)]
    );
}

#[test]
fn clones_are_never_taken_for_one_another() {
    let studio = synced_studio();
    let copied = studio
        .other_program("cp")
        .args(["-a", "NAS", "clone"])
        .status()
        .unwrap();
    assert!(copied.success());
    // The tracked one keeps its scans, and the clone is reported.
    let lines = studio.read(STARTUP) + "add database CLONE ../../../clone\n";
    studio.file(STARTUP, &lines);
    let run = studio.lines(&["load"]);
    assert!(run.stderr.contains("have the same identity file"), "{run}");
    assert_eq!(unsent(&studio, "NAS"), 0);
    studio.lines(&["load --forget CLONE --yes"]).ok();
    // Both at new roots: which of them was scanned cannot be told.
    mount_elsewhere(&studio);
    fs::rename(studio.path("clone"), studio.path("clone2")).unwrap();
    let moved = lines
        .replace("../NAS", "../other")
        .replace("../clone", "../clone2");
    studio.file(STARTUP, moved);
    let found = studio.json(&["find reel.mov"]).ok().document();
    assert_eq!(found["files"].as_array().unwrap().len(), 1, "WORK only");
}

#[test]
fn other_drive_is_named() {
    let studio = synced_studio();
    studio
        .lines(&["add database SHELF shelf --shelf", "save"])
        .ok();
    studio.folder("shelf");
    studio
        .lines(&["copy acme/spot footage WORK SHELF", "load"])
        .ok();
    fs::rename(studio.path("shelf"), studio.path("away")).unwrap();
    studio.lines(&["load"]).ok();
    fs::create_dir(studio.path("shelf")).unwrap();
    studio.lines(&["load"]).ok();
    // The NAS drive at the mount point of SHELF: never taken for SHELF, also as a shelf storage.
    fs::remove_dir(studio.path("shelf")).unwrap();
    fs::rename(studio.path("NAS"), studio.path("shelf")).unwrap();
    let run = studio.lines(&["load"]).status(3);
    // Storages are scanned at the same time, so that problems of several come in any order.
    let mut lines: Vec<_> = run.stderr.lines().collect();
    lines.sort_unstable();
    assert_snapshot!(lines.join("\n"), @"
    hint: mount or connect it; if this is the right disk, `load --forget SHELF`, then `load SHELF`
    problem: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    problem: storage `SHELF` is offline: `$STUDIO/shelf` is the drive `NAS`, not `SHELF`
    ");
    fs::rename(studio.path("shelf"), studio.path("NAS")).unwrap();
    fs::rename(studio.path("away"), studio.path("shelf")).unwrap();
    studio.lines(&["load"]).ok();
}

#[test]
fn dry_run_moves_nothing() {
    let studio = synced_studio();
    mount_elsewhere(&studio);
    replace_in_startup_file(&studio, "../NAS", "../other");
    let run = studio.run(["--dry-run", "-c", "find reel.mov in NAS"]).ok();
    assert!(!run.stderr.contains("its scans are kept"), "{run}");
    assert_eq!(found_on_nas(&studio, "reel.mov"), 1);
}
