//! The start-up file, the index and the run log in folders that others can write.

use std::fs;
use std::os::unix::fs::symlink;

use super::{
    OTHER_USER, PLANTED_FILES, as_other_user, folder, has_two_users, run_with, victim_file,
    while_swapping,
};
use crate::studio::Studio;

/// A studio whose folder `shared` has these permissions, this owner and group.
fn shared(mode: u32, owner: u32, group: u32) -> Studio {
    let studio = Studio::new();
    folder(&studio, "shared", mode, owner, group);
    studio
}

#[test]
fn startup_file_in_shared_folder_is_skipped() {
    if !has_two_users() {
        return;
    }
    for (mode, owner, group) in [
        (0o777, 0, 0),
        (0o1777, 0, 0),
        (0o775, 0, OTHER_USER),
        (0o755, OTHER_USER, OTHER_USER),
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
        assert!(run.stderr.contains("was not run: "), "{mode:o}: {run}");
        assert!(run.stdout.contains("footage"), "{mode:o}: {run}");
    }
}

#[test]
fn swapped_startup_file_never_runs() {
    if !has_two_users() {
        return;
    }
    let studio = shared(0o755, OTHER_USER, OTHER_USER);
    studio.file("shared/.config", "add category mine mine\n");
    as_other_user(|| {
        fs::write(studio.path("shared/.evil"), "add category pwned pwned\n").unwrap();
    });
    let (own, evil) = (studio.path("shared/.config"), studio.path("shared/.evil"));
    while_swapping(&own, &evil, || {
        for _ in 0..60 {
            let mut command = studio.command();
            command.current_dir(studio.path("shared"));
            let run = studio.finish(command.args(["-c", "list categories"]));
            assert!(!run.stdout.contains("pwned"), "{run}");
        }
    });
}

#[test]
fn save_follows_no_symlink() {
    if !has_two_users() {
        return;
    }
    for mode in [0o777, 0o1777] {
        let studio = shared(mode, 0, 0);
        let is_precious = victim_file(&studio);
        studio.file("shared/studio.ab", "# ours\n");
        let victim = studio.path("victim/thesis.txt");
        as_other_user(|| {
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
fn planted_startup_file_is_not_saved_to() {
    if !has_two_users() {
        return;
    }
    for (name, trap) in PLANTED_FILES.iter().filter(|(name, _)| *name != "pipe") {
        let studio = shared(0o777, 0, 0);
        let is_precious = victim_file(&studio);
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
fn planted_log_file_is_reported() {
    if !has_two_users() {
        return;
    }
    for (name, trap) in PLANTED_FILES {
        let studio = shared(0o777, 0, 0);
        let is_precious = victim_file(&studio);
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
fn planted_index_file_is_refused() {
    if !has_two_users() {
        return;
    }
    for (name, trap) in PLANTED_FILES {
        for suffix in ["", "-wal", "-journal"] {
            let studio = shared(0o777, 0, 0);
            let is_precious = victim_file(&studio);
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
