//! A sync does the same on every kind of storage: one with coarse, slow or no times, one that encrypts, a folder behind
//! rclone.

use std::fs;
use std::path::Path;

use super::{LINE, SyncStudio};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

/// A second later than those of all files.
const LATER: u64 = CHANGED + 3600;

/// Runs all edits of a user between two syncs; `there` is the storage's folder, if it can be read.
#[track_caller]
fn assert_sync_cycle(site: &SyncStudio<'_>, there: Option<&Path>) {
    let studio = site.studio;
    site.sync("").assert_sent(5);
    site.assert_mirrored();
    if let Some(there) = there {
        let identity = fs::read_to_string(there.join(".auto-backup/database.json")).unwrap();
        assert!(identity.contains("\"name\": \"CLOUD\""), "{identity}");
    }
    assert_eq!(site.sync("").assert_sent(0).count("same"), 5);

    studio.file("WORK/footage/acme/spot/new", "new");
    site.sync("").assert_sent(1);
    studio.file_at("WORK/footage/acme/spot/new", "now longer", LATER);
    site.sync("").assert_sent(1);
    // Of equal size; only the time shows the edit.
    studio.file_at("WORK/footage/acme/spot/new", "NOW LONGER", LATER + 1);
    site.sync("").assert_sent(1);
    site.assert_mirrored();
    // Of another size in the same second.
    studio.file_at("WORK/footage/acme/spot/new", "another", LATER + 1);
    site.sync("").assert_sent(1);
    site.assert_mirrored();

    studio.remove("WORK/footage/acme/spot/new");
    for _ in 0..2 {
        let gone = site.sync("").assert_sent(0);
        assert_eq!(gone.paths_with("gone"), ["footage/acme/spot/new"]);
        assert_eq!(gone.count("same"), 5);
    }
    let work = studio.path("WORK");
    let left = site.remotes.differences(&work, &site.root);
    assert_eq!(left, "- footage/acme/spot/new");

    let deleted = site.sync("--delete").assert_sent(0);
    assert_eq!(deleted.paths_with("deleted"), ["footage/acme/spot/new"]);
    assert_eq!(deleted.count("deleted"), 1);
    site.assert_mirrored();
    let versions = site
        .remotes
        .stdout_of(&["lsf", "-R", "--files-only", &site.root]);
    let kept = versions.lines().filter(|line| line.contains("/versions/"));
    // Three replaced files and one deleted file.
    assert_eq!(kept.clone().count(), 4, "{versions}");
    assert!(
        kept.clone()
            .all(|line| line.ends_with("/footage/acme/spot/new"))
    );
    let last = kept.max().unwrap().to_owned();
    let slash = if site.root.ends_with(':') { "" } else { "/" };
    let content = site
        .remotes
        .stdout_of(&["cat", &format!("{}{slash}{last}", site.root)]);
    assert_eq!(content, "another");

    let again = site.sync("--delete").assert_sent(0);
    assert_eq!(again.items.len(), 0, "{again}");
    assert_eq!(site.failures(), []);
}

#[test]
fn sftp_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    assert_sync_cycle(&site, Some(server.folder()));
}

#[test]
fn sftp_shell_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp_with_shell(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    assert_sync_cycle(&site, Some(server.folder()));
}

#[test]
fn s3_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    assert_sync_cycle(&site, Some(server.folder()));
}

#[test]
fn webdav_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::webdav(&remotes, "dav");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    assert_sync_cycle(&site, Some(server.folder()));
}

#[test]
fn encrypted_bucket_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let root = remotes.crypt("secret", &server.address("hidden"));
    let site = SyncStudio::new(&remotes, &studio, &root);
    assert_sync_cycle(&site, None);
    let hidden = studio.tree("remotes/s3/root");
    assert!(
        !hidden.contains("reel") && !hidden.contains("acme"),
        "{hidden}"
    );
}

#[test]
fn alias_remote_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    let site = SyncStudio::new(&remotes, &studio, &root);
    assert_sync_cycle(&site, Some(&studio.path("DISK")));
}

#[test]
fn old_rclone_sync_cycle_succeeds() {
    let studio = Studio::filled();
    let (Some(remotes), Some(old)) = (Remotes::new(&studio), crate::servers::old_rclone()) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root()).with_rclone(old);
    assert_sync_cycle(&site, Some(server.folder()));
}

/// Without changes the destination is not read; changes by others there are found by `load`.
#[track_caller]
fn assert_load_finds_changes(server: &Server<'_>, site: &SyncStudio<'_>) {
    let there = |name: &str| server.folder().join("footage/acme/spot").join(name);
    site.sync("").assert_sent(5);
    fs::write(there("reel.mov"), "somebody else's").unwrap();
    fs::remove_file(there("plates/p1.exr")).unwrap();
    assert_eq!(site.sync("").assert_sent(0).count("same"), 5);
    site.lines(&["load CLOUD"]).ok();
    site.sync("").assert_sent(2);
    site.assert_mirrored();
    assert_eq!(fs::read_to_string(there("reel.mov")).unwrap(), "reel");
    site.lines(&["load CLOUD"]).ok();
    site.sync("").assert_sent(0);
}

#[test]
fn load_finds_changes_at_sftp() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    assert_load_finds_changes(&server, &SyncStudio::new(&remotes, &studio, server.root()));
}

#[test]
fn load_finds_changes_at_s3() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    assert_load_finds_changes(&server, &SyncStudio::new(&remotes, &studio, server.root()));
}

#[test]
fn load_finds_changes_at_webdav() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::webdav(&remotes, "dav");
    assert_load_finds_changes(&server, &SyncStudio::new(&remotes, &studio, server.root()));
}

#[test]
fn first_sync_sends_missing_and_different_files() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let work = studio.path("WORK");
    remotes.stdout_of(&["copy", work.to_str().unwrap(), server.root()]);
    let there = server.folder().join("footage/acme/spot");
    fs::write(there.join("reel.mov"), "older reel").unwrap();
    fs::remove_file(there.join("plates/p1.exr")).unwrap();
    fs::write(there.join("theirs"), "never sent from here").unwrap();
    let site = SyncStudio::new(&remotes, &studio, server.root());
    assert_eq!(site.sync("").assert_sent(2).count("same"), 3);
    // A file that this source never sent must not be deleted.
    let work = studio.path("WORK");
    let left = remotes.differences(&work, server.root());
    assert_eq!(left, "- footage/acme/spot/theirs");
    assert_eq!(site.sync("--delete").assert_sent(0).items.len(), 0);
    assert!(there.join("theirs").exists());
    let old = super::kept_versions(server.folder());
    assert_eq!(old.into_values().collect::<Vec<_>>(), ["older reel"]);
}

#[test]
fn sync_is_limited_to_its_scope() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync_line("sync acme/spot footage WORK CLOUD")
        .assert_sent(2);
    site.sync_line("sync acme/spot all WORK CLOUD")
        .assert_sent(1);
    site.sync_line("sync acme all WORK CLOUD").assert_sent(1);
    site.sync_line(LINE).assert_sent(1);
    site.assert_mirrored();
}

#[test]
fn empty_folders_are_created() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("WORK/footage/acme/spot/empty/inner");
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(5);
    assert!(
        server
            .folder()
            .join("footage/acme/spot/empty/inner")
            .is_dir()
    );
    site.sync("").assert_sent(0);
    studio.folder("WORK/footage/acme/spot/later");
    site.sync("").assert_sent(0);
    assert!(server.folder().join("footage/acme/spot/later").is_dir());
}

#[test]
fn symlinks_are_skipped_and_always_reported() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.link("WORK/footage/acme/spot/link", "reel.mov");
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    for files in [5, 0] {
        let synced = site.sync("").assert_sent(files);
        assert_eq!(synced.paths_with("skipped"), ["footage/acme/spot/link"]);
    }
    assert!(!server.folder().join("footage/acme/spot/link").exists());
}
