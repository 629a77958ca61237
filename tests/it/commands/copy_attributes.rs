//! `copy`: times, permissions and the targets of links.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use insta::assert_snapshot;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::copy_answer;
use crate::studio::Studio;

const LINE: &str = "copy acme/spot footage WORK NAS";
const FROM: &str = "WORK/footage/acme/spot";
const TO: &str = "NAS/footage/acme/spot";

fn set_time(path: &Path, seconds: i64) {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 123_456_789,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Returns modification time and permissions at source and destination.
fn both(studio: &Studio, path: &str) -> [(i64, i64, u32); 2] {
    [FROM, TO].map(|replica| {
        let metadata = fs::symlink_metadata(studio.path(replica).join(path)).unwrap();
        (metadata.mtime(), metadata.mtime_nsec(), metadata.mode())
    })
}

#[test]
fn times_and_permissions_are_copied() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/script.sh"), "#!")
        .file(format!("{FROM}/read-only"), "x")
        .folder(format!("{FROM}/empty/inner"))
        .link(format!("{FROM}/link"), "sub/script.sh")
        .mode(format!("{FROM}/sub/script.sh"), 0o750)
        .mode(format!("{FROM}/read-only"), 0o444)
        .mode(format!("{FROM}/empty"), 0o700)
        .mode(format!("{FROM}/sub"), 0o555);
    let paths = [
        "sub/script.sh",
        "read-only",
        "link",
        "empty/inner",
        "empty",
        "sub",
        "",
    ];
    for (place, path) in paths.iter().enumerate() {
        set_time(
            &studio.path(FROM).join(path),
            1_000_000_000 + i64::try_from(place).unwrap(),
        );
    }
    studio.lines(&[LINE]).ok();
    for path in paths {
        let [there, here] = both(&studio, path);
        assert_eq!(there, here, "{path}");
    }
    assert_eq!(copy_answer(&studio, LINE)["copied_files"], 0);
    // Permits removal of the studio.
    for replica in [FROM, TO] {
        studio.mode(format!("{replica}/sub"), 0o755);
    }
}

#[test]
fn setuid_is_never_copied() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/tool"), "x")
        .mode(format!("{FROM}/tool"), 0o6755);
    studio
        .folder(format!("{FROM}/sticky"))
        .mode(format!("{FROM}/sticky"), 0o2775);
    studio.lines(&[LINE]).ok();
    for (path, mode) in [("tool", 0o755), ("sticky", 0o775)] {
        let metadata = fs::metadata(studio.path(TO).join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
    }
}

#[test]
fn folder_times_are_updated_after_additions() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/sub/a"), "a")
        .file(format!("{FROM}/b"), "b");
    studio.lines(&[LINE]).ok();
    studio
        .file(format!("{FROM}/sub/c"), "c")
        .file(format!("{FROM}/d"), "d");
    for path in ["sub", ""] {
        set_time(&studio.path(FROM).join(path), 1_100_000_000);
    }
    studio.lines(&[LINE]).ok();
    for path in ["sub", ""] {
        let [there, here] = both(&studio, path);
        assert_eq!(there, here, "{path}");
    }
}

#[test]
fn overwritten_symlink_is_kept_as_version() {
    let studio = Studio::new();
    studio
        .link(format!("{FROM}/link"), "new")
        .link(format!("{TO}/link"), "old");
    set_time(&studio.path(TO).join("link"), 2_000_000_000);
    assert_snapshot!(studio.lines(&[LINE]).status(3), @"
    exit 3
    --- stdout
    copied 0 files, 0 B in N s; 1 in conflict
    conflict $STUDIO/NAS/footage/acme/spot/link: it differs in target, and the destination is newer
    left as they are on NAS: 1 file that is not older there; `--overwrite` replaces it and keeps the old one
    ");
    assert_eq!(
        copy_answer(&studio, &format!("{LINE} --overwrite"))["copied_files"],
        1
    );
    assert_snapshot!(studio.tree("NAS"), @"
    .auto-backup/
    .auto-backup/database.json N
    .auto-backup/lock 0
    .auto-backup/versions/
    .auto-backup/versions/RUN-2/
    .auto-backup/versions/RUN-2/footage/
    .auto-backup/versions/RUN-2/footage/acme/
    .auto-backup/versions/RUN-2/footage/acme/spot/
    .auto-backup/versions/RUN-2/footage/acme/spot/link -> old
    footage/
    footage/acme/
    footage/acme/spot/
    footage/acme/spot/link -> new
    ");
}

#[test]
fn times_beyond_epoch_range_are_copied() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/old"), "x")
        .file(format!("{FROM}/new"), "x");
    set_time(&studio.path(FROM).join("old"), -1_000_000_000);
    set_time(&studio.path(FROM).join("new"), 5_000_000_000);
    studio.lines(&[LINE]).ok();
    for path in ["old", "new"] {
        let [there, here] = both(&studio, path);
        assert_eq!(there, here, "{path}");
    }
    assert_eq!(copy_answer(&studio, LINE)["same_files"], 2);
}
