//! `add database` with the address of a remote: accepted addresses, and their return from the saved file.

use serde_json::json;

use super::{KINDS, RemoteStudio};
use crate::servers::Remotes;
use crate::studio::Studio;

/// Returns the roots of `list databases`.
#[track_caller]
fn roots(place: &RemoteStudio<'_>) -> Vec<String> {
    let document = place.json("list databases").document();
    let databases = document["databases"].as_array().unwrap();
    let root = |database: &serde_json::Value| {
        let text = database["root"].as_str().unwrap();
        text.replace(&*place.studio.path("").to_string_lossy(), "$STUDIO/")
    };
    databases.iter().map(root).collect()
}

/// Runs a check in a studio without databases whose remotes `nas` and `other` are the folders `at nas` and `at other`.
fn two_remotes(check: impl Fn(&RemoteStudio<'_>)) {
    let studio = Studio::bare();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    for name in ["nas", "other"] {
        let folder = studio.path(format!("at {name}"));
        studio.folder(&folder);
        remotes.alias(name, &folder);
    }
    check(&RemoteStudio {
        studio: &studio,
        remotes: &remotes,
    });
}

#[test]
fn saved_address_reads_back_online() {
    super::with_each_kind(&KINDS, Studio::new, |place, storage| {
        let start_up = "home/.config/auto-backup/.config";
        place.studio.file(start_up, "");
        let line = format!("add database CLOUD '{}'", storage.root);
        place.lines(&[&line, "save"]).ok();
        let saved = place.studio.read(start_up);
        let databases = place.json("list databases").ok().document();
        let cloud = &databases["databases"][0];
        let found = ["name", "root"].map(|field| &cloud[field]);
        assert_eq!(json!(found), json!(["CLOUD", storage.root]));
        place.lines(&["load CLOUD"]).ok();
        // The list waits for a storage only a few seconds, which a busy machine may exceed.
        let is_online = |_| {
            let databases = place.json("list databases").ok().document();
            databases["databases"][0]["online"] == true
        };
        assert!((0..10).any(is_online));
        place.lines(&["save"]).ok();
        assert_eq!(place.studio.read(start_up), saved);
    });
}

#[test]
fn saved_address_is_normalized() {
    two_remotes(|place| {
        let added = [
            ("A", "nas:studio//a/./b/", "nas:studio/a/b"),
            ("B", "'nas:with space/#1'", "nas:with space/#1"),
            ("C", "other:", "other:"),
        ];
        let lines = added.map(|(name, typed, _)| format!("add database {name} {typed}"));
        let [a, b, c] = lines.each_ref().map(String::as_str);
        place.lines(&[a, b, c, "save"]).status(0);
        assert_eq!(roots(place), added.map(|(.., root)| root));
    });
}

#[test]
fn remote_with_options_is_an_address() {
    two_remotes(|place| {
        let folder = place.studio.path("at nas");
        let root = format!(":alias,remote=\"{}\":studio", folder.display());
        place.studio.folder("at nas/studio");
        place
            .lines(&[&format!("add database A '{root}'"), "save"])
            .ok();
        let databases = place.json("list databases").ok().document();
        let found = ["name", "root"].map(|field| &databases["databases"][0][field]);
        assert_eq!(json!(found), json!(["A", root]));
        place.lines(&["load A"]).ok();
    });
}

#[test]
fn existing_folder_wins_over_address() {
    two_remotes(|place| {
        place.studio.folder("nas:studio");
        place.lines(&["add database A nas:studio", "save"]).ok();
        assert_eq!(roots(place), ["$STUDIO/nas:studio"]);
    });
}

#[test]
fn path_syntax_means_folder() {
    two_remotes(|place| {
        let lines = [
            "add database A ./nas:studio",
            "add database B C:/studio",
            "add database C ~/nas:studio",
            "add database D /nas:/studio",
            "add database E sub/nas:studio",
            "save",
        ];
        place.lines(&lines).status(0);
        assert_eq!(
            roots(place),
            [
                "$STUDIO/nas:studio",
                "$STUDIO/C:/studio",
                "$STUDIO/home/nas:studio",
                "/nas:/studio",
                "$STUDIO/sub/nas:studio",
            ]
        );
    });
}

#[test]
fn address_outside_its_remote_is_refused() {
    two_remotes(|place| {
        for root in ["nas:..", "nas:a/../../b", "nas:/.."] {
            let run = place.lines(&[&format!("add database A {root}")]).status(2);
            let why =
                format!("`{root}` cannot be a remote root: `..` would leave the remote's folder");
            assert!(run.stderr.contains(&why), "{run}");
            let hint = "hint: write it as in `add database CLOUD s3:bucket/studio`";
            assert!(run.stderr.contains(hint), "{run}");
        }
        assert_eq!(roots(place), [""; 0]);
    });
}

#[test]
fn overlapping_addresses_are_refused() {
    two_remotes(|place| {
        for (second, relation) in [
            ("nas:studio", "is already"),
            ("nas:studio/", "is already"),
            ("nas:studio/footage", "lies inside"),
            ("nas:", "contains"),
        ] {
            let add = format!("add database B {second}");
            let run = place.lines(&["add database A nas:studio", &add]).status(1);
            assert!(run.stderr.contains(relation), "{run}");
        }
        for second in ["nas:studio2", "other:studio"] {
            let add = format!("add database B {second}");
            place.lines(&["add database A nas:studio", &add]).status(0);
        }
    });
}

#[test]
fn other_address_requires_replace() {
    two_remotes(|place| {
        let run = place
            .lines(&["add database A nas:a", "add database A nas:b"])
            .status(1);
        assert!(
            run.stderr.contains("nas:a") && run.stderr.contains("nas:b"),
            "{run}"
        );
        let lines = [
            "add database A nas:a",
            "add database A nas:b --replace",
            "save",
        ];
        place.lines(&lines).status(0);
        assert_eq!(roots(place), ["nas:b"]);
    });
}
