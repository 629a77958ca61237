//! A source and a destination that are or share the same files by another path.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use insta::assert_snapshot;

use super::{FROM, LINE, TO, assert_accounted, assert_mirrored, has_programs};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, Studio};

#[test]
fn hard_link_to_source_counts_as_same() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a").folder(TO);
    fs::hard_link(studio.path(FROM).join("a"), studio.path(TO).join("a")).unwrap();
    for line in [
        LINE.to_owned(),
        format!("{LINE} --overwrite"),
        format!("{LINE} --checksum"),
    ] {
        assert_eq!(
            assert_accounted(&studio.json(&[&line]).ok())["same_files"],
            1
        );
    }
    assert_eq!(studio.read(format!("{FROM}/a")), "a");
}

#[test]
fn hard_link_to_other_source_is_replaced() {
    let studio = Studio::new();
    studio
        .file_at(format!("{FROM}/a"), "new a", CHANGED + 9)
        .file(format!("{FROM}/b"), "b is here")
        .folder(TO);
    fs::hard_link(studio.path(FROM).join("b"), studio.path(TO).join("a")).unwrap();
    assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(studio.read(format!("{FROM}/b")), "b is here");
    assert_eq!(studio.read(format!("{TO}/a")), "new a");
    assert_eq!(super::kept_versions(&studio, "NAS"), [b"b is here"]);
    if has_programs(&["rsync"]) {
        assert_mirrored(&studio);
    }
}

#[test]
fn hard_links_are_copied_as_separate_files() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/a"), "a");
    fs::hard_link(studio.path(FROM).join("a"), studio.path(FROM).join("b")).unwrap();
    assert_accounted(&studio.json(&[LINE]).ok());
    let inode = |name: &str| fs::metadata(studio.path(TO).join(name)).unwrap().ino();
    assert_ne!(inode("a"), inode("b"));
    assert_eq!(studio.read(format!("{TO}/b")), "a");
}

#[test]
fn bind_mounted_source_category_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = MountedDisk::bind(&studio, "WORK/footage", "NAS/footage") else {
        return;
    };
    let before = studio.tree("WORK");
    for line in [LINE.to_owned(), format!("{LINE} --overwrite")] {
        assert_eq!(
            assert_accounted(&studio.json(&[&line]).status(3))["copied_files"],
            0
        );
    }
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot` and `$STUDIO/NAS/footage/acme/spot` are the same files: both paths lead to the same folder
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn bind_mounted_source_root_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = MountedDisk::bind(&studio, "WORK", "NAS") else {
        return;
    };
    let before = studio.tree("WORK");
    assert_snapshot!(studio.lines(&[LINE]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: `$STUDIO/NAS` is already storage `WORK` at `$STUDIO/WORK`
        copy acme/spot footage WORK NAS
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: give each storage a folder of its own, or `remove database` the other first
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn destination_bind_mounted_inside_source_is_refused() {
    let studio = Studio::filled();
    let Some(_disk) = MountedDisk::bind(&studio, FROM, "NAS/footage/acme") else {
        return;
    };
    let before = studio.tree("WORK");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot` and `$STUDIO/NAS/footage/acme/spot` are the same files: both paths lead to the same folder
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn bind_mounted_source_subfolder_is_refused() {
    let studio = Studio::filled();
    studio.folder(format!("{FROM}/plates/inner"));
    let Some(_disk) = MountedDisk::bind(&studio, &format!("{FROM}/plates/inner"), TO) else {
        return;
    };
    let before = studio.tree("WORK");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot/plates/inner` and `$STUDIO/NAS/footage/acme/spot` are the same files: both paths lead to the same folder
    ");
    assert_eq!(studio.tree("WORK"), before);
}

#[test]
fn source_bind_mounted_inside_destination_is_refused() {
    let studio = Studio::new();
    studio.file(format!("{TO}/spot/reel.mov"), "theirs");
    let Some(_disk) = MountedDisk::bind(&studio, TO, "WORK/footage/acme") else {
        return;
    };
    let before = studio.tree("NAS");
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 failed
    failed $STUDIO/NAS/footage/acme/spot: `$STUDIO/WORK/footage/acme/spot` and `$STUDIO/NAS/footage/acme/spot` are the same files: the source is inside the destination
    ");
    assert_eq!(studio.tree("NAS"), before);
}
