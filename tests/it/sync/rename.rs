//! Renamed files: renamed at the destination too if possible, and right afterwards in every case.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::SyncStudio;
use crate::servers::{Remotes, Server, old_rclone};
use crate::studio::{CHANGED, Studio};

const SPOT: &str = "WORK/footage/acme/spot";

/// A studio whose files all have different times with fractions of a second, as in real studios.
fn studio() -> Studio {
    let studio = Studio::filled();
    for (number, path) in (1..).zip(super::files(&studio.path("WORK"))) {
        set_time(&studio.path("WORK").join(path), number);
    }
    studio
}

/// Sets the usual second with this fraction.
fn set_time(path: &Path, fraction: u64) {
    let time = SystemTime::UNIX_EPOCH
        + Duration::from_secs(CHANGED)
        + Duration::from_nanos(fraction * 1_234_567);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn rename(studio: &Studio, from: &str, to: &str) {
    let [from, to] = [from, to].map(|path| studio.path(SPOT).join(path));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(from, to).unwrap();
}

/// Returns the inode of a file at a server.
fn number(server: &Server<'_>, path: &str) -> u64 {
    let path = server.folder().join("footage/acme/spot").join(path);
    fs::metadata(path).unwrap().ino()
}

#[test]
fn renames_are_repeated_at_destination() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    let before = number(&server, "reel.mov");
    rename(&studio, "reel.mov", "sub/the reel.mov");
    let moved = site.sync("").assert_sent(0);
    assert_eq!(
        moved.paths_with("moved"),
        ["footage/acme/spot/sub/the reel.mov"]
    );
    assert_eq!((moved.count("moved"), moved.count("gone")), (1, 0));
    assert_eq!(number(&server, "sub/the reel.mov"), before);
    site.assert_mirrored();
    rename(&studio, "plates", "sub/platés");
    let moved = site.sync("--delete").assert_sent(0);
    assert_eq!(
        moved.paths_with("moved"),
        ["footage/acme/spot/sub/platés/p1.exr"]
    );
    assert_eq!(moved.count("deleted"), 0);
    site.assert_mirrored();
    // The record has all renames.
    site.sync("--delete").assert_sent(0);
    site.lines(&["load CLOUD"]).ok();
    assert_eq!(site.sync("--delete").assert_sent(0).count("same"), 5);
    assert_eq!(site.failures(), []);
}

#[test]
fn project_rename_is_repeated_at_destination() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    fs::rename(studio.path(SPOT), studio.path("WORK/footage/acme/spot 2")).unwrap();
    let moved = site.sync("--delete --force").assert_sent(0);
    assert_eq!(moved.count("moved"), 2);
    site.assert_mirrored();
    assert_eq!(site.sync("--delete").assert_sent(0).items.len(), 0);
}

#[test]
fn swapped_names_are_synced_correctly() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    studio
        .file(format!("{SPOT}/one"), "first")
        .file(format!("{SPOT}/two"), "other");
    set_time(&studio.path(SPOT).join("one"), 800);
    set_time(&studio.path(SPOT).join("two"), 900);
    site.sync("").assert_sent(7);
    rename(&studio, "one", "three");
    rename(&studio, "two", "one");
    rename(&studio, "three", "two");
    site.sync("--delete").status(0);
    site.assert_mirrored();
}

#[test]
fn renamed_and_changed_file_is_sent() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    rename(&studio, "reel.mov", "new.mov");
    studio.file_at(format!("{SPOT}/new.mov"), "REEL", CHANGED + 60);
    let synced = site.sync("--delete").assert_sent(1);
    assert_eq!((synced.count("moved"), synced.count("deleted")), (0, 1));
    site.assert_mirrored();
}

#[test]
fn rename_onto_existing_name_loses_nothing() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    // The name is taken by a file of another user, which the record does not have.
    let taken = server.folder().join("footage/acme/spot/new.mov");
    fs::write(&taken, "somebody else's").unwrap();
    rename(&studio, "reel.mov", "new.mov");
    site.sync("--delete").status(0);
    site.assert_mirrored();
    let old = super::kept_versions(server.folder());
    assert!(
        old.values().any(|content| content == "somebody else's"),
        "{old:?}"
    );
    // The name is taken by a file of ours, which is replaced.
    rename(&studio, "plates/p1.exr", "new.mov");
    site.sync("--delete").status(0);
    site.assert_mirrored();
    let old = super::kept_versions(server.folder());
    assert!(old.values().any(|content| content == "reel"), "{old:?}");
}

#[test]
fn file_changed_at_destination_is_not_renamed() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    fs::write(server.folder().join("footage/acme/spot/reel.mov"), "REEL").unwrap();
    rename(&studio, "reel.mov", "new.mov");
    let sent = site.sync("--delete").assert_sent(1);
    assert_eq!(
        (sent.count("moved"), sent.count("deleted")),
        (0, 0),
        "{sent}"
    );
    // It belongs to the other user now, and stays.
    let there = |name: &str| fs::read(server.folder().join("footage/acme/spot").join(name));
    assert_eq!(there("reel.mov").unwrap(), b"REEL");
    assert_eq!(there("new.mov").unwrap(), b"reel");
}

#[test]
fn hard_links_are_separate_files_at_destination() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let link = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|path| studio.path(SPOT).join(path));
        fs::hard_link(from, to).unwrap();
    };
    link("reel.mov", "second.mov");
    site.sync("").assert_sent(6);
    site.assert_mirrored();
    // Another name of a file that stays is no rename.
    link("reel.mov", "third.mov");
    let added = site.sync("--delete").assert_sent(1);
    assert_eq!(added.count("moved"), 0);
    site.assert_mirrored();
    // Of two missing names either may be the old one.
    studio
        .remove(format!("{SPOT}/second.mov"))
        .remove(format!("{SPOT}/third.mov"));
    rename(&studio, "reel.mov", "fourth.mov");
    let moved = site.sync("--delete").assert_sent(0);
    assert_eq!(
        (moved.count("moved"), moved.count("deleted")),
        (1, 2),
        "{moved}"
    );
    site.assert_mirrored();
}

#[test]
fn equal_size_and_time_files_are_distinguished() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    // Files of equal size and time: the name of one is given to the other.
    for number in 0..6 {
        studio.file(format!("{SPOT}/f{number}"), format!("content {number}"));
    }
    site.sync("").assert_sent(11);
    studio.remove(format!("{SPOT}/f0"));
    for number in 1..6 {
        rename(&studio, &format!("f{number}"), &format!("g{number}"));
    }
    studio.file(format!("{SPOT}/g6"), "content 6");
    site.sync("--delete --force").status(0);
    site.assert_mirrored();
}

#[test]
fn renames_work_at_every_storage_kind() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let (s3, dav) = (Server::s3(&remotes, "s3"), Server::webdav(&remotes, "dav"));
    let roots = [
        s3.root().to_owned(),
        dav.root().to_owned(),
        remotes.crypt("secret", &s3.address("hidden")),
        remotes.alias("disk", &studio.path("DISK")),
    ];
    // One bucket is not the whole of another: the hidden folder is beside the rest.
    let startup = studio.read("home/.config/auto-backup/.config");
    let mut name = "reel.mov".to_owned();
    for (place, root) in roots.iter().enumerate().filter(|(place, _)| *place != 2) {
        studio.file("home/.config/auto-backup/.config", &startup);
        let site = SyncStudio::new(&remotes, &studio, root);
        site.sync("").assert_sent(5);
        let new = format!("reel {place}.mov");
        rename(&studio, &name, &new);
        name = new;
        let moved = site.sync("--delete").assert_sent(0);
        assert_eq!(moved.count("moved"), 1, "{root}: {moved}");
        site.assert_mirrored();
    }
}

#[test]
fn encrypted_storage_supports_renames() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let root = remotes.crypt("secret", &server.address("hidden"));
    let site = SyncStudio::new(&remotes, &studio, &root);
    site.sync("").assert_sent(5);
    rename(&studio, "reel.mov", "new.mov");
    assert_eq!(site.sync("--delete").assert_sent(0).count("moved"), 1);
    site.assert_mirrored();
}

#[test]
fn old_rclone_resends_renamed_files() {
    let studio = studio();
    let (Some(remotes), Some(old)) = (Remotes::new(&studio), old_rclone()) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root()).with_rclone(old);
    site.sync("").assert_sent(5);
    rename(&studio, "reel.mov", "new.mov");
    rename(&studio, "plates", "sub");
    let synced = site.sync("--delete").assert_sent(2);
    assert_eq!((synced.count("moved"), synced.count("deleted")), (0, 2));
    site.assert_mirrored();
}

#[test]
fn unlistable_folder_receives_no_rename() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    studio.file(format!("{SPOT}/shut/other"), "other");
    // Enough files that folders are listed instead of single files.
    for number in 0..8 {
        studio.file(format!("{SPOT}/f{number}"), format!("content {number}"));
    }
    site.sync("").assert_sent(14);
    // A folder of another user in which names can be created but not listed.
    let shut = server
        .folder()
        .join(SPOT.trim_start_matches("WORK/"))
        .join("shut");
    studio.file(shut.join("f3"), "somebody else's");
    studio.mode(&shut, 0o333);
    for number in 0..8 {
        rename(&studio, &format!("f{number}"), &format!("shut/f{number}"));
    }
    let run = site.sync("");
    studio.mode(&shut, 0o755);
    // It is at its place, or among the old versions.
    let mut folders = vec![server.folder().to_owned()];
    let mut kept = false;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                kept |= fs::read(&path).unwrap() == b"somebody else's";
            }
        }
    }
    assert!(kept, "{run}\n{}", server.log());
}

#[test]
fn rename_is_not_undone() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    rename(&studio, "reel.mov", "the reel.mov");
    assert_eq!(site.sync("").count("moved"), 1);
    let runs = site.json("history").document();
    let line = format!("undo {} --yes", runs["runs"][0]["run"]);
    let refused = site.lines(&[&line]).status(1);
    assert!(refused.stderr.contains("it renamed 1 file"), "{refused}");
    site.assert_mirrored();
}
