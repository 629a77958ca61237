//! `compare` where one of the databases is behind rclone, or both are; and what was changed there behind our back.

use serde_json::{Value, json};

use super::copies::{all_copied, same};
use super::{KINDS, Kind, Place, Storage, at};
use crate::servers::Remotes;
use crate::studio::{CHANGED, Studio};

const COUNTS: [&str; 4] = ["only_a", "only_b", "differs", "same"];

/// The paths and outcomes of a comparison.
#[track_caller]
fn differences(document: &Value) -> Vec<[String; 2]> {
    let items = document["items"].as_array().unwrap();
    let named =
        |item: &Value| ["path", "outcome"].map(|name| item[name].as_str().unwrap().to_owned());
    items.iter().map(named).collect()
}

#[test]
fn what_was_copied_is_the_same() {
    at(&KINDS, Studio::filled, |place, _| {
        all_copied(place, "copy all all WORK CLOUD", 5);
        for line in [
            "compare all all WORK CLOUD",
            "compare all all CLOUD WORK",
            "compare all all WORK CLOUD --checksum",
            "compare all all CLOUD WORK --checksum",
        ] {
            assert_eq!(
                json!(place.answer(line, &COUNTS)),
                json!([0, 0, 0, 5]),
                "{line}"
            );
        }
    });
}

#[test]
fn every_difference_is_told() {
    at(&KINDS, Studio::filled, |place, storage| {
        all_copied(place, "copy all all WORK CLOUD", 5);
        place
            .studio
            .file("WORK/footage/acme/spot/only here", "x")
            .file_at("WORK/footage/acme/spot/reel.mov", "longer", CHANGED + 60)
            .file_at(
                "WORK/footage/acme/spot/plates/p1.exr",
                "other one",
                CHANGED + 60,
            );
        place.put(&storage.at("footage/acme/spot/only there"), "x");
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
fn only_content_tells_files_of_one_size_and_time_apart() {
    at(&KINDS, Studio::filled, |place, _| {
        all_copied(place, "copy all all WORK CLOUD", 5);
        place.studio.file("WORK/footage/acme/spot/reel.mov", "leer");
        let line = "compare all all WORK CLOUD";
        assert_eq!(json!(place.answer(line, &COUNTS)), json!([0, 0, 0, 5]));
        let run = place.json(&format!("{line} --checksum")).status(3);
        let document = run.document();
        let counts = COUNTS.map(|name| document[name].clone());
        assert_eq!(json!(counts), json!([0, 0, 1, 4]), "{run}");
        let path = ["acme/spot/reel.mov", "differs"].map(str::to_owned);
        assert_eq!(differences(&document), [path], "{run}");
    });
}

#[test]
fn two_remotes_are_compared() {
    for (one, two) in [(Kind::S3, Kind::Sftp), (Kind::WebDav, Kind::Crypt)] {
        let studio = Studio::filled();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let place = Place {
            studio: &studio,
            remotes: &remotes,
        };
        let one = Storage::start(&remotes, &studio, one, "one");
        let two = Storage::start(&remotes, &studio, two, "two");
        place.add("ONE", &one.root);
        place.add("TWO", &two.root);
        all_copied(&place, "copy all all WORK ONE", 5);
        all_copied(&place, "copy all all WORK TWO", 5);
        for line in [
            "compare all all ONE TWO",
            "compare all all TWO ONE --checksum",
        ] {
            assert_eq!(
                json!(place.answer(line, &COUNTS)),
                json!([0, 0, 0, 5]),
                "{line}"
            );
        }
        studio.file_at("WORK/footage/acme/spot/reel.mov", "leer", CHANGED + 60);
        all_same_but_one(&place, "copy all all WORK TWO");
        let line = "compare all all ONE TWO";
        assert_eq!(json!(place.answer(line, &COUNTS)), json!([0, 0, 1, 4]));
        let line = "compare all all ONE TWO --checksum";
        assert_eq!(json!(place.answer(line, &COUNTS)), json!([0, 0, 1, 4]));
    }
}

/// Fails unless a line copies just one of five files.
#[track_caller]
fn all_same_but_one(place: &Place<'_>, line: &str) {
    let ends = place.answer(line, &["state", "copied_files", "same_files"]);
    assert_eq!(json!(ends), json!(["complete", 1, 4]), "{line}");
}

#[test]
fn a_file_that_got_another_name_there_is_seen_and_brought_again() {
    at(&KINDS, Studio::filled, |place, storage| {
        all_copied(place, "copy all all WORK CLOUD", 5);
        let spot = |name: &str| storage.at(&format!("footage/acme/spot/{name}"));
        place
            .remotes
            .said(&["moveto", &spot("reel.mov"), &spot("renamed.mov")]);
        let names = ["state", "files", "added", "changed", "gone"];
        let counts = place.looked("load CLOUD", &names);
        assert_eq!(json!(counts), json!(["complete", 5, 1, 0, 1]));
        all_same_but_one(place, "copy all all WORK CLOUD");
        place
            .studio
            .file("WORK/footage/acme/spot/renamed.mov", "reel");
        place
            .remotes
            .agrees(&place.studio.path("WORK"), &storage.root);
        let counts = place.looked("load CLOUD", &["state", "files"]);
        assert_eq!(json!(counts), json!(["complete", 6]));
    });
}

#[test]
fn what_was_replaced_there_behind_our_back_is_not_taken_for_what_was_sent() {
    at(&KINDS, Studio::filled, |place, storage| {
        all_copied(place, "copy all all WORK CLOUD", 5);
        let reel = "footage/acme/spot/reel.mov";
        place.put(&storage.at(reel), "another reel");
        let run = place.json("copy all all WORK CLOUD");
        let document = run.document();
        if storage.kind == Kind::WebDav {
            // Nothing says when that was: it gives way, and is kept.
            assert_eq!(document["copied_files"], 1, "{run}");
            let versions = storage.at(".auto-backup/versions");
            let kept = place
                .remotes
                .said(&["lsf", "-R", "--files-only", &versions]);
            let kept = format!("{versions}/{}", kept.trim_end());
            assert_eq!(place.remotes.said(&["cat", &kept]), "another reel");
            assert_eq!(place.remotes.said(&["cat", &storage.at(reel)]), "reel");
            return;
        }
        assert_eq!(run.status, 3, "{run}");
        assert_eq!(document["conflict_files"], 1, "{run}");
        assert_eq!(document["same_files"], 4, "{run}");
        let now = place.remotes.said(&["cat", &storage.at(reel)]);
        assert_eq!(now, "another reel");
    });
}

#[test]
fn what_goes_away_there_is_fetched_no_more_and_stays_here() {
    at(&KINDS, Studio::filled, |place, storage| {
        all_copied(place, "copy all all WORK CLOUD", 5);
        all_copied(place, "copy all all CLOUD NAS", 5);
        place
            .remotes
            .said(&["deletefile", &storage.at("footage/acme/spot/reel.mov")]);
        let ends = place.answer(
            "copy all all CLOUD NAS",
            &["state", "copied_files", "same_files"],
        );
        assert_eq!(json!(ends), json!(["complete", 0, 4]));
        same(place.studio, "WORK", "NAS");
    });
}
