//! A destination on which nothing can be written.

use insta::assert_snapshot;

use super::{FROM, LINE, TO, adds_up, agrees, everything, finishes, have};
use crate::disks::Disk;
use crate::studio::{CHANGED, Studio};

/// A studio that was copied to a disk that is write-protected now.
fn protected() -> Option<(Studio, Disk)> {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "a")
        .file(format!("{FROM}/sub/b"), "b");
    let disk = Disk::mount(&studio, "NAS", "4m").filter(|_| have(&["rsync"]))?;
    studio.lines(&[LINE]).ok();
    disk.remount("ro");
    Some((studio, disk))
}

#[test]
fn nothing_to_copy_needs_no_writing() {
    let Some((studio, _disk)) = protected() else {
        return;
    };
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    copied 0 files, 0 B in N s; 2 already there
    ");
    agrees(&studio);
    assert_snapshot!(studio.lines(&[&format!("{LINE} --checksum")]).ok(), @"
    exit 0
    --- stdout
    copied 0 files, 0 B in N s; 2 already there
    ");
}

#[test]
fn what_cannot_be_written_fails_plainly_and_changes_nothing() {
    let Some((studio, disk)) = protected() else {
        return;
    };
    studio
        .file_at(format!("{FROM}/a"), "anew", CHANGED + 9)
        .file(format!("{FROM}/sub/c"), "c")
        .file(format!("{FROM}/new/d"), "d");
    let before = everything(&studio.path("NAS"));
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot/a: cannot create a file in `$STUDIO/NAS/footage/acme/spot`: Read-only file system (os error 30)
    failed $STUDIO/NAS/footage/acme/spot/new: cannot create the folder `$STUDIO/NAS/footage/acme/spot/new`: Read-only file system (os error 30)
    failed $STUDIO/NAS/footage/acme/spot/new/d: cannot create the folder `$STUDIO/NAS/footage/acme/spot/new`: Read-only file system (os error 30)
    failed $STUDIO/NAS/footage/acme/spot/sub/c: cannot create a file in `$STUDIO/NAS/footage/acme/spot/sub`: Read-only file system (os error 30)
    copied 0 files, 0 B in N s; 1 already there; 4 failed
    ");
    adds_up(&studio.json(&[LINE]));
    assert_eq!(everything(&studio.path("NAS")), before);
    assert_eq!(studio.read(format!("{TO}/a")), "a");
    disk.remount("rw");
    finishes(&studio);
}

#[test]
fn an_empty_read_only_destination_fails_plainly() {
    let studio = Studio::filled();
    let Some(disk) = Disk::mount(&studio, "NAS", "4m") else {
        return;
    };
    disk.remount("ro");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    failed $STUDIO/NAS/footage/acme/spot: cannot create the folder `$STUDIO/NAS/footage`: Read-only file system (os error 30)
    failed $STUDIO/NAS/footage/acme/spot/plates/p1.exr: cannot create the folder `$STUDIO/NAS/footage`: Read-only file system (os error 30)
    failed $STUDIO/NAS/footage/acme/spot/reel.mov: cannot create the folder `$STUDIO/NAS/footage`: Read-only file system (os error 30)
    copied 0 files, 0 B in N s; 3 failed
    --- stderr
    problem: cannot create the folder `$STUDIO/NAS/.auto-backup`: Read-only file system (os error 30)
    ");
    assert_eq!(studio.tree("NAS"), "");
}
