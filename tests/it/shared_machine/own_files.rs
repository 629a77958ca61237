//! The start-up file, the index, and the log of runs in folders that others can write.

use std::fs;
use std::os::unix::fs::symlink;

use super::{
    STRANGER, TRAPS, as_stranger, folder, has_two_users, precious, run_with, while_exchanged,
};
use crate::studio::Studio;

/// A studio in whose folder `shared` others may do what these permissions, owner and group let them.
fn shared(mode: u32, owner: u32, group: u32) -> Studio {
    let studio = Studio::new();
    folder(&studio, "shared", mode, owner, group);
    studio
}

#[test]
fn a_start_up_file_beside_others_is_passed_over() {
    if !has_two_users() {
        return;
    }
    for (mode, owner, group) in [
        (0o777, 0, 0),
        (0o1777, 0, 0),
        (0o775, 0, STRANGER),
        (0o755, STRANGER, STRANGER),
    ] {
        let studio = shared(mode, owner, group);
        studio.file("shared/.config", "add category pwned pwned\n");
        let mut command = studio.command();
        let run = studio.finish(
            command
                .current_dir(studio.path("shared"))
                .args(["-c", "list categories"]),
        );
        assert!(!run.stdout.contains("pwned"), "{mode:o}: {run}");
        assert!(
            run.stderr.contains("passed over the start-up file"),
            "{mode:o}: {run}"
        );
        assert!(run.stdout.contains("footage"), "{mode:o}: {run}");
    }
}

#[test]
fn an_exchanged_start_up_file_never_runs() {
    if !has_two_users() {
        return;
    }
    let studio = shared(0o755, STRANGER, STRANGER);
    studio.file("shared/.config", "add category mine mine\n");
    as_stranger(|| {
        fs::write(studio.path("shared/.evil"), "add category pwned pwned\n").unwrap();
    });
    let (own, evil) = (studio.path("shared/.config"), studio.path("shared/.evil"));
    while_exchanged(&own, &evil, || {
        for _ in 0..60 {
            let mut command = studio.command();
            command.current_dir(studio.path("shared"));
            let run = studio.finish(command.args(["-c", "list categories"]));
            assert!(!run.stdout.contains("pwned"), "{run}");
        }
    });
}

#[test]
fn saving_goes_through_no_link() {
    if !has_two_users() {
        return;
    }
    for mode in [0o777, 0o1777] {
        let studio = shared(mode, 0, 0);
        let is_precious = precious(&studio);
        studio.file("shared/studio.ab", "# ours\n");
        let victim = studio.path("victim/thesis.txt");
        as_stranger(|| {
            let me = std::process::id();
            for process in me..me + 2000 {
                let trap = studio.path(format!("shared/studio.ab.{process}.part"));
                symlink(&victim, trap).unwrap();
            }
        });
        let save = [
            "--config",
            "shared/studio.ab",
            "-c",
            "add category new new",
            "-c",
            "save",
        ];
        studio.run(save).ok();
        is_precious();
        assert_eq!(
            studio.read("shared/studio.ab"),
            "# ours\nadd category new new\n"
        );
        assert!(!studio.path("shared/studio.ab").is_symlink());
    }
}

#[test]
fn a_trap_in_the_place_of_the_start_up_file_is_not_saved_to() {
    if !has_two_users() {
        return;
    }
    for (name, trap) in TRAPS.iter().filter(|(name, _)| *name != "pipe") {
        let studio = shared(0o777, 0, 0);
        let is_precious = precious(&studio);
        studio.file("ours.ab", "# ours\n");
        let place = studio.path("shared/studio.ab");
        trap(&place, &studio.path("victim/thesis.txt"));
        let mut command = studio.command();
        command.args([
            "--config",
            "shared/studio.ab",
            "-c",
            "add category new new",
            "-c",
            "save",
        ]);
        let run = studio.finish(&mut command);
        assert_ne!(run.status, 0, "{name}: {run}");
        is_precious();
    }
}

#[test]
fn a_trap_in_the_place_of_the_log_is_told() {
    if !has_two_users() {
        return;
    }
    for (name, trap) in TRAPS {
        let studio = shared(0o777, 0, 0);
        let is_precious = precious(&studio);
        studio
            .folder("shared/auto-backup")
            .mode("shared/auto-backup", 0o777);
        let month = run_with(
            &studio,
            ("XDG_STATE_HOME", &studio.path("other")),
            &["-c", "load"],
        );
        month.ok();
        let log = fs::read_dir(studio.path("other/auto-backup"))
            .unwrap()
            .next();
        let log = studio
            .path("shared/auto-backup")
            .join(log.unwrap().unwrap().file_name());
        trap(&log, &studio.path("victim/thesis.txt"));
        let state = studio.path("shared");
        let run = run_with(&studio, ("XDG_STATE_HOME", &state), &["-c", "load"]);
        assert_eq!(run.status, 3, "{name}: {run}");
        assert_eq!(run.stderr.lines().count(), 1, "{name}: {run}");
        assert!(run.stderr.contains("shared/auto-backup/"), "{name}: {run}");
        is_precious();
    }
}

#[test]
fn a_trap_in_the_place_of_the_index_is_refused() {
    if !has_two_users() {
        return;
    }
    for (name, trap) in TRAPS {
        for suffix in ["", "-wal", "-journal"] {
            let studio = shared(0o777, 0, 0);
            let is_precious = precious(&studio);
            let place = studio.path(format!("shared/index{suffix}"));
            trap(&place, &studio.path("victim/thesis.txt"));
            let index = studio.path("shared/index");
            let arguments = ["--index", index.to_str().unwrap(), "-c", "load"];
            let run = run_with(&studio, ("LANG", "C.UTF-8".as_ref()), &arguments);
            assert_ne!(run.status, 124, "{name}{suffix} hangs: {run}");
            if suffix.is_empty() {
                assert_eq!(run.status, 1, "{name}: {run}");
                assert_eq!(run.stderr.lines().count(), 1, "{name}: {run}");
            }
            is_precious();
        }
    }
}
