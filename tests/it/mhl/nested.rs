//! Nested histories: each file belongs to the nearest one, and outer histories refer to inner ones.

use std::fs;

use super::reference::Reference;
use super::{MHL, SPOT, answer, card_studio, count_actions, edit, hash_lists};

const CARD: &str = "NAS/footage/acme/spot/A001";

#[test]
fn nested_history_is_continued_and_referred_to() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    reference.create(&studio.path(CARD), "md5");
    studio.lines(&["load"]).ok();
    let document = answer(&studio, MHL);
    let numbers: Vec<_> = document["generations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["folder"].as_str().unwrap(),
                one["number"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        numbers,
        [("footage/acme/spot/A001", 2), ("footage/acme/spot", 1)]
    );
    let outer = fs::read_to_string(&hash_lists(&studio, SPOT)[0]).unwrap();
    assert_eq!(
        count_actions(&outer, "original"),
        2,
        "only the files outside the card"
    );
    assert!(outer.contains("<path>A001/ascmhl/0002_A001_"), "{outer}");
    let inner = fs::read_to_string(&hash_lists(&studio, CARD)[1]).unwrap();
    assert_eq!(count_actions(&inner, "verified"), 6);
    reference.assert_verifies(&studio, SPOT);
    reference.assert_verifies(&studio, CARD);
    reference.assert_folders_verify(&studio, CARD);
}

#[test]
fn second_run_writes_nothing() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    reference.create(&studio.path(CARD), "xxh128");
    studio.lines(&["load", MHL]).ok();
    let document = answer(&studio, MHL);
    assert_eq!(document["generations"], serde_json::json!([]), "{document}");
    assert_eq!(document["unchanged"], 5);
}

#[test]
fn changed_inner_history_is_damage() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    reference.create(&studio.path(CARD), "xxh128");
    studio.lines(&["load", MHL]).ok();
    // Someone edits an inner list and its chain, so that only the outer history can tell.
    studio.remove(format!("{CARD}/ascmhl"));
    reference.create(&studio.path(CARD), "xxh128");
    reference.create(&studio.path(CARD), "xxh128");
    let made = hash_lists(&studio, CARD);
    let outer = fs::read_to_string(&hash_lists(&studio, SPOT)[0]).unwrap();
    let name = outer
        .split("A001/ascmhl/")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap();
    let forged = studio.path(CARD).join("ascmhl").join(name);
    let last = made[1].file_name().unwrap().to_str().unwrap();
    if last != name {
        fs::rename(&made[1], forged).unwrap();
        edit(
            &studio.path(CARD).join("ascmhl/ascmhl_chain.xml"),
            last,
            name,
        );
    }
    let run = studio.json(&[MHL]).status(3);
    assert!(
        run.stdout
            .contains("a history above refers to this hash list"),
        "{run}"
    );
}
