//! Entries in no project: `list outside`, and what `load` and `find` say about them.

use insta::assert_snapshot;
use serde_json::json;

use super::studio;
use crate::studio::Studio;

/// A scanned studio with loose files, a folder of no category, and what never counts as outside.
fn untidy() -> Studio {
    let studio = Studio::filled();
    studio
        .file("WORK/footage/notes.txt", "notes")
        .file("WORK/footage/acme/brief.pdf", "brief!")
        .file("WORK/documents/2026/contract.pdf", "contract")
        .file("WORK/documents/offer.pdf", "offer")
        .file("WORK/scratch/tmp/x", "x")
        .link("WORK/footage/acme/link", "spot")
        .file("WORK/.auto-backup/versions/x", "x")
        .file("WORK/footage/.DS_Store", "x")
        .file("WORK/@eaDir/x", "x")
        .folder("WORK/lost+found")
        .folder("WORK/footage/new client");
    studio.lines(&["load"]).status(0);
    studio
}

#[test]
fn loose_files_and_folders_are_listed() {
    let studio = untidy();
    assert_snapshot!(studio.lines(&["list outside"]).ok(), @"
    exit 0
    --- stdout
    storage  path                    kind    size
    WORK     documents/              folder
    WORK     footage/acme/brief.pdf  file     6 B
    WORK     footage/acme/link       link
    WORK     footage/notes.txt       file     5 B
    WORK     scratch/tmp/            folder
    outside every project: 3 files, 11 B, and 2 folders (`--sizes` counts what is in them)
    ");
    assert_snapshot!(studio.lines(&["list outside in WORK --sizes"]).ok(), @"
    exit 0
    --- stdout
    storage  path                    kind    files  size
    WORK     documents/              folder      2  13 B
    WORK     footage/acme/brief.pdf  file            6 B
    WORK     footage/acme/link       link
    WORK     footage/notes.txt       file            5 B
    WORK     scratch/tmp/            folder      1   1 B
    outside every project: 6 files, 25 B, 2 folders included
    ");
    let none = studio.json(&["list outside in NAS"]).ok().document();
    assert_eq!(none["outside"], json!([]));
    assert_eq!(none["total"], json!({"files": 0, "bytes": 0, "folders": 0}));
    assert!(none["databases"][0]["scanned_at"].is_string(), "{none}");
    let plain = studio.run(["--format", "csv", "-c", "list outside"]).ok();
    assert_snapshot!(plain, @"
    exit 0
    --- stdout
    database,path,kind,files,bytes
    WORK,documents,folder,,
    WORK,footage/acme/brief.pdf,file,,6
    WORK,footage/acme/link,link,,
    WORK,footage/notes.txt,file,,5
    WORK,scratch/tmp,folder,,
    ");
}

#[test]
fn load_reports_entries_outside() {
    let studio = untidy();
    let load = studio.lines(&["load"]);
    let line = load.stdout.lines().find(|line| line.contains("outside"));
    assert_snapshot!(line.unwrap(), @"outside every project on WORK: 3 files, 11 B, and 2 folders: `list outside in WORK` lists them");
    let load = studio.json(&["load"]).document();
    let counts = &load["databases"][0]["outside"];
    assert_eq!(*counts, json!({"files": 3, "bytes": 11, "folders": 2}));
    let none = json!({"files": 0, "bytes": 0, "folders": 0});
    assert_eq!(load["databases"][1]["outside"], none);
}

#[test]
fn excluded_entries_are_not_outside() {
    let studio = untidy();
    let lines = [
        "exclude *.pdf",
        "exclude documents/",
        "load",
        "list outside",
    ];
    let listed = studio.json(&lines).document();
    let paths = listed["outside"].as_array().unwrap().iter();
    let paths: Vec<_> = paths.map(|row| row["path"].clone()).collect();
    assert_eq!(
        paths,
        ["footage/acme/link", "footage/notes.txt", "scratch/tmp"]
    );
}

#[test]
fn find_names_matches_outside() {
    let studio = untidy();
    let found = studio.lines(&["find brief"]).status(0);
    assert_snapshot!(found.stderr, @"note: the pattern also matches 1 name outside every project, first `footage/acme/brief.pdf` on `WORK`: see `list outside`");
    assert_eq!(studio.lines(&["find reel"]).ok().stderr, "");
}

#[test]
fn unreadable_folder_keeps_its_entries() {
    let studio = untidy();
    studio.mode("WORK/footage/acme", 0);
    studio.lines_as_user(&["load"]).status(3);
    studio.mode("WORK/footage/acme", 0o755);
    let listed = studio.json(&["list outside in WORK"]).document();
    assert_eq!(listed["databases"][0]["unread"], 1);
    assert_eq!(listed["total"]["files"], 3, "{listed}");
    studio.lines(&["load"]).status(0);
    let listed = studio.json(&["list outside in WORK"]).document();
    assert_eq!(listed["databases"][0]["unread"], 0);
}

#[test]
fn partial_scan_proves_nothing_about_outside() {
    let studio = untidy();
    studio.remove("WORK/footage/notes.txt");
    studio
        .lines(&["load --category render", "load --project acme"])
        .status(0);
    let listed = studio.json(&["list outside in WORK"]).document();
    assert_eq!(listed["total"]["files"], 3);
    let unscanned = Studio::filled();
    unscanned.lines(&["load --category render"]).status(0);
    let listed = unscanned.lines(&["list outside in WORK"]).ok();
    assert_snapshot!(listed, @"
    exit 0
    --- stdout
    `WORK` was never scanned as a whole: `load WORK` scans it
    ");
}

#[test]
fn folders_beside_kinds_are_outside() {
    let studio = studio(&["{client}/{project}/footage"]);
    studio
        .file("WORK/acme/spot/footage/a", "a")
        .file("WORK/acme/spot/invoices/b", "b")
        .file("WORK/acme/spot/readme", "r")
        .file("WORK/documents/2026/a", "a")
        .file("WORK/documents/2027/b", "b")
        .folder("WORK/acme/next");
    studio.lines(&["load"]).status(0);
    let listed = studio.json(&["list outside in WORK"]).document();
    let rows = listed["outside"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.map(|row| json!([row["path"], row["kind"]])).collect();
    let expected = [
        json!(["acme/spot/invoices", "folder"]),
        json!(["acme/spot/readme", "file"]),
        json!(["documents", "folder"]),
    ];
    assert_eq!(rows, expected);
}
