//! Servers that are stopped before a sync, in the middle, and restarted.

use super::{SyncStudio, files, wait_for_files, write_large_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// Stops a server during a transfer, and restarts it.
#[track_caller]
fn assert_outage_is_completed(studio: &Studio, remotes: &Remotes<'_>, mut server: Server<'_>) {
    write_large_files(studio, 40, 2 << 20);
    let root = server.root().to_owned();
    let site = SyncStudio::new(remotes, studio, &root);
    let mut child = site.start_sync("--bwlimit 20M");
    wait_for_files(&mut child, server.folder(), 3);
    server.stop();
    let status = child.wait().unwrap().code();
    assert!(matches!(status, Some(1 | 3)), "{status:?}");
    assert_eq!(site.rclone_processes(), [0; 0]);
    let there = files(server.folder()).len();
    assert!(there < 40, "it was stopped too late");
    server.restart();
    let rest = site.sync("").status(0);
    assert!(rest.count("copied") >= (40 - there as u64), "{rest}");
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
    site.sync("").assert_sent(0);
}

#[test]
fn sftp_outage_is_completed_by_next_sync() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    assert_outage_is_completed(&studio, &remotes, Server::sftp(&remotes, "sf"));
}

#[test]
fn bucket_outage_is_completed_by_next_sync() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    assert_outage_is_completed(&studio, &remotes, Server::s3(&remotes, "s3"));
}

#[test]
fn webdav_outage_is_completed_by_next_sync() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    assert_outage_is_completed(&studio, &remotes, Server::webdav(&remotes, "dav"));
}

#[test]
fn outage_under_rclone_daemon_is_completed_later() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    write_large_files(&studio, 60, 4 << 20);
    let root = server.root().to_owned();
    let site = SyncStudio::new(&remotes, &studio, &root);
    let mut child = site.start_sync("");
    wait_for_files(&mut child, server.folder(), 3);
    server.stop();
    let status = child.wait().unwrap().code();
    assert!(matches!(status, Some(1 | 3)), "{status:?}");
    assert_eq!(site.rclone_processes(), [0; 0]);
    assert!(files(server.folder()).len() < 60, "it was stopped too late");
    server.restart();
    site.sync("").status(0);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
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
