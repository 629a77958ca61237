//! Past faults, each test named after the right behavior.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::disks::MountedDisk;
use crate::studio::{CHANGED, ProgramRun, Studio};

/// Opening a new index creates its journal, and `SQLite` does not wait for others meanwhile.
#[test]
fn many_processes_may_create_one_index() {
    let studio = Studio::filled();
    for round in 0..5 {
        let index = format!("index-{round}");
        let start = |_| {
            let mut command = studio.command();
            command.args(["--index", &index, "-c", "load", "-c", "fetch all"]);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<_> = (0..8).map(start).collect();
        for child in children {
            ProgramRun::new(&studio, &child.wait_with_output().unwrap()).ok();
        }
    }
}

/// A scan that finds a client's folder unreadable learns nothing about its projects.
#[test]
fn unreadable_client_is_not_present() {
    let studio = Studio::filled();
    studio.lines_as_user(&["load"]).ok();
    studio.mode("WORK/footage/acme", 0);
    studio.lines_as_user(&["load"]).status(3);
    let run = studio.lines_as_user(&["fetch project acme/spot"]);
    studio.mode("WORK/footage/acme", 0o755);
    assert!(run.stdout.contains("1 unreadable, 2 files, 13 B"), "{run}");
    studio.lines_as_user(&["load"]).ok();
    let run = studio.lines_as_user(&["fetch project acme/spot"]).ok();
    assert!(run.stdout.contains("whole, 2 files, 13 B"), "{run}");
}

/// An unknown name was scanned as an empty one.
#[test]
fn unknown_project_is_refused_by_load() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let run = studio.lines(&["load --project acme/sopt"]).status(1);
    assert!(
        run.stderr.contains("hint: did you mean `acme/spot`?"),
        "{run}"
    );
    studio.remove("WORK/footage/acme/teaser");
    studio.lines(&["load --project acme/teaser"]).ok();
}

/// Folders of file systems and NAS systems beside the clients were listed as clients.
#[test]
fn housekeeping_folders_are_not_clients() {
    let studio = Studio::filled();
    for name in ["lost+found", "@eaDir", "#recycle", ".Trash-1000"] {
        studio.file(format!("WORK/footage/{name}/x/y"), "");
    }
    let run = studio.lines(&["load", "list clients"]).ok();
    let document = studio.json(&["list clients"]).document();
    let clients = document["clients"].as_array().unwrap();
    let names: Vec<_> = clients.iter().map(|client| &client["name"]).collect();
    assert_eq!(names, ["Bob's", "acme"], "{run}");
}

/// Two runs of the same number in the same second shared one versions folder, and the second overwrote the first.
#[test]
fn every_run_has_own_versions_folder() {
    let studio = Studio::new();
    studio.folder("W2");
    let place = "footage/acme/spot/f";
    studio.file_at(format!("NAS/{place}"), "first", CHANGED);
    studio.file_at(format!("WORK/{place}"), "second", CHANGED + 10);
    studio.file_at(format!("W2/{place}"), "third", CHANGED + 20);
    studio
        .run(["--index", "i1", "-c", "copy acme/spot footage WORK NAS"])
        .ok();
    studio
        .run([
            "--index",
            "i2",
            "-c",
            "add database W2 W2",
            "-c",
            "copy acme/spot footage W2 NAS",
        ])
        .ok();
    let versions = studio.path("NAS/.auto-backup/versions");
    let mut kept: Vec<String> = std::fs::read_dir(versions)
        .unwrap()
        .map(|run| std::fs::read_to_string(run.unwrap().path().join(place)).unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["first", "second"]);
}

/// An unmounted category counted as deleted if only copies had seen it mounted.
#[test]
fn copy_records_mounted_categories() {
    let studio = Studio::filled();
    let Some(disk) = MountedDisk::mount(&studio, "NAS/footage", "1m") else {
        return;
    };
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    drop(disk);
    for line in [
        "load NAS",
        "load NAS --project acme/spot",
        "copy acme/spot footage WORK NAS",
    ] {
        let run = studio.lines(&[line]).status(3);
        assert!(
            run.to_string()
                .contains("it was a mounted file system and is not mounted now"),
            "{run}"
        );
    }
    assert_eq!(studio.tree("NAS/footage"), "");
    let run = studio.lines(&["fetch project acme/spot"]).ok();
    assert!(run.stdout.contains("1 unreadable, 2 files, 13 B"), "{run}");
}

/// A root with nothing but empty category folders counted as a database whose files were all deleted.
#[test]
fn database_without_files_is_offline() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
        .remove("WORK/footage")
        .remove("WORK/scratch")
        .folder("WORK/footage");
    let run = studio.lines(&["load WORK"]).status(3);
    assert!(
        run.stderr
            .contains("holds no client in any category, though the index knows 5 files there"),
        "{run}"
    );
    assert!(
        studio
            .lines(&["fetch acme/spot"])
            .stdout
            .contains("offline, whole, 2 files, 13 B")
    );
}

/// Only the user of the first copy could read the identity file and keep versions.
#[test]
fn shared_storage_stays_shared() {
    let studio = Studio::filled();
    studio.mode("NAS", 0o777);
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    let mode = |path: &str| studio.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("NAS/.auto-backup"), 0o777);
    assert_eq!(mode("NAS/.auto-backup/database.json"), 0o666);
}

/// An empty identity file made every copy fail and leave a temporary file.
#[test]
fn empty_identity_file_is_reported() {
    let studio = Studio::filled();
    studio.file("NAS/.auto-backup/database.json", "");
    let run = studio.lines(&["copy acme/spot footage WORK NAS"]).status(1);
    assert!(
        run.stderr
            .contains("database.json`: it is not an identity file"),
        "{run}"
    );
    assert_eq!(
        studio.tree("NAS"),
        ".auto-backup/\n.auto-backup/database.json N"
    );
}

/// Files of a killed run in our own folder stayed for ever.
#[test]
fn own_folder_is_cleaned_too() {
    let studio = Studio::filled();
    studio.file("NAS/.auto-backup/.auto-backup-1.part", "half");
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    assert!(!studio.tree("NAS/.auto-backup").contains(".part"));
}

/// A wrong clock once made a future scan the freshest for ever.
#[test]
fn future_scan_time_is_not_fresh() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let index =
        rusqlite::Connection::open(studio.path("home/.local/share/auto-backup/index.sqlite"))
            .unwrap();
    index
        .execute("UPDATE databases SET looked_at = 4102444800", [])
        .unwrap();
    drop(index);
    studio.reseal_index();
    studio.file("WORK/footage/acme/spot/new", "");
    let document = studio.json(&["load --older-than 1h"]).ok().document();
    assert_eq!(document["databases"][0]["added"], 1);
}

/// Links among clients and projects were left out of a copy without a message.
#[test]
fn copy_reports_linked_project() {
    let studio = Studio::filled();
    studio.link("WORK/footage/acme/linked", "../../elsewhere");
    let run = studio.lines(&["copy all footage WORK NAS"]).ok();
    assert!(
        run.stdout
            .contains("WORK/footage/acme/linked: it is a symbolic link, and is not followed"),
        "{run}"
    );
}

/// Files of an interrupted copy counted as missing until the next scan.
#[test]
fn fetch_sees_interrupted_copy() {
    let studio = Studio::new();
    for number in 0..40 {
        studio.file(
            format!("WORK/footage/acme/spot/f{number:02}"),
            vec![1; 3_000_000],
        );
    }
    studio.lines(&["load"]).ok();
    let mut command = studio.command();
    let mut child = command
        .args(["-c", "copy acme/spot footage WORK NAS"])
        .spawn()
        .unwrap();
    let there = studio.path("NAS/footage/acme/spot/f00");
    while !there.exists() && child.try_wait().unwrap().is_none() {
        std::hint::spin_loop();
    }
    let child_id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(child_id, rustix::process::Signal::INT).unwrap();
    child.wait().unwrap();
    let document = studio.json(&["fetch project acme/spot"]).ok().document();
    let replica = &document["projects"][0]["replicas"][1];
    let files = std::fs::read_dir(studio.path("NAS/footage/acme/spot"))
        .unwrap()
        .count();
    assert_eq!(replica["files"], files);
}

/// A database whose only files are now excluded counted as empty.
#[test]
fn excluded_files_do_not_mean_other_disk() {
    let studio = Studio::new();
    studio.file("WORK/footage/acme/spot/a.mov", "a");
    studio.lines(&["load"]).ok();
    studio.lines(&["exclude '*.mov'", "load WORK"]).ok();
}

/// A scan of a part of an emptied database recorded the part as deleted.
#[test]
fn partial_scan_detects_emptied_database() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
        .remove("WORK/footage")
        .remove("WORK/scratch")
        .folder("WORK/footage");
    let run = studio.lines(&["load WORK --project acme"]).status(3);
    assert!(
        run.stderr.contains("holds no client in any category"),
        "{run}"
    );
    assert!(
        studio
            .lines(&["fetch project acme/spot"])
            .stdout
            .contains("offline, whole, 2 files, 13 B")
    );
}

/// The folders above a private project were open to all at the destination.
#[test]
fn folder_permissions_never_exceed_the_source() {
    let studio = Studio::filled();
    studio
        .mode("WORK/footage/acme", 0o700)
        .mode("WORK/footage/acme/spot", 0o750);
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    let mode = |path: &str| studio.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("NAS/footage/acme"), 0o700);
    assert_eq!(mode("NAS/footage/acme/spot"), 0o750);
}

/// After deletion of its last project a database counted as offline.
#[test]
fn last_project_may_be_deleted() {
    let studio = Studio::new();
    studio.file("WORK/footage/acme/spot/a", "a");
    studio.lines(&["load"]).ok();
    studio.remove("WORK/footage/acme/spot");
    let document = studio.json(&["load WORK"]).ok().document();
    assert_eq!(document["databases"][0]["gone"], 1);
}

/// A category's folder was private at the destination if it was private at the source.
#[test]
fn category_folder_inherits_root_permissions() {
    let studio = Studio::filled();
    studio.mode("NAS", 0o775).mode("WORK/footage", 0o700);
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    let mode = studio
        .path("NAS/footage")
        .metadata()
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o775);
}
