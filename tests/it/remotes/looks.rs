//! `load`, and what is answered of what it saw: `list`, `fetch`, `find` and `explore`, on every kind of storage.

use std::fs;

use serde_json::{Value, json};

use super::{KINDS, Kind, Place, at};
use crate::studio::Studio;

/// The kinds whose servers say that a folder may not be listed; those that rclone serves show it without anything in it.
const HELD_BACK: [Kind; 2] = [Kind::Sftp, Kind::Shell];

const COUNTS: [&str; 7] = [
    "state", "files", "bytes", "projects", "added", "changed", "gone",
];

/// What `fetch` says of CLOUD: category, state and number of files.
#[track_caller]
fn replicas(place: &Place<'_>) -> Vec<[Value; 3]> {
    let document = place.json("fetch project acme/spot").document();
    let replicas = document["projects"][0]["replicas"].as_array().unwrap();
    let replicas = replicas
        .iter()
        .filter(|replica| replica["database"] == "CLOUD");
    let named = |replica: &Value| ["category", "state", "files"].map(|name| replica[name].clone());
    replicas.map(named).collect()
}

/// The projects that `list` shows.
#[track_caller]
fn projects(place: &Place<'_>, line: &str) -> Value {
    place.json(line).ok().document()["projects"].clone()
}

#[test]
fn a_look_counts_what_is_there() {
    at(&KINDS, Studio::filled, |place, storage| {
        place.fill(&storage.root);
        let counts = place.looked("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 5, 25, 3, 5, 0, 0]));
        let counts = place.looked("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 5, 25, 3, 0, 0, 0]));
        let only = place.looked("load CLOUD --project acme/spot", &COUNTS);
        assert_eq!(json!(only), json!(["complete", 5, 25, 3, 0, 0, 0]));
    });
}

#[test]
fn what_was_seen_is_answered() {
    at(&KINDS, Studio::filled, |place, storage| {
        place.fill(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        assert_eq!(
            projects(place, "list projects in acme in CLOUD"),
            json!(["acme/spot", "acme/teaser"])
        );
        assert_eq!(
            json!(replicas(place)),
            json!([["footage", "present", 2], ["render", "present", 1]])
        );
        let found = place.json("find p1.exr in CLOUD").ok().document();
        let path = storage.at("footage/acme/spot/plates/p1.exr");
        assert_eq!(found["files"][0]["path"], path, "{found}");
        let folder = place
            .lines(&["explore acme/spot render CLOUD --print"])
            .ok();
        let path = format!("{}\n", storage.at("scratch/render/acme/spot"));
        assert_eq!(
            folder.bytes.escape_ascii().to_string(),
            path.escape_default().to_string()
        );
    });
}

#[test]
fn a_look_sees_what_changed_since() {
    at(&KINDS, Studio::filled, |place, storage| {
        place.fill(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        place.put(&storage.at("footage/acme/spot/new.mov"), "new");
        place.put(&storage.at("footage/acme/spot/reel.mov"), "longer");
        place
            .remotes
            .said(&["deletefile", &storage.at("footage/acme/teaser/t.mov")]);
        let run = place.json("load CLOUD");
        let database = &run.document()["databases"][0];
        let counts = COUNTS.map(|name| database[name].clone());
        // A folder with nothing in it is still a project where there are such folders.
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
fn a_folder_that_cannot_be_read_keeps_what_was_known_of_it() {
    at(&HELD_BACK, Studio::filled, |place, storage| {
        place.fill(&storage.root);
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
            json!([["footage", "partial", 2], ["render", "present", 1]])
        );
        let found = place.json("find p1.exr in CLOUD").ok().document();
        assert_eq!(found["files"].as_array().map(Vec::len), Some(1), "{found}");
        storage.server.as_mut().unwrap().allow();
        let counts = place.looked("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 5, 25, 3, 0, 0, 0]));
    });
}

#[test]
fn an_emptied_storage_is_offline_until_it_is_forgotten() {
    at(&KINDS, Studio::filled, |place, storage| {
        place.fill(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        for folder in ["footage", "scratch"] {
            place.remotes.said(&["purge", &storage.at(folder)]);
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
        let counts = place.looked("load CLOUD", &COUNTS);
        assert_eq!(json!(counts), json!(["complete", 0, 0, 0, 0, 0, 0]));
    });
}

#[test]
fn categories_without_anything_in_them_are_no_reason_to_forget() {
    at(&KINDS, Studio::filled, |place, storage| {
        if !storage.kind.holds_empty_folders() {
            return;
        }
        place.fill(&storage.root);
        place.lines(&["load CLOUD"]).ok();
        for folder in ["footage/acme", "footage/Bob's", "scratch/render/acme"] {
            place.remotes.said(&["purge", &storage.at(folder)]);
        }
        let run = place.json("load CLOUD").status(3);
        assert_eq!(run.document()["databases"][0]["state"], "offline", "{run}");
        assert_eq!(run.document()["databases"][0]["files"], 5, "{run}");
    });
}

#[test]
fn a_storage_with_another_identity_is_another_database() {
    at(&KINDS, Studio::filled, |place, storage| {
        place.lines(&["copy acme/spot footage WORK CLOUD"]).ok();
        let identity = storage.at(".auto-backup/database.json");
        place.put(&identity, r#"{"id": "0", "name": "B", "created": null}"#);
        for line in ["load CLOUD", "copy acme/spot render WORK CLOUD"] {
            let run = place.lines(&[line]);
            assert!(
                run.stderr
                    .contains("is another database by its identity file"),
                "{run}"
            );
            assert_ne!(run.status, 0, "{run}");
        }
        place.remotes.said(&["deletefile", &identity]);
        let run = place.lines(&["load CLOUD"]).status(3);
        assert!(
            run.stderr
                .contains("has lost its identity file `.auto-backup/database.json`"),
            "{run}"
        );
        assert_eq!(json!(replicas(place)[0]), json!(["footage", "offline", 2]));
        assert!(!fs::exists(storage.folder.join("scratch/render/acme/spot/f1.exr")).unwrap());
    });
}
