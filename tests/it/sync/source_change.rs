//! Files that change, grow or are deleted while they are sent.

use std::fs::{self, File};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{SyncStudio, wait_for_files, write_large_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// Repeats an action during some work.
fn meanwhile<T>(mut again: impl FnMut() + Send, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                again();
            }
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    })
}

#[test]
fn constantly_written_file_fails_alone() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let growing = "footage/acme/spot/growing.mov";
    studio.file(format!("WORK/{growing}"), vec![7; 8 << 20]);
    let servers = [
        Server::sftp(&remotes, "sf"),
        Server::s3(&remotes, "s3"),
        Server::webdav(&remotes, "dav"),
    ];
    let startup = studio.read("home/.config/auto-backup/.config");
    for server in servers {
        studio.file("home/.config/auto-backup/.config", &startup);
        let site = SyncStudio::new(&remotes, &studio, server.root());
        let mut file = File::options()
            .append(true)
            .open(studio.path("WORK").join(growing))
            .unwrap();
        let synced = meanwhile(|| file.write_all(b"more").unwrap(), || site.sync(""));
        let synced = synced.status(3);
        assert_eq!(synced.paths_with("failed"), [growing], "{synced}");
        assert_eq!(synced.count("copied"), 5);
        assert_eq!(site.failures(), [(growing.to_owned(), 1)]);
        // It is sent once it no longer changes.
        site.sync("").assert_sent(1);
        site.assert_mirrored();
        assert_eq!(site.failures(), []);
    }
}

#[test]
fn file_rewritten_during_sync_is_sent_correctly() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 30, 2 << 20);
    let mut child = site.start_sync("");
    wait_for_files(&mut child, server.folder(), 2);
    for number in 0..30 {
        fs::write(
            studio.path(format!("WORK/footage/acme/spot/large{number:03}")),
            vec![9; 1 << 20],
        )
        .unwrap();
    }
    let status = child.wait().unwrap().code();
    assert!(matches!(status, Some(0 | 3)), "{status:?}");
    // Whatever the first sync reported: files that are wrong there now do not count as right.
    site.sync("").status(0);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
}

#[test]
fn file_deleted_during_sync_is_no_failure() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 60, 1 << 20);
    let mut child = site.start_sync("--bwlimit 8M");
    wait_for_files(&mut child, server.folder(), 3);
    for number in 40..60 {
        studio.remove(format!("WORK/footage/acme/spot/large{number:03}"));
    }
    let status = child.wait().unwrap().code();
    assert_eq!(status, Some(0));
    assert_eq!(site.failures(), []);
    let next = site.sync("--delete").status(0);
    assert_eq!(next.count("copied"), 0, "{next}");
    site.assert_mirrored();
}

#[test]
fn folder_deleted_during_sync_is_no_failure() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 40, 1 << 20);
    studio
        .file("WORK/footage/acme/spot/zone/inner/f", "f")
        .file("WORK/footage/acme/spot/zone/g", "g");
    let mut child = site.start_sync("--bwlimit 8M");
    wait_for_files(&mut child, server.folder(), 3);
    studio.remove("WORK/footage/acme/spot/zone");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(site.failures(), []);
    site.sync("--delete").status(0);
    site.assert_mirrored();
}
