//! Failing files: named, remembered with the number of attempts, retried first, and forgotten once they arrived or are
//! no longer wanted.

use std::fs;

use super::{LINE, SyncStudio};
use crate::servers::{Remotes, Server};
use crate::studio::{CHANGED, Studio};

/// The failing file.
const BAD: &str = "footage/acme/spot/closed/f";

/// A studio with a hundred files, one of them in a folder of its own.
fn studio() -> Studio {
    let studio = Studio::new();
    for number in 0..99 {
        studio.file(format!("WORK/footage/acme/spot/f{number:02}"), "content");
    }
    studio.file(format!("WORK/{BAD}"), "closed");
    studio
}

/// A server without access to the folder of the failing file; `None` if root cannot drop its privileges.
fn closed<'a>(remotes: &'a Remotes<'a>) -> Option<Server<'a>> {
    let mut server = Server::sftp(remotes, "sf");
    fs::create_dir_all(server.folder().join("footage/acme/spot/closed")).unwrap();
    server.forbid("footage/acme/spot/closed").then_some(server)
}

#[test]
fn failed_file_is_retried_first() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some(mut server) = closed(&remotes) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let first = site.sync("").status(3);
    assert_eq!(first.paths_with("failed"), [BAD]);
    assert_eq!(first.count("copied"), 99);
    assert_eq!(first.document["state"], "partial");
    let work = studio.path("WORK");
    let left = remotes.differences(&work, server.root());
    assert!(left.contains(BAD) && !left.contains("spot/f"), "{left}");
    assert_eq!(site.failures(), [(BAD.to_owned(), 1)]);

    let second = site.sync("").status(3);
    assert_eq!((second.count("copied"), second.count("same")), (0, 99));
    assert_eq!(site.failures(), [(BAD.to_owned(), 2)]);

    server.allow();
    // Of all new files only the one that failed before is sent.
    for number in 0..5 {
        studio.file(format!("WORK/footage/acme/spot/a{number}"), "new");
    }
    let one = site.sync("--max-files 1").assert_sent(1);
    assert!(server.folder().join(BAD).exists());
    assert_eq!(one.document["copied_files"], 1);
    assert_eq!(site.failures(), []);
    site.sync("").assert_sent(5);
    site.assert_mirrored();
}

#[test]
fn retry_failed_sends_only_failed_files() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some(mut server) = closed(&remotes) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").status(3);
    studio.file("WORK/footage/acme/spot/new", "new");
    let again = site.sync("--retry-failed").status(3);
    assert_eq!(again.paths_with("failed"), [BAD]);
    assert_eq!(again.count("copied"), 0);
    assert_eq!(site.failures(), [(BAD.to_owned(), 2)]);
    server.allow();
    site.sync("--retry-failed").assert_sent(1);
    assert_eq!(site.failures(), []);
    assert!(!server.folder().join("footage/acme/spot/new").exists());
    site.sync("--retry-failed").assert_sent(0);
    site.sync("").assert_sent(1);
    site.assert_mirrored();
}

#[test]
fn retry_failed_works_between_remotes() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some(mut server) = closed(&remotes) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let startup = "home/.config/auto-backup/.config";
    let far = remotes.alias("far", &studio.path("WORK"));
    let lines = studio.read(startup);
    studio.file(startup, format!("{lines}add database FAR {far}\n"));
    let line = "sync all all FAR CLOUD";
    assert_eq!(site.sync_line(line).status(3).paths_with("failed"), [BAD]);
    server.allow();
    let again = format!("{line} --retry-failed");
    site.sync_line(&again).assert_sent(1);
    assert_eq!(site.failures(), []);
    site.assert_mirrored();
}

#[test]
fn failed_file_is_retried_with_new_content() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some(mut server) = closed(&remotes) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").status(3);
    server.allow();
    studio.file_at(format!("WORK/{BAD}"), "another content", CHANGED + 60);
    site.sync("--retry-failed").assert_sent(1);
    site.assert_mirrored();
    site.sync("").assert_sent(0);
}

#[test]
fn failure_ends_with_its_source_file() {
    for options in ["", "--retry-failed", "--delete"] {
        let studio = studio();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let Some(server) = closed(&remotes) else {
            return;
        };
        let site = SyncStudio::new(&remotes, &studio, server.root());
        site.sync("").status(3);
        studio.remove(format!("WORK/{BAD}"));
        site.sync(options).status(0);
        assert_eq!(site.failures(), [], "{options}");
        site.sync("").assert_sent(0);
    }
}

#[test]
fn folder_that_cannot_be_created_keeps_no_other_from_it() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some(mut server) = closed(&remotes) else {
        return;
    };
    let [inside, beside] =
        ["closed/inside", "beside"].map(|name| format!("footage/acme/spot/{name}"));
    studio.remove(format!("WORK/{BAD}"));
    for folder in [&inside, &beside] {
        fs::create_dir_all(studio.path(format!("WORK/{folder}"))).unwrap();
    }
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let first = site.sync("").status(3);
    assert_eq!(first.paths_with("failed"), [&inside]);
    assert!(server.folder().join(&beside).is_dir());
    // By the record of sent files, both are to be created now.
    let later = "footage/acme/spot/later";
    fs::create_dir_all(studio.path(format!("WORK/{later}"))).unwrap();
    let second = site.sync("").status(3);
    assert_eq!(second.paths_with("failed"), [&inside]);
    assert!(server.folder().join(later).is_dir());
    server.allow();
    site.sync("").status(0);
    assert!(server.folder().join(&inside).is_dir());
}

#[test]
fn failure_of_another_scope_is_kept() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some(mut server) = closed(&remotes) else {
        return;
    };
    studio.file("WORK/footage/acme/other/f", "other");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").status(3);
    server.allow();
    site.sync_line("sync acme/other footage WORK CLOUD")
        .assert_sent(0);
    site.sync_line("sync acme/other footage WORK CLOUD --retry-failed")
        .assert_sent(0);
    assert_eq!(site.failures(), [(BAD.to_owned(), 1)]);
    site.sync_line("sync acme/spot footage WORK CLOUD --retry-failed")
        .assert_sent(1);
    assert_eq!(site.failures(), []);
}

#[test]
fn failed_replacement_keeps_the_record() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("").assert_sent(100);
    studio.file_at(format!("WORK/{BAD}"), "CLOSED", CHANGED + 60);
    if !server.forbid("footage/acme/spot/closed") {
        return;
    }
    assert_eq!(site.sync("").status(3).paths_with("failed"), [BAD]);
    server.allow();
    assert_eq!(
        fs::read_to_string(server.folder().join(BAD)).unwrap(),
        "closed"
    );
    site.sync("").assert_sent(1);
    site.assert_mirrored();
}

#[test]
fn unreadable_source_file_fails_alone() {
    let studio = studio();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("DISK");
    let root = remotes.alias("disk", &studio.path("DISK"));
    let site = SyncStudio::new(&remotes, &studio, &root);
    studio.mode(format!("WORK/{BAD}"), 0o000);
    let partly = site.as_user(LINE).status(3);
    assert_eq!(partly.paths_with("failed"), [BAD]);
    assert_eq!(partly.count("copied"), 99);
    assert_eq!(site.failures(), [(BAD.to_owned(), 1)]);
    studio.mode(format!("WORK/{BAD}"), 0o600);
    site.as_user(LINE).assert_sent(1);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
}

#[test]
fn full_server_disk_fails_unfitting_files() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let Some((_disk, server)) = Server::sftp_on_small_disk(&remotes, "sf", "8m") else {
        return;
    };
    for number in 0..16 {
        studio.file(
            format!("WORK/footage/acme/spot/f{number:02}"),
            vec![7; 1 << 20],
        );
    }
    fs::write(server.folder().join("ballast"), vec![0; 1 << 20]).unwrap();
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let full = site.sync("").status(3);
    let (failed, copied) = (full.count("failed"), full.count("copied"));
    assert_eq!(failed + copied, 16, "{full}");
    assert!(failed >= 9, "{full}");
    assert_eq!(site.failures().len() as u64, failed);
    // Files reported as present exist.
    let there = super::files(&server.folder().join("footage"));
    assert_eq!(there.len() as u64, copied, "{there:?} {full}");
    for path in there {
        let content = fs::read(server.folder().join("footage").join(path)).unwrap();
        assert!(content == vec![7; 1 << 20]);
    }
    // A larger disk replaces it.
    let grown = studio
        .other_program("mount")
        .args(["-o", "remount,size=64m"])
        .arg(server.folder())
        .status();
    assert!(grown.unwrap().success());
    site.sync("").assert_sent(failed);
    let left = remotes.differences(&studio.path("WORK"), server.root());
    assert_eq!(left, "- ballast");
    assert_eq!(site.failures(), []);
}
