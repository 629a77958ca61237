//! Syncs to a database on a disk keep the same record, and do not read the destination if nothing changed.

use std::fs;
use std::path::PathBuf;

use super::{CheckedSync, kept_versions};
use crate::studio::{CHANGED, Studio};

const LINE: &str = "sync all all WORK NAS";

#[track_caller]
fn sync(studio: &Studio, options: &str) -> CheckedSync {
    let run = studio.json(&[&format!("{LINE} {options}")]);
    CheckedSync::new(run, studio.path("NAS").to_str().unwrap())
}

/// Returns the files of a database with their contents.
fn contents(studio: &Studio, database: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = studio.path(database);
    let files = super::files(&root).into_iter();
    files
        .map(|path| (path.clone(), fs::read(root.join(path)).unwrap()))
        .collect()
}

/// Fails unless NAS equals WORK.
#[track_caller]
fn assert_mirrored(studio: &Studio) {
    assert_eq!(contents(studio, "NAS"), contents(studio, "WORK"));
}

#[test]
fn local_sync_follows_source_changes() {
    let studio = Studio::filled();
    let first = sync(&studio, "").assert_sent(5);
    assert_eq!(first.document["verified_files"], 5);
    assert_mirrored(&studio);
    assert_eq!(sync(&studio, "").assert_sent(0).count("same"), 5);
    studio.file("WORK/footage/acme/spot/new", "new");
    sync(&studio, "").assert_sent(1);
    studio.file("WORK/footage/acme/spot/new", "longer in the same second");
    sync(&studio, "").assert_sent(1);
    studio.file_at(
        "WORK/footage/acme/spot/new",
        "LONGER IN THE SAME SECOND",
        CHANGED + 1,
    );
    sync(&studio, "").assert_sent(1);
    // The source wins, even with an older file.
    studio.file_at("WORK/footage/acme/spot/new", "older", CHANGED - 60);
    sync(&studio, "").assert_sent(1);
    assert_mirrored(&studio);
    studio.remove("WORK/footage/acme/spot/new");
    assert_eq!(
        sync(&studio, "").assert_sent(0).paths_with("gone"),
        ["footage/acme/spot/new"]
    );
    assert_eq!(studio.read("NAS/footage/acme/spot/new"), "older");
    let deleted = sync(&studio, "--delete").assert_sent(0);
    assert_eq!(deleted.paths_with("deleted"), ["footage/acme/spot/new"]);
    assert_mirrored(&studio);
    let mut runs: Vec<_> = fs::read_dir(studio.path("NAS/.auto-backup/versions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    runs.sort_unstable();
    let last = runs.last().unwrap().join("footage/acme/spot/new");
    assert_eq!(fs::read_to_string(last).unwrap(), "older");
    assert_eq!(runs.len(), 4);
    assert_eq!(sync(&studio, "--delete").assert_sent(0).items.len(), 0);
}

#[test]
fn unchanged_destination_is_not_walked() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    studio.folder("NAS/footage/acme/spot/only there");
    let Some(mut traced) = studio.traced("calls") else {
        return;
    };
    studio.finish(traced.args(["-c", LINE])).status(0);
    let calls = studio.read("calls");
    assert!(
        calls.contains("teaser") && !calls.contains("only there"),
        "{calls}"
    );
    studio.file("NAS/footage/acme/spot/reel.mov", "somebody else's");
    assert_eq!(sync(&studio, "").assert_sent(0).count("same"), 5);
}

#[test]
fn load_finds_deletions_for_next_sync() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    studio.remove("NAS/footage/acme/spot/plates").file_at(
        "NAS/footage/acme/spot/reel.mov",
        "somebody else's",
        CHANGED + 9,
    );
    assert_eq!(sync(&studio, "").assert_sent(0).count("same"), 5);
    studio.lines(&["load NAS"]).ok();
    sync(&studio, "").assert_sent(2);
    assert_mirrored(&studio);
    assert!(
        kept_versions(&studio.path("NAS"))
            .values()
            .any(|content| content == "somebody else's")
    );
    // A whole project too.
    studio.remove("NAS/footage/acme/teaser");
    studio.lines(&["load NAS"]).ok();
    sync(&studio, "").assert_sent(1);
    assert_mirrored(&studio);
    studio.lines(&["load NAS"]).ok();
    sync(&studio, "").assert_sent(0);
}

#[test]
fn deleting_more_than_half_requires_force() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    studio.remove("WORK/footage/acme");
    let before = studio.tree("NAS");
    let refused = sync(&studio, "--delete").status(1);
    assert!(
        refused.run.stderr.contains("nothing was deleted"),
        "{refused}"
    );
    assert_eq!(studio.tree("NAS"), before);
    assert_eq!(
        sync(&studio, "--delete --force")
            .assert_sent(0)
            .count("deleted"),
        3
    );
    assert_mirrored(&studio);
}

#[test]
fn missing_category_deletes_nothing() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    fs::rename(studio.path("WORK/scratch"), studio.path("away")).unwrap();
    let before = studio.tree("NAS");
    sync(&studio, "--delete").status(1);
    assert_eq!(studio.tree("NAS"), before);
    fs::rename(studio.path("away"), studio.path("WORK/scratch")).unwrap();
    sync(&studio, "--delete").assert_sent(0);
    assert_mirrored(&studio);
}

#[test]
fn newly_excluded_files_are_not_deleted() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    let line = format!("{LINE} --delete");
    let run = studio.lines(&["exclude plates/", &line]).ok();
    assert!(
        !run.stdout.contains("gone") && !run.stdout.contains("old versions"),
        "{run}"
    );
    assert_mirrored(&studio);
}

#[test]
fn missing_disk_is_unreachable() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    fs::rename(studio.path("NAS"), studio.path("AWAY")).unwrap();
    sync(&studio, "--delete").status(1);
    let document = studio.json(&["history --last 1"]).document();
    assert_eq!(document["runs"][0]["state"], "unreachable");
    fs::rename(studio.path("AWAY"), studio.path("NAS")).unwrap();
    sync(&studio, "--delete").assert_sent(0);
}

#[test]
fn max_files_limits_the_sync() {
    let studio = Studio::filled();
    for (sent, left) in [(2, 3), (2, 1), (1, 0)] {
        let some = sync(&studio, "--max-files 2").assert_sent(sent);
        assert_eq!(some.paths_with("unreached").len(), left, "{some}");
    }
    assert_mirrored(&studio);
    sync(&studio, "").assert_sent(0);
}

/// Syncs without root's privileges.
#[track_caller]
fn sync_as_user(studio: &Studio, options: &str) -> CheckedSync {
    let mut command = studio.command_as_user();
    command.args(["--format", "json", "-c", &format!("{LINE} {options}")]);
    let run = studio.finish(&mut command);
    CheckedSync::new(run, studio.path("NAS").to_str().unwrap())
}

/// Returns the paths of `failures`.
fn failures(studio: &Studio) -> Vec<String> {
    let document = studio.json(&["failures"]).document();
    let failures = document["failures"].as_array().unwrap().iter();
    failures
        .map(|failure| super::path_text(&failure["path"]))
        .collect()
}

/// A file that this user cannot read.
const BAD: &str = "footage/acme/spot/reel.mov";

#[test]
fn failed_file_is_listed_and_retried_first() {
    let studio = Studio::filled();
    studio.mode(format!("WORK/{BAD}"), 0o000);
    let partly = sync_as_user(&studio, "").status(3);
    assert_eq!(partly.paths_with("failed"), [BAD]);
    assert_eq!(partly.count("copied"), 4);
    assert_eq!(failures(&studio), [BAD]);
    let again = sync_as_user(&studio, "--retry-failed").status(3);
    assert_eq!((again.count("failed"), again.count("copied")), (1, 0));
    studio
        .mode(format!("WORK/{BAD}"), 0o600)
        .file("WORK/footage/acme/spot/a", "new");
    sync_as_user(&studio, "--max-files 1").assert_sent(1);
    assert_eq!(studio.read(format!("NAS/{BAD}")), "reel");
    assert_eq!(failures(&studio), [""; 0]);
    sync_as_user(&studio, "").assert_sent(1);
    assert_mirrored(&studio);
}

#[test]
fn failure_ends_with_its_source_file() {
    for options in ["", "--retry-failed"] {
        let studio = Studio::filled();
        studio.mode(format!("WORK/{BAD}"), 0o000);
        sync_as_user(&studio, "").status(3);
        assert_eq!(failures(&studio), [BAD]);
        studio.remove(format!("WORK/{BAD}"));
        sync_as_user(&studio, options).status(0);
        assert_eq!(failures(&studio), [""; 0], "{options}");
    }
}

#[test]
fn two_sources_keep_each_others_files() {
    let studio = Studio::filled();
    studio.file("USB/footage/acme/spot/only usb", "usb");
    let startup = "home/.config/auto-backup/.config";
    let lines = studio.read(startup);
    studio.file(startup, format!("{lines}add database USB ../../../USB\n"));
    sync(&studio, "").assert_sent(5);
    let usb = |options: &str| {
        let run = studio.json(&[&format!("sync all all USB NAS {options}")]);
        CheckedSync::new(run, studio.path("NAS").to_str().unwrap())
    };
    usb("").assert_sent(1);
    assert_eq!(sync(&studio, "--delete").assert_sent(0).items.len(), 0);
    assert_eq!(usb("--delete").assert_sent(0).items.len(), 0);
    studio.file_at("USB/footage/acme/spot/reel.mov", "of usb", CHANGED + 9);
    usb("").assert_sent(1);
    sync(&studio, "").assert_sent(1);
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
}
