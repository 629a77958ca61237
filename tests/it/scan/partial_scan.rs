//! A scan of a part of a database leaves the rest alone.

use super::{change_counts, replica_state};
use crate::studio::Studio;

/// Returns the index's state of one replica in each category on WORK.
#[track_caller]
fn states(studio: &Studio) -> [String; 2] {
    ["footage", "render"].map(|category| replica_state(studio, "acme/spot", category, "WORK"))
}

#[test]
fn unscanned_category_is_unknown() {
    let studio = Studio::filled();
    studio.lines(&["load --category render"]).ok();
    assert_eq!(states(&studio), ["unknown", "whole 1"]);
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "NAS"),
        "unknown"
    );
    assert_eq!(
        replica_state(&studio, "acme/spot", "render", "NAS"),
        "missing"
    );
    studio
        .lines(&["load --category footage --category footage"])
        .ok();
    assert_eq!(states(&studio), ["whole 2", "whole 1"]);
}

#[test]
fn partial_scan_keeps_other_entries() {
    let studio = Studio::filled();
    studio.file("NAS/footage/acme/spot/n", "n");
    studio.lines(&["load"]).ok();
    studio
        .remove("WORK/footage/acme/spot/reel.mov")
        .remove("WORK/scratch/render/acme")
        .file("WORK/scratch/render/new/one/f", "f")
        .file("NAS/footage/acme/spot/m", "m");
    let load = studio.json(&["load WORK --category render"]).ok();
    assert_eq!(change_counts(&load, "WORK"), [1, 0, 1]);
    assert_eq!(states(&studio), ["incomplete 2", "missing"]);
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "NAS"),
        "incomplete 1",
        "of other files than WORK"
    );
    let load = studio
        .json(&["load NAS --project acme/spot --category render"])
        .ok();
    assert_eq!(change_counts(&load, "NAS"), [0, 0, 0]);
    let load = studio.json(&["load NAS --project acme/spot"]).ok();
    assert_eq!(change_counts(&load, "NAS"), [1, 0, 0]);
    assert_eq!(states(&studio), ["incomplete 2", "missing"]);
    let load = studio.json(&["load"]).ok();
    assert_eq!(
        (change_counts(&load, "WORK"), change_counts(&load, "NAS")),
        ([0, 0, 1], [0, 0, 0])
    );
}

#[test]
fn scan_age_is_recorded_per_category() {
    let studio = Studio::filled();
    let load = |line: &str| {
        let run = studio.json(&[line]).ok();
        let word = super::database_row(&run, "WORK")["state"].clone();
        word.as_str().unwrap().to_owned()
    };
    assert_eq!(load("load --category render"), "complete");
    assert_eq!(load("load --category render --older-than 1h"), "fresh");
    // The rest was never scanned.
    assert_eq!(load("load --category footage --older-than 1h"), "complete");
    assert_eq!(
        load("load --category render --category footage --older-than 1h"),
        "complete"
    );
    assert_eq!(load("load --category footage --older-than 1h"), "fresh");
    studio.file("WORK/scratch/render/acme/spot/f2.exr", "two");
    assert_eq!(load("load --category render --older-than 0s"), "complete");
    assert_eq!(states(&studio), ["whole 2", "whole 2"]);
}

#[test]
fn unknown_category_suggests_nearest() {
    let studio = Studio::filled();
    let run = studio.lines(&["load --category rendr"]).status(1);
    assert!(run.stderr.contains("unknown category `rendr`"), "{run}");
    assert!(run.stderr.contains("hint: did you mean `render`?"), "{run}");
    studio
        .lines(&["load --category render --forget WORK"])
        .status(2);
}
