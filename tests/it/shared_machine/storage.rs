//! A storage that another user can write: folders are exchanged for links to the victim's while copies go there.

use std::fs;
use std::os::unix::fs::symlink;

use super::{as_stranger, has_two_users, precious, while_exchanged};
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
fn nothing_is_written_through(swapped: &str) {
    if !has_two_users() {
        return;
    }
    let studio = open_storage();
    let is_precious = precious(&studio);
    let link = studio.path(swapped).with_extension("evil");
    as_stranger(|| symlink(studio.path("victim"), &link).unwrap());
    while_exchanged(&studio.path(swapped), &link, || {
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
fn an_exchanged_client_is_never_written_through() {
    nothing_is_written_through("NAS/footage/acme");
}

#[test]
fn an_exchanged_category_is_never_written_through() {
    nothing_is_written_through("NAS/footage");
}

#[test]
fn an_exchanged_folder_of_ours_is_never_written_through() {
    nothing_is_written_through("NAS/.auto-backup");
}

#[test]
fn links_in_our_folder_are_not_followed() {
    if !has_two_users() {
        return;
    }
    for name in ["lock", "versions", "incoming", "database.json"] {
        let studio = open_storage();
        let is_precious = precious(&studio);
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
        as_stranger(|| symlink(studio.path(target), &place).unwrap());
        studio.file_at(format!("WORK/{SPOT}/reel.mov"), "version 1", CHANGED + 1);
        let run = studio.lines(&["copy acme/spot footage WORK NAS"]);
        is_precious();
        if name != "incoming" {
            assert_ne!(run.status, 0, "{name}: {run}");
        }
    }
}
