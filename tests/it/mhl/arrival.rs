//! Histories that arrive with a drive: one scan takes them over as claims.

use super::reference::Reference;
use super::{SPOT, card_studio, edit, hash_lists};
use crate::studio::Studio;

/// Returns the evidence of the files of the project by kind, without those of the history.
fn kinds(studio: &Studio) -> Vec<String> {
    let fetched = studio
        .json(&["fetch acme/spot --files --evidence --no-sequences"])
        .ok()
        .document();
    let files = fetched["projects"][0]["replicas"]
        .as_array()
        .unwrap()
        .iter();
    let nas = files.filter(|one| one["database"] == "NAS" && !one["listing"].is_null());
    let files = nas.flat_map(|one| one["listing"]["files"].as_array().unwrap());
    let files = files.filter(|file| !file["path"].as_str().unwrap().contains("ascmhl/"));
    files
        .map(|file| file["evidence"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn one_scan_gives_claims() {
    let Some(reference) = Reference::find() else {
        return;
    };
    for (format, kind) in [("xxh128", "claimed"), ("md5", "listed")] {
        let studio = card_studio();
        reference.create(&studio.path(SPOT), format);
        studio.lines(&["load"]).ok();
        assert_eq!(kinds(&studio), vec![kind; 5]);
        studio.lines(&["load"]).ok();
        assert_eq!(kinds(&studio), vec![kind; 5]);
        studio.lines(&["verify"]).ok();
        assert_eq!(kinds(&studio), vec!["read"; 5]);
    }
}

#[test]
fn claim_never_replaces_stronger_evidence() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    studio.lines(&["verify"]).ok();
    reference.create(&studio.path(SPOT), "xxh128");
    studio.lines(&["load"]).ok();
    assert_eq!(kinds(&studio), vec!["read"; 5]);
}

#[test]
fn claim_is_no_proof_and_no_comparison() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    reference.create(&studio.path(SPOT), "xxh128");
    // The drive was damaged after its history was written.
    studio.file(format!("{SPOT}/notes.txt"), "nOtes");
    studio.lines(&["load"]).ok();
    let compared = studio.json(&[
        "copy acme/spot footage NAS WORK",
        "compare acme/spot NAS WORK --checksum",
    ]);
    assert!(compared.stdout.contains("\"files_read\""), "{compared}");
    studio
        .lines(&["verify acme/spot footage in NAS --mhl"])
        .status(3);
}

#[test]
fn damaged_history_gives_no_claim() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = card_studio();
    reference.create(&studio.path(SPOT), "xxh128");
    edit(&hash_lists(&studio, SPOT)[0], "</hashlist>", "</hashlist> ");
    let run = studio.lines(&["load"]).status(0);
    assert!(
        run.stderr.contains("the ASC MHL history is damaged"),
        "{run}"
    );
    assert_eq!(kinds(&studio), vec!["listed"; 5]);
}
