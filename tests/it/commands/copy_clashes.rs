//! `copy`: what is in the way at the destination.

use insta::assert_snapshot;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::copied;
use crate::studio::Studio;

const LINE: &str = "copy acme/spot footage WORK NAS";
const FROM: &str = "WORK/footage/acme/spot";
const TO: &str = "NAS/footage/acme/spot";

#[test]
fn a_link_at_the_destination_is_never_written_through() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "work")
        .file(format!("{FROM}/b"), "work")
        .file("elsewhere/a", "mine")
        .link(format!("{TO}/sub"), studio.path("elsewhere"))
        .link(format!("{TO}/b"), studio.path("elsewhere/a"));
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    conflict $STUDIO/NAS/footage/acme/spot/b: the destination has a symbolic link, the source a file
    conflict $STUDIO/NAS/footage/acme/spot/sub: the destination has a symbolic link, the source a folder
    conflict $STUDIO/NAS/footage/acme/spot/sub/a: its folder `sub`: the destination has a symbolic link, the source a folder
    copied 0 files, 0 B in N s; 3 in conflict
    a file in conflict is as it was; `--overwrite` replaces it and keeps the old version
    ");
    copied(&studio, &format!("{LINE} --overwrite"));
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    .auto-backup/versions/
    .auto-backup/versions/RUN-2/
    .auto-backup/versions/RUN-2/footage/
    .auto-backup/versions/RUN-2/footage/acme/
    .auto-backup/versions/RUN-2/footage/acme/spot/
    .auto-backup/versions/RUN-2/footage/acme/spot/b -> $STUDIO/elsewhere/a
    .auto-backup/versions/RUN-2/footage/acme/spot/sub -> $STUDIO/elsewhere
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/b 4
    footage/acme/spot/sub/
    footage/acme/spot/sub/a 4
    ");
    assert_eq!(studio.read("elsewhere/a"), "mine");
    assert_eq!(studio.tree("elsewhere"), "a 4");
}

#[test]
fn a_file_and_a_folder_of_one_name_are_a_conflict() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/x/inner"), "work")
        .file(format!("{TO}/x"), "nas")
        .file(format!("{FROM}/y"), "work")
        .file(format!("{TO}/y/inner"), "nas");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    conflict $STUDIO/NAS/footage/acme/spot/x: the destination has a file, the source a folder
    conflict $STUDIO/NAS/footage/acme/spot/x/inner: its folder `x`: the destination has a file, the source a folder
    conflict $STUDIO/NAS/footage/acme/spot/y: the destination has a folder, the source a file
    copied 0 files, 0 B in N s; 3 in conflict
    a file in conflict is as it was; `--overwrite` replaces it and keeps the old version
    ");
    copied(&studio, LINE);
    assert_eq!(
        copied(&studio, &format!("{LINE} --overwrite"))["state"],
        "complete"
    );
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    .auto-backup/versions/
    .auto-backup/versions/RUN-3/
    .auto-backup/versions/RUN-3/footage/
    .auto-backup/versions/RUN-3/footage/acme/
    .auto-backup/versions/RUN-3/footage/acme/spot/
    .auto-backup/versions/RUN-3/footage/acme/spot/x 3
    .auto-backup/versions/RUN-3/footage/acme/spot/y/
    .auto-backup/versions/RUN-3/footage/acme/spot/y/inner 3
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/x/
    footage/acme/spot/x/inner 4
    footage/acme/spot/y 4
    ");
}

#[test]
fn what_a_killed_run_left_behind_is_swept() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "a")
        .file(format!("{TO}/sub/.auto-backup-host-1-0.part"), "half")
        .file(format!("{TO}/.auto-backup-host-1-1.part"), "half");
    studio.lines(&[LINE]).ok();
    assert_snapshot!(studio.tree(TO), @"
    sub/
    sub/a 1
    ");
}

#[test]
fn a_run_with_nothing_to_copy_sweeps_too() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a");
    studio.lines(&[LINE]).ok();
    studio.file(format!("{TO}/.auto-backup-host-1-0.part"), "half");
    studio.lines(&[&format!("{LINE} --dry-run")]).ok();
    assert_snapshot!(studio.tree(TO), @"
    .auto-backup-N.part 4
    a 1
    ");
    studio.lines(&[LINE]).ok();
    assert_eq!(studio.tree(TO), "a 1");
}

#[test]
fn a_client_that_is_a_link_at_the_destination_is_not_followed() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "work")
        .folder("elsewhere")
        .folder("NAS/footage")
        .link("NAS/footage/acme", studio.path("elsewhere"));
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/sub: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    failed $STUDIO/NAS/footage/acme/spot/sub/a: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    copied 0 files, 0 B in N s; 2 failed
    ");
    copied(&studio, LINE);
    copied(&studio, &format!("{LINE} --overwrite"));
    assert_eq!(studio.tree("elsewhere"), "");
}

#[test]
fn an_empty_folder_that_cannot_be_made_is_no_success() {
    let studio = Studio::new();
    studio
        .folder(format!("{FROM}/empty"))
        .file("NAS/footage/acme", "a file");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/empty: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    copied 0 files, 0 B in N s; 1 failed
    ");
    copied(&studio, LINE);
    studio.remove(format!("{FROM}/empty"));
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    copied 0 files, 0 B in N s; 1 failed
    ");
    copied(&studio, LINE);
}

#[test]
fn a_file_in_the_place_of_a_category_fails_every_file() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "work")
        .file("NAS/footage", "a file");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/sub: cannot open `$STUDIO/NAS/footage`: it is no folder (links to folders are not followed)
    failed $STUDIO/NAS/footage/acme/spot/sub/a: cannot open `$STUDIO/NAS/footage`: it is no folder (links to folders are not followed)
    copied 0 files, 0 B in N s; 2 failed
    ");
    copied(&studio, LINE);
    assert_eq!(studio.read("NAS/footage"), "a file");
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_a_conflict() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "work").folder(TO);
    let pipe = studio.path(TO).join("a");
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    conflict $STUDIO/NAS/footage/acme/spot/a: the destination has a socket, pipe or device, the source a file
    copied 0 files, 0 B in N s; 1 in conflict
    a file in conflict is as it was; `--overwrite` replaces it and keeps the old version
    ");
    copied(&studio, &format!("{LINE} --overwrite"));
    assert_eq!(studio.read(format!("{TO}/a")), "work");
}
