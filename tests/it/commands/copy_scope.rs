//! `copy`: one or several projects and categories, and the index afterwards.

use insta::assert_snapshot;

use super::copy_answer;
use crate::studio::Studio;

const LINE: &str = "copy acme/spot footage WORK NAS";

#[test]
fn client_and_all_scopes_are_copied() {
    let studio = Studio::filled();
    assert_eq!(
        copy_answer(&studio, "copy acme/spot all WORK NAS")["copied_files"],
        3
    );
    let client = copy_answer(&studio, "copy acme footage WORK NAS");
    assert_eq!(
        (&client["copied_files"], &client["same_files"]),
        (&1.into(), &2.into())
    );
    let all = copy_answer(&studio, "copy all all WORK NAS");
    assert_eq!(
        (&all["copied_files"], &all["same_files"]),
        (&1.into(), &4.into())
    );
    assert_snapshot!(studio.lines(&["fetch all"]), @"
    exit 0
    --- stdout
    project          size  WORK                  NAS
    Bob's/long film  1 B   whole, 1 file, 1 B    whole, 1 file, 1 B
    acme/spot        18 B  whole, 3 files, 18 B  whole, 3 files, 18 B
    acme/teaser      6 B   whole, 1 file, 6 B    whole, 1 file, 6 B
    3 projects, 5 files, 25 B
    scanned: WORK, NAS just now
    ");
}

#[test]
fn categories_without_the_project_are_skipped() {
    let studio = Studio::filled();
    assert_eq!(
        copy_answer(&studio, "copy acme/teaser all WORK NAS")["copied_files"],
        1
    );
    assert_snapshot!(studio.tree("NAS/footage"), @"
    acme/
    acme/teaser/
    acme/teaser/t.mov 6
    ");
    assert!(!studio.path("NAS/scratch").exists());
}

#[test]
fn copy_updates_the_index() {
    let studio = Studio::filled();
    studio.lines(&[LINE]).ok();
    let document = studio.json(&["fetch project acme/spot"]).ok().document();
    let states: Vec<_> = document["projects"][0]["replicas"]
        .as_array()
        .unwrap()
        .iter()
        .map(|replica| &replica["state"])
        .collect();
    assert_eq!(states, ["whole", "whole", "unknown", "unknown"]);
}
