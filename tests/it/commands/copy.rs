//! `copy`: its rules for each file, and its answers. `copy_entries` tests each kind of entry.

use std::fs;

use insta::assert_snapshot;

use super::{copy_answer, run_with_format};
use crate::studio::{CHANGED, Studio};

const LINE: &str = "copy acme/spot footage WORK NAS";

/// A studio in which NAS has an older, a newer and an equally old version of a file, and a file of its own.
fn studio_with_differences() -> Studio {
    let studio = Studio::new();
    for (name, work, nas) in [("newer", 10, 5), ("older", 5, 10), ("equal", 5, 5)] {
        studio
            .file_at(
                format!("WORK/footage/acme/spot/{name}"),
                "work",
                CHANGED + work,
            )
            .file_at(
                format!("NAS/footage/acme/spot/{name}"),
                "nas",
                CHANGED + nas,
            );
    }
    studio
        .file("WORK/footage/acme/spot/same", "same")
        .file("NAS/footage/acme/spot/same", "same")
        .file("NAS/footage/acme/spot/only here", "nas")
        .file("WORK/footage/acme/spot/sub/missing", "work");
    studio
}

#[test]
fn copy_reports_file_count() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    copied and verified 2 files, 13 B in N s
    ");
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/plates/
    footage/acme/spot/plates/p1.exr 9
    footage/acme/spot/reel.mov 4
    ");
    assert!(
        studio
            .read("NAS/.auto-backup/database.json")
            .contains("\"name\": \"NAS\"")
    );
}

#[test]
fn second_copy_writes_nothing() {
    let studio = Studio::filled();
    studio.lines(&[LINE]).ok();
    let before = studio.tree("NAS");
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    copied 0 files, 0 B in N s; 2 already there
    ");
    assert_snapshot!(studio.json(&[LINE]).ok(), @r#"
    exit 0
    --- stdout
    {"command":"copy","run":3,"state":"complete","planned_files":2,"planned_bytes":0,"copied_files":0,"copied_bytes":0,"same_files":2,"conflict_files":0,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"destinations":[{"name":"NAS","files":0,"bytes":0,"same_files":2,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[],"sequences":[]}
    "#);
    assert_eq!(studio.tree("NAS"), before);
}

#[test]
fn newer_files_replace_others_conflict() {
    let studio = studio_with_differences();
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied and verified 2 files, 8 B in N s; 1 of these replaced an older version; 1 already there; 2 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/equal: it differs in size, and both have the same time
    conflict $STUDIO/NAS/footage/acme/spot/older: it differs in size, and the destination is newer
    old versions: $STUDIO/NAS/.auto-backup/versions/RUN-1
    left as they are on NAS: 2 files that are not older there; `--overwrite` replaces them and keeps the old ones
    ");
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    .auto-backup/versions/
    .auto-backup/versions/RUN-1/
    .auto-backup/versions/RUN-1/footage/
    .auto-backup/versions/RUN-1/footage/acme/
    .auto-backup/versions/RUN-1/footage/acme/spot/
    .auto-backup/versions/RUN-1/footage/acme/spot/newer 3
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/equal 3
    footage/acme/spot/newer 4
    footage/acme/spot/older 3
    footage/acme/spot/only here 3
    footage/acme/spot/same 4
    footage/acme/spot/sub/
    footage/acme/spot/sub/missing 4
    ");
    assert_eq!(studio.read("NAS/footage/acme/spot/newer"), "work");
    assert_eq!(studio.read("NAS/footage/acme/spot/older"), "nas");
}

#[test]
fn conflicts_are_in_every_format() {
    let studio = studio_with_differences();
    assert_snapshot!(studio.json(&[LINE]).status(3), @r#"
    exit 3
    --- stdout
    {"command":"copy","run":1,"state":"partial","planned_files":5,"planned_bytes":8,"copied_files":2,"copied_bytes":8,"same_files":1,"conflict_files":2,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":2,"seconds":N,"destinations":[{"name":"NAS","files":2,"bytes":8,"same_files":1,"conflict_files":2,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/spot/equal","outcome":"conflict","reason":"it differs in size, and both have the same time","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/older","outcome":"conflict","reason":"it differs in size, and the destination is newer","sequence":null}],"sequences":[]}
    "#);
    assert_snapshot!(run_with_format(&studio, "plain", LINE).status(3), @"
    exit 3
    --- stdout
    $STUDIO/NAS/footage/acme/spot/equal	conflict	it differs in size, and both have the same time
    $STUDIO/NAS/footage/acme/spot/older	conflict	it differs in size, and the destination is newer
    ");
    assert_snapshot!(run_with_format(&studio, "csv", LINE).status(3), @r#"
    exit 3
    --- stdout
    path,outcome,reason
    $STUDIO/NAS/footage/acme/spot/equal,conflict,"it differs in size, and both have the same time"
    $STUDIO/NAS/footage/acme/spot/older,conflict,"it differs in size, and the destination is newer"
    "#);
}

#[test]
fn overwrite_replaces_and_keeps_every_old_version() {
    let studio = studio_with_differences();
    let document = copy_answer(&studio, &format!("{LINE} --overwrite"));
    assert_eq!(
        (&document["state"], &document["copied_files"]),
        (&"complete".into(), &4.into())
    );
    assert_snapshot!(studio.tree("NAS/.auto-backup/versions"), @"
    RUN-1/
    RUN-1/footage/
    RUN-1/footage/acme/
    RUN-1/footage/acme/spot/
    RUN-1/footage/acme/spot/equal 3
    RUN-1/footage/acme/spot/newer 3
    RUN-1/footage/acme/spot/older 3
    ");
    assert_eq!(studio.read("NAS/footage/acme/spot/older"), "work");
    assert_eq!(studio.read("NAS/footage/acme/spot/only here"), "nas");
    let versions = fs::read_dir(studio.path("NAS/.auto-backup/versions")).unwrap();
    let run = versions.map(|entry| entry.unwrap().path()).next().unwrap();
    assert_eq!(
        fs::read_to_string(run.join("footage/acme/spot/older")).unwrap(),
        "nas"
    );
}

#[test]
fn no_update_only_adds_missing_files() {
    let studio = studio_with_differences();
    assert_snapshot!(studio.lines(&[&format!("{LINE} --no-update")]).status(0), @"
    exit 0
    --- stdout
    copied and verified 1 file, 4 B in N s; 1 already there; 3 skipped
    skipped $STUDIO/NAS/footage/acme/spot/equal: it differs in size, and only missing files are added
    skipped $STUDIO/NAS/footage/acme/spot/newer: it differs in size, and only missing files are added
    skipped $STUDIO/NAS/footage/acme/spot/older: it differs in size, and only missing files are added
    ");
    assert_eq!(studio.read("NAS/footage/acme/spot/newer"), "nas");
    assert_eq!(studio.read("NAS/footage/acme/spot/sub/missing"), "work");
    assert_snapshot!(studio.lines(&[&format!("{LINE} --no-update --overwrite")]).status(2), @"
    exit 2
    --- stderr
    -c:1:33: error: `--no-update` and `--overwrite` cannot be used together
        copy acme/spot footage WORK NAS --no-update --overwrite
                                        ^^^^^^^^^^^
    hint: leave one of them out
    ");
}

#[test]
fn dry_run_changes_nothing() {
    let studio = studio_with_differences();
    let before = [studio.tree("NAS"), studio.tree("WORK")];
    let line = format!("{LINE} --dry-run");
    assert_snapshot!(studio.lines(&[&line]).status(3), @"
    exit 3
    --- stdout
    would copy 2 files, 8 B; 1 already there; 2 in conflict
    planned $STUDIO/NAS/footage/acme/spot/newer: replace, keeping the old version
    planned $STUDIO/NAS/footage/acme/spot/sub/missing: add
    conflict $STUDIO/NAS/footage/acme/spot/equal: it differs in size, and both have the same time
    conflict $STUDIO/NAS/footage/acme/spot/older: it differs in size, and the destination is newer
    ");
    assert_snapshot!(studio.json(&[&line]).status(3), @r#"
    exit 3
    --- stdout
    {"command":"copy","run":null,"state":"partial","planned_files":5,"planned_bytes":8,"copied_files":0,"copied_bytes":0,"same_files":1,"conflict_files":2,"failed_files":0,"failed_storages":0,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"destinations":[{"name":"NAS","files":2,"bytes":8,"same_files":1,"conflict_files":2,"failed_files":0,"refused_files":0,"copied_from":[],"error":null}],"items":[{"path":"$STUDIO/NAS/footage/acme/spot/newer","outcome":"planned","reason":"replace, keeping the old version","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/sub/missing","outcome":"planned","reason":"add","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/equal","outcome":"conflict","reason":"it differs in size, and both have the same time","sequence":null},{"path":"$STUDIO/NAS/footage/acme/spot/older","outcome":"conflict","reason":"it differs in size, and the destination is newer","sequence":null}],"sequences":[]}
    "#);
    copy_answer(&studio, &format!("{line} --overwrite"));
    assert_eq!([studio.tree("NAS"), studio.tree("WORK")], before);
}
