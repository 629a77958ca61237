//! Very many files in one sync, and names that cause trouble for other programs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use super::{SyncStudio, files};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

#[test]
fn ten_thousand_files_sync_in_one_run() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let write = |content: &str, seconds| {
        for number in 0..10_000 {
            let path = format!("WORK/footage/acme/spot/s{}/f{number:05}", number % 40);
            studio.file_at(path, content, seconds);
        }
    };
    write("one", CHANGED);
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    let site = SyncStudio::new(&remotes, &studio, &root);
    site.sync("").assert_sent(10_000);
    site.assert_mirrored();
    write("two", CHANGED + 60);
    let changed = site.sync("").assert_sent(10_000);
    assert_eq!(changed.items.len(), 0);
    site.assert_mirrored();
    assert_eq!(super::kept_versions(&studio.path("DISK")).len(), 10_000);
    assert_eq!(site.sync("").assert_sent(0).count("same"), 10_000);
}

/// Names that cause trouble for storages, lists and programs.
fn odd_names() -> Vec<String> {
    let names = [
        " before and after ",
        "it's \"quoted\" `so`",
        "#x",
        "; y",
        "-leading",
        "--flag=x",
        "new\nline",
        "tab\there",
        "carriage\rreturn",
        "gr\u{f6}\u{df}e",
        "gro\u{308}\u{df}e",
        "%41",
        "%",
        "[brackets] {braces}",
        "*?",
        "back\\slash",
        "a:b",
        "trailing.",
        "dots...",
        "日本 ☃",
        "con",
        "~",
    ];
    let long = ["x".repeat(200), "ö".repeat(100)];
    names.into_iter().map(str::to_owned).chain(long).collect()
}

/// Those names, without one that differs from another only in its Unicode form: the servers of rclone treat both as
/// one.
fn composed() -> Vec<String> {
    let mut names = odd_names();
    names.retain(|name| !name.contains('\u{308}'));
    names
}

/// Checks that all names arrive as files and as folders, and that nothing is sent twice.
#[track_caller]
fn assert_odd_names_sent(site: &SyncStudio<'_>, names: &[String]) {
    let studio = site.studio;
    for name in names {
        studio
            .file(format!("WORK/footage/acme/spot/files/{name}"), name)
            .file(format!("WORK/footage/acme/spot/folders/{name}/f"), name);
    }
    let count = 2 * names.len() as u64;
    let synced = site.sync("").assert_sent(count);
    assert_eq!(synced.items.len(), 0, "{synced}");
    site.assert_mirrored();
    assert_eq!(site.sync("").assert_sent(0).count("same"), count);
    site.lines(&["load CLOUD"]).ok();
    assert_eq!(site.sync("").assert_sent(0).count("same"), count);
    for name in names {
        studio.remove(format!("WORK/footage/acme/spot/files/{name}"));
    }
    let deleted = site.sync("--delete").assert_sent(0);
    assert_eq!(deleted.count("deleted"), names.len() as u64, "{deleted}");
    site.assert_mirrored();
}

#[test]
fn odd_names_are_sent_to_sftp() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    assert_odd_names_sent(
        &SyncStudio::new(&remotes, &studio, server.root()),
        &odd_names(),
    );
    assert_eq!(files(server.folder()).len(), odd_names().len());
}

#[test]
fn odd_names_are_sent_to_s3() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    let mut names = composed();
    // Buckets are listed in XML, which this server writes without control characters.
    names.retain(|name| !name.contains(char::is_control));
    assert_odd_names_sent(&SyncStudio::new(&remotes, &studio, server.root()), &names);
}

#[test]
fn odd_names_are_sent_to_webdav() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::webdav(&remotes, "dav");
    assert_odd_names_sent(
        &SyncStudio::new(&remotes, &studio, server.root()),
        &composed(),
    );
}

#[test]
fn odd_names_are_sent_to_alias() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    assert_odd_names_sent(&SyncStudio::new(&remotes, &studio, &root), &odd_names());
}

#[test]
fn unsupported_names_fail_alone_and_are_listed() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let folder = studio.path("WORK/footage/acme/spot");
    fs::write(folder.join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
    // rclone's encoding of a line feed.
    fs::write(folder.join("picture \u{240a}"), "x").unwrap();
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    for (attempts, copied) in [(1, 5), (2, 0)] {
        let synced = site.sync("").status(3);
        assert_eq!(
            (synced.count("refused"), synced.count("copied")),
            (2, copied)
        );
        let failures = site.failures();
        assert_eq!(failures.len(), 2, "{failures:?}");
        assert!(failures.iter().all(|(_, tried)| *tried == attempts));
        let permanent = studio.json(&["failures --permanent"]).ok().document();
        assert_eq!(permanent["failures"].as_array().unwrap().len(), 2);
    }
    fs::remove_file(folder.join(OsStr::from_bytes(b"caf\xe9"))).unwrap();
    fs::rename(folder.join("picture \u{240a}"), folder.join("picture")).unwrap();
    site.sync("").assert_sent(1);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
}

#[test]
fn unlisted_names_never_count_as_sent() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.file("WORK/footage/acme/spot/new\nline", "x");
    let server = Server::s3(&remotes, "s3");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    for copied in [5, 0] {
        let synced = site.sync("").status(3);
        assert_eq!(synced.paths_with("failed"), ["footage/acme/spot/new\nline"]);
        assert_eq!(synced.count("copied"), copied);
    }
}
