//! `verify --mhl`: files are compared with their histories, which get a generation.

use std::fs;

use super::reference::Reference;
use super::{MHL, SPOT, answer, card_studio, count_actions, edit, hash_lists, list_text, outcomes};
use crate::faulty_fs::{Faults, FaultyMount};
use crate::studio::Studio;

const VERIFY: &str = "verify acme/spot footage in NAS --mhl";

fn sealed_studio(options: &str) -> Studio {
    let studio = card_studio();
    studio.lines(&[&format!("{MHL}{options}")]).ok();
    studio
}

#[test]
fn intact_files_are_verified() {
    for options in ["", " --hash md5"] {
        let studio = sealed_studio(options);
        let run = studio.lines(&[VERIFY]).ok();
        assert!(
            run.stdout
                .contains("5 files as their ASC MHL history states; wrote 1 generation"),
            "{run}"
        );
        assert!(count_actions(&list_text(&studio, 2), "verified") >= 5);
        if let Some(reference) = Reference::find() {
            reference.assert_verifies(&studio, SPOT);
            reference.assert_folders_verify(&studio, SPOT);
        }
        let indexed = answer(&studio, "verify acme/spot footage in NAS --older-than 1h");
        assert_eq!(
            indexed["files"], 0,
            "the generation has evidence, and is in the index: {indexed}"
        );
    }
}

#[test]
fn damage_is_found_without_evidence() {
    let studio = sealed_studio(" --hash sha1");
    // Another machine, whose index knows nothing.
    studio.remove("home/.local");
    studio.file(format!("{SPOT}/A001/Clips/b.mov"), "clip B");
    fs::remove_file(studio.path(SPOT).join("notes.txt")).unwrap();
    studio.file(format!("{SPOT}/added.txt"), "added");
    studio.lines(&["load"]).ok();
    let run = studio.json(&[VERIFY]).status(3);
    let mut found = outcomes(&run.document());
    found.sort();
    let expected = [
        ("damaged", "b.mov"),
        ("missing", "notes.txt"),
        ("new", "added.txt"),
    ];
    assert_eq!(
        found,
        expected.map(|(outcome, name)| (outcome.to_owned(), name.to_owned())),
        "{run}"
    );
    assert_eq!(count_actions(&list_text(&studio, 2), "failed"), 1);
}

#[test]
fn damage_is_reported_once() {
    let studio = sealed_studio("");
    studio.file(format!("{SPOT}/A001/Clips/b.mov"), "clip B");
    let run = studio.json(&[VERIFY]).status(3);
    assert_eq!(run.document()["databases"][0]["damaged"], 1, "{run}");
    assert_eq!(outcomes(&run.document()).len(), 1, "{run}");
}

#[test]
fn damaged_history_is_reported_and_left_alone() {
    let studio = sealed_studio("");
    edit(
        &hash_lists(&studio, SPOT)[0],
        "auto-backup</tool>",
        "auto-backup </tool>",
    );
    let run = studio.json(&[VERIFY]).status(3);
    assert!(run.stdout.contains("the hash list was changed"), "{run}");
    assert_eq!(hash_lists(&studio, SPOT).len(), 1);
}

#[test]
fn new_files_and_missing_histories_are_no_error() {
    let studio = sealed_studio("");
    studio.file(format!("{SPOT}/added.txt"), "added");
    studio.file("NAS/footage/acme/teaser/t.mov", "t");
    studio.lines(&["load"]).ok();
    let run = studio.lines(&["verify all footage in NAS --mhl"]).status(0);
    assert!(run.stdout.contains("1 in no ASC MHL history"), "{run}");
    assert!(
        run.stderr
            .contains("teaser` has no ASC MHL history; `mhl` writes one"),
        "{run}"
    );
}

/// What is open for writing cannot be read there.
#[test]
fn history_goes_on_at_a_cloud_mount() {
    let studio = Studio::new();
    let lies = Faults::only(|lies| lies.uploads_on_close = true);
    let Some(mount) = FaultyMount::new(&studio, "NAS", lies) else {
        return;
    };
    studio.file(format!("{SPOT}/a.mov"), "clip a");
    studio.lines(&["load"]).ok();
    for line in [MHL, VERIFY] {
        studio.lines(&[line]).ok();
    }
    assert_eq!(hash_lists(&studio, SPOT).len(), 2);
    let files = mount.contents().into_keys();
    let left: Vec<_> = files
        .filter(|path| path.to_string_lossy().ends_with(".part"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
