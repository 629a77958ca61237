//! `status`.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{add_startup_lines, copied_studio, plug_in, studio_on_media, unplug};
use crate::studio::Studio;

/// A studio with one project for each kind of gap, in a category of its own.
fn studio_with_gaps() -> Studio {
    let studio = studio_on_media(&["WORK", "NAS", "SHELF"]);
    add_startup_lines(
        &studio,
        "add database VAULT ../../../VAULT --medium VAULT --offsite\n\
         add category master master/\n\
         add category deliver deliver/\n\
         add category raw raw/\n\
         policy master copies 3\n\
         policy deliver copies 2 offsite 1\n\
         policy raw copies 2 verified 180d\n",
    );
    studio
        .folder("VAULT")
        .file("WORK/raw/acme/unread/a", "a")
        .file("NAS/raw/acme/unread/a", "a")
        .file("WORK/deliver/acme/near/a", "a")
        .file("NAS/deliver/acme/near/a", "a")
        .file("WORK/master/acme/few/a", "a")
        .file("NAS/master/acme/few/a", "a")
        .file("WORK/footage/acme/one/a", "a")
        .file("WORK/footage/acme/halves/a", "a")
        .file("NAS/footage/acme/halves/b", "b")
        .file("WORK/footage/acme/good/a", "a")
        .file("NAS/footage/acme/good/a", "a");
    studio.lines(&["load"]).ok();
    studio
}

/// Returns the kind of each gap.
fn gaps(answer: &Value) -> Vec<&str> {
    let short = answer["short"].as_array().unwrap().iter();
    short.map(|row| row["why"].as_str().unwrap()).collect()
}

/// Returns the lines that an answer suggests, none twice.
fn suggested_lines(answer: &Value) -> BTreeSet<String> {
    let short = answer["short"].as_array().unwrap().iter();
    let lines = short.flat_map(|row| row["mend"].as_array().unwrap());
    lines
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

/// Types what `status` suggests until it suggests nothing.
#[track_caller]
fn mend(studio: &Studio) {
    for _ in 0..4 {
        let answer = studio.json(&["status"]);
        let lines = suggested_lines(&answer.document());
        if answer.status == 0 {
            assert!(lines.is_empty(), "{answer}");
            return;
        }
        assert!(!lines.is_empty(), "{answer}");
        for line in lines {
            studio.lines(&[&line]).ok();
        }
    }
    panic!("{}", studio.lines(&["status"]));
}

#[test]
fn worst_gap_comes_first() {
    let studio = studio_with_gaps();
    assert_snapshot!(studio.lines(&["status"]).status(3), @"
    exit 3
    --- stdout
    acme/halves footage: no whole copy of 2
        copy acme/halves footage NAS WORK
    acme/one footage: 1 of 2 copies, on WORK
        copy acme/one footage WORK NAS
    acme/few master: 2 of 3 copies, on WORK, NAS
        copy acme/few master WORK SHELF
    acme/near deliver: 0 of 1 copy off-site, on WORK, NAS
        copy acme/near deliver WORK VAULT
    acme/unread raw: not verified in time: some files were never read, on WORK, NAS
        verify acme/unread raw in WORK,NAS
    short of policy: 5 of 6, counted by project and category
    verified, of 11 B in all copies: 100 % never
    ");
    let answer = studio.json(&["status"]).status(3).document();
    assert_eq!(
        gaps(&answer),
        [
            "no_copy",
            "one_copy",
            "too_few",
            "not_offsite",
            "not_verified"
        ]
    );
    assert_eq!(answer["judged"], 6);
}

#[test]
fn suggested_lines_mend_each_gap() {
    let studio = studio_with_gaps();
    mend(&studio);
    assert_snapshot!(studio.lines(&["status"]).ok(), @"
    exit 0
    --- stdout
    every project meets the policies of its categories
    verified, of 16 B in all copies: 75 % within 30 days, 25 % never
    ");
    for path in [
        "WORK/footage/acme/halves/b",
        "NAS/footage/acme/halves/a",
        "NAS/footage/acme/one/a",
        "VAULT/deliver/acme/near/a",
        "SHELF/master/acme/few/a",
    ] {
        assert!(studio.path(path).exists(), "{path}");
    }
}

#[test]
fn json_states_gap_and_lines() {
    let studio = studio_with_gaps();
    let answer = studio.json(&["status acme/near"]).status(3).document();
    assert_eq!(
        answer["short"],
        json!([{
            "project": "acme/near",
            "category": "deliver",
            "why": "not_offsite",
            "copies": 2,
            "offsite": 0,
            "wants": {"copies": 2, "offsite": 1, "verified_seconds": null},
            "databases": ["WORK", "NAS"],
            "damaged": 0,
            "oldest": null,
            "mend": ["copy acme/near deliver WORK VAULT"],
        }])
    );
    assert_eq!(
        (&answer["unscanned"], &answer["offline"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(
        answer["verified"]["never_bytes"],
        answer["verified"]["bytes"]
    );
    let days: Vec<&Value> = answer["verified"]["within"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["days"])
        .collect();
    assert_eq!(days, [30, 90, 365]);
}

#[test]
fn scope_limits_the_projects() {
    let studio = studio_with_gaps();
    studio.lines(&["status acme/good"]).ok();
    studio.lines(&["status acme"]).status(3);
    studio.lines(&["status acme/nowhere"]).status(1);
    studio.lines(&["status acme/good acme/one"]).status(2);
}

#[test]
fn storages_on_one_medium_are_one_copy() {
    let studio = copied_studio();
    studio.lines(&["status"]).ok();
    add_startup_lines(
        &studio,
        "add database NAS ../../../NAS --medium WORK --replace\n",
    );
    assert_snapshot!(studio.lines(&["status"]).status(3), @"
    exit 3
    --- stdout
    acme/spot footage: 1 of 2 copies, on WORK, NAS (one medium)
        add database NAME FOLDER
    short of policy: 1 of 1, counted by project and category
    verified, of 26 B in all copies: 100 % within 30 days
    ");
    // A storage on another medium mends it.
    add_startup_lines(
        &studio,
        "add database SHELF ../../../SHELF --medium SHELF\n",
    );
    studio.folder("SHELF").lines(&["load SHELF"]).ok();
    mend(&studio);
    assert_eq!(studio.read("SHELF/footage/acme/spot/reel.mov"), "reel");
}

#[test]
fn disks_seen_by_a_scan_are_media() {
    // Without `--medium`, both storages are on the disk of /tmp.
    let studio = Studio::filled();
    studio
        .lines(&[
            "load",
            "copy all footage WORK NAS",
            "copy all render WORK NAS",
        ])
        .ok();
    let answer = studio.json(&["status"]).status(3).document();
    assert_eq!(gaps(&answer), ["one_copy"; 4]);
    assert_eq!(answer["short"][0]["databases"], json!(["WORK", "NAS"]));
}

#[test]
fn unscanned_storage_may_hold_the_copy() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    studio
        .file("WORK/footage/acme/spot/a", "a")
        .file("NAS/footage/acme/spot/a", "a");
    studio.lines(&["load WORK"]).ok();
    assert_snapshot!(studio.lines(&["status"]).status(3), @"
    exit 3
    --- stdout
    acme/spot footage: 1 of 2 copies known, on WORK; a storage was never scanned
        load NAS
    short of policy: 1 of 1, counted by project and category
    NAS was never scanned: `load NAS`
    verified, of 1 B in all copies: 100 % never
    ");
    assert_eq!(gaps(&studio.json(&["status"]).document()), ["unknown"]);
    mend(&studio);
}

#[test]
fn absent_shelf_counts_as_last_seen() {
    let studio = copied_studio();
    add_startup_lines(&studio, "add database NAS ../../../NAS --shelf\n");
    unplug(&studio, "NAS");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["status"]).ok(), @"
    exit 0
    --- stdout
    every project meets the policies of its categories
    offline, counted: NAS as last seen just now
    verified, of 26 B in all copies: 100 % within 30 days
    ");
    let answer = studio.json(&["status"]).ok().document();
    assert_eq!(answer["offline"], json!(["NAS"]));
    add_startup_lines(&studio, "policy footage copies 3\n");
    assert_snapshot!(studio.lines(&["status"]).status(3), @"
    exit 3
    --- stdout
    acme/spot footage: 2 of 3 copies, on WORK, NAS (as last seen just now)
        add database NAME FOLDER
    short of policy: 1 of 1, counted by project and category
    offline, counted: NAS as last seen just now
    verified, of 26 B in all copies: 100 % within 30 days
    ");
    plug_in(&studio, "NAS");
    studio.lines(&["load"]).ok();
    let answer = studio.json(&["status"]).status(3).document();
    assert_eq!(answer["offline"], json!([]));
}

#[test]
fn expendable_category_is_not_judged() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    studio.file("WORK/footage/acme/spot/a", "a");
    studio.lines(&["load"]).ok();
    studio.lines(&["status"]).status(3);
    let answer = studio.json(&["policy footage none", "status"]).ok();
    assert_eq!(answer.document()["short"], json!([]));
    studio.lines(&["policy footage copies 1", "status"]).ok();
}

#[test]
fn nothing_known_is_no_gap() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    assert_snapshot!(studio.lines(&["status"]).ok(), @"
    exit 0
    --- stdout
    no files are known; `load` scans the storages
    WORK was never scanned: `load WORK`
    NAS was never scanned: `load NAS`
    ");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["status"]).ok(), @"
    exit 0
    --- stdout
    no files are known; `load` scans the storages
    ");
}

#[test]
fn damaged_copy_is_no_copy() {
    let studio = copied_studio();
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    studio.lines(&["verify"]).status(3);
    assert_snapshot!(studio.lines(&["status"]).status(3), @"
    exit 3
    --- stdout
    acme/spot footage: 1 of 2 copies, on WORK; 1 file damaged on NAS
        heal acme/spot footage NAS
    short of policy: 1 of 1, counted by project and category
    verified, of 26 B in all copies: 84 % within 30 days, 16 % never
    ");
    let answer = studio.json(&["status"]).status(3).document();
    assert_eq!(answer["short"][0]["damaged"], 1);
    mend(&studio);
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
}
