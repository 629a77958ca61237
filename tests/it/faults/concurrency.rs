//! Several copies at once, and one copy to several destinations of which some cannot be written.

use insta::assert_snapshot;

use super::tracer::{HeldProgram, Tracer};
use super::{
    FROM, LINE, TO, assert_accounted, assert_mirrored, differences_between, has_programs, leftovers,
};
use crate::disks::MountedDisk;
use crate::studio::Studio;

fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .folder("SLOW")
        .file(format!("{FROM}/a"), "a")
        .file(format!("{FROM}/sub/b"), vec![7; 2 << 20]);
    studio
}

const SLOW: &str = "add database SLOW SLOW";

/// A copy that is held as soon as it has the lock of the database.
fn holder<'a>(studio: &'a Studio, line: &str) -> Option<HeldProgram<'a>> {
    Some(Tracer::new(studio)?.hold_at("flock", "1").hold(line))
}

#[test]
fn second_copy_to_one_database_is_refused() {
    let studio = studio();
    let Some(first) = holder(&studio, LINE) else {
        return;
    };
    assert_snapshot!(studio.lines(&[LINE]).status(5), @"
    exit 5
    --- stderr
    -c:1:29: error: another run has locked `NAS`: it holds `$STUDIO/NAS/.auto-backup/lock`
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: try again when that run has ended
    ");
    let run = studio.json(&["copy acme/spot all WORK NAS"]).status(5);
    assert!(run.bytes.is_empty(), "{run}");
    // Reading is not blocked.
    studio.lines(&["load", "fetch all"]).ok();
    assert_accounted(&first.finish().ok());
    assert_mirrored(&studio);
    assert_eq!(
        assert_accounted(&studio.json(&[LINE]).ok())["same_files"],
        2
    );
}

#[test]
fn lock_is_released_when_holder_dies() {
    let studio = studio();
    let Some(first) = holder(&studio, LINE) else {
        return;
    };
    studio.lines(&[LINE]).status(5);
    first.kill();
    assert_accounted(&studio.json(&[LINE]).ok());
    assert_mirrored(&studio);
}

#[test]
fn lock_is_held_until_copy_ends() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // The times of folders are written last.
    let held = tracer.hold_at("utimensat", "1").on_path(TO).hold(LINE);
    assert_snapshot!(studio.lines(&[LINE]).status(5), @"
    exit 5
    --- stderr
    -c:1:29: error: another run has locked `NAS`: run 1 of process N on `HOST`, since NOW: it holds `$STUDIO/NAS/.auto-backup/lock`
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: try again when that run has ended
    ");
    held.finish().ok();
    assert_mirrored(&studio);
}

#[test]
fn copies_to_two_databases_run_independently() {
    let studio = studio();
    let Some(first) = holder(&studio, LINE) else {
        return;
    };
    studio
        .lines(&[SLOW, "copy acme/spot footage WORK SLOW"])
        .ok();
    assert_accounted(&first.finish().ok());
    assert_mirrored(&studio);
    assert_eq!(
        differences_between(&studio, "WORK/footage", "SLOW/footage"),
        [""; 0]
    );
}

#[test]
fn locked_destination_does_not_block_others() {
    let studio = studio();
    studio.lines(&[SLOW, "save"]).ok();
    let Some(first) = holder(&studio, "copy acme/spot footage WORK SLOW") else {
        return;
    };
    let run = studio.lines(&["copy acme/spot footage WORK SLOW,NAS"]);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    copied and verified 2 files, 2.10 MB in N s; 1 storage failed
    SLOW: failed
    NAS: 2 files, 2.10 MB
    failed $STUDIO/SLOW: another run has locked `SLOW`: it holds `$STUDIO/SLOW/.auto-backup/lock`
    ");
    assert_mirrored(&studio);
    first.finish().ok();
    assert_eq!(
        differences_between(&studio, "WORK/footage", "SLOW/footage"),
        [""; 0]
    );
}

#[test]
fn full_destination_does_not_block_others() {
    let studio = studio();
    let Some(_disk) =
        MountedDisk::mount(&studio, "SLOW", "1m").filter(|_| has_programs(&["rsync"]))
    else {
        return;
    };
    let run = studio.lines(&[SLOW, "copy acme/spot footage WORK SLOW,NAS"]);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    added storage SLOW at $STUDIO/SLOW
    copied and verified 2 files, 2.10 MB in N s; 1 storage failed
    SLOW: failed
    NAS: 2 files, 2.10 MB
    failed $STUDIO/SLOW: not enough space on `SLOW`: 2.10 MB needed at `$STUDIO/SLOW`, 1.05 MB free
    ");
    assert_mirrored(&studio);
    assert_eq!(studio.tree("SLOW"), "");
}

#[test]
fn failing_destination_does_not_block_others() {
    let studio = studio();
    studio.lines(&[SLOW, "save"]).ok();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let folder = "SLOW/footage/acme/spot";
    studio.folder(format!("{folder}/sub"));
    let tracer = tracer.inject("renameat2", "error=EIO");
    let tracer = tracer.on_path(folder).on_path(format!("{folder}/sub"));
    let run = tracer.json("copy acme/spot footage WORK SLOW,NAS");
    let document = assert_accounted(&run.status(3));
    let ended = ["copied_files", "failed_files"].map(|name| &document[name]);
    assert_eq!(ended, [2, 2]);
    assert_mirrored(&studio);
    studio.lines(&["copy acme/spot footage WORK SLOW,NAS"]).ok();
    assert_eq!(
        differences_between(&studio, "WORK/footage", "SLOW/footage"),
        [""; 0]
    );
    assert_eq!(leftovers(&studio, "SLOW"), [""; 0]);
}
