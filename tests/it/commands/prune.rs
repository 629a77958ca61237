//! `prune`.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::json;

use super::versions::studio_with_versions;
use super::{last_items, last_run, unplug};
use crate::faults::read_files;
use crate::prompt::{start, wait_for_prompt};
use crate::studio::{CHANGED, Studio};

/// Returns the numbers of bytes of the versions on NAS.
fn versions(studio: &Studio) -> Vec<u64> {
    let answer = studio.json(&["versions in NAS"]).ok().document();
    let versions = answer["versions"].as_array().unwrap().iter();
    versions.map(|one| one["bytes"].as_u64().unwrap()).collect()
}

/// Returns the path of the version of a file with this size on NAS.
fn kept_path(studio: &Studio, name: &str, bytes: usize) -> PathBuf {
    let found = read_files(&studio.path("NAS/.auto-backup/versions"));
    let mut found = found.into_iter();
    let file = found.find(|(path, content)| path.ends_with(name) && content.len() == bytes);
    Path::new("NAS/.auto-backup/versions").join(file.unwrap().0)
}

/// Puts the contents of all versions on WORK too, read.
fn keep_contents_elsewhere(studio: &Studio) {
    studio
        .file("WORK/footage/acme/kept/reel.mov", "reel")
        .file("WORK/footage/acme/kept/reel two.mov", "reel two")
        .file("WORK/footage/acme/kept/p1.exr", "plate one");
    studio.lines(&["load", "verify in WORK"]).ok();
}

#[test]
fn only_known_copy_is_kept() {
    let studio = studio_with_versions();
    assert_snapshot!(studio.lines(&["prune NAS --keep 0d --yes"]), @"
    exit 0
    --- stdout
    skipped $STUDIO/NAS/.auto-backup/versions/RUN-5/footage/acme/spot/reel.mov: it is the only known copy of its content
    skipped $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/plates/p1.exr: it is the only known copy of its content
    skipped $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/reel.mov: it is the only known copy of its content
    removed 0 files, 0 B; 3 kept
    ");
    assert_eq!(versions(&studio), [4, 8, 9]);
    assert_snapshot!(studio.lines(&["prune NAS --keep 0d --force --yes"]).ok(), @"
    exit 0
    --- stdout
    removed 3 files, 21 B
    ");
    assert_eq!(versions(&studio), [0; 0]);
    let tree = studio.tree("NAS/.auto-backup");
    assert!(!tree.contains("RUN"), "{tree}");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel three");
}

#[test]
fn version_known_elsewhere_is_removed() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    assert_snapshot!(studio.lines(&["prune NAS --keep 0d --yes"]).ok(), @"
    exit 0
    --- stdout
    removed 3 files, 21 B
    ");
    assert_eq!(versions(&studio), [0; 0]);
    assert_eq!(last_items(&studio)[0].0, "removed");
}

#[test]
fn unread_copy_elsewhere_does_not_count() {
    let studio = studio_with_versions();
    studio.file("WORK/footage/acme/kept/reel.mov", "reel");
    studio.lines(&["load", "prune NAS --keep 0d --yes"]);
    assert_eq!(versions(&studio), [4, 8, 9]);
}

#[test]
fn deleted_copy_elsewhere_does_not_count() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    // The index still lists them.
    studio.remove("WORK/footage/acme/kept/reel.mov");
    studio.lines(&["prune NAS --keep 0d --yes"]);
    assert_eq!(versions(&studio), [4]);
}

#[test]
fn offline_copy_elsewhere_does_not_count() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    unplug(&studio, "WORK");
    let run = studio.lines(&["prune NAS --keep 0d --yes"]);
    assert_snapshot!(run, @"
    exit 0
    --- stdout
    skipped $STUDIO/NAS/.auto-backup/versions/RUN-5/footage/acme/spot/reel.mov: its other copies are offline, or changed since they were read
    skipped $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/plates/p1.exr: its other copies are offline, or changed since they were read
    skipped $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/reel.mov: its other copies are offline, or changed since they were read
    removed 0 files, 0 B; 3 kept
    ");
    assert_eq!(versions(&studio), [4, 8, 9]);
}

#[test]
fn young_versions_are_kept() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    assert_snapshot!(studio.lines(&["prune NAS --yes"]).ok(), @"
    exit 0
    --- stdout
    no old version is old enough; `versions` lists them
    ");
    studio.lines(&["prune NAS --keep 1h --force --yes"]).ok();
    assert_eq!(versions(&studio), [4, 8, 9]);
}

#[test]
fn newest_versions_of_each_file_are_kept() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    studio
        .lines(&["prune NAS --keep 0d --keep-last 2 --yes"])
        .ok();
    assert_eq!(versions(&studio), [4, 8, 9]);
    studio
        .lines(&["prune NAS --keep 0d --keep-last 1 --yes"])
        .ok();
    assert_eq!(versions(&studio), [8, 9]);
}

#[test]
fn dry_run_removes_nothing() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    let before = (studio.tree("NAS"), last_run(&studio));
    assert_snapshot!(studio.lines(&["prune NAS --keep 0d --dry-run"]).ok(), @"
    exit 0
    --- stdout
    planned $STUDIO/NAS/.auto-backup/versions/RUN-5/footage/acme/spot/reel.mov
    planned $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/plates/p1.exr
    planned $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/reel.mov
    would remove 3 files, 21 B
    ");
    assert_eq!((studio.tree("NAS"), last_run(&studio)), before);
}

#[test]
fn script_needs_yes() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    assert_snapshot!(studio.lines(&["prune NAS --keep 0d"]).status(2), @"
    exit 2
    --- stderr
    -c:1:1: error: confirmation required, but the session is not interactive: Remove 3 old versions from NAS for good, 21 B, whose contents are known elsewhere?
        prune NAS --keep 0d
        ^^^^^^^^^^^^^^^^^^^
    hint: add `--yes` at the end of the line to confirm in advance
    ");
    assert_snapshot!(studio.lines(&["prune NAS --keep 0d --force"]).status(2), @"
    exit 2
    --- stderr
    -c:1:1: error: confirmation required, but the session is not interactive: Remove 3 old versions from NAS for good, 21 B, including the only known copies of a content?
        prune NAS --keep 0d --force
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add `--yes` at the end of the line to confirm in advance
    ");
    assert_eq!(versions(&studio), [4, 8, 9]);
}

#[test]
fn json_counts_kept_versions() {
    let studio = studio_with_versions();
    studio.file("WORK/footage/acme/kept/reel.mov", "reel");
    studio.lines(&["load", "verify in WORK"]).ok();
    let answer = studio.json(&["prune NAS --keep 0d --yes"]).document();
    assert_eq!(
        (&answer["files"], &answer["bytes"], &answer["kept"]),
        (&json!(1), &json!(4), &json!(2))
    );
    assert_eq!(versions(&studio), [8, 9]);
}

#[test]
fn damaged_copy_elsewhere_does_not_count() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    studio.file("WORK/footage/acme/kept/reel.mov", "rEEl");
    studio.lines(&["verify in WORK"]).status(3);
    studio.lines(&["prune NAS --keep 0d --yes"]);
    assert_eq!(versions(&studio), [4]);
}

#[test]
fn rewritten_copy_elsewhere_does_not_count() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    studio.file_at("WORK/footage/acme/kept/reel.mov", "other", CHANGED + 5);
    studio.lines(&["prune NAS --keep 0d --yes"]);
    assert_eq!(versions(&studio), [4]);
}

#[test]
fn copy_written_over_in_place_does_not_count() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    // Another content of this size, and the time set back.
    studio.file("WORK/footage/acme/kept/reel.mov", "leer");
    studio.lines(&["prune NAS --keep 0d --yes"]);
    assert_eq!(versions(&studio), [4]);
}

#[test]
fn edited_version_loses_its_recorded_content() {
    let studio = super::copied_studio();
    super::add_startup_lines(&studio, "policy footage copies 1\n");
    // The versions keep the proofs of the files.
    studio.lines(&["free acme/spot footage NAS --yes"]).ok();
    let version = kept_path(&studio, "reel.mov", 4);
    studio.file_at(&version, "leer", CHANGED + 7);
    studio.lines(&["prune NAS --keep 0d --yes"]);
    assert_eq!(studio.read(version), "leer");
    assert_eq!(versions(&studio), [4]);
}

#[test]
fn unreadable_versions_are_failures() {
    let studio = studio_with_versions();
    let plate = kept_path(&studio, "p1.exr", 9);
    let closed = plate.parent().unwrap();
    studio.mode(closed, 0o000);
    let pruned = studio.lines_as_user(&["prune NAS --keep 0d --force --yes"]);
    studio.mode(closed, 0o755);
    assert_snapshot!(pruned, @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/plates: cannot open `$STUDIO/NAS/.auto-backup/versions/RUN-6/footage/acme/spot/plates`: Permission denied (os error 13)
    removed 2 files, 12 B; 1 failure
    ");
    assert_eq!(studio.read(plate), "plate one");
}

#[test]
fn copy_removed_during_the_question_does_not_count() {
    let studio = studio_with_versions();
    keep_contents_elsewhere(&studio);
    let mut session = start(&studio, &[]);
    session.send_line("prune NAS --keep 0d").unwrap();
    session.exp_string("Remove 3 old versions").unwrap();
    session.exp_string("[y/N/l to list] ").unwrap();
    studio.remove("WORK/footage/acme/kept/reel.mov");
    session.send_line("y").unwrap();
    session.exp_string("removed 2 files").unwrap();
    wait_for_prompt(&mut session);
    assert_eq!(versions(&studio), [4]);
}

#[test]
fn freed_copy_is_pruned_once_proven() {
    let studio = super::copied_studio();
    super::add_startup_lines(&studio, "policy footage copies 1\n");
    studio.lines(&["free acme/spot footage NAS --yes"]).ok();
    studio.lines(&["prune NAS --keep 0d --yes"]).ok();
    assert_eq!(versions(&studio), [0; 0]);
}

#[test]
fn wrong_lines_are_usage_errors() {
    let studio = studio_with_versions();
    for line in [
        "prune",
        "prune TAPE --yes",
        "prune NAS WORK --yes",
        "prune NAS --keep often --yes",
        "prune NAS --keep-last -1 --yes",
    ] {
        let run = studio.lines(&[line]);
        assert!(
            [1, 2].contains(&run.status) && run.stdout.is_empty(),
            "{line}: {run}"
        );
    }
}
