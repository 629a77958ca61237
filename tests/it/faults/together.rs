//! Several copies at once, and one copy to several destinations of which not all can be written.

use insta::assert_snapshot;

use super::tracer::{Held, Tracer};
use super::{FROM, LINE, TO, adds_up, agrees, differences_between, have, leftovers};
use crate::disks::Disk;
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

/// A copy to this database that is held as soon as it has the lock.
fn holder<'a>(studio: &'a Studio, line: &str) -> Option<Held<'a>> {
    Some(Tracer::new(studio)?.stop_at("flock", "1").hold(line))
}

#[test]
fn of_two_copies_to_one_database_the_second_is_refused() {
    let studio = studio();
    let Some(first) = holder(&studio, LINE) else {
        return;
    };
    assert_snapshot!(studio.lines(&[LINE]).status(5), @"
    exit 5
    --- stderr
    -c:1:29: error: another run is at work on `NAS`: it holds `$STUDIO/NAS/.auto-backup/lock`
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: try again when it is done
    ");
    let run = studio.json(&["copy acme/spot all WORK NAS"]).status(5);
    assert!(run.bytes.is_empty(), "{run}");
    // Looking only is not held up.
    studio.lines(&["load", "fetch all"]).ok();
    adds_up(&first.end().ok());
    agrees(&studio);
    assert_eq!(adds_up(&studio.json(&[LINE]).ok())["same_files"], 2);
}

#[test]
fn a_lock_dies_with_its_holder() {
    let studio = studio();
    let Some(first) = holder(&studio, LINE) else {
        return;
    };
    studio.lines(&[LINE]).status(5);
    first.kill();
    adds_up(&studio.json(&[LINE]).ok());
    agrees(&studio);
}

#[test]
fn the_lock_is_held_to_the_end_of_the_copy() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // The times of folders are the last that is written.
    let held = tracer.stop_at("utimensat", "1").on(TO).hold(LINE);
    assert_snapshot!(studio.lines(&[LINE]).status(5), @"
    exit 5
    --- stderr
    -c:1:29: error: another run is at work on `NAS`: run 1 of process N on `HOST`, since NOW: it holds `$STUDIO/NAS/.auto-backup/lock`
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: try again when it is done
    ");
    held.end().ok();
    agrees(&studio);
}

#[test]
fn copies_to_two_databases_do_not_disturb_each_other() {
    let studio = studio();
    let Some(first) = holder(&studio, LINE) else {
        return;
    };
    studio
        .lines(&[SLOW, "copy acme/spot footage WORK SLOW"])
        .ok();
    adds_up(&first.end().ok());
    agrees(&studio);
    assert_eq!(
        differences_between(&studio, "WORK/footage", "SLOW/footage"),
        [""; 0]
    );
}

#[test]
fn one_destination_that_is_locked_holds_up_none_of_the_others() {
    let studio = studio();
    studio.lines(&[SLOW, "save"]).ok();
    let Some(first) = holder(&studio, "copy acme/spot footage WORK SLOW") else {
        return;
    };
    let run = studio.lines(&["copy acme/spot footage WORK SLOW,NAS"]);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/SLOW: another run is at work on `SLOW`: it holds `$STUDIO/SLOW/.auto-backup/lock`
    copied and verified 2 files, 2.10 MB in N s; 1 failed
    ");
    agrees(&studio);
    first.end().ok();
    assert_eq!(
        differences_between(&studio, "WORK/footage", "SLOW/footage"),
        [""; 0]
    );
}

#[test]
fn one_destination_without_room_holds_up_none_of_the_others() {
    let studio = studio();
    let Some(_disk) = Disk::mount(&studio, "SLOW", "1m").filter(|_| have(&["rsync"])) else {
        return;
    };
    let run = studio.lines(&[SLOW, "copy acme/spot footage WORK SLOW,NAS"]);
    assert_snapshot!(run.status(3), @"
    exit 3
    --- stdout
    added database SLOW at $STUDIO/SLOW
    failed $STUDIO/SLOW: `SLOW` has no room: 2.10 MB are needed at `$STUDIO/SLOW`, 1.05 MB are free
    copied and verified 2 files, 2.10 MB in N s; 1 failed
    ");
    agrees(&studio);
    assert_eq!(studio.tree("SLOW"), "");
}

#[test]
fn one_destination_that_fails_in_the_middle_holds_up_none_of_the_others() {
    let studio = studio();
    studio.lines(&[SLOW, "save"]).ok();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let folder = "SLOW/footage/acme/spot";
    studio.folder(format!("{folder}/sub"));
    let tracer = tracer.at("renameat2", "error=EIO");
    let tracer = tracer.on(folder).on(format!("{folder}/sub"));
    let run = tracer.json("copy acme/spot footage WORK SLOW,NAS");
    let document = adds_up(&run.status(3));
    let ended = ["copied_files", "failed_files"].map(|name| &document[name]);
    assert_eq!(ended, [2, 2]);
    agrees(&studio);
    studio.lines(&["copy acme/spot footage WORK SLOW,NAS"]).ok();
    assert_eq!(
        differences_between(&studio, "WORK/footage", "SLOW/footage"),
        [""; 0]
    );
    assert_eq!(leftovers(&studio, "SLOW"), [""; 0]);
}
