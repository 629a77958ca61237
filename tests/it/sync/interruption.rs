//! Syncs that are killed, whose rclone is killed, or that are stopped by Ctrl-C: the next one continues, and no process
//! stays.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use super::{SyncStudio, files, wait_for_files, wait_until, write_large_files};
use crate::servers::{Remotes, Server};
use crate::studio::Studio;

/// Returns inode and status time of each file, which show that a file was sent again.
fn marks(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mark = |path: PathBuf| {
        let found = fs::metadata(folder.join(&path)).unwrap();
        (path, (found.ino(), found.ctime(), found.ctime_nsec()))
    };
    files(folder).into_iter().map(mark).collect()
}

/// Maximum number of files of a killed run that its log may miss: those in transfer, and those of the last moment.
const UNSAID: usize = 16;

/// Kills a sync in the middle, and continues.
#[track_caller]
fn assert_resumes(studio: &Studio, remotes: &Remotes<'_>, server: &Server<'_>, options: &str) {
    const FILES: usize = 60;
    write_large_files(studio, FILES, 1 << 20);
    let site = SyncStudio::new(remotes, studio, server.root());
    let mut child = site.start_sync(options);
    wait_for_files(&mut child, server.folder(), 30);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("rclone ends with us", || site.rclone_processes().is_empty());
    let mut before = marks(server.folder());
    assert!(before.len() < FILES, "it was killed too late");
    let rest = site.sync("").status(0);
    site.assert_mirrored();
    let after = marks(server.folder());
    // Without the server's own temporary file of an upload.
    before.retain(|path, _| after.contains_key(path));
    let again = before.iter().filter(|(path, mark)| after[*path] != **mark);
    let again = again.count();
    assert!(
        again <= UNSAID,
        "{again} of {} were sent again: {rest}",
        before.len()
    );
    let sent = usize::try_from(rest.count("copied")).unwrap();
    // A file that became complete during the kill is found there and not sent.
    let left = FILES - before.len() + again;
    assert!(sent <= left && sent + UNSAID >= left, "{rest}");
    assert_eq!(site.failures(), []);
    assert_eq!(site.run_states(), ["interrupted", "complete"]);
    site.sync("").assert_sent(0);
}

#[test]
fn killed_sync_to_sftp_resumes() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    assert_resumes(&studio, &remotes, &server, "--bwlimit 16M");
}

#[test]
fn killed_sync_to_bucket_resumes() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::s3(&remotes, "s3");
    assert_resumes(&studio, &remotes, &server, "--bwlimit 16M");
}

#[test]
fn killed_sync_to_webdav_resumes() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::webdav(&remotes, "dav");
    assert_resumes(&studio, &remotes, &server, "--bwlimit 16M");
}

/// Starts a sync through the daemon, and waits until it is in the middle.
#[track_caller]
fn in_the_middle(site: &SyncStudio<'_>, server: &Server<'_>) -> std::process::Child {
    write_large_files(site.studio, 60, 4 << 20);
    let mut child = site.start_sync("");
    wait_for_files(&mut child, server.folder(), 4);
    child
}

#[test]
fn killed_sync_leaves_no_rclone_daemon() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let mut child = in_the_middle(&site, &server);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("rclone ends with us", || site.rclone_processes().is_empty());
    assert!(files(server.folder()).len() < 60, "it was killed too late");
    site.sync("").status(0);
    site.assert_mirrored();
    assert_eq!(site.run_states(), ["interrupted", "complete"]);
}

/// Kills rclone in the middle of a sync.
#[track_caller]
fn assert_survives_rclone_kill(options: &str) {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 60, 4 << 20);
    let mut child = site.start_sync(options);
    wait_for_files(&mut child, server.folder(), 4);
    for number in site.rclone_processes() {
        let pid = Pid::from_raw(number.cast_signed()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
    let status = child.wait().unwrap().code();
    assert!(matches!(status, Some(1 | 3)), "{status:?}");
    assert!(files(server.folder()).len() < 60, "it was killed too late");
    assert_eq!(site.rclone_processes(), [0; 0]);
    site.sync("").status(0);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
}

#[test]
fn killed_rclone_daemon_fails_only_unsent_files() {
    assert_survives_rclone_kill("");
}

#[test]
fn killed_limited_rclone_fails_only_unsent_files() {
    assert_survives_rclone_kill("--bwlimit 30M");
}

#[test]
fn ctrl_c_stops_sync_and_next_completes() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    let mut child = in_the_middle(&site, &server);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(site.rclone_processes(), [0; 0]);
    let there = files(server.folder()).len();
    assert!(there < 60, "it was stopped too late");
    assert_eq!(site.run_states(), ["interrupted"]);
    assert_eq!(site.failures(), []);
    let rest = site.sync("").status(0);
    site.assert_mirrored();
    assert_eq!(rest.count("copied") + rest.count("same"), 60);
    assert_eq!(site.run_states(), ["interrupted", "complete"]);
}

#[test]
fn sigterm_stops_a_limited_sync() {
    let studio = Studio::new();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let server = Server::sftp(&remotes, "sf");
    let site = SyncStudio::new(&remotes, &studio, server.root());
    write_large_files(&studio, 60, 1 << 20);
    let mut child = site.start_sync("--bwlimit 8M");
    wait_for_files(&mut child, server.folder(), 9);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(site.rclone_processes(), [0; 0]);
    assert_eq!(site.run_states(), ["interrupted"]);
    // Files reported as present are not sent again.
    let before = marks(server.folder());
    let rest = site.sync("").status(0);
    let after = marks(server.folder());
    let again = before.iter().filter(|(path, mark)| after[*path] != **mark);
    assert!(again.count() <= UNSAID, "{rest}");
    site.assert_mirrored();
}
