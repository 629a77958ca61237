//! `load` and answers from its scan (`list`, `fetch`, `find`, `explore`), on every kind of storage.

use std::fs;

use serde_json::{Value, json};

use super::{KINDS, RemoteStudio, TestStorageKind, with_each_kind};
use crate::studio::Studio;

/// Kinds whose servers report that a folder cannot be listed; servers of rclone show an empty folder.
const HELD_BACK: [TestStorageKind; 2] = [TestStorageKind::Sftp, TestStorageKind::Shell];

const COUNTS: [&str; 7] = [
    "state", "files", "bytes", "projects", "added", "changed", "gone",
];

/// Returns category, state and file count of `fetch` for CLOUD.
#[track_caller]
fn replicas(place: &RemoteStudio<'_>) -> Vec<[Value; 3]> {
    let document = place.json("fetch project acme/spot").document();
    let replicas = document["projects"][0]["replicas"].as_array().unwrap();
    let replicas = replicas
        .iter()
        .filter(|replica| replica["database"] == "CLOUD");
    let named = |replica: &Value| ["category", "state", "files"].map(|name| replica[name].clone());
    replicas.map(named).collect()
}

/// Returns the names of the projects of `list`.
#[track_caller]
fn projects(place: &RemoteStudio<'_>, line: &str) -> Vec<String> {
    let document = place.json(line).ok().document();
    let projects = document["projects"].as_array().unwrap().iter();
    let names = projects.map(|project| project["project"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn scan_counts_remote_files() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        let counts = place.scan_fields("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 5, 25, 3, 5, 0, 0]));
        let counts = place.scan_fields("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 5, 25, 3, 0, 0, 0]));
        let only = place.scan_fields("load CLOUD --project acme/spot", &COUNTS);
        assert_eq!(json!(only), json!(["complete", 5, 25, 3, 0, 0, 0]));
    });
}

#[test]
fn scanned_entries_are_listed() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        assert_eq!(
            projects(place, "list projects in acme in CLOUD"),
            ["acme/spot", "acme/teaser"]
        );
        assert_eq!(
            json!(replicas(place)),
            json!([["footage", "whole", 2], ["render", "whole", 1]])
        );
        let found = place.json("find p1.exr in CLOUD").ok().document();
        let path = storage.address("footage/acme/spot/plates/p1.exr");
        assert_eq!(found["files"][0]["path"], path, "{found}");
        let folder = place
            .lines(&["explore acme/spot render CLOUD --print"])
            .ok();
        let path = format!("{}\n", storage.address("scratch/render/acme/spot"));
        assert_eq!(
            folder.bytes.escape_ascii().to_string(),
            path.escape_default().to_string()
        );
    });
}

#[test]
fn second_scan_finds_changes() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        place.write_by_rclone(&storage.address("footage/acme/spot/new.mov"), "new");
        place.write_by_rclone(&storage.address("footage/acme/spot/reel.mov"), "longer");
        place
            .remotes
            .stdout_of(&["deletefile", &storage.address("footage/acme/teaser/t.mov")]);
        let run = place.json("load CLOUD");
        let database = &run.document()["databases"][0];
        let counts = COUNTS.map(|name| database[name].clone());
        // An empty folder is still a project on storages with such folders.
        let projects = if storage.kind.holds_empty_folders() {
            3
        } else {
            2
        };
        let expected = json!(["complete", 5, 24, projects, 1, 1, 1]);
        assert_eq!(json!(counts), expected, "{run}");
    });
}

#[test]
fn unreadable_folder_keeps_its_entries() {
    with_each_kind(&HELD_BACK, Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        let server = storage.server.as_mut().unwrap();
        if !server.forbid("footage/acme/spot/plates") {
            return;
        }
        let run = place.json("load CLOUD").status(3);
        let database = &run.document()["databases"][0];
        assert_eq!(database["state"], "partial", "{run}");
        assert_eq!(
            json!([database["files"], database["gone"], database["unreadable"]]),
            json!([5, 0, 1]),
            "{run}"
        );
        assert_eq!(
            json!(replicas(place)),
            json!([["footage", "incomplete", 2], ["render", "whole", 1]])
        );
        let found = place.json("find p1.exr in CLOUD").ok().document();
        assert_eq!(found["files"].as_array().map(Vec::len), Some(1), "{found}");
        storage.server.as_mut().unwrap().allow();
        let counts = place.scan_fields("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 5, 25, 3, 0, 0, 0]));
    });
}

#[test]
fn emptied_storage_is_offline_until_forgotten() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.copy_by_rclone(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        for folder in ["footage", "scratch"] {
            place
                .remotes
                .stdout_of(&["purge", &storage.address(folder)]);
        }
        let run = place.json("load CLOUD").status(3);
        assert_eq!(run.document()["databases"][0]["state"], "offline", "{run}");
        assert!(
            run.stderr.contains(
                "holds none of the category folders, though the index knows 5 files there"
            ),
            "{run}"
        );
        assert_eq!(
            json!(replicas(place)),
            json!([["footage", "offline", 2], ["render", "offline", 1]])
        );
        let found = place.json("find p1.exr in CLOUD").ok().document();
        assert_eq!(found["files"].as_array().map(Vec::len), Some(1), "{found}");
        place.lines(&["load --forget CLOUD --yes"]).status(0);
        let counts = place.scan_fields("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 0, 0, 0, 0, 0, 0]));
    });
}

#[test]
fn empty_categories_mean_offline() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        if !storage.kind.holds_empty_folders() {
            return;
        }
        place.copy_by_rclone(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        for folder in ["footage/acme", "footage/Bob's", "scratch/render/acme"] {
            place
                .remotes
                .stdout_of(&["purge", &storage.address(folder)]);
        }
        let run = place.json("load CLOUD").status(3);
        assert_eq!(run.document()["databases"][0]["state"], "offline", "{run}");
        assert_eq!(run.document()["databases"][0]["files"], 5, "{run}");
    });
}

#[test]
fn remote_with_a_new_name_keeps_its_scans() {
    with_each_kind(
        &[TestStorageKind::Alias],
        Studio::filled,
        |place, storage| {
            place
                .lines(&["load", "sync all all WORK CLOUD", "load"])
                .ok();
            let renamed = place.remotes.alias("renamed", &storage.folder);
            let startup = "home/.config/auto-backup/.config";
            let lines = place.studio.read(startup).replace(&storage.root, &renamed);
            place.studio.file(startup, lines);
            let fields = ["state", "files", "added"];
            let scanned = place.scan_fields("load CLOUD", &fields);
            assert_eq!(scanned, [json!("complete"), json!(5), json!(0)]);
            let counts = ["planned_files", "same_files"];
            let counts = place.answer_fields("sync all all WORK CLOUD --count", &counts);
            assert_eq!(counts[0], counts[1]);
        },
    );
}

#[test]
fn other_identity_means_another_database() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        place.lines(&["copy acme/spot footage WORK CLOUD"]).ok();
        let identity = storage.address(".auto-backup/database.json");
        place.write_by_rclone(&identity, r#"{"id": "0", "name": "B", "created": null}"#);
        for line in ["load CLOUD", "copy acme/spot render WORK CLOUD"] {
            let run = place.lines(&[line]);
            assert!(
                run.stderr
                    .contains("is the bucket or folder `B`, not `CLOUD`"),
                "{run}"
            );
            assert_ne!(run.status, 0, "{run}");
        }
        place.remotes.stdout_of(&["deletefile", &identity]);
        let run = place.lines(&["load CLOUD"]).status(3);
        assert!(
            run.stderr
                .contains("is not the bucket or folder that was `CLOUD`, or is empty"),
            "{run}"
        );
        assert_eq!(json!(replicas(place)[0]), json!(["footage", "offline", 2]));
        assert!(!fs::exists(storage.folder.join("scratch/render/acme/spot/f1.exr")).unwrap());
    });
}
