//! `free`.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{add_startup_lines, copied_studio, last_items, last_run, studio_on_media};
use crate::studio::{CHANGED, Studio};

pub(super) const ONE: &str = "policy footage copies 1\n";
pub(super) const FREE: &str = "free acme/spot footage WORK --yes";
pub(super) const FILES: [&str; 2] = [
    "footage/acme/spot/reel.mov",
    "footage/acme/spot/plates/p1.exr",
];

/// A copied studio whose category demands one copy elsewhere.
pub(super) fn studio_for_one_copy() -> Studio {
    let studio = copied_studio();
    add_startup_lines(&studio, ONE);
    studio
}

/// Fails unless a database still holds both files.
#[track_caller]
pub(super) fn assert_whole(studio: &Studio, database: &str) {
    for (path, content) in FILES.into_iter().zip(["reel", "plate one"]) {
        assert_eq!(studio.read(format!("{database}/{path}")), content);
    }
}

/// Returns the reason of a refusal.
#[track_caller]
pub(super) fn refusal(answer: &Value) -> &str {
    assert_eq!(answer["replicas"][0]["freed"], false, "{answer}");
    answer["replicas"][0]["reason"].as_str().unwrap()
}

#[test]
fn without_proof_nothing_is_moved() {
    let studio = copied_studio();
    // Two copies elsewhere are demanded.
    assert_snapshot!(studio.lines(&[FREE]).status(3), @"
    exit 3
    --- stdout
    no acme/spot footage: 2 files without enough proven copies elsewhere
        reel.mov: 1 copy proven elsewhere
        plates/p1.exr: 1 copy proven elsewhere
        add database NAME FOLDER
    removed 0 files, 0 B from WORK
    ");
    assert_whole(&studio, "WORK");
    assert!(!studio.path("WORK/.auto-backup/versions").exists());
    assert_eq!(
        last_items(&studio),
        [("refused".to_owned(), "WORK/footage/acme/spot".to_owned())]
    );
}

#[test]
fn proven_copy_moves_to_the_old_versions() {
    let studio = studio_for_one_copy();
    assert_snapshot!(studio.lines(&[FREE]).ok(), @"
    exit 0
    --- stdout
    removed acme/spot footage: 2 files, 13 B
    removed 2 files, 13 B from WORK
    the files are kept as old versions: `undo 5` brings them back, `prune WORK --keep 0d` wins their space
    ");
    assert_snapshot!(studio.tree("WORK"), @"
    .auto-backup/
    .auto-backup/freeing/
    .auto-backup/lock 0
    .auto-backup/versions/
    .auto-backup/versions/RUN-5/
    .auto-backup/versions/RUN-5/footage/
    .auto-backup/versions/RUN-5/footage/acme/
    .auto-backup/versions/RUN-5/footage/acme/spot/
    .auto-backup/versions/RUN-5/footage/acme/spot/plates/
    .auto-backup/versions/RUN-5/footage/acme/spot/plates/p1.exr 9
    .auto-backup/versions/RUN-5/footage/acme/spot/reel.mov 4
    footage/
    ");
    assert_whole(&studio, "NAS");
    assert_eq!(
        last_items(&studio),
        [("deleted".to_owned(), "WORK/footage/acme/spot".to_owned())]
    );
    let answer = studio.lines(&["safe acme/spot on WORK"]);
    assert_ne!(answer.status, 0, "{answer}");
    // Nothing is left to free.
    studio.lines(&[FREE]).status(3);
}

#[test]
fn undo_brings_files_and_proofs_back() {
    let studio = studio_for_one_copy();
    studio.lines(&[FREE]).ok();
    let line = format!("undo {} --yes", last_run(&studio));
    assert_snapshot!(studio.lines(&[&line]).ok(), @"
    exit 0
    --- stdout
    undone: 2 files, 13 B
    ");
    assert_whole(&studio, "WORK");
    let tree = studio.tree("WORK");
    assert!(!tree.contains("versions/RUN"), "{tree}");
    // The proofs are kept: both sides are safe again, and nothing is to be read.
    studio
        .lines(&["safe acme/spot on WORK", "safe acme/spot on NAS"])
        .ok();
    let answer = studio
        .json(&["verify --older-than 1h --dry-run"])
        .ok()
        .document();
    assert_eq!(answer["files"], 0);
}

#[test]
fn erased_files_leave_no_versions() {
    let studio = studio_for_one_copy();
    assert_snapshot!(studio.lines(&["free acme/spot WORK --erase --yes"]).ok(), @"
    exit 0
    --- stdout
    erased acme/spot footage: 2 files, 13 B
    removed 2 files, 13 B from WORK
    ");
    assert_snapshot!(studio.tree("WORK"), @"
    .auto-backup/
    .auto-backup/freeing/
    .auto-backup/lock 0
    .auto-backup/versions/
    footage/
    ");
    assert_whole(&studio, "NAS");
    let line = format!("undo {} --yes", last_run(&studio));
    assert_snapshot!(studio.lines(&[&line]), @"
    exit 1
    --- stderr
    -c:1:1: error: run 5 cannot be undone: it left nothing that could be reversed
        undo 5 --yes
        ^^^^^^^^^^^^
    ");
}

#[test]
fn script_needs_yes() {
    let studio = studio_for_one_copy();
    assert_snapshot!(studio.lines(&["free acme/spot footage WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:1: error: confirmation required, but the session is not interactive: Move to the old versions: acme/spot footage on WORK, 2 files, 13 B?
        free acme/spot footage WORK
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add `--yes` at the end of the line to confirm in advance
    ");
    assert_whole(&studio, "WORK");
    assert!(!studio.path("WORK/.auto-backup/versions").exists());
}

#[test]
fn dry_run_moves_nothing() {
    let studio = studio_for_one_copy();
    let before = (studio.tree("WORK"), last_run(&studio));
    assert_snapshot!(studio.lines(&["free acme/spot WORK --dry-run"]).ok(), @"
    exit 0
    --- stdout
    would remove acme/spot footage: 2 files, 13 B
    would remove 2 files, 13 B from WORK
    ");
    assert_eq!((studio.tree("WORK"), last_run(&studio)), before);
    studio.file("WORK/footage/acme/spot/new.mov", "new");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["free acme/spot WORK --dry-run"]).status(3), @"
    exit 3
    --- stdout
    no acme/spot footage: 1 file without enough proven copies elsewhere
        new.mov: 0 copies proven elsewhere
        copy acme/spot footage WORK NAS
    would remove 0 files, 0 B from WORK
    ");
}

#[test]
fn intent_is_withdrawn() {
    let studio = studio_for_one_copy();
    for line in [FREE, "free acme/spot footage NAS --yes"] {
        studio.lines(&[line]);
        for database in ["WORK", "NAS"] {
            let folder = studio.path(format!("{database}/.auto-backup/freeing"));
            let names = fs::read_dir(folder).map_or(0, Iterator::count);
            assert_eq!(names, 0, "{line}");
        }
    }
    // WORK was freed, and so NAS has the only copy.
    assert_whole(&studio, "NAS");
}

#[test]
fn sync_deletes_nothing_after_free() {
    let studio = studio_for_one_copy();
    studio.lines(&["sync all footage WORK NAS"]).ok();
    studio.lines(&[FREE]).ok();
    studio.file("WORK/footage/acme/other/o.mov", "other");
    studio.lines(&["load"]).ok();
    for line in [
        "sync all footage WORK NAS --delete --yes",
        "sync all WORK NAS --delete --yes",
    ] {
        let run = studio.lines(&[line]);
        assert_whole(&studio, "NAS");
        assert!(!run.stdout.contains("moved to old versions"), "{run}");
    }
}

#[test]
fn win_proposes_the_oldest_copies() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    for (project, seconds) in [("old", 10), ("middle", 20), ("new", 30)] {
        studio.file_at(
            format!("WORK/footage/acme/{project}/a.mov"),
            vec![b'a'; 1000],
            CHANGED + seconds,
        );
    }
    studio
        .file("WORK/footage/acme/alone/a.mov", "alone")
        .lines(&["load"])
        .ok();
    for project in ["old", "middle", "new"] {
        studio
            .lines(&[&format!("copy acme/{project} footage WORK NAS")])
            .ok();
    }
    studio.lines(&["verify"]).ok();
    assert_snapshot!(studio.lines(&["free --to-win 1500 on WORK --dry-run"]).ok(), @"
    exit 0
    --- stdout
    would remove acme/old footage: 1 file, 1.00 kB
    would remove acme/middle footage: 1 file, 1.00 kB
    would remove 2 files, 2.00 kB from WORK
    ");
    assert_snapshot!(studio.lines(&["free --to-win 1500 on WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:1: error: confirmation required, but the session is not interactive: Remove 2 copies from WORK: 2.00 kB, where 1.50 kB are wanted?
        free --to-win 1500 on WORK
        ^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: add `--yes` at the end of the line to confirm in advance
    ");
    assert!(studio.path("WORK/footage/acme/old/a.mov").exists());
    assert_snapshot!(studio.lines(&["free --to-win 1500 on WORK --yes"]).ok(), @"
    exit 0
    --- stdout
    removed acme/old footage: 1 file, 1.00 kB
    removed acme/middle footage: 1 file, 1.00 kB
    removed 2 files, 2.00 kB from WORK
    the files are kept as old versions: `undo 6` brings them back, `prune WORK --keep 0d` wins their space
    ");
    for (project, is_there) in [
        ("old", false),
        ("middle", false),
        ("new", true),
        ("alone", true),
    ] {
        let path = studio.path(format!("WORK/footage/acme/{project}"));
        assert_eq!(path.exists(), is_there, "{project}");
    }
    assert_snapshot!(studio.lines(&["free --to-win 1G on WORK --yes"]), @"
    exit 0
    --- stdout
    removed acme/new footage: 1 file, 1.00 kB
    removed 1 file, 1.00 kB from WORK
    less than 1.00 GB: no other copy may go
    the files are kept as old versions: `undo 7` brings them back, `prune WORK --keep 0d` wins their space
    ");
    assert!(studio.path("WORK/footage/acme/alone/a.mov").exists());
}

#[test]
fn excluded_files_stay_and_are_counted() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, &format!("{ONE}exclude '*.tmp'\n"));
    studio
        .file(format!("WORK/{}", FILES[0]), "reel")
        .file(format!("WORK/{}", FILES[1]), "plate one")
        .file("WORK/footage/acme/spot/plates/x.tmp", "scratch");
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS", "load"])
        .ok();
    assert_snapshot!(studio.lines(&[FREE]).ok(), @"
    exit 0
    --- stdout
    removed acme/spot footage: 2 files, 13 B
        1 entry stays in $STUDIO/WORK/footage/acme/spot: excluded from scans, or not the proven file
    removed 2 files, 13 B from WORK
    the files are kept as old versions: `undo 4` brings them back, `prune WORK --keep 0d` wins their space
    ");
    assert_eq!(
        studio.read("WORK/footage/acme/spot/plates/x.tmp"),
        "scratch"
    );
    assert!(!studio.path("WORK/footage/acme/spot/reel.mov").exists());
}

#[test]
fn json_states_the_proof() {
    let studio = studio_for_one_copy();
    let answer = studio.json(&[FREE]).ok().document();
    assert_eq!(
        answer["replicas"],
        json!([{"project": "acme/spot", "category": "footage", "freed": true, "files": 2, "bytes": 13, "left": 0, "reason": null, "mend": []}])
    );
    assert_eq!(
        (&answer["state"], &answer["database"]),
        (&json!("complete"), &json!("WORK"))
    );
    assert_eq!(answer["versions"].as_array().unwrap().len(), 1);
}

#[test]
fn each_copy_is_judged_alone() {
    let studio = studio_for_one_copy();
    studio.file("WORK/footage/acme/alone/a.mov", "alone");
    studio.lines(&["load"]).ok();
    assert_snapshot!(studio.lines(&["free acme footage WORK --yes"]).status(3), @"
    exit 3
    --- stdout
    no acme/alone footage: 1 file without enough proven copies elsewhere
        a.mov: 0 copies proven elsewhere
        copy acme/alone footage WORK NAS
    removed acme/spot footage: 2 files, 13 B
    removed 2 files, 13 B from WORK
    the files are kept as old versions: `undo 6` brings them back, `prune WORK --keep 0d` wins their space
    ");
    assert!(studio.path("WORK/footage/acme/alone/a.mov").exists());
    assert!(!studio.path("WORK/footage/acme/spot").exists());
}

#[test]
fn expendable_copy_needs_no_witness() {
    let studio = studio_on_media(&["WORK"]);
    studio.file("WORK/scratch/render/acme/spot/f1.exr", "frame");
    let lines = [
        "policy render none",
        "load",
        "free acme/spot render WORK --yes",
    ];
    studio.lines(&lines).ok();
    assert!(!studio.path("WORK/scratch/render/acme/spot/f1.exr").exists());
    let tree = studio.tree("WORK/.auto-backup/versions");
    assert!(tree.contains("f1.exr"), "{tree}");
}

#[test]
fn wrong_lines_are_usage_errors() {
    let studio = studio_for_one_copy();
    for line in [
        "free",
        "free acme/spot --yes",
        "free acme/spot footage --yes",
        "free acme/spot footage TAPE --yes",
        "free acme/spot footage WORK NAS --yes",
        "free acme/spot on WORK --yes",
        "free --to-win 1G --yes",
        "free --to-win lots on WORK --yes",
        "free nobody/spot WORK --yes",
    ] {
        let run = studio.lines(&[line]);
        assert!(
            [1, 2].contains(&run.status) && run.stdout.is_empty(),
            "{line}: {run}"
        );
    }
    assert_whole(&studio, "WORK");
}

#[test]
fn several_copies_are_undone_together() {
    let studio = studio_for_one_copy();
    studio.file("WORK/footage/acme/other/o.mov", "other");
    studio
        .lines(&[
            "load",
            "copy acme/other footage WORK NAS",
            "free acme WORK --yes",
        ])
        .ok();
    assert!(!studio.path("WORK/footage/acme").exists());
    let line = format!("undo {} --yes", last_run(&studio));
    studio.lines(&[&line]).ok();
    assert_whole(&studio, "WORK");
    assert_eq!(studio.read("WORK/footage/acme/other/o.mov"), "other");
    studio.lines(&[&line]).status(1);
    assert_whole(&studio, "WORK");
}

#[test]
fn file_that_came_back_is_not_replaced() {
    let studio = studio_for_one_copy();
    studio.lines(&[FREE]).ok();
    let line = format!("undo {} --yes", last_run(&studio));
    studio.file_at("WORK/footage/acme/spot/reel.mov", "someone's", CHANGED + 60);
    let refused = studio.lines(&[&line]).status(1);
    assert!(refused.stderr.contains("reel.mov"), "{refused}");
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "someone's");
    assert!(!studio.path("WORK/footage/acme/spot/plates").exists());
}

#[test]
fn links_and_odd_names_are_freed_and_brought_back() {
    let studio = studio_on_media(&["WORK", "NAS"]);
    add_startup_lines(&studio, ONE);
    let folder = "footage/a, b/caf\u{e9} \"x\"";
    studio
        .file(format!("WORK/{folder}/it's/\u{1f3ac}.mov"), "clip")
        .link(format!("WORK/{folder}/link"), "it's/nowhere");
    studio
        .lines(&["load", "copy all footage WORK NAS", "load"])
        .ok();
    studio.lines(&["free all footage WORK --yes"]).ok();
    assert!(!studio.path("WORK/footage/a, b").exists());
    studio
        .lines(&[&format!("undo {} --yes", last_run(&studio))])
        .ok();
    assert_eq!(
        studio.read(format!("WORK/{folder}/it's/\u{1f3ac}.mov")),
        "clip"
    );
    let link = fs::read_link(studio.path(format!("WORK/{folder}/link"))).unwrap();
    assert_eq!(link.to_str(), Some("it's/nowhere"));
}

#[test]
fn unreadable_folder_refuses() {
    let studio = studio_for_one_copy();
    studio
        .file("WORK/footage/acme/spot/locked/secret.mov", "secret")
        .mode("WORK/footage/acme/spot/locked", 0o000);
    let answer = studio.lines_as_user(&[FREE]).status(3);
    studio.mode("WORK/footage/acme/spot/locked", 0o755);
    assert_snapshot!(answer, @"
    exit 3
    --- stdout
    no acme/spot footage: nothing was removed: `$STUDIO/WORK` could not be read completely
    removed 0 files, 0 B from WORK
    --- stderr
    problem: cannot open `$STUDIO/WORK/footage/acme/spot/locked`: Permission denied (os error 13)
    ");
    assert_whole(&studio, "WORK");
    assert_eq!(
        studio.read("WORK/footage/acme/spot/locked/secret.mov"),
        "secret"
    );
}
