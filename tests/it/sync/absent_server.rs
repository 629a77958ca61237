//! Servers that are stopped before a sync, in the middle, and restarted.

use std::thread;

use super::{SyncStudio, files, wait_for_files, write_large_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// A transfer to a server that is stopped in its middle.
struct Outage {
    storage: &'static str,
    start: for<'a> fn(&'a Remotes<'a>) -> Server<'a>,
    files: usize,
    file_bytes: usize,
    options: &'static str,
}

impl Outage {
    /// Stops the server during a sync, and restarts it. The sync waits a minute for the server.
    #[track_caller]
    fn assert_completed(&self) {
        let studio = Studio::new();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        let mut server = (self.start)(&remotes);
        write_large_files(&studio, self.files, self.file_bytes);
        let root = server.root().to_owned();
        let site = SyncStudio::new(&remotes, &studio, &root);
        let mut child = site.start_sync(self.options);
        wait_for_files(&mut child, server.folder(), 3);
        server.stop();
        let status = child.wait().unwrap().code();
        assert!(matches!(status, Some(1 | 3)), "{status:?}");
        assert_eq!(site.rclone_processes(), [0; 0]);
        let there = files(server.folder()).len();
        assert!(there < self.files, "it was stopped too late");
        server.restart();
        let rest = site.sync("").status(0);
        let missing = (self.files - there) as u64;
        assert!(rest.count("copied") >= missing, "{rest}");
        site.assert_mirrored();
        assert_eq!(site.failures(), []);
        site.sync("").assert_sent(0);
    }
}

#[test]
fn outage_is_completed_by_next_sync() {
    let limited = |storage, start| Outage {
        storage,
        start,
        files: 40,
        file_bytes: 2 << 20,
        options: "--bwlimit 20M",
    };
    let outages = [
        limited("SFTP", |remotes| Server::sftp(remotes, "sf")),
        limited("S3", |remotes| Server::s3(remotes, "s3")),
        limited("WebDAV", |remotes| Server::webdav(remotes, "dav")),
        Outage {
            storage: "SFTP through the rclone daemon",
            start: |remotes| Server::sftp(remotes, "sf"),
            files: 60,
            file_bytes: 4 << 20,
            options: "",
        },
    ];
    thread::scope(|scope| {
        let waiting = outages.each_ref().map(|outage| {
            let completed = scope.spawn(|| outage.assert_completed());
            (outage.storage, completed)
        });
        for (storage, completed) in waiting {
            assert!(completed.join().is_ok(), "at {storage}");
        }
    });
}

#[test]
fn unreachable_server_changes_no_records() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let servers = [
        Server::sftp(&remotes, "sf"),
        Server::s3(&remotes, "s3"),
        Server::webdav(&remotes, "dav"),
    ];
    let startup = studio.read("home/.config/auto-backup/.config");
    for mut server in servers {
        studio.file("home/.config/auto-backup/.config", &startup);
        studio.file("WORK/footage/acme/spot/old", "old");
        let root = server.root().to_owned();
        let site = SyncStudio::new(&remotes, &studio, &root);
        site.sync("").assert_sent(6);
        server.stop();
        studio
            .file("WORK/footage/acme/spot/new", "new")
            .remove("WORK/footage/acme/spot/old");
        let before = site.lines(&["fetch all"]).ok();
        for options in [
            "",
            "--delete",
            "--delete --force",
            "--retry-failed",
            "--count",
        ] {
            let refused = site.sync(options).status(1);
            assert!(
                refused.run.stderr.contains("cannot be reached"),
                "{refused}"
            );
            if options != "--count" {
                assert_eq!(site.run_states().last().unwrap(), "unreachable");
            }
        }
        assert_eq!(site.failures(), []);
        let after = site.lines(&["fetch all"]).ok();
        assert_eq!(after.stdout, before.stdout);
        server.restart();
        let rest = site.sync("").assert_sent(1);
        assert_eq!(rest.paths_with("gone"), ["footage/acme/spot/old"]);
        site.sync("--delete").assert_sent(0);
        site.assert_mirrored();
        studio.remove("WORK/footage/acme/spot/new");
    }
}
