//! `load`.

use std::fs;
use std::os::unix::net::UnixListener;

use insta::assert_snapshot;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use super::{SCAN_FIELDS, run_with_format, scan_fields};
use crate::studio::Studio;

#[test]
fn load_counts_projects_files_and_bytes() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["load"]), @"
    exit 0
    --- stdout
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    │ NAS     ┆ complete ┆        0 ┆     0 ┆  0 B ┆     0 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 2 storages, 5 files, 25 B in N s
    ");
    assert_snapshot!(studio.json(&["load WORK"]), @r#"
    exit 0
    --- stdout
    {"command":"load","run":2,"state":"complete","databases":[{"name":"WORK","state":"complete","files":5,"bytes":25,"projects":3,"added":0,"changed":0,"gone":0,"unreadable":0,"outside":{"files":0,"bytes":0,"folders":0},"seconds":N,"published":null}],"notices":[]}
    "#);
}

#[test]
fn plain_and_csv_have_one_line_each() {
    let studio = Studio::filled();
    let seconds = regex::Regex::new(r"[0-9.e-]+\n").unwrap();
    let stable = |format| {
        seconds
            .replace_all(&run_with_format(&studio, format, "load").ok().stdout, "N\n")
            .into_owned()
    };
    assert_snapshot!(stable("plain"), @"
    WORK	complete	5	25	3	5	0	0	0	N
    NAS	complete	0	0	0	0	0	0	0	N
    ");
    assert_snapshot!(stable("csv"), @"
    database,state,files,bytes,projects,added,changed,gone,unreadable,seconds
    WORK,complete,5,25,3,0,0,0,0,N
    NAS,complete,0,0,0,0,0,0,0,N
    ");
}

#[test]
fn empty_registry_suggests_first_steps() {
    assert_snapshot!(Studio::bare().lines(&["load"]), @"
    exit 0
    --- stdout
    no storages yet: `add database NAME ROOT`; no start-up file found at `./.config` or `$STUDIO/home/.config/auto-backup/.config`; name one with `--config FILE`
    ");
}

#[test]
fn repeated_database_is_scanned_once() {
    let document = Studio::filled().json(&["load NAS WORK NAS"]).document();
    let databases = document["databases"].as_array().unwrap();
    let names: Vec<_> = databases.iter().map(|database| &database["name"]).collect();
    assert_eq!(names, ["NAS", "WORK"]);
}

#[test]
fn second_scan_finds_no_change() {
    let studio = Studio::filled();
    assert_eq!(
        scan_fields(&studio, "load", &SCAN_FIELDS),
        [json!("complete"), json!(5), json!(0), json!(0)]
    );
    assert_eq!(
        scan_fields(&studio, "load", &SCAN_FIELDS),
        [json!("complete"), json!(0), json!(0), json!(0)]
    );
}

#[test]
fn scan_counts_added_changed_and_missing_files() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
        .file("WORK/footage/acme/spot/new.mov", "new")
        .file("WORK/footage/acme/spot/reel.mov", "longer reel")
        .file_at("WORK/footage/acme/teaser/t.mov", "teaser", 5)
        .remove("WORK/footage/Bob's");
    assert_eq!(
        scan_fields(&studio, "load", &SCAN_FIELDS),
        [json!("complete"), json!(1), json!(2), json!(1)]
    );
    assert_snapshot!(studio.lines(&["list clients"]), @"
    exit 0
    --- stdout
    client  size  files  projects  copies  newest        scanned   on
    acme    34 B      5         2       1  NNN days ago  just now  WORK
    1 client, 5 files, 34 B
    ");
}

#[test]
fn one_project_is_scanned_alone() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
        .file("WORK/footage/acme/spot/new.mov", "new")
        .file("WORK/footage/acme/teaser/new.mov", "new");
    let names = ["added", "files", "projects"];
    assert_eq!(
        scan_fields(&studio, "load WORK --project acme/spot", &names),
        [json!(1), json!(6), json!(3)]
    );
    assert_eq!(
        scan_fields(&studio, "load WORK --project acme", &names),
        [json!(1), json!(7), json!(3)]
    );
    studio
        .remove("WORK/footage/acme/spot")
        .remove("WORK/scratch/render/acme");
    assert_eq!(
        scan_fields(&studio, "load --project acme/spot", &["gone", "projects"]),
        [json!(4), json!(2)]
    );
}

#[test]
fn client_scan_records_missing_projects() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio.remove("WORK/footage/acme/teaser");
    assert_eq!(
        scan_fields(&studio, "load WORK --project acme", &["gone", "projects"]),
        [json!(1), json!(2)]
    );
    studio
        .remove("WORK/footage/acme")
        .remove("WORK/scratch/render/acme");
    assert_eq!(
        scan_fields(&studio, "load WORK --project acme", &["gone", "projects"]),
        [json!(3), json!(1)]
    );
    assert_eq!(
        scan_fields(&studio, "load WORK", &["gone", "files"]),
        [json!(0), json!(1)]
    );
}

#[test]
fn recent_scan_is_not_repeated() {
    let studio = Studio::filled();
    assert_eq!(
        scan_fields(&studio, "load --older-than 1h", &["state"]),
        [json!("complete")]
    );
    studio.file("WORK/footage/acme/spot/new.mov", "new");
    assert_eq!(
        scan_fields(&studio, "load --older-than 1h", &["state", "files"]),
        [json!("fresh"), json!(5)]
    );
    assert_eq!(
        scan_fields(&studio, "load --older-than 0s", &["state", "files"]),
        [json!("complete"), json!(6)]
    );
    assert_snapshot!(studio.lines(&["load --older-than soon"]).status(2), @"
    exit 2
    --- stderr
    -c:1:19: error: `soon` is not a valid AGE: a duration is a number and a unit, like 90s, 15m, 1h, 2d or 1w; without a unit it is seconds
        load --older-than soon
                          ^^^^
    hint: write it as: load [OPTIONS] [STORAGE]...
    ");
}

#[test]
fn symlinks_pipes_and_sockets_are_not_opened() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a.mov", "12345678")
        .file("elsewhere/big", "x".repeat(5000))
        .link("WORK/footage/acme/spot/outside", studio.path("elsewhere"))
        .link("WORK/footage/acme/spot/dangling", "nowhere")
        .link("WORK/footage/acme/linked", studio.path("elsewhere"));
    let folder = studio.path("WORK/footage/acme/spot");
    fs::hard_link(folder.join("a.mov"), folder.join("b.mov")).unwrap();
    mknodat(CWD, folder.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(folder.join("socket")).unwrap();
    let names = ["state", "projects", "files", "bytes", "unreadable"];
    // Two names of one file and two links; the bytes count once.
    let expected = [json!("complete"), json!(1), json!(4), json!(8), json!(0)];
    assert_eq!(scan_fields(&studio, "load", &names), expected);
}

#[test]
fn nested_category_is_counted_once() {
    let studio = Studio::filled();
    studio.file("WORK/scratch/acme/spot/cache", "123");
    let document = studio
        .json(&["add category scratch scratch", "load WORK"])
        .document();
    assert_eq!(document["databases"][0]["files"], 6);
    assert_snapshot!(studio.lines(&["add category scratch scratch", "list projects"]), @"
    exit 0
    --- stdout
    category scratch is the folder `scratch/` of every storage
    category scratch does not include scratch/render: it is a category of its own
    project          size  files  copies  newest        scanned   on
    Bob's/long film   1 B      1       1  NNN days ago  just now  WORK
    acme/spot        21 B      4       1  NNN days ago  just now  WORK
    acme/teaser       6 B      1       1  NNN days ago  just now  WORK
    3 projects, 6 files, 28 B
    ");
}

#[test]
fn unknown_database_suggests_nearest() {
    let studio = Studio::new();
    assert_snapshot!(studio.lines(&["load NSA"]).status(1), @"
    exit 1
    --- stderr
    -c:1:6: error: unknown storage `NSA`
        load NSA
             ^^^
    hint: did you mean `NAS`?
    ");
    assert_snapshot!(studio.lines(&["load --project a/b/c"]).status(2), @"
    exit 2
    --- stderr
    -c:1:16: error: `a/b/c` cannot be a project: it has more than two parts; a project is written CLIENT/PROJECT
        load --project a/b/c
                       ^^^^^
    hint: write it as in `fetch project acme/spot`
    ");
}
