//! `undo`.

use std::fs;

use insta::assert_snapshot;
use serde_json::json;

use super::{copied_studio, last_items, last_run, studio_on_media, unplug};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, ProgramRun, Studio};

const REEL: &str = "NAS/footage/acme/spot/reel.mov";
const NEW: &str = "NAS/footage/acme/spot/new/n.mov";
const COPY: &str = "copy acme/spot footage WORK NAS --overwrite";

/// A studio whose last run replaced one file on NAS and added another.
fn copied_twice() -> Studio {
    let studio = copied_studio();
    studio
        .file_at("WORK/footage/acme/spot/reel.mov", "reel two", CHANGED + 60)
        .file("WORK/footage/acme/spot/new/n.mov", "new");
    studio.lines(&["load", COPY]).ok();
    studio
}

/// Undoes the last run.
fn undo(studio: &Studio) -> ProgramRun {
    studio.lines(&[&format!("undo {} --yes", last_run(studio))])
}

#[test]
fn copy_is_reversed() {
    let studio = copied_twice();
    assert_snapshot!(undo(&studio).ok(), @"
    exit 0
    --- stdout
    undone: 2 files, 7 B
    what was there is kept in $STUDIO/NAS/.auto-backup/versions/RUN-7
    ");
    assert_eq!(studio.read(REEL), "reel");
    assert!(!studio.path("NAS/footage/acme/spot/new").exists());
    assert_eq!(
        studio.read("NAS/footage/acme/spot/plates/p1.exr"),
        "plate one"
    );
    let mut items = last_items(&studio);
    items.sort();
    assert_eq!(
        items,
        [
            ("deleted".to_owned(), NEW.to_owned()),
            ("restored".to_owned(), REEL.to_owned())
        ]
    );
    // What the copy had written is kept.
    let tree = studio.tree("NAS/.auto-backup/versions");
    assert!(
        tree.contains("reel.mov 8") && tree.contains("n.mov 3"),
        "{tree}"
    );
    // WORK is as it was, and the copy can be made again.
    assert_eq!(studio.read("WORK/footage/acme/spot/reel.mov"), "reel two");
    studio.lines(&[COPY]).ok();
    assert_eq!(
        (studio.read(REEL), studio.read(NEW)),
        ("reel two".to_owned(), "new".to_owned())
    );
}

#[test]
fn versions_of_another_machine_stay() {
    let studio = copied_twice();
    // Another machine has its own runs, with the same numbers and at the same time.
    let run = last_run(&studio);
    let own = fs::read_dir(studio.path("NAS/.auto-backup/versions")).unwrap();
    let own = own.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let time = own.last().unwrap()[..16].to_owned();
    let other = format!(
        "NAS/.auto-backup/versions/{time}-elsewhere-{run}-{}",
        "0123456789abcdef".repeat(2)
    );
    for name in ["reel.mov", "plates/p1.exr"] {
        studio.file(format!("{other}/footage/acme/spot/{name}"), "foreign");
    }
    undo(&studio).ok();
    assert_eq!(studio.read(REEL), "reel");
    let plate = studio.read("NAS/footage/acme/spot/plates/p1.exr");
    assert_eq!(plate, "plate one");
    assert_eq!(studio.tree(other).lines().count(), 6);
}

#[test]
fn first_copy_leaves_no_folder() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    undo(&studio).ok();
    assert!(!studio.path("NAS/footage/acme").exists());
    studio.lines(&["load"]).ok();
}

#[test]
fn folder_of_the_category_stays() {
    let studio = Studio::filled();
    studio
        .file("WORK/scratch/render/acme/spot/f1.exr", "frame")
        .folder("NAS/scratch/render");
    studio
        .lines(&["load", "copy acme/spot render WORK NAS"])
        .ok();
    undo(&studio).ok();
    assert!(studio.path("NAS/scratch/render").is_dir());
    assert!(!studio.path("NAS/scratch/render/acme").exists());
}

#[test]
fn nothing_is_put_below_a_missing_mount() {
    let studio = Studio::filled();
    let folder = "NAS/footage/acme/spot/plates";
    studio.folder(folder);
    let Some(disk) = MountedDisk::mount(&studio, folder, "1m") else {
        return;
    };
    let plate = "WORK/footage/acme/spot/plates/p1.exr";
    studio.lines(&["load", COPY]).ok();
    studio
        .file_at(plate, "plate two", CHANGED + 60)
        .file_at("WORK/footage/acme/spot/reel.mov", "reel two", CHANGED + 60)
        .file("WORK/footage/acme/spot/plates/new.exr", "new");
    studio.lines(&["load", COPY]).ok();
    let undo = format!("undo {} --yes", last_run(&studio));
    drop(disk);
    // The files on that disk are neither gone nor changed: nothing is known of them.
    let refused = studio.lines(&[&undo]).status(1);
    assert!(refused.stderr.contains("is not mounted now"), "{refused}");
    assert_eq!(studio.read(REEL), "reel two");
    let restored = studio.lines(&["restore acme/spot footage NAS"]).status(3);
    assert!(restored.stdout.contains("p1.exr"), "{restored}");
    assert_eq!(fs::read_dir(studio.path(folder)).unwrap().count(), 0);
}

#[test]
fn unreadable_version_refuses_all() {
    let studio = copied_twice();
    let versions = studio.path("NAS/.auto-backup/versions");
    let run = fs::read_dir(&versions).unwrap().next().unwrap().unwrap();
    let closed = run.path().join("footage/acme/spot");
    studio.mode(&closed, 0o000);
    let line = format!("undo {} --yes", last_run(&studio));
    let refused = studio.lines_as_user(&[&line]).status(1);
    let listed = studio.lines_as_user(&["versions in NAS"]).status(3);
    studio.mode(&closed, 0o755);
    assert!(
        refused.stderr.contains("cannot be read") && refused.stderr.contains("footage/acme/spot"),
        "{refused}"
    );
    assert!(listed.stdout.contains("is not read"), "{listed}");
    // Nothing was touched, not even the added file.
    assert_eq!(
        (studio.read(REEL), studio.read(NEW)),
        ("reel two".to_owned(), "new".to_owned())
    );
    studio.lines_as_user(&[&line]).ok();
    assert_eq!(studio.read(REEL), "reel");
}

#[test]
fn sync_with_deletions_is_reversed() {
    let studio = copied_studio();
    studio.lines(&["sync acme/spot footage WORK NAS"]).ok();
    studio.remove("WORK/footage/acme/spot/reel.mov");
    studio.file("WORK/footage/acme/spot/new/n.mov", "new");
    studio
        .lines(&["load", "sync acme/spot footage WORK NAS --delete --yes"])
        .ok();
    assert!(!studio.path(REEL).exists() && studio.path(NEW).exists());
    assert_snapshot!(undo(&studio).ok(), @"
    exit 0
    --- stdout
    undone: 2 files, 7 B
    what was there is kept in $STUDIO/NAS/.auto-backup/versions/RUN-8
    ");
    assert_eq!(studio.read(REEL), "reel");
    assert!(!studio.path(NEW).exists());
}

#[test]
fn heal_is_reversed() {
    let studio = copied_studio();
    studio.file(REEL, "rEel");
    studio.lines(&["verify"]).status(3);
    studio.lines(&["heal acme/spot footage NAS"]).ok();
    assert_eq!(studio.read(REEL), "reel");
    assert_snapshot!(undo(&studio), @"
    exit 0
    --- stdout
    undone: 1 file, 4 B
    what was there is kept in $STUDIO/NAS/.auto-backup/versions/RUN-7
    ");
    assert_eq!(studio.read(REEL), "rEel");
    // The file is known to be damaged again.
    studio.lines(&["heal acme/spot footage NAS"]).ok();
    assert_eq!(studio.read(REEL), "reel");
}

#[test]
fn changed_file_refuses_all() {
    let studio = copied_twice();
    studio.file_at(NEW, "edited", CHANGED + 120);
    let before = studio.tree("NAS");
    let run = last_run(&studio);
    assert_snapshot!(undo(&studio), @"
    exit 1
    --- stderr
    -c:1:1: error: run 6 cannot be undone: 1 file changed since: `$STUDIO/NAS/footage/acme/spot/new/n.mov`
        undo 6 --yes
        ^^^^^^^^^^^^
    ");
    assert_eq!(studio.tree("NAS"), before);
    assert_eq!(
        (studio.read(REEL), studio.read(NEW)),
        ("reel two".to_owned(), "edited".to_owned())
    );
    studio.file_at(REEL, "edited", CHANGED + 120);
    let line = format!("undo {run} --yes");
    assert_snapshot!(studio.lines(&[&line]), @"
    exit 1
    --- stderr
    -c:1:1: error: run 6 cannot be undone: 2 files changed since: `$STUDIO/NAS/footage/acme/spot/new/n.mov`, `$STUDIO/NAS/footage/acme/spot/reel.mov`
        undo 6 --yes
        ^^^^^^^^^^^^
    ");
    assert_eq!(studio.read(REEL), "edited");
}

#[test]
fn file_where_one_was_removed_refuses() {
    let studio = copied_studio();
    studio.lines(&["sync acme/spot footage WORK NAS"]).ok();
    studio.remove("WORK/footage/acme/spot/reel.mov");
    studio
        .lines(&["load", "sync acme/spot footage WORK NAS --delete --yes"])
        .ok();
    studio.file(REEL, "someone else's");
    let run = undo(&studio);
    assert_ne!(run.status, 0, "{run}");
    assert!(run.stderr.contains("reel.mov"), "{run}");
    assert_eq!(studio.read(REEL), "someone else's");
}

#[test]
fn second_undo_is_refused() {
    let studio = copied_twice();
    let line = format!("undo {} --yes", last_run(&studio));
    studio.lines(&[&line]).ok();
    let before = studio.tree("NAS");
    assert_snapshot!(studio.lines(&[&line]), @"
    exit 1
    --- stderr
    -c:1:1: error: run 6 cannot be undone: run 7 undid it
        undo 6 --yes
        ^^^^^^^^^^^^
    ");
    assert_eq!(studio.tree("NAS"), before);
}

#[test]
fn other_runs_cannot_be_undone() {
    let studio = copied_studio();
    studio.lines(&["load"]).ok();
    assert_snapshot!(undo(&studio), @"
    exit 1
    --- stderr
    -c:1:1: error: run 5 cannot be undone: it was a `load`; copy, offload, sync, heal, free can be undone
        undo 5 --yes
        ^^^^^^^^^^^^
    ");
    studio.lines(&["verify"]).ok();
    assert_snapshot!(undo(&studio), @"
    exit 1
    --- stderr
    -c:1:1: error: run 7 cannot be undone: it was a `verify`; copy, offload, sync, heal, free can be undone
        undo 7 --yes
        ^^^^^^^^^^^^
    ");
    assert_snapshot!(studio.lines(&["undo 999"]), @"
    exit 1
    --- stderr
    -c:1:6: error: unknown run `999`
        undo 999
             ^^^
    hint: runs 1 to 8 exist; `history --all` lists them
    ");
    for line in ["undo", "undo last", "undo 1 2"] {
        studio.lines(&[line]).status(2);
    }
}

#[test]
fn script_needs_yes() {
    let studio = copied_twice();
    let line = format!("undo {}", last_run(&studio));
    assert_snapshot!(studio.lines(&[&line]).status(2), @"
    exit 2
    --- stderr
    -c:1:1: error: confirmation required, but the session is not interactive: Undo run 6: put 1 file back, move 1 added file to the old versions?
        undo 6
        ^^^^^^
    hint: add `--yes` at the end of the line to confirm in advance
    ");
    assert_eq!(studio.read(REEL), "reel two");
}

#[test]
fn dry_run_changes_nothing() {
    let studio = copied_twice();
    let line = format!("undo {} --dry-run", last_run(&studio));
    let before = (studio.tree("NAS"), last_run(&studio));
    assert_snapshot!(studio.lines(&[&line]).ok(), @"
    exit 0
    --- stdout
    planned $STUDIO/NAS/footage/acme/spot/new/n.mov: move to the old versions
    planned $STUDIO/NAS/footage/acme/spot/reel.mov: put back, and keep the current one
    would undo: 2 files, 7 B
    ");
    assert_eq!((studio.tree("NAS"), last_run(&studio)), before);
}

#[test]
fn offline_storage_refuses() {
    let studio = copied_twice();
    let line = format!("undo {} --yes", last_run(&studio));
    unplug(&studio, "NAS");
    let run = studio.lines(&[&line]);
    assert!(run.status != 0 && run.stderr.contains("offline"), "{run}");
}

#[test]
fn json_lists_each_file() {
    let studio = copied_twice();
    let answer = studio
        .json(&[&format!("undo {} --yes", last_run(&studio))])
        .ok()
        .document();
    assert_eq!(
        (&answer["files"], &answer["failed"], &answer["state"]),
        (&json!(2), &json!(0), &json!("complete"))
    );
    let items = answer["items"].as_array().unwrap().iter();
    let outcomes: Vec<_> = items
        .map(|item| item["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.contains(&"restored") && outcomes.contains(&"deleted"));
}

#[test]
fn two_destinations_are_undone_together() {
    let studio = studio_on_media(&["WORK", "NAS", "SHELF"]);
    studio.file("WORK/footage/acme/spot/reel.mov", "reel");
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS,SHELF"])
        .ok();
    let line = format!("undo {} --yes", last_run(&studio));
    let edited = "SHELF/footage/acme/spot/reel.mov";
    studio.file_at(edited, "edited", CHANGED + 60);
    let refused = studio.lines(&[&line]).status(1);
    assert!(refused.stderr.contains(edited), "{refused}");
    assert_eq!(studio.read(REEL), "reel");
    studio.file(edited, "reel");
    studio.lines(&[&line]).ok();
    assert!(!studio.path(REEL).exists() && !studio.path(edited).exists());
}

#[test]
fn undone_run_is_not_undone_again() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    let line = format!("undo {} --yes", last_run(&studio));
    studio.lines(&[&line]).ok();
    assert_snapshot!(studio.lines(&[&line]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: run 2 cannot be undone: run 3 undid it
        undo 2 --yes
        ^^^^^^^^^^^^
    ");
    assert_snapshot!(undo(&studio).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: run 4 cannot be undone: it was a `undo`; copy, offload, sync, heal, free can be undone
        undo 4 --yes
        ^^^^^^^^^^^^
    ");
}

#[test]
fn folder_in_place_of_a_file_refuses() {
    let studio = copied_twice();
    studio.remove(NEW).file(format!("{NEW}/inside"), "inside");
    let before = studio.tree("NAS");
    let refused = undo(&studio).status(1);
    assert!(refused.stderr.contains("n.mov"), "{refused}");
    assert_eq!(studio.tree("NAS"), before);
}

#[test]
fn deleted_file_is_nothing_to_undo() {
    let studio = copied_twice();
    // The added file is gone already; the replaced one is put back.
    studio.remove("NAS/footage/acme/spot/new");
    undo(&studio).ok();
    assert_eq!(studio.read(REEL), "reel");
}
