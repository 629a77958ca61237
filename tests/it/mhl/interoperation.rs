//! Histories that pass the reference tool, and histories of the reference tool that are continued.

use std::fs;

use super::reference::{Reference, copy_of};
use super::{MHL, SPOT, answer, card_studio, count_actions, hash_lists, list_text};
use crate::studio::Studio;

#[test]
fn reference_verifies_every_format() {
    let Some(reference) = Reference::find() else {
        return;
    };
    for format in ["xxh128", "xxh64", "md5", "sha1", "c4"] {
        let studio = card_studio();
        studio.lines(&[&format!("{MHL} --hash {format}")]).ok();
        reference.assert_verifies(&studio, SPOT);
        reference.assert_folders_verify(&studio, SPOT);
        let text = reference.create(&copy_of(&studio, SPOT), format);
        assert_eq!(text.matches("  verified ").count(), 5, "{text}");
        assert!(!text.contains("created original"), "{text}");
    }
}

#[test]
fn reference_finds_what_changed() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    studio.lines(&[MHL]).ok();
    studio.file(format!("{SPOT}/notes.txt"), "Notes");
    let (status, text) = reference.run("ascmhl-debug", &["verify"], &studio.path(SPOT));
    assert_eq!(status, 11, "{text}");
}

#[test]
fn continued_history_verifies() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    studio.lines(&[MHL]).ok();
    studio.file(format!("{SPOT}/A001/Clips/c.mov"), "clip c");
    studio.lines(&[MHL]).ok();
    studio.lines(&[&format!("{MHL} --hash sha1")]).ok();
    assert_eq!(hash_lists(&studio, SPOT).len(), 3);
    let added = list_text(&studio, 2);
    assert_eq!(
        [
            count_actions(&added, "original"),
            count_actions(&added, "verified")
        ],
        [1, 0]
    );
    let formats = list_text(&studio, 3);
    assert_eq!(
        count_actions(&formats, "verified"),
        12,
        "both formats of six files"
    );
    reference.assert_verifies(&studio, SPOT);
}

#[test]
fn renamed_files_verify() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    studio.lines(&[MHL]).ok();
    let path = |name: &str| studio.path(SPOT).join(name);
    fs::rename(path("A001/Clips/a.mov"), path("A001/first.mov")).unwrap();
    let document = answer(&studio, MHL);
    assert_eq!(document["items"][0]["outcome"], "moved", "{document}");
    assert!(list_text(&studio, 2).contains("<previousPath>A001/Clips/a.mov</previousPath>"));
    reference.assert_verifies(&studio, SPOT);
    assert_eq!(
        answer(&studio, MHL)["generations"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn history_of_the_reference_is_continued() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    reference.create(&studio.path(SPOT), "xxh64");
    studio.lines(&["load"]).ok();
    let document = answer(&studio, MHL);
    assert_eq!(document["verified"], 5, "{document}");
    assert_eq!(document["original"], 0, "{document}");
    let list = list_text(&studio, 2);
    assert_eq!(list.matches("<xxh64 action=\"verified\"").count(), 5);
    assert_eq!(list.matches("<xxh128 action=\"verified\"").count(), 5);
    reference.assert_verifies(&studio, SPOT);
    let text = reference.create(&studio.path(SPOT), "xxh128");
    assert_eq!(text.matches("  verified ").count(), 5, "{text}");
}

#[test]
fn excluded_and_housekeeping_files_are_ignored_by_both() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = Studio::new();
    for name in [
        "a.mov",
        "b.tmp",
        "Thumbs.db",
        "desktop.INI",
        "._a.mov",
        "@eaDir/x",
        "#recycle/y",
    ] {
        studio.file(format!("{SPOT}/{name}"), name);
    }
    studio.lines(&["exclude '*.tmp'", "load", MHL]).ok();
    assert_eq!(count_actions(&list_text(&studio, 1), "original"), 1);
    reference.assert_verifies(&studio, SPOT);
    reference.assert_folders_verify(&studio, SPOT);
}

#[test]
fn empty_folders_and_sparse_files_verify() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = Studio::new();
    studio
        .file(format!("{SPOT}/a"), "a")
        .folder(format!("{SPOT}/empty/inner"));
    let sparse = fs::File::create(studio.path(SPOT).join("sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    studio.lines(&["load", &format!("{MHL} --hash xxh64")]).ok();
    reference.assert_verifies(&studio, SPOT);
    reference.assert_folders_verify(&studio, SPOT);
}
