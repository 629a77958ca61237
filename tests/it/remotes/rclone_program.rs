//! The rclone program itself: the choice of the program, and a safe environment for it.

use std::path::Path;

use serde_json::json;

use super::copies::assert_same_files;
use super::{RemoteStudio, TestStorageKind, with_each_kind};
use crate::servers::{old_rclone, rclone};
use crate::studio::Studio;

const THERE: &str = "copy acme/spot all WORK CLOUD";

/// Writes a program that reports this version of rclone.
fn write_fake_version(place: &RemoteStudio<'_>, version: &str) {
    place
        .studio
        .file(
            "bin/rclone",
            format!("#!/bin/sh\necho 'rclone {version}'\n"),
        )
        .mode("bin/rclone", 0o755);
}

#[test]
fn missing_rclone_affects_only_remotes() {
    with_each_kind(&[TestStorageKind::Alias], Studio::filled, |place, _| {
        place.studio.folder("empty");
        let line = |line: &str| {
            let mut command = place.command();
            command.env("PATH", place.studio.path("empty"));
            place.studio.finish(command.args(["-c", line]))
        };
        let run = line("load CLOUD");
        assert_ne!(run.status, 0, "{run}");
        assert!(run.stderr.contains("no `rclone` on PATH"), "{run}");
        let run = line(THERE).status(1);
        assert!(run.stderr.contains("no `rclone` on PATH"), "{run}");
        line("copy acme/spot all WORK NAS").ok();
        place.add_database("DAV", "dav:studio");
        let run = line("load").status(3);
        let looked = |database: &str, state: &str| {
            let mut lines = run.stdout.lines();
            lines.any(|line| line.contains(database) && line.contains(state))
        };
        assert!(looked("WORK", "complete"), "{run}");
        assert!(looked("NAS", "complete"), "{run}");
        assert!(looked("CLOUD", "offline"), "{run}");
        assert!(looked("DAV", "offline"), "{run}");
        for (name, root) in [("CLOUD", "cloud:"), ("DAV", "dav:studio")] {
            let reason = format!("storage `{name}` is offline: `{root}` needs the program rclone");
            assert_eq!(run.stderr.matches(&reason).count(), 1, "{run}");
        }
        // A start-up file with a scan keeps no local line from its work.
        let startup = "home/.config/auto-backup/.config";
        let lines = place.studio.read(startup) + "load --older-than 1h\n";
        place.studio.file(startup, lines);
        for (local, status) in [
            ("sync all render WORK NAS", 0),
            ("find reel.mov", 0),
            ("list databases", 0),
            ("list projects", 0),
            ("compare acme/spot render WORK NAS", 0),
            ("fetch all --live", 3),
        ] {
            let run = line(local).status(status);
            assert!(run.stdout.contains(' '), "{local}: {run}");
        }
    });
}

#[test]
fn configured_rclone_overrides_path() {
    with_each_kind(
        &[TestStorageKind::Alias],
        Studio::filled,
        |place, storage| {
            place.studio.folder("empty");
            let set = format!("set rclone {}", rclone().unwrap().display());
            let mut command = place.command();
            command.env("PATH", place.studio.path("empty"));
            place
                .studio
                .finish(command.args(["-c", &set, "-c", THERE]))
                .ok();
            let spot = place.studio.path("WORK/footage/acme/spot");
            place
                .remotes
                .assert_mirrored(&spot, &storage.address("footage/acme/spot"));
            let run = place.lines(&["set rclone ./nowhere/rclone", "load CLOUD"]);
            assert_ne!(run.status, 0, "{run}");
            assert!(run.stderr.contains("nowhere/rclone"), "{run}");
        },
    );
}

#[test]
fn outdated_rclone_is_refused() {
    with_each_kind(&[TestStorageKind::Alias], Studio::filled, |place, _| {
        write_fake_version(place, "v1.53.0");
        let program = place.studio.path("bin/rclone");
        let run = |line: &str| place.studio.finish(place.with(&program).args(["-c", line]));
        for (line, status) in [("load CLOUD", 3), (THERE, 1)] {
            let run = run(line);
            let why = "`$STUDIO/bin/rclone` is rclone 1.53.0, but 1.60.0 or newer is required";
            assert!(run.stderr.contains(why), "{run}");
            assert_eq!(run.status, status, "{run}");
        }
        write_fake_version(place, "of nobody knows which version");
        let run = run("load CLOUD").status(3);
        assert!(
            run.stderr.contains("does not print a version of rclone"),
            "{run}"
        );
    });
}

#[test]
fn old_rclone_is_named_with_its_drawback() {
    with_each_kind(&[TestStorageKind::Alias], Studio::filled, |place, _| {
        write_fake_version(place, "v1.60.1");
        let program = place.studio.path("bin/rclone");
        let run = |options: &[&str]| {
            let mut command = place.with(&program);
            place
                .studio
                .finish(command.args(options).args(["-c", "load CLOUD"]))
        };
        let why = "warning: rclone 1.60.1 is old: with 1.63.0 or newer, a killed copy or sync leaves no incomplete files";
        let shown = run(&[]);
        assert_eq!(shown.stderr.matches(why).count(), 1, "{shown}");
        let quiet = run(&["--quiet"]);
        assert!(!quiet.stderr.contains("is old"), "{quiet}");
    });
}

#[test]
fn oldest_supported_rclone_copies_both_ways() {
    let Some(old) = old_rclone() else {
        return;
    };
    let kinds = [
        TestStorageKind::Sftp,
        TestStorageKind::Shell,
        TestStorageKind::WebDav,
        TestStorageKind::Alias,
    ];
    with_each_kind(&kinds, Studio::filled, |place, storage| {
        copies_both_ways(place, &storage.root, old);
    });
}

#[track_caller]
fn copies_both_ways(place: &RemoteStudio<'_>, root: &str, old: &Path) {
    place
        .studio
        .file("WORK/footage/acme/spot/new\nline #1", "x");
    let answer = |line: &str, names: &[&str]| {
        let mut command = place.with(old);
        command.args(["--format", "json", "-c", line]);
        let run = place.studio.finish(&mut command);
        let document = run.document();
        let document = document.get("databases").map_or(&document, |all| &all[0]);
        json!(
            names
                .iter()
                .map(|name| document[name].clone())
                .collect::<Vec<_>>()
        )
    };
    let ends = ["state", "copied_files", "same_files", "failed_files"];
    assert_eq!(
        answer("copy all all WORK CLOUD", &ends),
        json!(["complete", 6, 0, 0])
    );
    place
        .remotes
        .assert_mirrored(&place.studio.path("WORK"), root);
    assert_eq!(
        answer("copy all all WORK CLOUD", &ends),
        json!(["complete", 0, 6, 0])
    );
    assert_eq!(
        answer("copy all all CLOUD NAS", &ends),
        json!(["complete", 6, 0, 0])
    );
    assert_same_files(place.studio, "WORK", "NAS");
    let counts = ["state", "files", "added", "changed", "gone"];
    assert_eq!(
        answer("load CLOUD", &counts),
        json!(["complete", 6, 0, 0, 0])
    );
}

#[test]
fn rclone_environment_variables_are_ignored() {
    with_each_kind(
        &[TestStorageKind::Sftp, TestStorageKind::Alias],
        Studio::filled,
        |place, storage| {
            let run = |line: &str| {
                let mut command = place.command();
                command.envs([
                    ("RCLONE_DRY_RUN", "true"),
                    ("RCLONE_INCLUDE", "*.nothing"),
                    ("RCLONE_EXCLUDE", "*.mov"),
                    ("RCLONE_MAX_SIZE", "1"),
                    ("RCLONE_MAX_DEPTH", "1"),
                    ("RCLONE_IGNORE_EXISTING", "true"),
                    ("RCLONE_LOG_LEVEL", "ERROR"),
                    ("RCLONE_QUIET", "true"),
                    ("RCLONE_VERBOSE", "2"),
                    ("RCLONE_RC", "true"),
                    ("RCLONE_BACKUP_DIR", "elsewhere"),
                ]);
                place.studio.finish(command.args(["-c", line]))
            };
            run("copy all all WORK CLOUD").ok();
            place
                .remotes
                .assert_mirrored(&place.studio.path("WORK"), &storage.root);
            run("load CLOUD").ok();
            run("copy all all CLOUD NAS").ok();
            assert_same_files(place.studio, "WORK", "NAS");
        },
    );
}
