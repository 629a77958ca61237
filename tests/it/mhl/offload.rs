//! Histories of offloaded cards: begun in the project, and continued where a card brings one.

use serde_json::json;

use super::reference::Reference;
use super::{answer, count_actions, hash_lists, list_text};
use crate::shared_read::{bytes_read, traced};
use crate::studio::Studio;

const SPOT: &str = "NAS/footage/acme/spot";

const LINE: &str = "offload A001 acme/spot footage NAS,WORK";

/// A studio with two storages on two media whose footage keeps histories, and a card.
fn studio(format: &str) -> Studio {
    let studio = Studio::new();
    studio
        .file("A001/Clips/a.mov", "clip a")
        .file("A001/Clips/b.mov", "clip b")
        .file("A001/Sidecar.txt", "sidecar");
    let category = format!("add category footage footage/ --mhl --mhl-hash {format}");
    studio
        .lines(&[
            &category,
            "add database NAS NAS --medium one",
            "add database WORK WORK --medium two",
            "save",
        ])
        .ok();
    studio
}

#[test]
fn each_card_is_one_generation() {
    let Some(reference) = Reference::find() else {
        return;
    };
    for format in ["xxh128", "md5"] {
        let studio = studio(format);
        let document = answer(&studio, LINE);
        assert_eq!(document["card"]["state"], "safe to format", "{document}");
        let text = list_text(&studio, 1);
        assert_eq!(count_actions(&text, "original"), 3, "{text}");
        assert!(text.contains("<process>transfer</process>"), "{text}");
        assert!(text.contains(">A001/Clips/a.mov</path>"), "{text}");
        assert!(text.contains(&format!("<{format} ")), "{text}");
        studio.file("B002/c.mov", "clip c");
        let line = "offload B002 acme/spot footage NAS,WORK";
        assert_eq!(answer(&studio, line)["card"]["state"], "safe to format");
        let text = list_text(&studio, 2);
        assert_eq!(count_actions(&text, "original"), 1, "{text}");
        for storage in ["NAS", "WORK"] {
            let folder = SPOT.replace("NAS", storage);
            assert_eq!(hash_lists(&studio, &folder).len(), 2);
            reference.assert_verifies(&studio, &folder);
        }
        // The same lines again have nothing to say.
        for line in [LINE, line] {
            assert_eq!(answer(&studio, line)["card"]["state"], "safe to format");
        }
        assert_eq!(hash_lists(&studio, SPOT).len(), 2);
    }
}

#[test]
fn history_of_a_card_goes_on() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = studio("xxh128");
    let (status, text) = reference.run("ascmhl", &["create", "-h", "md5"], &studio.path("A001"));
    assert_eq!(status, 0, "{text}");
    let document = answer(&studio, LINE);
    assert_eq!(document["state"], "complete", "{document}");
    assert_eq!(document["card"]["state"], "safe to format", "{document}");
    let card = format!("{SPOT}/A001");
    assert_eq!(hash_lists(&studio, &card).len(), 2);
    let lists = hash_lists(&studio, &card);
    let text = std::fs::read_to_string(&lists[1]).unwrap();
    assert!(count_actions(&text, "verified") >= 3, "{text}");
    assert_eq!(count_actions(&text, "original"), 0, "{text}");
    reference.assert_verifies(&studio, SPOT);
    let again = answer(&studio, LINE);
    assert_eq!(again["card"]["state"], "safe to format", "{again}");
    assert_eq!(again["conflict_files"], json!(0));
    assert_eq!(hash_lists(&studio, &card).len(), 2);
    assert_eq!(hash_lists(&studio, "A001").len(), 1);
}

#[test]
fn damage_against_the_history_of_a_card_is_reported() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = studio("xxh128");
    let (status, text) = reference.run("ascmhl", &["create", "-h", "xxh64"], &studio.path("A001"));
    assert_eq!(status, 0, "{text}");
    studio.file("A001/Clips/a.mov", "CLIP A");
    let run = studio.json(&[LINE]).status(3);
    assert!(run.stderr.contains("Clips/a.mov"), "{run}");
}

#[test]
fn all_hashes_come_from_one_read() {
    const BYTES: u64 = 3 << 20;
    for format in ["xxh128", "md5", "c4"] {
        let studio = studio(format);
        studio.file("A001/Clips/large.mov", vec![7; 3 << 20]);
        let Some((run, log)) = traced(&studio, LINE) else {
            return;
        };
        let run = run.status(0);
        assert!(
            list_text(&studio, 1).contains(&format!("<{format} ")),
            "{run}"
        );
        let clips = |folder: &str| {
            let folder = studio.path(folder).join("A001/Clips");
            bytes_read(&log, folder.to_str().unwrap())
        };
        // The small clips have a few bytes.
        for folder in ["", "NAS/footage/acme/spot", "WORK/footage/acme/spot"] {
            let read = clips(folder);
            assert!(
                (BYTES..BYTES + 100).contains(&read),
                "{format} {folder}: {read}"
            );
        }
    }
}
