//! `restore`.

use std::thread;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::versions::studio_with_versions;
use super::{last_items, last_run, unplug};
use crate::studio::Studio;

const REEL: &str = "NAS/footage/acme/spot/reel.mov";
const PLATE: &str = "NAS/footage/acme/spot/plates/p1.exr";

/// Returns the runs of the versions of a file on NAS, in order.
fn runs_of(studio: &Studio, name: &str) -> Vec<i64> {
    let answer = studio.json(&["versions"]).ok().document();
    let versions = answer["versions"].as_array().unwrap().iter();
    let own = versions.filter(|one| one["path"].as_str().unwrap().ends_with(name));
    own.map(|one| one["run"].as_i64().unwrap()).collect()
}

#[test]
fn newest_version_is_put_back() {
    let studio = studio_with_versions();
    assert_snapshot!(studio.lines(&["restore acme/spot footage NAS"]).ok(), @"
    exit 0
    --- stdout
    put back 2 files, 17 B
    what was there is kept in $STUDIO/NAS/.auto-backup/versions/RUN-7
    ");
    assert_eq!(studio.read(REEL), "reel two");
    assert_eq!(studio.read(PLATE), "plate one");
    let mut items = last_items(&studio);
    items.sort();
    assert_eq!(
        items,
        [
            ("restored".to_owned(), PLATE.to_owned()),
            ("restored".to_owned(), REEL.to_owned())
        ]
    );
    // What was there became a version: the next restore puts it back.
    studio.lines(&["restore acme/spot footage NAS"]).ok();
    assert_eq!(studio.read(REEL), "reel three");
    assert_eq!(studio.read(PLATE), "plate two");
}

#[test]
fn versions_of_one_run_are_put_back() {
    let studio = studio_with_versions();
    let first = runs_of(&studio, "reel.mov")[0];
    studio
        .lines(&[&format!("restore acme/spot footage NAS --run {first}")])
        .ok();
    assert_eq!(studio.read(REEL), "reel");
    assert_eq!(studio.read(PLATE), "plate two");
    let none = studio.lines(&["restore acme/spot footage NAS --run 999"]);
    assert_snapshot!(none, @"
    exit 0
    --- stdout
    no version to put back; `versions` lists them
    ");
}

#[test]
fn versions_current_at_a_time_are_put_back() {
    let studio = studio_with_versions();
    // Before the first copy replaced anything, which was less than a minute ago.
    studio.lines(&["restore acme NAS --as-of 10m"]).ok();
    assert_eq!(
        (studio.read(REEL), studio.read(PLATE)),
        ("reel".to_owned(), "plate one".to_owned())
    );
    let studio = studio_with_versions();
    thread::sleep(Duration::from_millis(1100));
    // Now all files are as they are.
    studio.lines(&["restore acme NAS --as-of 0s"]).ok();
    assert_eq!(studio.read(REEL), "reel three");
    for line in [
        "restore acme NAS --as-of 2026-01-01",
        "restore acme NAS --as-of 2026-01-01T10:00",
    ] {
        studio.lines(&[line]).ok();
    }
    studio
        .lines(&["restore acme NAS --as-of yesterday"])
        .status(2);
    studio
        .lines(&["restore acme NAS --as-of 1h --run 1"])
        .status(2);
}

#[test]
fn path_limits_the_files() {
    let studio = studio_with_versions();
    studio.lines(&["restore acme/spot footage NAS plates"]).ok();
    assert_eq!(
        (studio.read(REEL), studio.read(PLATE)),
        ("reel three".to_owned(), "plate one".to_owned())
    );
    let studio = studio_with_versions();
    studio
        .lines(&["restore acme/spot footage NAS reel.mov"])
        .ok();
    assert_eq!(
        (studio.read(REEL), studio.read(PLATE)),
        ("reel two".to_owned(), "plate two".to_owned())
    );
    assert_snapshot!(studio.lines(&["restore acme/spot footage NAS nothing.mov"]), @"
    exit 0
    --- stdout
    no version to put back; `versions` lists them
    ");
    studio
        .lines(&["restore acme/spot footage NAS reel.mov more"])
        .status(2);
}

#[test]
fn deleted_file_is_put_back() {
    let studio = studio_with_versions();
    studio.remove(REEL);
    studio
        .lines(&["restore acme/spot footage NAS reel.mov"])
        .ok();
    assert_eq!(studio.read(REEL), "reel two");
    studio.remove("NAS/footage/acme/spot/plates");
    studio
        .lines(&["restore acme/spot footage NAS plates/p1.exr"])
        .ok();
    assert_eq!(studio.read(PLATE), "plate one");
}

#[test]
fn dry_run_puts_nothing_back() {
    let studio = studio_with_versions();
    let before = (studio.tree("NAS"), last_run(&studio));
    assert_snapshot!(studio.lines(&["restore acme/spot footage NAS --dry-run"]).ok(), @"
    exit 0
    --- stdout
    planned $STUDIO/NAS/footage/acme/spot/plates/p1.exr: put back, and keep the current one
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: put back, and keep the current one
    would put back 2 files, 17 B
    ");
    assert_eq!((studio.tree("NAS"), last_run(&studio)), before);
}

#[test]
fn index_and_proofs_follow() {
    let studio = studio_with_versions();
    studio.lines(&["restore acme/spot footage NAS"]).ok();
    // The index knows the files as they are now.
    let compared = studio
        .json(&["compare acme/spot footage WORK NAS"])
        .document();
    assert!(compared.to_string().contains("reel.mov"), "{compared}");
    studio.lines(&["verify in NAS"]).ok();
}

#[test]
fn json_lists_each_file() {
    let studio = studio_with_versions();
    let answer = studio
        .json(&["restore acme/spot footage NAS"])
        .ok()
        .document();
    assert_eq!(
        (&answer["files"], &answer["bytes"], &answer["failed"]),
        (&json!(2), &json!(17), &json!(0))
    );
    let outcomes: Vec<&Value> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["outcome"])
        .collect();
    assert_eq!(outcomes, ["restored", "restored"]);
    assert_eq!(answer["versions"].as_array().unwrap().len(), 1);
}

#[test]
fn offline_storage_fails() {
    let studio = studio_with_versions();
    unplug(&studio, "NAS");
    let run = studio.lines(&["restore acme/spot footage NAS"]);
    assert!(run.status == 1 && run.stderr.contains("offline"), "{run}");
}

#[test]
fn folder_in_place_of_a_file_stays() {
    let studio = studio_with_versions();
    studio.remove(REEL).file(format!("{REEL}/inside"), "inside");
    let answer = studio.lines(&["restore acme/spot footage NAS"]).status(3);
    assert_snapshot!(answer, @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/reel.mov: `$STUDIO/NAS/footage/acme/spot/reel.mov` was changed by another program after it was checked
    put back 1 file, 9 B; 1 failure
    what was there is kept in $STUDIO/NAS/.auto-backup/versions/RUN-7
    ");
    assert_eq!(studio.read(format!("{REEL}/inside")), "inside");
    assert_eq!(studio.read(PLATE), "plate one");
}
