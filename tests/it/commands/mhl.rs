//! `mhl`.

use insta::assert_snapshot;

use super::{copied_studio, last_items, run_with_format};
use crate::studio::Studio;

const MHL: &str = "mhl acme/spot footage NAS";

#[test]
fn history_is_written_from_evidence() {
    let studio = copied_studio();
    assert_snapshot!(studio.lines(&[MHL]).ok(), @"
    exit 0
    --- stdout
    wrote generation 1 of footage/acme/spot on NAS, 2 files
    recorded 2 new files
    ");
    assert_snapshot!(studio.lines(&[MHL]).ok(), @"
    exit 0
    --- stdout
    nothing new; 2 files unchanged since the last generation; no generation was written
    ");
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
    assert_snapshot!(run_with_format(&studio, "csv", MHL).status(3), @r#"
    exit 3
    --- stdout
    path,outcome,reason
    $STUDIO/NAS/footage/acme/spot/reel.mov,damaged,"XXH3-128 is e9ffa3f45e4b8a2caea7d82cc0ee3385, and should be 45be4b60ba4bcf84bd0ea49e8483c938"
    "#);
    assert_eq!(last_items(&studio)[0].0, "damaged");
}

#[test]
fn dry_run_reads_and_writes_nothing() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["mhl acme/spot footage WORK --dry-run"]).ok(), @"
    exit 0
    --- stdout
    nothing new from the evidence of the index; would read 2 files, 13 B
    ");
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
    let refused = run.status(1);
    let words = "ASC MHL histories are written on disks only, and `CLOUD` is a remote";
    assert!(refused.stderr.contains(words), "{refused}");
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
    assert_snapshot!(run.ok(), @"
    exit 0
    --- stdout
    category footage is the folder `footage/` of every storage; it keeps ASC MHL histories (md5)
    category  path            mhl
    footage   footage         md5
    render    scratch/render
    2 categories, 0 files, 0 B
    ┌─────────┬──────────┬──────────┬───────┬──────┬───────┬───────┐
    │ storage ┆ state    ┆ projects ┆ files ┆ size ┆ added ┆ time  │
    ╞═════════╪══════════╪══════════╪═══════╪══════╪═══════╪═══════╡
    │ WORK    ┆ complete ┆        3 ┆     5 ┆ 25 B ┆     5 ┆ N s │
    │ NAS     ┆ complete ┆        0 ┆     0 ┆  0 B ┆     0 ┆ N s │
    └─────────┴──────────┴──────────┴───────┴──────┴───────┴───────┘
    scanned 2 storages, 5 files, 25 B in N s
    wrote generation 1 of footage/acme/spot on WORK, 2 files
    recorded 2 new files; read 2 files, 13 B
    saved in $STUDIO/home/.config/auto-backup/.config: 1 line added, 1 removed
    backup: $STUDIO/home/.config/auto-backup/.config.DATE
    ");
    let startup = studio.read(super::STARTUP);
    assert!(
        startup.contains("add category footage footage --mhl --mhl-hash md5\n"),
        "{startup}"
    );
    let run = studio.lines(&[
        "add category footage footage/",
        "add category footage footage/ --replace",
    ]);
    assert_snapshot!(run.ok(), @"
    exit 0
    --- stdout
    category footage is already the folder `footage/` of every storage; it keeps ASC MHL histories (md5)
    category footage is the folder `footage/` of every storage; it keeps no ASC MHL history from now on
    ");
    let refused = studio
        .lines(&["add category footage footage/ --mhl-hash md5"])
        .status(2);
    assert!(refused.stderr.contains("--mhl"), "{refused}");
}
