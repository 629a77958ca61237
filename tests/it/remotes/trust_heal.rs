//! `heal` with copies behind rclone: the right bytes, and the damaged file among the versions.

use std::fs;

use serde_json::json;

use super::TestStorageKind;
use super::trust::{REEL, SILENT, STATING, assert_whole, evidence, fields, kept, with_proven_copy};
use super::trust_removal::undo;
use crate::studio::CHANGED;
use crate::trust::flip_bit;

#[test]
fn local_damage_heals_from_remote() {
    let kinds = [STATING, SILENT].concat();
    with_proven_copy(&kinds, |place, _| {
        flip_bit(&place.studio.path(format!("WORK/{REEL}")), 1);
        place.lines(&["verify in WORK"]).status(3);
        let healed = place.lines(&["heal acme/spot footage WORK"]).ok();
        assert!(healed.stdout.contains("reel.mov from CLOUD"), "{healed}");
        assert_whole(&place.studio.path("WORK"));
        assert_eq!(
            evidence(place, "WORK"),
            ["plates/p1.exr read", "reel.mov read"]
        );
        let kept = kept(&place.studio.path("WORK"));
        assert_eq!(kept, ["footage/acme/spot/reel.mov rdel"]);
    });
}

#[test]
fn remote_damage_heals_from_disk() {
    with_proven_copy(&STATING, |place, storage| {
        flip_bit(&storage.folder.join(REEL), 1);
        place.lines(&["verify in CLOUD"]).status(3);
        let healed = place.lines(&["heal acme/spot footage CLOUD"]).ok();
        assert!(healed.stdout.contains("reel.mov from WORK"), "{healed}");
        assert_whole(&storage.folder);
        assert_eq!(kept(&storage.folder), ["footage/acme/spot/reel.mov rdel"]);
        place
            .lines(&["verify", "safe acme/spot footage on WORK"])
            .ok();
    });
}

#[test]
fn unstated_damage_heals_from_disk() {
    with_proven_copy(&SILENT, |place, storage| {
        place.lines(&["verify in CLOUD --download"]).ok();
        flip_bit(&storage.folder.join(REEL), 1);
        place.lines(&["verify in CLOUD --download"]).status(3);
        place.lines(&["heal acme/spot footage CLOUD"]).ok();
        assert_whole(&storage.folder);
        assert_eq!(kept(&storage.folder), ["footage/acme/spot/reel.mov rdel"]);
        place.lines(&["verify in CLOUD --download"]).ok();
    });
}

#[test]
fn altered_remote_copy_heals_nothing() {
    let kinds = [STATING, SILENT].concat();
    with_proven_copy(&kinds, |place, storage| {
        let reel = format!("WORK/{REEL}");
        flip_bit(&place.studio.path(&reel), 1);
        place.lines(&["verify in WORK"]).status(3);
        // Another damage there, which nobody has seen yet.
        flip_bit(&storage.folder.join(REEL), 2);
        let unhealed = place.lines(&["heal acme/spot footage WORK"]).status(3);
        assert!(unhealed.stdout.contains("1 not healed"), "{unhealed}");
        assert_eq!(place.studio.read(&reel), "rdel", "{unhealed}");
        assert!(kept(&place.studio.path("WORK")).is_empty(), "{unhealed}");
    });
}

#[test]
fn edited_remote_file_stays() {
    for line in ["verify in CLOUD", "verify in CLOUD --download"] {
        with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
            let reel = storage.folder.strip_prefix(place.studio.path("")).unwrap();
            let reel = reel.join(REEL);
            for (content, seconds) in [("leer", CHANGED + 60), ("a longer reel", CHANGED)] {
                place.studio.file_at(&reel, content, seconds);
                let found = place.json(line).status(0);
                let names = ["files", "damaged", "missing", "unreadable", "edited"];
                assert_eq!(fields(&found, &names), json!([1, 0, 0, 0, 1]), "{found}");
                // The scan that follows knows it as it is now.
                place.lines(&["safe acme/spot footage on WORK"]).status(3);
                place.lines(&["heal acme/spot footage CLOUD"]).ok();
                assert_eq!(place.studio.read(&reel), content);
            }
        });
    }
}

#[test]
fn remote_heal_is_reversed() {
    // The S3 of these tests does not keep the time of a file that is altered behind it and moved.
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        flip_bit(&storage.folder.join(REEL), 1);
        place.lines(&["verify in CLOUD"]).status(3);
        place.lines(&["heal acme/spot footage CLOUD"]).ok();
        assert_whole(&storage.folder);
        undo(place).ok();
        let now = fs::read_to_string(storage.folder.join(REEL));
        assert_eq!(now.unwrap(), "rdel");
        assert_eq!(kept(&storage.folder), ["footage/acme/spot/reel.mov reel"]);
        // It is damaged again, and known to be.
        assert_eq!(
            evidence(place, "CLOUD"),
            ["plates/p1.exr stored", "reel.mov damaged"]
        );
    });
}
