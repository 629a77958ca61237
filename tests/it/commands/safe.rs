//! `safe`.

use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use regex::Regex;
use serde_json::{Value, json};

use super::{add_startup_lines, copied_studio, path_from_bytes, studio_on_media, unplug};
use crate::studio::{ProgramRun, Studio};

const ONE: &str = "policy footage copies 1\n";
const ASK: &str = "safe acme/spot on WORK";

/// A copied studio whose category demands one copy elsewhere.
fn studio_for_one_copy() -> Studio {
    let studio = copied_studio();
    add_startup_lines(&studio, ONE);
    studio
}

/// Returns an answer in which the weakest proof is of no particular file: which was read first depends on the threads.
fn with_any_weakest(run: &ProgramRun) -> String {
    let path = Regex::new(r"weakest: \S+ on").unwrap();
    path.replace_all(&run.to_string(), "weakest: FILE on")
        .into_owned()
}

/// Types the lines of a refusal until the answer is yes.
#[track_caller]
fn mend(studio: &Studio, ask: &str) {
    for _ in 0..3 {
        let answer = studio.json(&[ask]);
        if answer.status == 0 {
            return;
        }
        let document = answer.document();
        let rows = document["categories"].as_array().unwrap().iter();
        let lines = rows.flat_map(|row| row["mend"].as_array().unwrap());
        let lines: Vec<&str> = lines.map(|line| line.as_str().unwrap()).collect();
        assert!(!lines.is_empty(), "{answer}");
        studio.lines(&lines).ok();
    }
    panic!("{}", studio.lines(&[ask]));
}

#[test]
fn proven_copy_elsewhere_is_safe() {
    let studio = studio_for_one_copy();
    assert_snapshot!(with_any_weakest(&studio.lines(&[ASK, "safe acme/spot footage on WORK", "safe all on NAS"]).ok()), @"
    exit 0
    --- stdout
    yes  acme/spot footage: 2 files, 13 B; on NAS (read just now)
         weakest: FILE on NAS, read just now
    yes  acme/spot footage: 2 files, 13 B; on NAS (read just now)
         weakest: FILE on NAS, read just now
    yes  acme/spot footage: 2 files, 13 B; on WORK (read just now)
         weakest: FILE on WORK, read just now
    ");
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "reel");
}

#[test]
fn json_names_witnesses_and_weakest_proof() {
    let studio = studio_for_one_copy();
    let mut answer = studio.json(&[ASK]).ok().document();
    let row = answer["categories"][0].as_object_mut().unwrap();
    let oldest = row["witnesses"][0]["oldest"].take();
    let at = row["weakest"]["at"].take();
    // Which of the two files was read first depends on the threads.
    let weakest = row["weakest"]["path"].take();
    assert!(weakest == "reel.mov" || weakest == "plates/p1.exr");
    assert!(oldest.is_string() && at.is_string(), "{oldest} {at}");
    assert_eq!(
        answer,
        json!({
            "command": "safe",
            "project": "acme/spot",
            "database": "WORK",
            "categories": [{
                "project": "acme/spot",
                "category": "footage",
                "safe": true,
                "files": 2,
                "bytes": 13,
                "wants": {"copies": 1, "offsite": 0, "verified_seconds": null},
                "witnesses": [{"database": "NAS", "files": 2, "evidence": "read", "oldest": null, "hosts": [], "seen": null}],
                "weakest": {"path": null, "database": "NAS", "evidence": "read", "at": null, "host": null},
                "short": [],
                "short_files": 0,
                "short_bytes": 0,
                "unreadable": 0,
                "mend": [],
            }],
        })
    );
}

#[test]
fn default_policy_demands_two_other_copies() {
    let studio = copied_studio();
    assert_snapshot!(studio.lines(&[ASK]).status(3), @"
    exit 3
    --- stdout
    no   acme/spot footage: 2 files, 13 B
         2 files, 13 B, without 2 proven copies on other media
           reel.mov: 1 copy proven elsewhere
           plates/p1.exr: 1 copy proven elsewhere
         add database NAME FOLDER
    ");
    let answer = studio.json(&[ASK]).status(3).document();
    assert_eq!(answer["categories"][0]["safe"], false);
}

#[test]
fn listed_file_is_no_proof() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    for database in ["WORK", "NAS"] {
        studio
            .file(format!("{database}/footage/acme/spot/reel.mov"), "reel")
            .file(
                format!("{database}/footage/acme/spot/plates/p1.exr"),
                "plate",
            );
    }
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&[ASK]).status(3), @"
    exit 3
    --- stdout
    no   acme/spot footage: 2 files, 9 B
         2 files, 9 B, without 1 proven copy on other media
           reel.mov: 0 copies proven elsewhere
           plates/p1.exr: 0 copies proven elsewhere
         verify acme/spot footage in NAS,WORK
    ");
    mend(&studio, ASK);
    assert_snapshot!(with_any_weakest(&studio.lines(&[ASK]).ok()), @"
    exit 0
    --- stdout
    yes  acme/spot footage: 2 files, 9 B; on NAS (read just now)
         weakest: FILE on NAS, read just now
    ");
}

#[test]
fn file_missing_elsewhere_is_named() {
    let studio = studio_for_one_copy();
    for number in 1..=7 {
        studio.file(format!("WORK/footage/acme/spot/new/n{number}.mov"), "new");
    }
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&[ASK]).status(3), @"
    exit 3
    --- stdout
    no   acme/spot footage: 9 files, 34 B
         7 files, 21 B, without 1 proven copy on other media
           new/n1.mov: 0 copies proven elsewhere
           new/n2.mov: 0 copies proven elsewhere
           new/n3.mov: 0 copies proven elsewhere
           new/n4.mov: 0 copies proven elsewhere
           new/n5.mov: 0 copies proven elsewhere
           and 2 more
         copy acme/spot footage WORK NAS
    ");
    let answer = studio.json(&[ASK]).status(3).document();
    let row = &answer["categories"][0];
    assert_eq!(
        (&row["short_files"], &row["short_bytes"]),
        (&json!(7), &json!(21))
    );
    assert_eq!(row["short"][0], json!({"path": "new/n1.mov", "copies": 0}));
    // The other way, everything is on WORK.
    studio.lines(&["safe acme/spot on NAS"]).ok();
    mend(&studio, ASK);
    assert_eq!(studio.read("NAS/footage/acme/spot/new/n7.mov"), "new");
}

#[test]
fn live_scan_finds_the_deletion() {
    let studio = studio_for_one_copy();
    studio.remove("NAS/footage/acme/spot/reel.mov");
    studio.lines(&[ASK]).ok();
    studio.lines(&["safe acme/spot on WORK --live"]).status(3);
    studio.lines(&[ASK]).status(3);
}

#[test]
fn stale_proof_does_not_count() {
    let studio = copied_studio();
    add_startup_lines(&studio, "policy footage copies 1 verified 1s\n");
    thread::sleep(Duration::from_secs(3));
    let answer = studio.lines(&[ASK]).status(3);
    assert!(
        answer.stdout.contains("verify acme/spot footage in NAS"),
        "{answer}"
    );
    assert!(!answer.stdout.contains("copy acme/spot"), "{answer}");
    studio
        .lines(&["policy footage copies 1 verified 1h", ASK])
        .ok();
    let lines = [
        "policy footage copies 1 verified 10s",
        "verify acme/spot in NAS",
        ASK,
    ];
    studio.lines(&lines).ok();
}

#[test]
fn unreadable_folder_may_be_the_only_copy() {
    let studio = studio_for_one_copy();
    studio
        .file("WORK/footage/acme/spot/locked/secret.mov", "secret")
        .mode("WORK/footage/acme/spot/locked", 0o000);
    studio.lines_as_user(&["load"]);
    let answer = studio.lines_as_user(&[ASK]).status(3);
    studio.mode("WORK/footage/acme/spot/locked", 0o755);
    assert_snapshot!(answer, @"
    exit 3
    --- stdout
    no   acme/spot footage: 2 files, 13 B
         1 file or folder could not be read there: they may be the only copies
    ");
}

#[test]
fn names_in_other_normal_form_are_the_same() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    // The same names, composed on WORK and decomposed on NAS.
    let (composed, decomposed) = ("Caf\u{e9}", "Cafe\u{301}");
    for (database, name) in [("WORK", composed), ("NAS", decomposed)] {
        studio
            .file(
                format!("{database}/footage/{name}/spot/{name}/{name}.mov"),
                "one",
            )
            .file(format!("{database}/footage/{name}/spot/plain.mov"), "two");
    }
    studio.lines(&["load", "verify"]).ok();
    for database in ["WORK", "NAS"] {
        let line = format!("safe {composed}/spot on {database}");
        let answer = studio.json(&[&line]).status(0).document();
        assert_eq!(
            answer["categories"][0]["witnesses"][0]["files"], 2,
            "{answer}"
        );
    }
    studio.file(
        format!("NAS/footage/{decomposed}/spot/{decomposed}/{decomposed}.mov"),
        "ONE",
    );
    studio.lines(&["verify"]).status(3);
    studio
        .lines(&[&format!("safe {composed}/spot on WORK")])
        .status(3);
}

#[test]
fn odd_names_are_judged() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    for database in ["WORK", "NAS"] {
        let name = [database.as_bytes(), b"/footage/a,b/it's/caf\xe9\nx"].concat();
        studio.file(path_from_bytes(&name), "odd");
    }
    studio.lines(&["load", "verify"]).ok();
    let answer = studio.json(&["safe \"a,b/it's\" on WORK"]).ok().document();
    assert_eq!(answer["categories"][0]["files"], 1);
}

#[test]
fn equal_times_with_other_content_differ() {
    let studio = studio_for_one_copy();
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    studio.lines(&["verify"]).status(3);
    assert_snapshot!(studio.lines(&[ASK]).status(3), @"
    exit 3
    --- stdout
    no   acme/spot footage: 2 files, 13 B
         1 file, 4 B, without 1 proven copy on other media
           reel.mov: 0 copies proven elsewhere
         heal acme/spot footage NAS
    ");
    // The damaged copy itself may go: WORK has the intact one.
    let answer = studio.json(&["safe acme/spot on NAS"]).document();
    assert_eq!(answer["categories"][0]["safe"], true, "{answer}");
}

#[test]
fn same_medium_is_no_witness() {
    let studio = studio_for_one_copy();
    add_startup_lines(
        &studio,
        "add database NAS ../../../NAS --medium WORK --replace\n",
    );
    assert_snapshot!(studio.lines(&[ASK]).status(3), @"
    exit 3
    --- stdout
    no   acme/spot footage: 2 files, 13 B
         2 files, 13 B, without 1 proven copy on other media
           reel.mov: 0 copies proven elsewhere
           plates/p1.exr: 0 copies proven elsewhere
         add database NAME FOLDER
    ");
}

#[test]
fn offline_witness_is_named_with_its_age() {
    let studio = studio_for_one_copy();
    add_startup_lines(&studio, "add database NAS ../../../NAS --shelf\n");
    unplug(&studio, "NAS");
    studio.lines(&["load"]).ok();
    assert_snapshot!(with_any_weakest(&studio.lines(&[ASK]).ok()), @"
    exit 0
    --- stdout
    yes  acme/spot footage: 2 files, 13 B; on NAS (read just now; offline, as last seen just now)
         weakest: FILE on NAS, read just now
    ");
    let answer = studio.json(&[ASK]).ok().document();
    assert!(answer["categories"][0]["witnesses"][0]["seen"].is_string());
}

#[test]
fn links_need_no_reading() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    studio
        .link("WORK/footage/acme/spot/link", "target")
        .link("NAS/footage/acme/spot/link", "target");
    studio.lines(&["load"]).ok();
    studio.lines(&[ASK]).ok();
    studio.remove("NAS/footage/acme/spot/link");
    studio.link("NAS/footage/acme/spot/link", "elsewhere");
    studio.lines(&["load"]).ok();
    studio.lines(&[ASK]).status(3);
}

#[test]
fn expendable_copy_is_safe() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    studio.file("WORK/footage/acme/spot/a", "a");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["policy footage none", ASK]).ok(), @"
    exit 0
    --- stdout
    category footage demands from now on: nothing; losing it is acceptable
    yes  acme/spot footage: 1 file, 1 B; losing it is acceptable: its policy is `none`
    ");
}

#[test]
fn wrong_lines_are_usage_errors() {
    let studio = studio_for_one_copy();
    assert_snapshot!(studio.lines(&["safe acme/spot"]).status(2), @"
    exit 2
    --- stderr
    -c:1:15: error: missing: on STORAGE
        safe acme/spot
                      ^
    hint: write it as: safe PROJECT [CATEGORY] on STORAGE
    ");
    assert_snapshot!(studio.lines(&["safe acme/spot WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:20: error: missing: on STORAGE
        safe acme/spot WORK
                           ^
    hint: write it as: safe PROJECT [CATEGORY] on STORAGE
    ");
    assert_snapshot!(studio.lines(&["safe acme/spot footage WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:28: error: missing: on before `WORK`
        safe acme/spot footage WORK
                                   ^
    hint: write it as: safe PROJECT [CATEGORY] on STORAGE
    ");
    assert_snapshot!(studio.lines(&["safe acme/spot on"]).status(2), @"
    exit 2
    --- stderr
    -c:1:18: error: missing: STORAGE
        safe acme/spot on
                         ^
    hint: write it as: safe PROJECT [CATEGORY] on STORAGE
    ");
    assert_snapshot!(studio.lines(&["safe acme/spot on WORK NAS"]).status(2), @"
    exit 2
    --- stderr
    -c:1:24: error: unexpected argument `NAS`
        safe acme/spot on WORK NAS
                               ^^^
    hint: write it as: safe PROJECT [CATEGORY] on STORAGE
    ");
    assert_snapshot!(studio.lines(&["safe acme/spot on TAPE"]).status(1), @"
    exit 1
    --- stderr
    -c:1:19: error: unknown storage `TAPE`
        safe acme/spot on TAPE
                          ^^^^
    hint: known: WORK, NAS
    ");
    studio.lines(&["safe acme/spot on WORK,NAS"]).status(2);
    let absent = studio.lines(&["safe acme/spot render on WORK"]);
    assert_snapshot!(absent, @"
    exit 1
    --- stderr
    -c:1:6: error: `acme/spot` is not in category `render` of storage `WORK`
        safe acme/spot render on WORK
             ^^^^^^^^^
    hint: `acme/spot` is on WORK, NAS in category `footage`
    ");
}

#[test]
fn answers_are_listed_by_category() {
    let studio = studio_for_one_copy();
    studio.file("WORK/scratch/render/acme/spot/f1.exr", "frame");
    studio.lines(&["load"]).ok();
    assert_snapshot!(with_any_weakest(&studio.lines(&["safe all on WORK"]).status(3)), @"
    exit 3
    --- stdout
    yes  acme/spot footage: 2 files, 13 B; on NAS (read just now)
         weakest: FILE on NAS, read just now
    no   acme/spot render: 1 file, 5 B
         1 file, 5 B, without 2 proven copies on other media
           f1.exr: 0 copies proven elsewhere
         add database NAME FOLDER
         copy acme/spot render WORK NAS
    1 of 2 copies may be removed from WORK, 13 B
    ");
    let answer: Value = studio.json(&["safe all on WORK"]).status(3).document();
    assert_eq!(answer["categories"].as_array().unwrap().len(), 2);
}
