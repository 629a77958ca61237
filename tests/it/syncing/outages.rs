//! Servers that are gone: before a sync, in the middle of it, and there again.

use super::{Site, files, large_files, wait_for_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// A server that goes away while files are sent, and comes back.
#[track_caller]
fn goes_away(studio: &Studio, remotes: &Remotes<'_>, mut server: Server<'_>) {
    large_files(studio, 40, 2 << 20);
    let root = server.root().to_owned();
    let site = Site::new(remotes, studio, &root);
    let mut child = site.begin("--bwlimit 20M");
    wait_for_files(&mut child, server.folder(), 3);
    server.stop();
    let status = child.wait().unwrap().code();
    assert!(matches!(status, Some(1 | 3)), "{status:?}");
    assert_eq!(site.processes(), [0; 0]);
    let there = files(server.folder()).len();
    assert!(there < 40, "it was stopped too late");
    server.start_again();
    let rest = site.sync("").status(0);
    assert!(rest.count("copied") >= (40 - there as u64), "{rest}");
    site.agrees();
    assert_eq!(site.failures(), []);
    site.sync("").sent(0);
}

#[test]
fn a_sync_to_sftp_whose_server_goes_away_is_completed_by_the_next() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    goes_away(&studio, &remotes, Server::sftp(&remotes, "sf"));
}

#[test]
fn a_sync_to_a_bucket_whose_server_goes_away_is_completed_by_the_next() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    goes_away(&studio, &remotes, Server::s3(&remotes, "s3"));
}

#[test]
fn a_sync_to_webdav_whose_server_goes_away_is_completed_by_the_next() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    goes_away(&studio, &remotes, Server::webdav(&remotes, "dav"));
}

#[test]
fn a_server_that_goes_away_from_the_long_running_process_is_survived_too() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let mut server = Server::sftp(&remotes, "sf");
    large_files(&studio, 60, 4 << 20);
    let root = server.root().to_owned();
    let site = Site::new(&remotes, &studio, &root);
    let mut child = site.begin("");
    wait_for_files(&mut child, server.folder(), 3);
    server.stop();
    let status = child.wait().unwrap().code();
    assert!(matches!(status, Some(1 | 3)), "{status:?}");
    assert_eq!(site.processes(), [0; 0]);
    assert!(files(server.folder()).len() < 60, "it was stopped too late");
    server.start_again();
    site.sync("").status(0);
    site.agrees();
    assert_eq!(site.failures(), []);
}

#[test]
fn where_nothing_answers_nothing_is_noted_or_forgotten() {
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
        let site = Site::new(&remotes, &studio, &root);
        site.sync("").sent(6);
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
                assert_eq!(site.states().last().unwrap(), "unreachable");
            }
        }
        assert_eq!(site.failures(), []);
        let after = site.lines(&["fetch all"]).ok();
        assert_eq!(after.stdout, before.stdout);
        server.start_again();
        let rest = site.sync("").sent(1);
        assert_eq!(rest.of("gone"), ["footage/acme/spot/old"]);
        site.sync("--delete").sent(0);
        site.agrees();
        studio.remove("WORK/footage/acme/spot/new");
    }
}
