//! `compare --known`: the last scans, from the index alone.

use std::process::Command;

use insta::assert_snapshot;

use crate::studio::Studio;

const LINE: &str = "compare acme/spot WORK NAS --known";

#[test]
fn offline_storages_are_compared() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    studio.file("NAS/footage/acme/spot/more.mov", "more");
    studio.lines(&["load"]).ok();
    let live = studio.json(&["compare acme/spot WORK NAS"]).document();
    studio.remove("NAS").remove("WORK");
    let run = studio.lines(&[LINE]).status(3);
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    NAS lacks 1 file, 5 B; WORK lacks 1 file, 4 B; 2 the same
    scanned: WORK just now, NAS just now
    ┌──────────┬──────────┬──────────────┬─────────────┬─────────┐
    │ category ┆ same     ┆ only in WORK ┆ only in NAS ┆ differs │
    ╞══════════╪══════════╪══════════════╪═════════════╪═════════╡
    │ footage  ┆ 2 (13 B) ┆            0 ┆ 1 (4 B)     ┆       0 │
    │ render   ┆        0 ┆ 1 (5 B)      ┆           0 ┆       0 │
    └──────────┴──────────┴──────────────┴─────────────┴─────────┘
    only in NAS footage/acme/spot/more.mov
    only in WORK render/acme/spot/f1.exr
    ");
    let known = studio.json(&[LINE]).document();
    for key in [
        "only_a",
        "only_b",
        "differs",
        "same",
        "only_a_bytes",
        "same_bytes",
        "items",
    ] {
        assert_eq!(known[key], live[key], "{key}");
    }
    assert_eq!(known["known"], true);
    assert!(known["scans"][1]["scanned_at"].is_string(), "{known}");
    assert_eq!(live["known"], false);
}

#[test]
fn storages_are_not_opened() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let log = studio.path("trace");
    let mut command = Command::new("strace");
    let program = studio.command();
    command
        .args(["-f", "-qq", "-e", "trace=file", "-o"])
        .arg(&log);
    command.arg(program.get_program()).args(["-c", LINE]);
    command.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    assert_eq!(studio.finish(&mut command).status, 3);
    let trace = std::fs::read_to_string(&log).unwrap();
    for root in [
        "WORK/footage",
        "WORK/scratch",
        "NAS/footage",
        ".auto-backup/database.json",
    ] {
        let path = studio.path(root);
        assert!(!trace.contains(&*path.to_string_lossy()), "{root}: {trace}");
    }
}

#[test]
fn never_scanned_is_unknown_not_missing() {
    let studio = Studio::filled();
    studio.lines(&["load WORK"]).ok();
    let run = studio.lines(&[LINE]).status(3);
    assert_snapshot!(run, @"
    exit 3
    --- stdout
    2 could not be compared
    scanned: WORK just now, NAS never as a whole
    failed footage/acme/spot: unknown: it was never scanned on NAS
    failed render/acme/spot: unknown: it was never scanned on NAS
    ");
    assert_eq!(studio.json(&[LINE]).document()["only_a"], 0);
    let unknown = studio.lines(&["compare acme/sopt WORK NAS --known"]);
    assert_eq!(unknown.status, 1, "{unknown}");
}

#[test]
fn unread_folder_of_a_scan_is_failed() {
    let studio = Studio::filled();
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    studio.mode("NAS/footage/acme/spot/plates", 0o000);
    studio.lines_as_user(&["load"]);
    let run = studio.json(&[LINE]).status(3).document();
    assert_eq!(run["failed"], 1, "{run}");
    studio.mode("NAS/footage/acme/spot/plates", 0o755);
}

#[test]
fn digests_recorded_apart_prove_a_difference() {
    let studio = Studio::filled();
    studio.folder("SHELF");
    let shelf = "add database SHELF SHELF";
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    studio
        .lines(&[shelf, "copy acme/spot footage WORK SHELF"])
        .ok();
    // Bit rot on NAS, found against SHELF.
    studio.file("NAS/footage/acme/spot/reel.mov", "reeX");
    let compared = studio.lines(&[
        shelf,
        "compare acme/spot footage SHELF NAS --checksum --anew",
    ]);
    assert_eq!(compared.status, 3, "{compared}");
    for line in [
        "compare acme/spot footage WORK NAS",
        "compare acme/spot footage WORK NAS --known",
    ] {
        let run = studio.lines(&[line]).status(3);
        assert!(
            run.stdout
                .contains("differs footage/acme/spot/reel.mov: content"),
            "{run}"
        );
    }
    studio
        .lines(&[shelf, "compare acme/spot footage WORK SHELF"])
        .ok();
    // A copy reports a conflict, and a sync leaves the file and warns.
    studio.lines(&["copy acme/spot footage WORK NAS"]).status(3);
    studio.lines(&["sync acme/spot footage WORK NAS"]);
    let synced = studio.lines(&["sync acme/spot footage WORK NAS"]);
    assert_eq!(synced.status, 0, "{synced}");
    assert!(
        synced
            .stderr
            .contains("warning: the content of 1 file on NAS differs"),
        "{synced}"
    );
    studio
        .lines(&["copy acme/spot footage WORK NAS --overwrite"])
        .ok();
    let synced = studio.lines(&["sync acme/spot footage WORK NAS"]).ok();
    assert_eq!(synced.stderr, "", "{synced}");
    studio.lines(&["compare acme/spot footage WORK NAS"]).ok();
}
