//! A storage that another user can write: folders are exchanged for links to the victim's during copies.

use std::fs;
use std::os::unix::fs::symlink;

use super::{as_other_user, has_two_users, victim_file, while_swapping};
use crate::studio::{CHANGED, Studio};

const SPOT: &str = "footage/acme/spot";

/// A studio whose NAS everybody can write, with a first version of a file on both sides.
fn open_storage() -> Studio {
    let studio = Studio::new();
    studio.file_at(format!("WORK/{SPOT}/reel.mov"), "version 0", CHANGED);
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    rustix::fs::chmod(studio.path(""), 0o755.into()).unwrap();
    for path in [
        "NAS",
        "NAS/footage",
        "NAS/footage/acme",
        "NAS/.auto-backup",
        "NAS/.auto-backup/versions",
    ] {
        if studio.path(path).exists() {
            studio.mode(path, 0o777);
        }
    }
    studio
}

/// Copies newer versions while the other user exchanges a folder with a link to the victim's.
#[track_caller]
fn assert_never_written_through(swapped: &str) {
    if !has_two_users() {
        return;
    }
    let studio = open_storage();
    let is_precious = victim_file(&studio);
    let link = studio.path(swapped).with_extension("evil");
    as_other_user(|| symlink(studio.path("victim"), &link).unwrap());
    while_swapping(&studio.path(swapped), &link, || {
        for number in 1..8 {
            let content = format!("version {number}");
            studio.file_at(format!("WORK/{SPOT}/reel.mov"), content, CHANGED + number);
            studio.file_at(
                format!("WORK/{SPOT}/new-{number}.mov"),
                "new",
                CHANGED + number,
            );
            studio.lines(&["copy acme/spot footage WORK NAS"]);
            studio.lines(&["sync acme/spot footage WORK NAS"]);
        }
    });
    is_precious();
}

#[test]
fn swapped_client_is_never_written_through() {
    assert_never_written_through("NAS/footage/acme");
}

#[test]
fn swapped_category_is_never_written_through() {
    assert_never_written_through("NAS/footage");
}

#[test]
fn swapped_own_folder_is_never_written_through() {
    assert_never_written_through("NAS/.auto-backup");
}

#[test]
fn symlinks_in_own_folder_are_not_followed() {
    if !has_two_users() {
        return;
    }
    for name in ["lock", "versions", "incoming", "database.json"] {
        let studio = open_storage();
        let is_precious = victim_file(&studio);
        let place = studio.path("NAS/.auto-backup").join(name);
        if place.is_dir() {
            fs::remove_dir_all(&place).unwrap();
        } else if place.exists() {
            fs::remove_file(&place).unwrap();
        }
        let target = if ["lock", "database.json"].contains(&name) {
            "victim/thesis.txt"
        } else {
            "victim"
        };
        as_other_user(|| symlink(studio.path(target), &place).unwrap());
        studio.file_at(format!("WORK/{SPOT}/reel.mov"), "version 1", CHANGED + 1);
        let run = studio.lines(&["copy acme/spot footage WORK NAS"]);
        is_precious();
        if name != "incoming" {
            assert_ne!(run.status, 0, "{name}: {run}");
        }
    }
}
