//! `load`: databases and folders that cannot be read keep their data in the index.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use super::{SCAN_FIELDS, scan_fields};
use crate::studio::Studio;

#[test]
fn offline_database_keeps_last_scan() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    fs::rename(studio.path("WORK"), studio.path("unplugged")).unwrap();
    assert_snapshot!(studio.lines(&["load"]).status(3), @"
    exit 3
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK    ┆ offline  ┆        3 ┆     5 ┆ 25 B ┆ N s │
    │ NAS     ┆ complete ┆        0 ┆     0 ┆  0 B ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┘
    scanned 1 of 2 storages, 0 files, 0 B in N s
    --- stderr
    problem: storage `WORK` is offline: `$STUDIO/WORK` does not exist
    ");
    studio.folder("WORK/lost+found");
    assert_snapshot!(studio.lines(&["load WORK"]).status(3).stderr, @"
    problem: storage `WORK` is offline: `$STUDIO/WORK` is empty, though the index knows 5 files there: is it mounted?
    hint: mount or connect it; if this is the right disk, `load --forget WORK`, then `load WORK`
    ");
    studio.file("WORK/another disk/photo.jpg", "x");
    assert_snapshot!(studio.lines(&["load WORK"]).status(3).stderr, @"
    problem: storage `WORK` is offline: `$STUDIO/WORK` holds none of the category folders, though the index knows 5 files there
    hint: mount or connect it; if this is the right disk, `load --forget WORK`, then `load WORK`
    ");
    studio.remove("WORK").file("WORK", "a file");
    assert_snapshot!(studio.lines(&["load WORK"]).status(3).stderr, @"problem: storage `WORK` is offline: `$STUDIO/WORK` is not a folder");
    studio.remove("WORK");
    fs::rename(studio.path("unplugged"), studio.path("WORK")).unwrap();
    assert_eq!(
        scan_fields(&studio, "load", &SCAN_FIELDS),
        [json!("complete"), json!(0), json!(0), json!(0)]
    );
}

#[test]
fn other_identity_file_means_offline() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    let file = "NAS/.auto-backup/database.json";
    studio.file(file, r#"{"id": "0", "name": "B", "created": null}"#);
    assert_snapshot!(studio.lines(&["load NAS"]).status(3).stderr, @"
    problem: storage `NAS` is offline: `$STUDIO/NAS` is the drive `B`, not `NAS`
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    ");
    studio.remove(file);
    assert_snapshot!(studio.lines(&["load NAS"]).status(3), @"
    exit 3
    --- stdout
    ┌─────────┬─────────┬──────────┬───────┬──────┐
    │ storage ┆ state   ┆ projects ┆ files ┆ size │
    ╞═════════╪═════════╪══════════╪═══════╪══════╡
    │ NAS     ┆ offline ┆        1 ┆     2 ┆ 13 B │
    └─────────┴─────────┴──────────┴───────┴──────┘
    --- stderr
    problem: storage `NAS` is offline: `$STUDIO/NAS` is not the drive that was `NAS`, or is empty: it has no identity file `.auto-backup/database.json`
    hint: mount or connect it; if this is the right disk, `load --forget NAS`, then `load NAS`
    ");
}

#[test]
fn only_forget_removes_index_entries() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio.remove("WORK/footage").remove("WORK/scratch");
    studio.lines(&["load"]).status(3);
    let unanswered = studio.lines(&["load --forget WORK"]).status(2);
    assert_snapshot!(unanswered.stderr, @"
    -c:1:1: error: confirmation required, but the session is not interactive: remove `WORK` (5 files) from the index? no file is touched
        load --forget WORK
        ^^^^^^^^^^^^^^^^^^
    hint: add `--yes` at the end of the line to confirm in advance
    ");
    assert!(studio.lines(&["list clients"]).ok().stdout.contains("acme"));
    assert_snapshot!(studio.lines(&["load --forget WORK --yes"]), @"
    exit 0
    --- stdout
    ┌─────────┬───────────┬──────────┬───────┬──────┬──────┬───────┐
    │ storage ┆ state     ┆ projects ┆ files ┆ size ┆ gone ┆ time  │
    ╞═════════╪═══════════╪══════════╪═══════╪══════╪══════╪═══════╡
    │ WORK    ┆ forgotten ┆        0 ┆     0 ┆  0 B ┆    5 ┆ N s │
    └─────────┴───────────┴──────────┴───────┴──────┴──────┴───────┘
    ");
    assert_snapshot!(studio.lines(&["load WORK", "list clients"]), @"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╡
    │ WORK    ┆ complete ┆        0 ┆     0 ┆  0 B ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┘
    scanned 1 storage, 0 files, 0 B in N s
    no clients; `load` scans for them
    ");
    assert_snapshot!(studio.lines(&["load --forget WROK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:15: error: unknown storage `WROK`
        load --forget WROK
                      ^^^^
    hint: did you mean `WORK`?
    ");
}

#[test]
fn unreadable_folder_keeps_its_index_entries() {
    let studio = Studio::filled();
    studio.lines_as_user(&["load"]).ok();
    studio.mode("WORK/footage/acme/spot/plates", 0);
    let run = studio.lines_as_user(&["load", "find p1.exr in WORK", "fetch project acme/spot"]);
    studio.mode("WORK/footage/acme/spot/plates", 0o755);
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    ┌─────────┬──────────────────┬──────────┬───────┬──────┬────────────┬───────┐
    │ storage ┆ state            ┆ projects ┆ files ┆ size ┆ unreadable ┆ time  │
    ╞═════════╪══════════════════╪══════════╪═══════╪══════╪════════════╪═══════╡
    │ WORK    ┆ not all readable ┆        3 ┆     5 ┆ 25 B ┆          1 ┆ N s │
    │ NAS     ┆ complete         ┆        0 ┆     0 ┆  0 B ┆          0 ┆ N s │
    └─────────┴──────────────────┴──────────┴───────┴──────┴────────────┴───────┘
    scanned 2 storages, 5 files, 25 B in N s
     files     size       changed  on    path
         1      9 B  NNN days ago  WORK  $STUDIO/WORK/footage/acme/spot/plates/p1.exr
    1 file, 9 B
    acme/spot  3 files, 18 B
    ┌──────────┬─────────────────────────────┬─────────┐
    │ category ┆ WORK                        ┆ NAS     │
    ╞══════════╪═════════════════════════════╪═════════╡
    │ footage  ┆ 1 unreadable, 2 files, 13 B ┆ missing │
    │ render   ┆ whole, 1 file, 5 B          ┆ missing │
    └──────────┴─────────────────────────────┴─────────┘
    policy: footage no whole copy of 2
    policy: render 1 of 2 copies, on WORK; NAS shares its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    scanned: WORK, NAS just now
    --- stderr
    problem: cannot open `$STUDIO/WORK/footage/acme/spot/plates`: Permission denied (os error 13)
    ");
}

#[test]
fn unreadable_client_keeps_its_index_entries() {
    let studio = Studio::filled();
    studio.lines_as_user(&["load"]).ok();
    studio.mode("WORK/footage/Bob's", 0);
    let run = studio.lines_as_user(&["load WORK", "list projects"]);
    studio.mode("WORK/footage/Bob's", 0o755);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    ┌─────────┬──────────────────┬──────────┬───────┬──────┬────────────┬───────┐
    │ storage ┆ state            ┆ projects ┆ files ┆ size ┆ unreadable ┆ time  │
    ╞═════════╪══════════════════╪══════════╪═══════╪══════╪════════════╪═══════╡
    │ WORK    ┆ not all readable ┆        3 ┆     5 ┆ 25 B ┆          1 ┆ N s │
    └─────────┴──────────────────┴──────────┴───────┴──────┴────────────┴───────┘
    scanned 1 storage, 5 files, 25 B in N s
    project          size  files  copies  newest        scanned   on
    Bob's/long film   1 B      1       0  NNN days ago  just now  WORK
    acme/spot        18 B      3       1  NNN days ago  just now  WORK
    acme/teaser       6 B      1       1  NNN days ago  just now  WORK
    3 projects, 5 files, 25 B
    --- stderr
    problem: cannot open `$STUDIO/WORK/footage/Bob's`: Permission denied (os error 13)
    ");
}
