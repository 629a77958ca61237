//! `free`: which copies elsewhere count.

use insta::assert_snapshot;
use xxhash_rust::xxh3::xxh3_128;

use super::free::{FILES, FREE, ONE, assert_whole, refusal, studio_for_one_copy};
use super::{STARTUP, add_startup_lines, copied_studio, plug_in, studio_on_media, unplug};

#[test]
fn offline_witness_must_be_trusted() {
    let studio = studio_for_one_copy();
    unplug(&studio, "NAS");
    assert_snapshot!(studio.lines(&[FREE]).status(3), @"
    exit 3
    --- stdout
    no acme/spot footage: 2 files without enough proven copies elsewhere; NAS does not count: storage `NAS` is offline: `$STUDIO/NAS` does not exist; `--trust-offline NAS` counts it as last seen
        reel.mov: 0 copies proven elsewhere
        plates/p1.exr: 0 copies proven elsewhere
        add database NAME FOLDER
    removed 0 files, 0 B from WORK
    ");
    assert_whole(&studio, "WORK");
    studio
        .lines(&["free acme/spot WORK --trust-offline TAPE --yes"])
        .status(1);
    assert_whole(&studio, "WORK");
    assert_snapshot!(studio.lines(&["free acme/spot WORK --trust-offline NAS --yes"]).ok(), @"
    exit 0
    --- stdout
    removed acme/spot footage: 2 files, 13 B
    removed 2 files, 13 B from WORK
    the files are kept as old versions: `undo 6` brings them back, `prune WORK --keep 0d` wins their space
    ");
    assert!(!studio.path("WORK/footage/acme").exists());
    plug_in(&studio, "NAS");
    assert_whole(&studio, "NAS");
}

#[test]
fn witness_being_freed_does_not_count() {
    let studio = studio_for_one_copy();
    // The name that another machine writes for this replica.
    let digest = format!("{:032x}", xxh3_128(b"footage/acme/spot"));
    let run = "20261122T042855Z-otherhost-7-0123456789abcdef0123456789abcdef-1";
    let intent = format!("NAS/.auto-backup/freeing/{run}.{digest}");
    studio.file(&intent, "removing footage/acme/spot\n");
    let answer = studio.json(&[FREE]).status(3).document();
    let why = refusal(&answer);
    assert!(
        why.contains("NAS does not count: its copy is being removed too"),
        "{why}"
    );
    assert_whole(&studio, "WORK");
    // One for another replica is nothing to it.
    let digest = format!("{:032x}", xxh3_128(b"footage/acme/other"));
    let other = format!("NAS/.auto-backup/freeing/{run}.{digest}");
    studio
        .remove(&intent)
        .file(&other, "removing footage/acme/other\n");
    studio.lines(&[FREE]).ok();
    assert!(studio.path(&other).exists());
}

#[test]
fn listed_files_are_read_first() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    for database in ["WORK", "NAS"] {
        studio
            .file(format!("{database}/{}", FILES[0]), "reel")
            .file(format!("{database}/{}", FILES[1]), "plate one");
    }
    studio.lines(&["load"]).ok();
    studio.lines(&["safe acme/spot on WORK"]).status(3);
    studio.lines(&[FREE]).ok();
    assert!(!studio.path("WORK/footage/acme").exists());
    assert_whole(&studio, "NAS");
}

#[test]
fn listed_file_with_other_content_refuses() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    studio
        .file("WORK/footage/acme/spot/reel.mov", "reel")
        .file("NAS/footage/acme/spot/reel.mov", "rEel");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&[FREE]).status(3), @"
    exit 3
    --- stdout
    no acme/spot footage: 1 file without enough proven copies elsewhere
        reel.mov: 0 copies proven elsewhere
        copy acme/spot footage WORK NAS
    removed 0 files, 0 B from WORK
    ");
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "reel");
}

#[test]
fn rewritten_witness_refuses() {
    let studio = studio_for_one_copy();
    // Size and time are those of the proof.
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    studio.lines(&["safe acme/spot on WORK"]).ok();
    assert_snapshot!(studio.lines(&[FREE]).status(3), @"
    exit 3
    --- stdout
    no acme/spot footage: 1 file without enough proven copies elsewhere
        reel.mov: 0 copies proven elsewhere
        heal acme/spot footage NAS
    removed 0 files, 0 B from WORK
    ");
    assert_whole(&studio, "WORK");
}

#[test]
fn rewritten_and_unreadable_witness_refuses() {
    let studio = studio_for_one_copy();
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    studio.mode("NAS/footage/acme/spot/reel.mov", 0o000);
    studio.lines(&["safe acme/spot on WORK"]).ok();
    let run = studio.lines_as_user(&[FREE]).status(3);
    assert!(run.stdout.contains("could not be read again"), "{run}");
    assert_whole(&studio, "WORK");
}

#[test]
fn rewritten_file_is_never_erased() {
    let studio = studio_for_one_copy();
    // Another content, which no other storage holds, with the size and time of the proof.
    studio.file("WORK/footage/acme/spot/reel.mov", "rEel");
    assert_snapshot!(studio.lines(&["free acme/spot footage WORK --erase --yes"]).status(3), @"
    exit 3
    --- stdout
    no acme/spot footage: 1 file damaged there, or rewritten: `heal` first, or leave out `--erase`
    removed 0 files, 0 B from WORK
    ");
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "rEel");
    // Among the old versions it stays, also when they are pruned.
    studio.lines(&[FREE, "prune WORK --keep 0d --yes"]).ok();
    let answer = studio.json(&["versions in WORK"]).ok().document();
    let versions = answer["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{answer}");
    studio.lines(&["restore acme/spot footage WORK"]).ok();
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "rEel");
}

#[test]
fn deletion_at_the_witness_is_seen() {
    let studio = studio_for_one_copy();
    studio.remove("NAS/footage/acme/spot/reel.mov");
    let answer = studio.json(&[FREE]).status(3).document();
    assert!(refusal(&answer).contains("1 file without"), "{answer}");
    assert_whole(&studio, "WORK");
}

#[test]
fn new_file_at_the_target_is_seen() {
    let studio = studio_for_one_copy();
    studio.file("WORK/footage/acme/spot/new.mov", "new");
    studio.lines(&[FREE]).status(3);
    assert_eq!(studio.read("WORK/footage/acme/spot/new.mov"), "new");
    assert_whole(&studio, "WORK");
}

#[test]
fn same_medium_is_no_witness() {
    let studio = studio_for_one_copy();
    let lines = studio
        .read(STARTUP)
        .replace("--medium NAS", "--medium WORK");
    studio.file(STARTUP, lines);
    studio.lines(&[FREE]).status(3);
    assert_whole(&studio, "WORK");
}

#[test]
fn witness_in_other_normal_form_counts() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    for (database, name) in [("WORK", "caf\u{e9}"), ("NAS", "cafe\u{301}")] {
        studio.file(format!("{database}/footage/acme/{name}/{name}.mov"), "same");
    }
    studio.lines(&["load"]).ok();
    studio
        .lines(&["free acme/caf\u{e9} footage WORK --yes"])
        .ok();
    assert!(!studio.path("WORK/footage/acme").exists());
    assert_eq!(
        studio.read("NAS/footage/acme/cafe\u{301}/cafe\u{301}.mov"),
        "same"
    );
}

#[test]
fn stale_proofs_are_renewed_first() {
    let studio = copied_studio();
    add_startup_lines(&studio, "policy footage copies 1 verified 5s\n");
    std::thread::sleep(std::time::Duration::from_secs(6));
    studio.lines(&["safe acme/spot on WORK"]).status(3);
    studio.lines(&[FREE]).ok();
    assert!(!studio.path("WORK/footage/acme").exists());
}
