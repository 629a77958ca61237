//! Root in a user's home folder: files that it writes there belong to the user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown, symlink};
use std::path::PathBuf;

use super::{OTHER_USER, has_two_users, victim_file};
use crate::studio::Studio;

const CONFIG: &str = "home/.config/auto-backup/.config";

/// A studio in which everything below `home` belongs to the other user.
fn home_of_another() -> Studio {
    let studio = Studio::new();
    studio
        .folder("home/.local/state")
        .folder("home/.local/share");
    let mut pending = vec![studio.path("home")];
    while let Some(path) = pending.pop() {
        lchown(&path, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
        if path.is_dir() {
            pending.extend(below(&path));
        }
    }
    studio
}

fn below(path: &std::path::Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn root_skips_startup_file_of_another_user() {
    if !has_two_users() {
        return;
    }
    let studio = home_of_another();
    let run = studio.lines(&["list categories"]);
    assert!(!run.stdout.contains("footage"), "{run}");
    assert!(run.stderr.contains("it belongs to another user"), "{run}");
    studio
        .run(["--config", CONFIG, "-c", "list categories"])
        .ok();
}

#[test]
fn files_saved_by_root_keep_their_owner() {
    if !has_two_users() {
        return;
    }
    let studio = home_of_another();
    studio.mode(CONFIG, 0o640);
    let save = [
        "--config",
        CONFIG,
        "-c",
        "add category new new",
        "-c",
        "save",
        "-c",
        "load",
    ];
    studio.run(save).ok();
    assert!(studio.read(CONFIG).contains("add category new new"));
    assert_eq!(
        fs::metadata(studio.path(CONFIG)).unwrap().mode() & 0o777,
        0o640
    );
    let mut pending = vec![studio.path("home")];
    while let Some(path) = pending.pop() {
        let found = fs::metadata(&path).unwrap();
        assert_eq!(
            (found.uid(), found.gid()),
            (OTHER_USER, OTHER_USER),
            "{}",
            path.display()
        );
        if found.is_dir() {
            pending.extend(below(&path));
        }
    }
}

#[test]
fn root_follows_no_symlink_in_user_folder() {
    if !has_two_users() {
        return;
    }
    let studio = home_of_another();
    let is_precious = victim_file(&studio);
    let state = studio.path("home/.local/state/auto-backup");
    symlink(studio.path("victim"), &state).unwrap();
    lchown(&state, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    let run = studio.run(["--config", CONFIG, "-c", "load"]).status(3);
    assert!(run.stderr.contains("it belongs to another user"), "{run}");
    is_precious();
}
