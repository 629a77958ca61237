//! `copy`: obstacles at the destination.

use insta::assert_snapshot;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::copy_answer;
use crate::studio::Studio;

const LINE: &str = "copy acme/spot footage WORK NAS";
const FROM: &str = "WORK/footage/acme/spot";
const TO: &str = "NAS/footage/acme/spot";

#[test]
fn destination_symlink_is_never_written_through() {
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
    copied 0 files, 0 B in N s; 3 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/b: the destination has a symbolic link, the source a file
    conflict $STUDIO/NAS/footage/acme/spot/sub: the destination has a symbolic link, the source a folder
    conflict $STUDIO/NAS/footage/acme/spot/sub/a: its folder `sub`: the destination has a symbolic link, the source a folder
    left as they are on NAS: 3 files that are not older there; `--overwrite` replaces them and keeps the old ones
    ");
    copy_answer(&studio, &format!("{LINE} --overwrite"));
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
fn file_and_folder_of_one_name_conflict() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/x/inner"), "work")
        .file(format!("{TO}/x"), "nas")
        .file(format!("{FROM}/y"), "work")
        .file(format!("{TO}/y/inner"), "nas");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 3 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/x: the destination has a file, the source a folder
    conflict $STUDIO/NAS/footage/acme/spot/x/inner: its folder `x`: the destination has a file, the source a folder
    conflict $STUDIO/NAS/footage/acme/spot/y: the destination has a folder, the source a file
    left as they are on NAS: 3 files that are not older there; `--overwrite` replaces them and keeps the old ones
    ");
    copy_answer(&studio, LINE);
    assert_eq!(
        copy_answer(&studio, &format!("{LINE} --overwrite"))["state"],
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
fn temporary_copies_of_killed_runs_are_removed() {
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
fn empty_copy_removes_temporary_copies() {
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
fn destination_client_symlink_is_not_followed() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "work")
        .folder("elsewhere")
        .folder("NAS/footage")
        .link("NAS/footage/acme", studio.path("elsewhere"));
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 2 failed
    failed $STUDIO/NAS/footage/acme/spot/sub: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    failed $STUDIO/NAS/footage/acme/spot/sub/a: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    ");
    copy_answer(&studio, LINE);
    copy_answer(&studio, &format!("{LINE} --overwrite"));
    assert_eq!(studio.tree("elsewhere"), "");
}

#[test]
fn uncreatable_empty_folder_is_a_failure() {
    let studio = Studio::new();
    studio
        .folder(format!("{FROM}/empty"))
        .file("NAS/footage/acme", "a file");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot/empty: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    ");
    copy_answer(&studio, LINE);
    studio.remove(format!("{FROM}/empty"));
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot: cannot open `$STUDIO/NAS/footage/acme`: it is no folder (links to folders are not followed)
    ");
    copy_answer(&studio, LINE);
}

#[test]
fn file_at_category_path_fails_every_file() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "work")
        .file("NAS/footage", "a file");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 2 failed
    failed $STUDIO/NAS/footage/acme/spot/sub: cannot open `$STUDIO/NAS/footage`: it is no folder (links to folders are not followed)
    failed $STUDIO/NAS/footage/acme/spot/sub/a: cannot open `$STUDIO/NAS/footage`: it is no folder (links to folders are not followed)
    ");
    copy_answer(&studio, LINE);
    assert_eq!(studio.read("NAS/footage"), "a file");
}

#[test]
fn pipe_at_file_path_is_a_conflict() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "work").folder(TO);
    let pipe = studio.path(TO).join("a");
    mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/a: the destination has a socket, pipe or device, the source a file
    left as they are on NAS: 1 file that is not older there; `--overwrite` replaces it and keeps the old one
    ");
    copy_answer(&studio, &format!("{LINE} --overwrite"));
    assert_eq!(studio.read(format!("{TO}/a")), "work");
}
