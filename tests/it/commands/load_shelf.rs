//! `add database --shelf`: storages that are expected to be away.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::studio::Studio;

const STARTUP: &str = "home/.config/auto-backup/.config";

/// A scanned studio whose database NAS is a shelf storage and holds one project.
fn shelf_studio() -> Studio {
    let studio = Studio::filled();
    append(&studio, "add database NAS ../../../NAS --shelf\n");
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS", "load"])
        .ok();
    studio
}

/// Appends lines to the start-up file.
fn append(studio: &Studio, lines: &str) {
    studio.file(STARTUP, studio.read(STARTUP) + lines);
}

fn history(studio: &Studio) -> usize {
    let history = studio.json(&["history --all"]).status(0).document();
    history["runs"].as_array().unwrap().len()
}

#[test]
fn absent_shelf_storage_is_no_failure() {
    let studio = shelf_studio();
    fs::rename(studio.path("NAS"), studio.path("unplugged")).unwrap();
    assert_snapshot!(studio.lines(&["load", "list databases"]).ok(), @"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆ N s │
    │ NAS     ┆ away     ┆        1 ┆     2 ┆ 13 B ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┘
    NAS is away, as expected: last scanned just now
    scanned 1 of 2 storages, 5 files, 25 B in N s
    storage  root                     state   size  files  projects     free   total  newest        scanned   medium
    WORK     $STUDIO/WORK  online  25 B      5         3  FREE  TOTAL  NNN days ago  just now  MEDIUM
    NAS      $STUDIO/NAS   away    13 B      2         1  FREE  TOTAL  NNN days ago  just now  MEDIUM
    2 storages, 5 files, 25 B
    ");
    assert_snapshot!(studio.run(["--quiet", "-c", "load"]).ok(), @"exit 0");
    // An empty mount point is the same.
    studio.folder("NAS/lost+found");
    assert_snapshot!(studio.run(["--quiet", "-c", "load"]).ok(), @"exit 0");
    assert_snapshot!(studio.lines(&["load NAS"]).status(3), @"
    exit 3
    --- stdout
    ┌─────────┬─────────┬──────────┬───────┬──────┐
    │ storage ┆ state   ┆ projects ┆ files ┆ size │
    ╞═════════╪═════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ offline ┆        1 ┆     2 ┆ 13 B │
    └─────────┴─────────┴──────────┴───────┴──────┘
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` is empty, though the index knows 2 files there: is it mounted?
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    ");
    fs::remove_dir_all(studio.path("NAS")).unwrap();
    fs::rename(studio.path("unplugged"), studio.path("NAS")).unwrap();
    assert_snapshot!(studio.run(["--quiet", "-c", "load NAS"]).ok(), @"exit 0");
}

#[test]
fn other_disk_at_shelf_is_a_failure() {
    let studio = shelf_studio();
    let file = "NAS/.auto-backup/database.json";
    studio.file(file, r#"{"id": "0", "name": "B", "created": null}"#);
    studio.lines(&["load"]).status(3);
    studio.remove("NAS/.auto-backup");
    studio.lines(&["load"]).status(3);
    studio.remove("NAS").file("NAS", "a file");
    studio.lines(&["load"]).status(3);
}

#[test]
fn other_offline_databases_still_fail() {
    let studio = shelf_studio();
    fs::rename(studio.path("NAS"), studio.path("unplugged")).unwrap();
    fs::rename(studio.path("WORK"), studio.path("gone")).unwrap();
    let answer = studio.json(&["load"]).status(3).document();
    let databases = answer["databases"].as_array().unwrap();
    let states: Vec<&Value> = databases
        .iter()
        .map(|database| &database["state"])
        .collect();
    assert_eq!(states, ["offline", "away"]);
    assert_eq!(
        (&answer["run"], &answer["state"]),
        (&Value::Null, &json!("partial"))
    );
}

#[test]
fn shelf_option_is_saved_and_ended() {
    let studio = Studio::new();
    let is_shelf = |studio: &Studio| {
        let answer = studio.json(&["list databases"]).ok().document();
        answer["databases"][1]["shelf"].clone()
    };
    assert_eq!(is_shelf(&studio), false);
    assert_snapshot!(studio.lines(&["add database NAS NAS --shelf", "add database NAS NAS", "save"]).ok(), @"
    exit 0
    --- stdout
    NAS at $STUDIO/NAS; from now on: may be away
    already there: storage NAS at $STUDIO/NAS, may be away
    saved in $STUDIO/home/.config/auto-backup/.config: 1 line added, 1 removed
    backup: $STUDIO/home/.config/auto-backup/.config.DATE
    ");
    assert_eq!(is_shelf(&studio), true);
    assert_snapshot!(studio.json(&["add database NAS NAS"]).ok(), @r#"
    exit 0
    --- stdout
    {"command":"add","kind":"database","name":"NAS","root":"$STUDIO/NAS","online":true,"shelf":true,"offsite":false,"medium":null,"change":"unchanged"}
    "#);
    assert_eq!(is_shelf(&studio), true);
    let ended = "add database NAS NAS --replace";
    assert_snapshot!(studio.lines(&[ended]).ok(), @"
    exit 0
    --- stdout
    NAS at $STUDIO/NAS, without options from now on
    ");
    studio.lines(&[ended, "save"]).ok();
    assert!(!studio.read(STARTUP).contains("--shelf"));
    assert_eq!(is_shelf(&studio), false);
    let lines = [
        "add database NEW gone --shelf",
        "add database NEW gone2 --replace --shelf",
    ];
    assert_snapshot!(studio.lines(&lines).ok(), @"
    exit 0
    --- stdout
    added storage NEW at $STUDIO/gone, away, as expected: it does not exist
    NEW is now at $STUDIO/gone2 (was $STUDIO/gone), away, as expected: it does not exist
    ");
}

#[test]
fn load_that_scans_nothing_is_no_run() {
    let studio = shelf_studio();
    let before = history(&studio);
    studio.lines(&["load --older-than 1h"]).ok();
    for _ in 0..5 {
        studio.lines(&["list categories"]).ok();
    }
    assert_eq!(history(&studio), before);
    for database in ["WORK", "NAS"] {
        fs::rename(
            studio.path(database),
            studio.path(format!("{database} away")),
        )
        .unwrap();
    }
    studio.lines(&["load", "load WORK NAS"]).status(3);
    assert_eq!(history(&studio), before);
    fs::rename(studio.path("WORK away"), studio.path("WORK")).unwrap();
    studio.lines(&["load"]).ok();
    assert_eq!(history(&studio), before + 1);
    let newest = studio.json(&["history"]).ok().document();
    assert_eq!(newest["runs"][0]["run"], json!(before + 1));
    assert_eq!(newest["runs"][0]["state"], "complete");
}

#[test]
fn startup_load_does_not_decide_the_status() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    append(&studio, "add database TAPE gone\nload --older-than 1h\n");
    let before = history(&studio);
    let compared = studio
        .lines(&["compare acme/spot footage WORK NAS"])
        .status(0);
    assert!(compared.stderr.contains("`TAPE` is offline"), "{compared}");
    studio.lines(&["load TAPE"]).status(3);
    assert_eq!(history(&studio), before);
    append(&studio, "exit\n");
    studio.lines(&["list categories"]).status(0);
}
