//! `mhl`.

use insta::assert_snapshot;

use super::{copied_studio, last_items, run_with_format};
use crate::studio::Studio;

const MHL: &str = "mhl acme/spot footage NAS";

#[test]
fn history_is_written_from_evidence() {
    let studio = copied_studio();
    assert_snapshot!(studio.lines(&[MHL]).ok(), @"");
    assert_snapshot!(studio.lines(&[MHL]).ok(), @"");
    assert_snapshot!(studio.tree("NAS/footage/acme/spot"), @"");
}

#[test]
fn files_without_evidence_are_read_once() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let document = studio.json(&["mhl all footage WORK"]).ok().document();
    assert_eq!(document["read_files"], 4, "{document}");
    assert_eq!(document["generations"].as_array().unwrap().len(), 3);
    let answer = studio.json(&["verify --older-than 1h"]).ok().document();
    assert_eq!(
        answer["files"], 1,
        "the read gave evidence, and so did writing: only render is left"
    );
}

#[test]
fn all_formats_answer() {
    let studio = copied_studio();
    studio.file("NAS/footage/acme/spot/reel.mov", "rEel");
    let run = studio
        .json(&["mhl acme/spot footage NAS --hash md5"])
        .status(3);
    assert_eq!(run.document()["original"], 1, "{run}");
    assert_snapshot!(run_with_format(&studio, "csv", MHL).status(3), @"");
    assert_eq!(last_items(&studio)[0].0, "damaged");
}

#[test]
fn dry_run_reads_and_writes_nothing() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["mhl acme/spot footage WORK --dry-run"]).ok(), @"");
    assert!(!studio.path("WORK/footage/acme/spot/ascmhl").exists());
    assert!(!studio.path("WORK/.auto-backup").exists());
}

#[test]
fn remote_is_refused() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let run = studio.lines(&[
        "add database CLOUD s3:bucket",
        "mhl acme/spot footage CLOUD",
    ]);
    assert_snapshot!(run.status(1), @"");
}

#[test]
fn category_decides_the_format() {
    let studio = Studio::filled();
    let run = studio.lines(&[
        "add category footage footage/ --mhl --mhl-hash md5",
        "list categories",
        "load",
        "mhl acme/spot footage WORK",
        "save",
    ]);
    assert_snapshot!(run.ok(), @"");
    let startup = studio.read(super::STARTUP);
    assert!(
        startup.contains("add category footage footage --mhl --mhl-hash md5\n"),
        "{startup}"
    );
    let run = studio.lines(&[
        "add category footage footage/",
        "add category footage footage/ --replace",
    ]);
    assert_snapshot!(run.ok(), @"");
    let refused = studio
        .lines(&["add category footage footage/ --mhl-hash md5"])
        .status(2);
    assert!(refused.stderr.contains("--mhl"), "{refused}");
}
