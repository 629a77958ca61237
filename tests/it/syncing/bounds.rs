//! Syncs that are bounded: by a number of files, by a time, by a rate.

use super::{Site, files, large_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

#[test]
fn no_more_files_go_than_are_asked_for_and_the_rest_is_left() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    large_files(&studio, 10, 10);
    for (there, left) in [(4, 6), (8, 2), (10, 0)] {
        let sent = if there == 10 { 2 } else { 4 };
        let some = site.sync("--max-files 4").sent(sent);
        assert_eq!(some.of("unreached").len(), left);
        assert_eq!(files(server.folder()).len(), there);
        assert_eq!(site.failures(), []);
    }
    site.agrees();
    site.sync("--max-files 0").sent(0);
    assert_eq!(site.states(), ["complete"; 4]);
}

#[test]
fn the_rest_is_told_of() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    large_files(&studio, 10, 10);
    let run = site.lines(&["sync all all WORK CLOUD --max-files 4"]).ok();
    assert!(run.stdout.contains("6 left for the next sync"), "{run}");
}

#[test]
fn when_the_time_is_over_no_file_is_begun_and_the_next_sync_goes_on() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    large_files(&studio, 60, 1 << 20);
    let some = site.sync("--for 1s --bwlimit 8M").status(0);
    let (copied, left) = (some.count("copied"), some.of("unreached").len() as u64);
    assert!(left > 0, "{some}");
    assert_eq!(copied + left, 60, "{some}");
    assert_eq!(files(server.folder()).len() as u64, copied);
    assert_eq!(some.document["state"], "complete");
    assert_eq!(site.failures(), []);
    site.sync("").sent(left);
    site.agrees();
}

#[test]
fn an_old_rclone_is_bounded_too() {
    let studio = Studio::new();
    let (Some(remotes), Some(old)) = (Remotes::new(&studio), crate::servers::old_rclone()) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root()).with(old);
    large_files(&studio, 60, 1 << 20);
    let some = site.sync("--for 1s --bwlimit 8M").status(0);
    let left = some.of("unreached").len() as u64;
    assert!(left > 0, "{some}");
    assert_eq!(site.failures(), []);
    site.sync("").sent(left);
    site.agrees();
}

#[test]
fn a_timetable_is_a_rate() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    site.sync("--bwlimit '08:00,10M 23:00,off'").sent(5);
    site.agrees();
}

#[test]
fn a_rate_that_rclone_does_not_understand_sends_nothing() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = Site::new(&remotes, &studio, server.root());
    let run = site.json("sync all all WORK CLOUD --bwlimit fast");
    assert!(run.status != 0, "{run}");
    assert_eq!(files(&server.folder().join("footage")).len(), 0);
    site.sync("").sent(5);
    assert_eq!(site.failures(), []);
}
