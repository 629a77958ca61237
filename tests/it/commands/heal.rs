//! `heal`.

use insta::assert_snapshot;
use serde_json::json;

use super::{copied_studio, last_items, last_run, unplug};
use crate::studio::Studio;

const REEL: &str = "NAS/footage/acme/spot/reel.mov";
const HEAL: &str = "heal acme/spot footage NAS";

/// A copied studio with a damaged file on NAS, found by `verify`.
fn damaged_studio() -> Studio {
    let studio = copied_studio();
    studio.file(REEL, "rEel");
    studio.lines(&["verify"]).status(3);
    studio
}

#[test]
fn damaged_file_is_replaced_and_kept() {
    let studio = damaged_studio();
    assert_snapshot!(studio.lines(&[HEAL]).ok(), @"
    exit 0
    --- stdout
    healed $STUDIO/NAS/footage/acme/spot/reel.mov from WORK
    healed 1 file, 4 B
    damaged files are kept in $STUDIO/NAS/.auto-backup/versions/RUN-6
    ");
    assert_eq!(studio.read(REEL), "reel");
    assert_eq!(
        last_items(&studio)[0],
        ("healed".to_owned(), REEL.to_owned())
    );
    let tree = studio.tree("NAS/.auto-backup/versions");
    assert!(tree.contains("footage/acme/spot/reel.mov 4"), "{tree}");
    let answer = studio.json(&["verify"]).ok().document();
    assert_eq!(answer["databases"][1]["damaged"], 0);
    assert_snapshot!(studio.lines(&[HEAL]).ok(), @"
    exit 0
    --- stdout
    nothing to heal: no file on NAS is known to be damaged or missing; `verify in NAS` looks
    ");
}

#[test]
fn missing_file_is_added() {
    let studio = copied_studio();
    studio.remove(REEL);
    studio.lines(&["verify"]).status(3);
    assert_snapshot!(studio.lines(&[HEAL]).ok(), @"
    exit 0
    --- stdout
    healed $STUDIO/NAS/footage/acme/spot/reel.mov, which was missing, from WORK
    healed 1 file, 4 B
    ");
    assert_eq!(studio.read(REEL), "reel");
    studio.lines(&["verify"]).ok();
}

#[test]
fn unscanned_deletion_is_healed_after_a_load() {
    let studio = copied_studio();
    studio.remove("NAS/footage/acme/spot/plates");
    studio.lines(&["load", HEAL]).ok();
    assert_eq!(
        studio.read("NAS/footage/acme/spot/plates/p1.exr"),
        "plate one"
    );
}

#[test]
fn without_intact_copy_nothing_is_touched() {
    let studio = damaged_studio();
    studio.file("WORK/footage/acme/spot/reel.mov", "reeL");
    studio.lines(&["verify"]).status(3);
    assert_snapshot!(studio.lines(&[HEAL]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/reel.mov: no intact copy can be read; WORK: damaged
    healed 0 files, 0 B; 1 not healed
    ");
    assert_eq!(studio.read(REEL), "rEel");
    assert!(!studio.path("NAS/.auto-backup/versions").exists());
    assert_eq!(
        last_items(&studio),
        [("failed".to_owned(), REEL.to_owned())]
    );
}

#[test]
fn source_is_read_before_it_is_used() {
    let studio = damaged_studio();
    // Damaged since its last proof, with size and time kept.
    studio.file("WORK/footage/acme/spot/reel.mov", "reeL");
    assert_snapshot!(studio.lines(&[HEAL]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/reel.mov: no intact copy can be read; WORK: not intact any more
    healed 0 files, 0 B; 1 not healed
    ");
    assert_eq!(studio.read(REEL), "rEel");
}

#[test]
fn offline_source_is_named() {
    let studio = damaged_studio();
    unplug(&studio, "WORK");
    assert_snapshot!(studio.lines(&[HEAL]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/reel.mov: no intact copy can be read; intact when last seen: WORK
    healed 0 files, 0 B; 1 not healed
    ");
    assert_eq!(studio.read(REEL), "rEel");
}

#[test]
fn dry_run_changes_nothing() {
    let studio = damaged_studio();
    studio.remove("NAS/footage/acme/spot/plates/p1.exr");
    studio.lines(&["load"]).ok();
    let before = (studio.tree("NAS"), last_run(&studio));
    assert_snapshot!(studio.lines(&["heal acme/spot footage NAS --dry-run"]).ok(), @"
    exit 0
    --- stdout
    would heal $STUDIO/NAS/footage/acme/spot/reel.mov from WORK
    would heal $STUDIO/NAS/footage/acme/spot/plates/p1.exr, which was missing, from WORK
    would heal 2 files, 13 B
    ");
    assert_eq!((studio.tree("NAS"), last_run(&studio)), before);
    assert_eq!(studio.read(REEL), "rEel");
}

#[test]
fn json_lists_each_file() {
    let studio = damaged_studio();
    let answer = studio.json(&["heal all NAS"]).ok().document();
    assert_eq!((&answer["files"], &answer["bytes"]), (&json!(1), &json!(4)));
    assert_eq!(answer["state"], "complete");
    let path = studio.path(REEL).display().to_string();
    assert_eq!(
        answer["items"],
        json!([{"path": path, "outcome": "healed", "reason": null, "source": "WORK"}])
    );
    assert_eq!(answer["versions"].as_array().unwrap().len(), 1);
}

#[test]
fn only_damaged_files_are_replaced() {
    let studio = damaged_studio();
    // Newer on WORK: a copy would replace it, a heal must not.
    studio
        .file_at(
            "WORK/footage/acme/spot/plates/p1.exr",
            "plate two",
            crate::studio::CHANGED + 60,
        )
        .file("WORK/footage/acme/spot/new.mov", "new");
    studio.lines(&["load", HEAL]).ok();
    assert_eq!(studio.read(REEL), "reel");
    assert_eq!(
        studio.read("NAS/footage/acme/spot/plates/p1.exr"),
        "plate one"
    );
    assert!(!studio.path("NAS/footage/acme/spot/new.mov").exists());
}

#[test]
fn edited_file_is_not_healed() {
    let studio = copied_studio();
    studio.file_at(REEL, "other", crate::studio::CHANGED + 60);
    studio.lines(&["verify", HEAL]).ok();
    assert_eq!(studio.read(REEL), "other");
}

#[test]
fn wrong_lines_are_usage_errors() {
    let studio = copied_studio();
    for line in [
        "heal",
        "heal acme/spot",
        "heal acme/spot footage",
        "heal acme/spot footage TAPE",
        "heal acme/spot footage NAS WORK",
        "heal nobody/spot NAS",
    ] {
        let run = studio.lines(&[line]);
        assert!(
            [1, 2].contains(&run.status) && run.stdout.is_empty(),
            "{line}: {run}"
        );
    }
}
