//! `verify`.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{copied_studio, last_items, last_run, studio_on_media, unplug};
use crate::studio::{CHANGED, Studio};

/// A scanned studio whose two databases hold the same three files, never read.
fn listed_studio() -> Studio {
    let studio = studio_on_media(&["WORK", "NAS"]);
    for database in ["WORK", "NAS"] {
        studio
            .file(format!("{database}/footage/acme/spot/a.mov"), "aaaa")
            .file(format!("{database}/footage/acme/spot/b.mov"), "bbbb")
            .file(format!("{database}/scratch/render/acme/spot/c.exr"), "cccc");
    }
    studio.lines(&["load"]).ok();
    studio
}

/// Returns a field of each storage.
fn fields(answer: &Value, name: &str) -> Vec<u64> {
    let databases = answer["databases"].as_array().unwrap().iter();
    databases.map(|one| one[name].as_u64().unwrap()).collect()
}

#[test]
fn first_read_has_nothing_to_compare() {
    let studio = listed_studio();
    assert_snapshot!(studio.lines(&["verify"]).ok(), @"
    exit 0
    --- stdout
    WORK: 3 files verified, 12 B; 3 for the first time, with nothing to compare; oldest proof on it just now
    NAS: 3 files verified, 12 B; 3 for the first time, with nothing to compare; oldest proof on it just now
    verified 6 files, 24 B in N s
    ");
    assert_snapshot!(studio.lines(&["verify"]).ok(), @"
    exit 0
    --- stdout
    WORK: 3 files verified, 12 B; oldest proof on it just now
    NAS: 3 files verified, 12 B; oldest proof on it just now
    verified 6 files, 24 B in N s
    ");
}

#[test]
fn changed_content_is_damage() {
    let studio = copied_studio();
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    assert_snapshot!(studio.lines(&["verify"]).status(3), @"
    exit 3
    --- stdout
    damaged $STUDIO/NAS/footage/acme/spot/reel.mov: XXH3-128 is e9ffa3f45e4b8a2caea7d82cc0ee3385, and was 45be4b60ba4bcf84bd0ea49e8483c938 just now; a program wrote to it and set its time back, or it was copied here
    WORK: 2 files verified, 13 B; oldest proof on it just now
    NAS: 2 files verified, 13 B; 1 file on it without proof
    verified 4 files, 26 B in N s; 1 damaged
        heal all NAS
    ");
    assert_eq!(
        last_items(&studio),
        [(
            "damaged".to_owned(),
            "NAS/footage/acme/spot/reel.mov".to_owned()
        )]
    );
    // It stays damaged, and is found again.
    assert_snapshot!(studio.lines(&["verify in NAS"]).status(3), @"
    exit 3
    --- stdout
    damaged $STUDIO/NAS/footage/acme/spot/reel.mov: XXH3-128 is e9ffa3f45e4b8a2caea7d82cc0ee3385, and should be 45be4b60ba4bcf84bd0ea49e8483c938; found damaged just now
    NAS: 2 files verified, 13 B; 1 file on it without proof
    verified 2 files, 13 B in N s; 1 damaged
        heal all NAS
    ");
    let answer = studio.json(&["verify"]).status(3).document();
    assert_eq!(fields(&answer, "damaged"), [0, 1]);
    assert_eq!(answer["state"], "partial");
    // The intact content again: the file is no longer damaged.
    studio.file("NAS/footage/acme/spot/reel.mov", "reel");
    studio.lines(&["verify"]).ok();
}

#[test]
fn edited_file_is_no_error() {
    let studio = copied_studio();
    studio.file_at("NAS/footage/acme/spot/reel.mov", "other", CHANGED + 60);
    assert_snapshot!(studio.lines(&["verify"]).ok(), @"
    exit 0
    --- stdout
    edited $STUDIO/NAS/footage/acme/spot/reel.mov: its size or time changed since the last scan
    WORK: 2 files verified, 13 B; oldest proof on it just now
    NAS: 2 files verified, 14 B; oldest proof on it just now
    verified 4 files, 27 B in N s; 1 edited
    ");
    assert_eq!(last_items(&studio)[0].0, "edited");
    // The next scan and verification take it as it is.
    let answer = studio.json(&["verify"]).ok().document();
    assert_eq!(fields(&answer, "edited"), [0, 0]);
    studio.lines(&["safe acme/spot on NAS"]).status(3);
}

#[test]
fn missing_file_is_found() {
    let studio = copied_studio();
    studio.remove("NAS/footage/acme/spot/reel.mov");
    assert_snapshot!(studio.lines(&["verify"]).status(3), @"
    exit 3
    --- stdout
    missing $STUDIO/NAS/footage/acme/spot/reel.mov
    WORK: 2 files verified, 13 B; oldest proof on it just now
    NAS: 1 file verified, 9 B; oldest proof on it just now
    verified 3 files, 22 B in N s; 1 missing
    ");
    assert_eq!(
        last_items(&studio),
        [(
            "missing".to_owned(),
            "NAS/footage/acme/spot/reel.mov".to_owned()
        )]
    );
    // The storage was scanned again: the file is no longer listed.
    let answer = studio.json(&["verify"]).ok().document();
    assert_eq!(answer["files"], 3);
}

#[test]
fn missing_project_folder_is_found() {
    let studio = copied_studio();
    studio.remove("NAS/footage/acme/spot");
    let answer = studio.json(&["verify"]).status(3).document();
    assert_eq!(fields(&answer, "missing"), [0, 2]);
    studio.lines(&["safe acme/spot on WORK"]).status(3);
}

#[test]
fn unreadable_file_is_not_missing() {
    let studio = copied_studio();
    studio
        .remove("NAS/footage/acme/spot/reel.mov")
        .folder("NAS/footage/acme/spot/reel.mov");
    assert_snapshot!(studio.lines(&["verify"]).status(3), @"
    exit 3
    --- stdout
    unreadable $STUDIO/NAS/footage/acme/spot/reel.mov: `$STUDIO/NAS/footage/acme/spot/reel.mov` changed while it was read
    WORK: 2 files verified, 13 B; oldest proof on it just now
    NAS: 1 file verified, 9 B; oldest proof on it just now
    verified 3 files, 22 B in N s; 1 unreadable
    ");
    assert_eq!(
        last_items(&studio),
        [(
            "unreadable".to_owned(),
            "NAS/footage/acme/spot/reel.mov".to_owned()
        )]
    );
}

#[test]
fn forbidden_file_is_unreadable() {
    let studio = copied_studio();
    studio.mode("NAS/footage/acme/spot/reel.mov", 0o000);
    let answer = studio.lines_as_user(&["verify in NAS"]).status(3);
    assert!(answer.stdout.contains("1 unreadable"), "{answer}");
    assert!(!answer.stdout.contains("missing"), "{answer}");
}

#[test]
fn recent_proof_is_not_renewed() {
    let studio = listed_studio();
    studio.lines(&["verify acme/spot footage in NAS"]).ok();
    let answer = studio.json(&["verify --older-than 1h"]).ok().document();
    assert_eq!(fields(&answer, "files"), [3, 1]);
    let answer = studio.json(&["verify --older-than 1h"]).ok().document();
    assert_eq!(
        (&answer["files"], &answer["left_files"]),
        (&json!(0), &json!(0))
    );
    assert_snapshot!(studio.lines(&["verify --older-than 1h"]).ok(), @"
    exit 0
    --- stdout
    WORK: no file verified; oldest proof on it just now
    NAS: no file verified; oldest proof on it just now
    verified 0 files, 0 B in N s
    ");
    let answer = studio.json(&["verify"]).ok().document();
    assert_eq!(answer["files"], 6);
}

#[test]
fn budget_leaves_the_rest_for_later() {
    let studio = listed_studio();
    let line = "verify --bytes 8 --older-than 1h";
    let mut read = Vec::new();
    for left in [4, 2, 0, 0] {
        let answer = studio.json(&[line]).ok().document();
        assert_eq!(answer["left_files"], left, "{answer}");
        read.push(answer["files"].as_u64().unwrap());
    }
    assert_eq!(read, [2, 2, 2, 0]);
    let answer = studio
        .json(&["verify --older-than 1h --dry-run"])
        .ok()
        .document();
    assert_eq!(answer["files"], 0);
}

#[test]
fn oldest_proof_is_read_first() {
    let studio = listed_studio();
    studio.lines(&["verify acme/spot footage"]).ok();
    // Only the renders were never read.
    let answer = studio.json(&["verify --bytes 8"]).ok().document();
    assert_eq!(fields(&answer, "first_files"), [1, 1]);
    assert_eq!(fields(&answer, "unproven"), [0, 0]);
}

#[test]
fn scope_limits_the_files() {
    let studio = listed_studio();
    for (line, files) in [
        ("verify acme", [3, 3]),
        ("verify acme/spot footage", [2, 2]),
        ("verify all render", [1, 1]),
        ("verify in WORK,NAS", [3, 3]),
        ("verify all footage in NAS,WORK,NAS", [2, 2]),
    ] {
        let answer = studio.json(&[line]).ok().document();
        assert_eq!(fields(&answer, "files"), files, "{line}");
    }
    let answer = studio.json(&["verify all footage in NAS"]).ok().document();
    assert_eq!(fields(&answer, "files"), [2]);
    for (line, status) in [
        ("verify acme/spot in", 2),
        ("verify acme/spot footage in WORK more", 2),
        ("verify acme/spot in TAPE", 1),
        ("verify nobody/spot", 1),
    ] {
        studio.lines(&[line]).status(status);
    }
}

#[test]
fn dry_run_reads_nothing() {
    let studio = listed_studio();
    let before = last_run(&studio);
    assert_snapshot!(studio.lines(&["verify --dry-run"]).ok(), @"
    exit 0
    --- stdout
    would read 6 files, 24 B
    ");
    assert_eq!(last_run(&studio), before);
    let answer = studio.json(&["verify --dry-run"]).ok().document();
    assert_eq!(
        (&answer["files"], &answer["run"]),
        (&json!(6), &Value::Null)
    );
    assert_eq!(
        studio.json(&["verify"]).ok().document()["databases"][0]["first_files"],
        3
    );
}

#[test]
fn links_are_not_read() {
    let studio = studio_on_media(&["WORK"]);
    studio
        .link("WORK/footage/acme/spot/link", "nowhere")
        .file("WORK/footage/acme/spot/a", "a");
    studio.lines(&["load"]).ok();
    let answer = studio.json(&["verify"]).ok().document();
    assert_eq!(answer["files"], 1);
}

#[test]
fn offline_storage_stops_no_other() {
    let studio = listed_studio();
    unplug(&studio, "NAS");
    let answer = studio.lines(&["verify"]).status(3);
    assert_snapshot!(answer, @"
    exit 3
    --- stdout
    WORK: 3 files verified, 12 B; 3 for the first time, with nothing to compare; oldest proof on it just now
    NAS: not verified: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    verified 3 files, 12 B in N s
    ");
    let answer = studio.json(&["verify in WORK"]).ok().document();
    assert_eq!(fields(&answer, "files"), [3]);
}

#[test]
fn absent_shelf_is_no_failure() {
    let studio = listed_studio();
    super::add_startup_lines(&studio, "add database NAS ../../../NAS --shelf\n");
    unplug(&studio, "NAS");
    assert_snapshot!(studio.lines(&["verify"]).ok(), @"
    exit 0
    --- stdout
    WORK: 3 files verified, 12 B; 3 for the first time, with nothing to compare; oldest proof on it just now
    NAS: away, not verified: storage `NAS` is offline: `$STUDIO/NAS` does not exist
    verified 3 files, 12 B in N s
    ");
}

#[test]
fn verification_changes_no_file() {
    let studio = listed_studio();
    let times = || {
        let path = studio.path("NAS/footage/acme/spot/a.mov");
        let found = fs::metadata(path).unwrap();
        (found.modified().unwrap(), found.len())
    };
    let (before, tree) = (times(), studio.tree("NAS"));
    studio.lines(&["verify"]).ok();
    assert_eq!((times(), studio.tree("NAS")), (before, tree));
}

#[test]
fn rows_list_the_findings() {
    let studio = copied_studio();
    studio
        .file("NAS/footage/acme/spot/reel.mov", "rEel")
        .remove("WORK/footage/acme/spot/plates/p1.exr");
    assert_snapshot!(super::run_with_format(&studio, "csv", "verify").status(3), @r#"
    exit 3
    --- stdout
    path,outcome,reason
    $STUDIO/NAS/footage/acme/spot/reel.mov,damaged,"XXH3-128 is e9ffa3f45e4b8a2caea7d82cc0ee3385, and was 45be4b60ba4bcf84bd0ea49e8483c938 just now; a program wrote to it and set its time back, or it was copied here"
    $STUDIO/WORK/footage/acme/spot/plates/p1.exr,missing,
    "#);
}
