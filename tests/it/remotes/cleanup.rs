//! The remains of every ended run: no rclone, no temporary files, no half file.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{RemoteStudio, TestStorageKind, with_each_kind};
use crate::studio::Studio;

const LARGE: &str = "copy acme/large footage WORK CLOUD";

/// A project with one file that takes some time to send.
fn large() -> Studio {
    let studio = Studio::filled();
    studio.file("WORK/footage/acme/large/l.mov", "");
    let file = fs::File::options()
        .write(true)
        .open(studio.path("WORK/footage/acme/large/l.mov"));
    file.unwrap().set_len(1 << 30).unwrap();
    studio
}

/// True if a program with the remotes of this studio still runs, except servers.
fn is_something_running(place: &RemoteStudio<'_>) -> bool {
    let config = format!("RCLONE_CONFIG={}", place.remotes.config().display());
    let knows = |process: &Path| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == config.as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap();
    processes
        .filter_map(Result::ok)
        .any(|process| knows(&process.path()))
}

/// Starts to copy the large file, and waits until a part has arrived.
fn under_way(place: &RemoteStudio<'_>, folder: &Path) -> Child {
    let mut command = place.command();
    command
        .args(["-c", LARGE])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let folder = folder.join("footage/acme/large");
    let is_there = || {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        entries
            .filter_map(Result::ok)
            .any(|entry| entry.metadata().is_ok_and(|file| file.len() > 0))
    };
    while !is_there() {
        assert!(child.try_wait().unwrap().is_none(), "it went too fast");
        std::thread::yield_now();
    }
    assert!(is_something_running(place));
    child
}

#[test]
fn killed_run_leaves_no_rclone_and_resumes() {
    with_each_kind(&[TestStorageKind::Sftp], large, |place, storage| {
        let mut child = under_way(place, &storage.folder);
        child.kill().unwrap();
        child.wait().unwrap();
        // The system ends them at once, but not at the same moment.
        while is_something_running(place) {
            std::thread::yield_now();
        }
        let file = "footage/acme/large/l.mov";
        assert!(!storage.folder.join(file).exists());
        let ends = place.answer_fields(LARGE, &["state", "copied_files", "failed_files"]);
        assert_eq!(json!(ends), json!(["complete", 1, 0]));
        assert_eq!(storage.folder.join(file).metadata().unwrap().len(), 1 << 30);
    });
}

#[test]
fn ctrl_c_ends_run_and_rclone() {
    with_each_kind(
        &[TestStorageKind::Sftp, TestStorageKind::WebDav],
        large,
        |place, storage| {
            let mut child = under_way(place, &storage.folder);
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(130));
            assert!(!is_something_running(place));
            let history = place.json("history --last 1").document();
            assert_eq!(history["runs"][0]["state"], "interrupted", "{history}");
            place.lines(&["copy acme/spot all WORK CLOUD"]).ok();
        },
    );
}

#[test]
fn temporary_files_are_removed() {
    // The temporary files are on this machine, whatever the kind of the storage.
    let kinds = [TestStorageKind::Sftp, TestStorageKind::S3];
    with_each_kind(&kinds, Studio::filled, |place, storage| {
        place
            .studio
            .folder("temporary")
            .folder("WORK/footage/acme/spot/empty");
        for line in [
            "load CLOUD",
            "copy all all WORK CLOUD",
            "copy all all WORK CLOUD",
            "copy all all CLOUD NAS",
            "compare all all WORK CLOUD --checksum",
            "fetch all --live",
            "list databases",
        ] {
            let mut command = place.command();
            command
                .env("TMPDIR", place.studio.path("temporary"))
                .args(["--quiet", "-c", line]);
            place.studio.finish(&mut command).status(0);
            assert_eq!(place.studio.tree("temporary"), "", "{line}");
            assert!(!is_something_running(place), "{line}");
        }
        assert!(!fs::exists(place.studio.path("NAS/.auto-backup/incoming")).unwrap());
        let partial = place
            .remotes
            .stdout_of(&["lsf", "-R", "--files-only", &storage.root]);
        assert!(!partial.contains("partial"), "{partial}");
    });
}
