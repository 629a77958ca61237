//! Names that careless writers spoil: each is read back as it was, or reported.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::reference::Reference;
use super::{MHL, SPOT, answer, count_actions, list_text, outcomes};
use crate::studio::Studio;

#[test]
fn odd_names_verify() {
    let studio = Studio::new();
    let long = "x".repeat(255);
    let names = [
        "new\nline",
        "tab\there",
        "cr\rhere",
        "a & b <c> \"d\" 'e'",
        " blanks ",
        "\u{202e}vom.rtl",
        "ü",
        "u\u{308} decomposed",
        "日本語",
        "back\\slash",
        "#hash",
        "%20",
        "]]>",
        &long,
    ];
    for name in names {
        studio.file(format!("{SPOT}/{name}"), name);
    }
    studio.lines(&["load", MHL]).ok();
    assert_eq!(
        count_actions(&list_text(&studio, 1), "original"),
        names.len()
    );
    let again = answer(&studio, MHL);
    assert_eq!(again["unchanged"], names.len(), "{again}");
    let Some(reference) = Reference::find() else {
        return;
    };
    reference.assert_verifies(&studio, SPOT);
    reference.assert_folders_verify(&studio, SPOT);
}

#[test]
fn names_and_links_that_xml_cannot_hold_are_reported() {
    let studio = Studio::new();
    studio
        .file(format!("{SPOT}/good"), "good")
        .file(format!("{SPOT}/bell\u{7}"), "bell")
        .file(
            std::path::Path::new(SPOT).join(OsStr::from_bytes(b"caf\xe9")),
            "latin",
        )
        .link(format!("{SPOT}/link"), "good")
        .link(format!("{SPOT}/broken"), "nowhere");
    studio.lines(&["load"]).ok();
    let run = studio.json(&[MHL]).ok();
    let found = run.document()["items"].as_array().unwrap().clone();
    assert_eq!(found.len(), 4, "{run}");
    assert!(
        found
            .iter()
            .all(|item| item["outcome"] == "unrepresentable"),
        "{run}"
    );
    let list = list_text(&studio, 1);
    assert_eq!(count_actions(&list, "original"), 1);
    assert!(
        !list.contains("roothash"),
        "a folder with files that are left out has no hash"
    );
}

#[test]
fn other_normal_form_is_a_rename() {
    let studio = Studio::new();
    studio
        .file(format!("{SPOT}/u\u{308}.mov"), "clip")
        .file(format!("{SPOT}/b"), "b");
    studio.lines(&["load", MHL]).ok();
    let path = |name: &str| studio.path(SPOT).join(name);
    fs::rename(path("u\u{308}.mov"), path("ü.mov")).unwrap();
    let document = answer(&studio, MHL);
    assert_eq!(
        outcomes(&document),
        [("moved".to_owned(), "ü.mov".to_owned())]
    );
    let list = list_text(&studio, 2);
    assert!(
        list.contains("<previousPath>u\u{308}.mov</previousPath>"),
        "{list}"
    );
    if let Some(reference) = Reference::find() {
        reference.assert_verifies(&studio, SPOT);
    }
}

#[test]
fn long_project_name_is_cut() {
    let studio = Studio::new();
    let project = "ü".repeat(127);
    studio.file(format!("NAS/footage/acme/{project}/a"), "a");
    studio
        .lines(&["load", &format!("mhl acme/{project} footage NAS")])
        .ok();
    let lists = super::hash_lists(&studio, &format!("NAS/footage/acme/{project}"));
    assert_eq!(lists.len(), 1);
}
