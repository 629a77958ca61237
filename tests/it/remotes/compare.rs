//! `compare` with one or two databases behind rclone, also after changes by other programs.

use serde_json::{Value, json};

use super::copies::{assert_all_copied, assert_same_files};
use super::{KINDS, RemoteStudio, TestStorage, TestStorageKind, with_each_kind};
use crate::servers::Remotes;
use crate::studio::{CHANGED, Studio};

const COUNTS: [&str; 4] = ["only_a", "only_b", "differs", "same"];

/// Returns the paths and outcomes of a comparison.
#[track_caller]
fn differences(document: &Value) -> Vec<[String; 2]> {
    let items = document["items"].as_array().unwrap();
    let named =
        |item: &Value| ["path", "outcome"].map(|name| item[name].as_str().unwrap().to_owned());
    items.iter().map(named).collect()
}

#[test]
fn copied_files_are_equal() {
    with_each_kind(&KINDS, Studio::filled, |place, _| {
        assert_all_copied(place, "copy all all WORK CLOUD", 5);
        for line in [
            "compare all all WORK CLOUD",
            "compare all all CLOUD WORK",
            "compare all all WORK CLOUD --checksum",
            "compare all all CLOUD WORK --checksum",
        ] {
            assert_eq!(
                json!(place.answer_fields(line, &COUNTS)),
                json!([0, 0, 0, 5]),
                "{line}"
            );
        }
    });
}

#[test]
fn every_difference_is_reported() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        assert_all_copied(place, "copy all all WORK CLOUD", 5);
        place
            .studio
            .file("WORK/footage/acme/spot/only here", "x")
            .file_at("WORK/footage/acme/spot/reel.mov", "longer", CHANGED + 60)
            .file_at(
                "WORK/footage/acme/spot/plates/p1.exr",
                "other one",
                CHANGED + 60,
            );
        place.write_by_rclone(&storage.address("footage/acme/spot/only there"), "x");
        let run = place.json("compare acme/spot WORK CLOUD").status(3);
        let document = run.document();
        let counts = COUNTS.map(|name| document[name].clone());
        assert_eq!(json!(counts), json!([1, 1, 2, 1]), "{run}");
        let expected = [
            ["only here", "only_a"],
            ["only there", "only_b"],
            ["plates/p1.exr", "differs"],
            ["reel.mov", "differs"],
        ];
        let mut differences = differences(&document);
        differences.sort();
        let expected =
            expected.map(|[path, outcome]| [format!("acme/spot/{path}"), outcome.to_owned()]);
        assert_eq!(differences, expected, "{run}");
    });
}

#[test]
fn checksum_option_compares_content() {
    with_each_kind(&KINDS, Studio::filled, |place, _| {
        assert_all_copied(place, "copy all all WORK CLOUD", 5);
        place.studio.file("WORK/footage/acme/spot/reel.mov", "leer");
        let line = "compare all all WORK CLOUD";
        assert_eq!(
            json!(place.answer_fields(line, &COUNTS)),
            json!([0, 0, 0, 5])
        );
        let run = place.json(&format!("{line} --checksum")).status(3);
        let document = run.document();
        let counts = COUNTS.map(|name| document[name].clone());
        assert_eq!(json!(counts), json!([0, 0, 1, 4]), "{run}");
        let path = ["acme/spot/reel.mov", "differs"].map(str::to_owned);
        assert_eq!(differences(&document), [path], "{run}");
    });
}

#[test]
fn two_remotes_can_be_compared() {
    for (one, two) in [
        (TestStorageKind::S3, TestStorageKind::Sftp),
        (TestStorageKind::WebDav, TestStorageKind::Crypt),
    ] {
        let studio = Studio::filled();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let place = RemoteStudio {
            studio: &studio,
            remotes: &remotes,
        };
        let one = TestStorage::start(&remotes, &studio, one, "one");
        let two = TestStorage::start(&remotes, &studio, two, "two");
        place.add_database("ONE", &one.root);
        place.add_database("TWO", &two.root);
        assert_all_copied(&place, "copy all all WORK ONE", 5);
        assert_all_copied(&place, "copy all all WORK TWO", 5);
        for line in [
            "compare all all ONE TWO",
            "compare all all TWO ONE --checksum",
        ] {
            assert_eq!(
                json!(place.answer_fields(line, &COUNTS)),
                json!([0, 0, 0, 5]),
                "{line}"
            );
        }
        studio.file_at("WORK/footage/acme/spot/reel.mov", "leer", CHANGED + 60);
        all_same_but_one(&place, "copy all all WORK TWO");
        let line = "compare all all ONE TWO";
        assert_eq!(
            json!(place.answer_fields(line, &COUNTS)),
            json!([0, 0, 1, 4])
        );
        let line = "compare all all ONE TWO --checksum";
        assert_eq!(
            json!(place.answer_fields(line, &COUNTS)),
            json!([0, 0, 1, 4])
        );
    }
}

/// Fails unless a line copies exactly one of five files.
#[track_caller]
fn all_same_but_one(place: &RemoteStudio<'_>, line: &str) {
    let ends = place.answer_fields(line, &["state", "copied_files", "same_files"]);
    assert_eq!(json!(ends), json!(["complete", 1, 4]), "{line}");
}

#[test]
fn file_renamed_at_remote_is_copied_again() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        assert_all_copied(place, "copy all all WORK CLOUD", 5);
        let spot = |name: &str| storage.address(&format!("footage/acme/spot/{name}"));
        place
            .remotes
            .stdout_of(&["moveto", &spot("reel.mov"), &spot("renamed.mov")]);
        let names = ["state", "files", "added", "changed", "gone"];
        let counts = place.scan_fields("load CLOUD", &names);
        assert_eq!(json!(counts), json!(["complete", 5, 1, 0, 1]));
        all_same_but_one(place, "copy all all WORK CLOUD");
        place
            .studio
            .file("WORK/footage/acme/spot/renamed.mov", "reel");
        place
            .remotes
            .assert_mirrored(&place.studio.path("WORK"), &storage.root);
        let counts = place.scan_fields("load CLOUD", &["state", "files"]);
        assert_eq!(json!(counts), json!(["complete", 6]));
    });
}

#[test]
fn file_replaced_at_remote_is_detected() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        assert_all_copied(place, "copy all all WORK CLOUD", 5);
        let reel = "footage/acme/spot/reel.mov";
        place.write_by_rclone(&storage.address(reel), "another reel");
        let run = place.json("copy all all WORK CLOUD");
        let document = run.document();
        if storage.kind == TestStorageKind::WebDav {
            // Its time is unknown: it is replaced and kept as an old version.
            assert_eq!(document["copied_files"], 1, "{run}");
            let versions = storage.address(".auto-backup/versions");
            let kept = place
                .remotes
                .stdout_of(&["lsf", "-R", "--files-only", &versions]);
            let kept = format!("{versions}/{}", kept.trim_end());
            assert_eq!(place.remotes.stdout_of(&["cat", &kept]), "another reel");
            assert_eq!(
                place.remotes.stdout_of(&["cat", &storage.address(reel)]),
                "reel"
            );
            return;
        }
        assert_eq!(run.status, 3, "{run}");
        assert_eq!(document["conflict_files"], 1, "{run}");
        assert_eq!(document["same_files"], 4, "{run}");
        let now = place.remotes.stdout_of(&["cat", &storage.address(reel)]);
        assert_eq!(now, "another reel");
    });
}

#[test]
fn file_deleted_at_remote_stays_local() {
    with_each_kind(&KINDS, Studio::filled, |place, storage| {
        assert_all_copied(place, "copy all all WORK CLOUD", 5);
        assert_all_copied(place, "copy all all CLOUD NAS", 5);
        place
            .remotes
            .stdout_of(&["deletefile", &storage.address("footage/acme/spot/reel.mov")]);
        let ends = place.answer_fields(
            "copy all all CLOUD NAS",
            &["state", "copied_files", "same_files"],
        );
        assert_eq!(json!(ends), json!(["complete", 0, 4]));
        assert_same_files(place.studio, "WORK", "NAS");
    });
}
