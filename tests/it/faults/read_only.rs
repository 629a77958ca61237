//! A read-only destination.

use insta::assert_snapshot;

use super::{
    FROM, LINE, TO, assert_mirrored, assert_next_copy_completes, has_programs, read_files,
};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, Studio};

/// A studio after a copy to a disk that is now write-protected.
fn protected() -> Option<(Studio, MountedDisk)> {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "a")
        .file(format!("{FROM}/sub/b"), "b");
    let disk = MountedDisk::mount(&studio, "NAS", "4m").filter(|_| has_programs(&["rsync"]))?;
    studio.lines(&[LINE]).ok();
    disk.remount("ro");
    Some((studio, disk))
}

/// Fails unless the destination is refused as a whole.
#[track_caller]
fn refused(studio: &Studio) {
    let run = studio.lines(&[LINE]).status(1);
    assert_eq!(
        run.stderr.matches("Read-only file system").count(),
        1,
        "{run}"
    );
    assert_eq!(run.stdout, "", "{run}");
}

#[test]
fn empty_copy_needs_no_write_access() {
    let Some((studio, _disk)) = protected() else {
        return;
    };
    assert_snapshot!(studio.lines(&[LINE]).ok(), @"
    exit 0
    --- stdout
    copied 0 files, 0 B in N s; 2 already there
    ");
    assert_mirrored(&studio);
    assert_snapshot!(studio.lines(&[&format!("{LINE} --checksum")]).ok(), @"
    exit 0
    --- stdout
    copied 0 files, 0 B in N s; 2 already there
    ");
}

#[test]
fn read_only_destination_fails_and_stays_unchanged() {
    let Some((studio, disk)) = protected() else {
        return;
    };
    studio
        .file_at(format!("{FROM}/a"), "anew", CHANGED + 9)
        .file(format!("{FROM}/sub/c"), "c")
        .file(format!("{FROM}/new/d"), "d");
    let before = read_files(&studio.path("NAS"));
    refused(&studio);
    assert_eq!(read_files(&studio.path("NAS")), before);
    assert_eq!(studio.read(format!("{TO}/a")), "a");
    disk.remount("rw");
    assert_next_copy_completes(&studio);
}

#[test]
fn empty_read_only_destination_is_refused() {
    let studio = Studio::filled();
    let Some(disk) = MountedDisk::mount(&studio, "NAS", "4m") else {
        return;
    };
    disk.remount("ro");
    refused(&studio);
    assert_eq!(studio.tree("NAS"), "");
}
