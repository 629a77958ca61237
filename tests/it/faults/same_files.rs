//! Source and destination that are, or share, the same files by another path.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use insta::assert_snapshot;

use super::{FROM, LINE, TO, adds_up, agrees, have};
use crate::disks::Disk;
use crate::studio::{CHANGED, Studio};

#[test]
fn a_destination_that_is_a_hard_link_of_the_source_is_the_same() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a").folder(TO);
    fs::hard_link(studio.path(FROM).join("a"), studio.path(TO).join("a")).unwrap();
    for line in [
        LINE.to_owned(),
        format!("{LINE} --overwrite"),
        format!("{LINE} --checksum"),
    ] {
        assert_eq!(adds_up(&studio.json(&[&line]).ok())["same_files"], 1);
    }
    assert_eq!(studio.read(format!("{FROM}/a")), "a");
}

#[test]
fn a_destination_that_is_a_hard_link_of_another_source_is_replaced_and_not_written_into() {
    let studio = Studio::new();
    studio
        .file_at(format!("{FROM}/a"), "new a", CHANGED + 9)
        .file(format!("{FROM}/b"), "b is here")
        .folder(TO);
    fs::hard_link(studio.path(FROM).join("b"), studio.path(TO).join("a")).unwrap();
    adds_up(&studio.json(&[LINE]).ok());
    assert_eq!(studio.read(format!("{FROM}/b")), "b is here");
    assert_eq!(studio.read(format!("{TO}/a")), "new a");
    assert_eq!(super::kept(&studio, "NAS"), [b"b is here"]);
    if have(&["rsync"]) {
        agrees(&studio);
    }
}

#[test]
fn names_of_one_file_become_files_that_do_not_share() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a");
    fs::hard_link(studio.path(FROM).join("a"), studio.path(FROM).join("b")).unwrap();
    adds_up(&studio.json(&[LINE]).ok());
    let inode = |name: &str| fs::metadata(studio.path(TO).join(name)).unwrap().ino();
    assert_ne!(inode("a"), inode("b"));
    assert_eq!(studio.read(format!("{TO}/b")), "a");
}

#[test]
fn a_category_that_is_the_source_by_another_mount_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = Disk::bind(&studio, "WORK/footage", "NAS/footage") else {
        return;
    };
    let before = studio.tree("WORK");
    for line in [LINE.to_owned(), format!("{LINE} --overwrite")] {
        assert_eq!(adds_up(&studio.json(&[&line]).status(3))["copied_files"], 0);
    }
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot` and `$STUDIO/NAS/footage/acme/spot` are the same files: both paths lead to the same folder
    copied 0 files, 0 B in N s; 1 failed
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn a_root_that_is_the_source_by_another_mount_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = Disk::bind(&studio, "WORK", "NAS") else {
        return;
    };
    let before = studio.tree("WORK");
    assert_snapshot!(studio.lines(&[LINE]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: `$STUDIO/NAS` is already database `WORK` at `$STUDIO/WORK`
        copy acme/spot footage WORK NAS
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give each database a folder of its own, or `remove database` the other first
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn a_destination_inside_the_source_by_a_mount_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = Disk::bind(&studio, FROM, "NAS/footage/acme") else {
        return;
    };
    let before = studio.tree("WORK");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot` and `$STUDIO/NAS/footage/acme/spot` are the same files: both paths lead to the same folder
    copied 0 files, 0 B in N s; 1 failed
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn a_destination_that_is_a_folder_within_the_source_by_a_mount_is_refused() {
    let studio = Studio::filled();
    studio.folder(format!("{FROM}/plates/inner"));
    let Some(_disk) = Disk::bind(&studio, &format!("{FROM}/plates/inner"), TO) else {
        return;
    };
    let before = studio.tree("WORK");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot/plates/inner` and `$STUDIO/NAS/footage/acme/spot` are the same files: both paths lead to the same folder
    copied 0 files, 0 B in N s; 1 failed
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn a_source_inside_the_destination_by_a_mount_is_refused() {
    let studio = Studio::new();
    studio.file(format!("{TO}/spot/reel.mov"), "theirs");
    let Some(_disk) = Disk::bind(&studio, TO, "WORK/footage/acme") else {
        return;
    };
    let before = studio.tree("NAS");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot` and `$STUDIO/NAS/footage/acme/spot` are the same files: the source is inside the destination
    copied 0 files, 0 B in N s; 1 failed
    ");
    assert_eq!(studio.tree("NAS"), before);
}
