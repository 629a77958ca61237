//! `fetch`: from the index, and with `--live` from the disks.

use std::fs;

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn answer_comes_from_the_index() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let before = studio.json(&["fetch all"]).ok();
    fs::rename(studio.path("WORK"), studio.path("unplugged")).unwrap();
    let after = studio.json(&["fetch all"]).ok();
    assert_eq!(before.bytes, after.bytes);
}

#[test]
fn offline_database_keeps_its_numbers() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    fs::rename(studio.path("WORK"), studio.path("unplugged")).unwrap();
    assert_snapshot!(studio.lines(&["fetch project acme/teaser --live"]).status(3), @"
    exit 3
    --- stdout
    acme/teaser  1 file, 6 B
    ┌──────────┬─────────────────────────────┬─────────┐
    │ category ┆ WORK                        ┆ NAS     │
    ╞══════════╪═════════════════════════════╪═════════╡
    │ footage  ┆ offline, whole, 1 file, 6 B ┆ missing │
    └──────────┴─────────────────────────────┴─────────┘
    on no storage: render
    policy: footage 1 of 2 copies, on WORK (as last seen just now); NAS shares its medium; `--medium` of `add database` states media
        add database NAME FOLDER
    scanned: WORK just now (offline); NAS just now
    --- stderr
    problem: storage `WORK` is offline: `$STUDIO/WORK` does not exist
    ");
}

#[test]
fn live_option_scans_first() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["fetch project acme/teaser"]).status(1), @"
    exit 1
    --- stderr
    -c:1:15: error: unknown project `acme/teaser`
        fetch project acme/teaser
                      ^^^^^^^^^^^
    hint: `load` scans the storages, `list projects` lists the projects found
    ");
    assert_snapshot!(studio.lines(&["fetch client acme --live"]), @"
    exit 0
    --- stdout
    project      size  WORK                  NAS
    acme/spot    18 B  whole, 3 files, 18 B
    acme/teaser  6 B   whole, 1 file, 6 B
    2 projects, 4 files, 24 B
    scanned: WORK, NAS just now
    ");
    studio.remove("WORK/footage/acme/teaser/t.mov");
    let document = studio
        .json(&["fetch project acme/teaser --live"])
        .document();
    assert_eq!(document["projects"][0]["replicas"][0]["files"], 0);
    assert_eq!(
        studio.json(&["fetch all --live"]).document()["projects"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}
