//! Syncs with a limit of files, time or rate.

use super::{SyncStudio, files, write_large_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

#[test]
fn max_files_leaves_the_rest() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 10, 10);
    for (there, left) in [(4, 6), (8, 2), (10, 0)] {
        let sent = if there == 10 { 2 } else { 4 };
        let some = site.sync("--max-files 4").assert_sent(sent);
        assert_eq!(some.paths_with("unreached").len(), left);
        assert_eq!(files(server.folder()).len(), there);
        assert_eq!(site.failures(), []);
    }
    site.assert_mirrored();
    site.sync("--max-files 0").assert_sent(0);
    assert_eq!(site.run_states(), ["complete"; 4]);
}

#[test]
fn remaining_files_are_reported() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 10, 10);
    let run = site.lines(&["sync all all WORK CLOUD --max-files 4"]).ok();
    assert!(run.stdout.contains("6 left for the next sync"), "{run}");
}

#[test]
fn time_limit_starts_no_further_file() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 60, 1 << 20);
    let some = site.sync("--for 1s --bwlimit 8M").status(0);
    let (copied, left) = (
        some.count("copied"),
        some.paths_with("unreached").len() as u64,
    );
    assert!(left > 0, "{some}");
    assert_eq!(copied + left, 60, "{some}");
    assert_eq!(files(server.folder()).len() as u64, copied);
    assert_eq!(some.document["state"], "complete");
    assert_eq!(site.failures(), []);
    site.sync("").assert_sent(left);
    site.assert_mirrored();
}

#[test]
fn time_limit_works_with_old_rclone() {
    let studio = Studio::new();
    let (Some(remotes), Some(old)) = (Remotes::new(&studio), crate::servers::old_rclone()) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root()).with_rclone(old);
    write_large_files(&studio, 60, 1 << 20);
    let some = site.sync("--for 1s --bwlimit 8M").status(0);
    let left = some.paths_with("unreached").len() as u64;
    assert!(left > 0, "{some}");
    assert_eq!(site.failures(), []);
    site.sync("").assert_sent(left);
    site.assert_mirrored();
}

#[test]
fn bandwidth_timetable_is_accepted() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    site.sync("--bwlimit '08:00,10M 23:00,off'").assert_sent(5);
    site.assert_mirrored();
}

#[test]
fn invalid_bandwidth_sends_nothing() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let run = site.json("sync all all WORK CLOUD --bwlimit fast");
    assert!(run.status != 0, "{run}");
    assert_eq!(files(&server.folder().join("footage")).len(), 0);
    site.sync("").assert_sent(5);
    assert_eq!(site.failures(), []);
}
