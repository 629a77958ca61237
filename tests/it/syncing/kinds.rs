//! What a sync does is the same at every kind of storage: one that keeps times coarsely, slowly or not at all, one that
//! encrypts, a folder behind rclone.

use std::fs;
use std::path::Path;

use super::{LINE, Site};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

/// A later second than that of all files.
const LATER: u64 = CHANGED + 3600;

/// Everything that a person does between two syncs; `there` is where the storage has its files in truth, where they can
/// be read there.
#[track_caller]
fn goes_through(site: &Site<'_>, there: Option<&Path>) {
    let studio = site.studio;
    site.sync("").sent(5);
    site.agrees();
    if let Some(there) = there {
        let identity = fs::read_to_string(there.join(".auto-backup/database.json")).unwrap();
        assert!(identity.contains("\"name\": \"CLOUD\""), "{identity}");
    }
    assert_eq!(site.sync("").sent(0).count("same"), 5);

    studio.file("WORK/footage/acme/spot/new", "new");
    site.sync("").sent(1);
    studio.file_at("WORK/footage/acme/spot/new", "now longer", LATER);
    site.sync("").sent(1);
    // Of the same size; only the time says that it is another.
    studio.file_at("WORK/footage/acme/spot/new", "NOW LONGER", LATER + 1);
    site.sync("").sent(1);
    site.agrees();
    // Of another size in the same second.
    studio.file_at("WORK/footage/acme/spot/new", "another", LATER + 1);
    site.sync("").sent(1);
    site.agrees();

    studio.remove("WORK/footage/acme/spot/new");
    for _ in 0..2 {
        let gone = site.sync("").sent(0);
        assert_eq!(gone.of("gone"), ["footage/acme/spot/new"]);
        assert_eq!(gone.count("same"), 5);
    }
    let work = studio.path("WORK");
    let left = site.remotes.differences(&work, &site.root);
    assert_eq!(left, "- footage/acme/spot/new");

    let deleted = site.sync("--delete").sent(0);
    assert_eq!(deleted.of("deleted"), ["footage/acme/spot/new"]);
    assert_eq!(deleted.count("deleted"), 1);
    site.agrees();
    let versions = site
        .remotes
        .said(&["lsf", "-R", "--files-only", &site.root]);
    let kept = versions.lines().filter(|line| line.contains("/versions/"));
    // Three that were replaced, and one that was deleted.
    assert_eq!(kept.clone().count(), 4, "{versions}");
    assert!(
        kept.clone()
            .all(|line| line.ends_with("/footage/acme/spot/new"))
    );
    let last = kept.max().unwrap().to_owned();
    let slash = if site.root.ends_with(':') { "" } else { "/" };
    let content = site
        .remotes
        .said(&["cat", &format!("{}{slash}{last}", site.root)]);
    assert_eq!(content, "another");

    let again = site.sync("--delete").sent(0);
    assert_eq!(again.items.len(), 0, "{again}");
    assert_eq!(site.failures(), []);
}

#[test]
fn sftp_goes_through() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    goes_through(&site, Some(server.folder()));
}

#[test]
fn sftp_with_a_shell_goes_through() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp_with_shell(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    goes_through(&site, Some(server.folder()));
}

#[test]
fn s3_goes_through() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let site = Site::new(&remotes, &studio, server.root());
    goes_through(&site, Some(server.folder()));
}

#[test]
fn webdav_goes_through() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::webdav(&remotes, "dav");
    let site = Site::new(&remotes, &studio, server.root());
    goes_through(&site, Some(server.folder()));
}

#[test]
fn an_encrypted_bucket_goes_through() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let root = remotes.crypt("secret", &server.at("hidden"));
    let site = Site::new(&remotes, &studio, &root);
    goes_through(&site, None);
    let hidden = studio.tree("remotes/s3/root");
    assert!(
        !hidden.contains("reel") && !hidden.contains("acme"),
        "{hidden}"
    );
}

#[test]
fn a_folder_behind_rclone_goes_through() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    let site = Site::new(&remotes, &studio, &root);
    goes_through(&site, Some(&studio.path("DISK")));
}

#[test]
fn an_old_rclone_goes_through() {
    let studio = Studio::filled();
    let (Some(remotes), Some(old)) = (Remotes::new(&studio), crate::servers::old_rclone()) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root()).with(old);
    goes_through(&site, Some(server.folder()));
}

/// Where nothing changed nobody looks at the destination: what is done there behind our back is found by `load`.
#[track_caller]
fn is_found_by_load(server: &Server<'_>, site: &Site<'_>) {
    let there = |name: &str| server.folder().join("footage/acme/spot").join(name);
    site.sync("").sent(5);
    fs::write(there("reel.mov"), "somebody else's").unwrap();
    fs::remove_file(there("plates/p1.exr")).unwrap();
    assert_eq!(site.sync("").sent(0).count("same"), 5);
    site.lines(&["load CLOUD"]).ok();
    site.sync("").sent(2);
    site.agrees();
    assert_eq!(fs::read_to_string(there("reel.mov")).unwrap(), "reel");
    site.lines(&["load CLOUD"]).ok();
    site.sync("").sent(0);
}

#[test]
fn what_was_changed_at_sftp_is_found_by_load_and_sent_again() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    is_found_by_load(&server, &Site::new(&remotes, &studio, server.root()));
}

#[test]
fn what_was_changed_in_a_bucket_is_found_by_load_and_sent_again() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    is_found_by_load(&server, &Site::new(&remotes, &studio, server.root()));
}

#[test]
fn what_was_changed_at_webdav_is_found_by_load_and_sent_again() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::webdav(&remotes, "dav");
    is_found_by_load(&server, &Site::new(&remotes, &studio, server.root()));
}

#[test]
fn the_first_sync_sends_only_what_is_missing_or_differs() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let work = studio.path("WORK");
    remotes.said(&["copy", work.to_str().unwrap(), server.root()]);
    let there = server.folder().join("footage/acme/spot");
    fs::write(there.join("reel.mov"), "older reel").unwrap();
    fs::remove_file(there.join("plates/p1.exr")).unwrap();
    fs::write(there.join("theirs"), "never sent from here").unwrap();
    let site = Site::new(&remotes, &studio, server.root());
    assert_eq!(site.sync("").sent(2).count("same"), 3);
    // What this source never sent is nobody's to delete.
    let work = studio.path("WORK");
    let left = remotes.differences(&work, server.root());
    assert_eq!(left, "- footage/acme/spot/theirs");
    assert_eq!(site.sync("--delete").sent(0).items.len(), 0);
    assert!(there.join("theirs").exists());
    let old = super::old_versions(server.folder());
    assert_eq!(old.into_values().collect::<Vec<_>>(), ["older reel"]);
}

#[test]
fn only_the_project_and_category_of_the_line_go() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.line("sync acme/spot footage WORK CLOUD").sent(2);
    site.line("sync acme/spot all WORK CLOUD").sent(1);
    site.line("sync acme all WORK CLOUD").sent(1);
    site.line(LINE).sent(1);
    site.agrees();
}

#[test]
fn empty_folders_are_made_where_they_can_be_held() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("WORK/footage/acme/spot/empty/inner");
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("").sent(5);
    assert!(
        server
            .folder()
            .join("footage/acme/spot/empty/inner")
            .is_dir()
    );
    site.sync("").sent(0);
    studio.folder("WORK/footage/acme/spot/later");
    site.sync("").sent(0);
    assert!(server.folder().join("footage/acme/spot/later").is_dir());
}

#[test]
fn links_are_left_out_and_told_of_each_time() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.link("WORK/footage/acme/spot/link", "reel.mov");
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    for files in [5, 0] {
        let synced = site.sync("").sent(files);
        assert_eq!(synced.of("skipped"), ["footage/acme/spot/link"]);
    }
    assert!(!server.folder().join("footage/acme/spot/link").exists());
}
