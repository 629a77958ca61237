//! Damaged twins of a card and of its history: each fault is found, and no damaged history is continued.

use std::fs;

use super::{MHL, SPOT, answer, card_studio, count_actions, edit, hash_lists, list_text, outcomes};
use crate::studio::Studio;

/// A studio with a history of two generations.
fn sealed_studio() -> Studio {
    let studio = card_studio();
    studio.lines(&[MHL]).ok();
    studio.file(format!("{SPOT}/more.txt"), "more");
    studio.lines(&[MHL]).ok();
    studio
}

fn chain(studio: &Studio) -> std::path::PathBuf {
    studio.path(SPOT).join("ascmhl/ascmhl_chain.xml")
}

/// Checks that a line reports this damage and leaves the history as it is.
#[track_caller]
fn assert_refused(studio: &Studio, words: &str) {
    let before = studio.tree(SPOT);
    let run = studio.json(&[MHL]).status(3);
    assert!(run.stdout.contains(words), "{words}: {run}");
    assert_eq!(run.document()["generations"], serde_json::json!([]));
    assert_eq!(studio.tree(SPOT), before);
}

#[test]
fn flipped_bit_fails() {
    let studio = sealed_studio();
    // As a disk would: size and time stay.
    studio.file(format!("{SPOT}/A001/Clips/b.mov"), "clip B");
    let document = answer(&studio, MHL);
    assert_eq!(
        outcomes(&document),
        [("damaged".to_owned(), "b.mov".to_owned())]
    );
    assert_eq!(count_actions(&list_text(&studio, 3), "failed"), 1);
    assert_eq!(count_actions(&list_text(&studio, 3), "verified"), 0);
    studio.json(&[MHL]).status(3);
    studio.file(format!("{SPOT}/A001/Clips/b.mov"), "clip b");
    let document = answer(&studio, MHL);
    assert_eq!(document["verified"], 1, "{document}");
    assert!(
        outcomes(&document).is_empty(),
        "the failed hash is never the recorded one"
    );
}

#[test]
fn damaged_new_file_is_never_original() {
    let studio = card_studio();
    studio.lines(&["verify"]).ok();
    studio.file(format!("{SPOT}/notes.txt"), "nOtes");
    let document = answer(&studio, MHL);
    assert_eq!(
        outcomes(&document),
        [("damaged".to_owned(), "notes.txt".to_owned())]
    );
    assert_eq!(count_actions(&list_text(&studio, 1), "original"), 4);
}

#[test]
fn missing_added_and_renamed_files_are_told_apart() {
    let studio = sealed_studio();
    let path = |name: &str| studio.path(SPOT).join(name);
    fs::remove_file(path("notes.txt")).unwrap();
    fs::rename(path("A001/Clips/a.mov"), path("A001/Clips/A.mov")).unwrap();
    studio.file(format!("{SPOT}/new.txt"), "new");
    let run = studio.json(&[MHL]).status(3);
    let found = outcomes(&run.document());
    let expected = [("missing", "notes.txt"), ("moved", "A.mov")];
    let expected = expected.map(|(outcome, name)| (outcome.to_owned(), name.to_owned()));
    assert_eq!(found.len(), 2, "{run}");
    assert!(expected.iter().all(|one| found.contains(one)), "{run}");
    assert_eq!(run.document()["original"], 1);
    let again = answer(&studio, MHL);
    assert_eq!(
        again["generations"],
        serde_json::json!([]),
        "missing alone is no generation"
    );
}

#[test]
fn excluded_record_is_not_missing() {
    let studio = sealed_studio();
    studio.lines(&["exclude more.txt", MHL]).ok();
}

#[test]
fn edited_hash_list_is_refused() {
    let studio = sealed_studio();
    edit(
        &hash_lists(&studio, SPOT)[0],
        "auto-backup</tool>",
        "auto-backup </tool>",
    );
    assert_refused(&studio, "the hash list was changed");
}

#[test]
fn missing_generation_is_refused() {
    let studio = sealed_studio();
    fs::remove_file(&hash_lists(&studio, SPOT)[0]).unwrap();
    assert_refused(&studio, "the hash list is missing");
}

#[test]
fn wrong_numbers_are_refused() {
    let studio = sealed_studio();
    edit(&chain(&studio), "sequencenr=\"2\"", "sequencenr=\"1\"");
    assert_refused(&studio, "lists generation 1 twice");
    edit(&chain(&studio), "sequencenr=\"1\"", "sequencenr=\"2\"");
    assert_refused(&studio, "lists no generation 1");
}

#[test]
fn lost_and_unreadable_chains_are_refused() {
    let studio = sealed_studio();
    let text = fs::read(chain(&studio)).unwrap();
    fs::write(chain(&studio), &text[..text.len() / 2]).unwrap();
    assert_refused(&studio, "the chain file cannot be used");
    fs::remove_file(chain(&studio)).unwrap();
    assert_refused(&studio, "but no chain file");
}

#[test]
fn unlisted_hash_list_is_refused() {
    let studio = sealed_studio();
    let list = hash_lists(&studio, SPOT)[0].clone();
    fs::copy(&list, list.with_file_name("0009_other.mhl")).unwrap();
    assert_refused(&studio, "the chain file does not list it");
}
