//! Trees of extreme shape: very wide, very deep, with names of maximum length.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

use super::{count_found, database_row, totals};
use crate::studio::{PROGRAM, ProgramRun, Studio};

/// Removes a tree that is too deep for paths, and for one open handle per level.
struct DeepTreeGuard<'a>(&'a Studio);

impl Drop for DeepTreeGuard<'_> {
    fn drop(&mut self) {
        let _ended = Command::new("rm")
            .arg("-rf")
            .arg(self.0.path("WORK"))
            .status();
    }
}

fn folder(at: &OwnedFd, name: &OsStr) -> OwnedFd {
    mkdirat(at, name, Mode::RWXU).unwrap();
    open(at, name)
}

fn open(at: &OwnedFd, name: &OsStr) -> OwnedFd {
    openat(at, name, OFlags::DIRECTORY | OFlags::RDONLY, Mode::empty()).unwrap()
}

fn file(at: &OwnedFd, name: &OsStr, content: &str) {
    let flags = OFlags::CREATE | OFlags::WRONLY;
    let handle = openat(at, name, flags, Mode::RUSR | Mode::WUSR).unwrap();
    rustix::io::write(handle, content.as_bytes()).unwrap();
}

/// A load by a process with this limit of open files.
fn load_with_handles(studio: &Studio, handles: u32) -> ProgramRun {
    let command = studio.command();
    let mut limited = Command::new("sh");
    limited.env_clear().current_dir(studio.path(""));
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap_or_default());
    }
    let line = format!(r#"ulimit -n {handles}; exec "$0" "$@""#);
    limited.args(["-c", &line, PROGRAM, "--format", "json", "-c", "load"]);
    studio.finish(&mut limited)
}

#[test]
fn folder_of_200000_files_is_scanned() {
    const FILES: u64 = 200_000;
    let studio = Studio::filled();
    let wide = studio
        .folder("WORK/footage/acme/wide/all")
        .path("WORK/footage/acme/wide/all");
    for number in 0..FILES {
        File::create(wide.join(format!("f{number:06}"))).unwrap();
    }
    studio.lines_as_user(&["load"]).ok();
    assert_eq!(count_found(&studio, "f1234"), 100);
    studio.remove("WORK/footage/acme/wide/all/f123456");
    let load = studio.json(&["load"]).ok();
    assert_eq!(super::change_counts(&load, "WORK"), [0, 0, 1]);
    assert_eq!(totals(&load, "WORK").0, FILES - 1 + 5);
    // All names can be read, but no entry's metadata.
    studio.mode(&wide, 0o444);
    let start = Instant::now();
    let load = studio.lines_as_user(&["load WORK"]).status(3);
    let elapsed = start.elapsed();
    studio.mode(&wide, 0o755);
    assert!(load.stdout.contains("200,004"), "{}", load.stdout);
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
    assert_eq!(count_found(&studio, "f1234"), 99);
    let load = studio.json(&["load"]).ok();
    assert_eq!(super::change_counts(&load, "WORK"), [0, 0, 0]);
}

#[test]
fn thousand_levels_need_few_handles() {
    const LEVELS: u64 = 1000;
    let studio = Studio::new();
    let _deep = DeepTreeGuard(&studio);
    studio
        .folder("WORK/footage/acme/deep")
        .file("NAS/footage/acme/spot/f", "f");
    let deep = studio.path("WORK/footage/acme/deep");
    let mut at = openat(CWD, deep, OFlags::DIRECTORY, Mode::empty()).unwrap();
    let mut sides = 0;
    for level in 0..LEVELS {
        // More waiting folders than the limit of open files, some of them far down.
        if level < 50 || level % 100 == 0 {
            for name in ["a", "z"] {
                file(&folder(&at, name.as_ref()), "f".as_ref(), "12");
                sides += 1;
            }
        }
        at = folder(&at, "m".as_ref());
        file(&at, "f".as_ref(), "3");
    }
    let load = load_with_handles(&studio, 64).status(0);
    assert_eq!(totals(&load, "WORK"), (LEVELS + sides, LEVELS + 2 * sides));
    assert_eq!(database_row(&load, "WORK")["unreadable"], 0);
    assert_eq!(count_found(&studio, "f") as u64, LEVELS + sides + 1);
}

#[test]
fn paths_beyond_path_max_are_scanned() {
    const LEVELS: u64 = 40;
    let studio = Studio::new();
    let _deep = DeepTreeGuard(&studio);
    studio.folder("WORK/footage/acme/deep");
    let mut at = openat(
        CWD,
        studio.path("WORK/footage/acme/deep"),
        OFlags::DIRECTORY,
        Mode::empty(),
    )
    .unwrap();
    let mut name = [0xe9; 255];
    name[100] = b'\n';
    let name = OsStr::from_bytes(&name);
    for level in 0..LEVELS {
        at = folder(&at, name);
        file(&at, OsStr::from_bytes(&[0xff; 255]), "12345");
        if level % 2 == 0 {
            rustix::fs::symlinkat(OsStr::from_bytes(b"\xfe\n\t"), &at, "li\nnk").unwrap();
        }
    }
    let load = studio.json(&["load"]).ok();
    assert_eq!(totals(&load, "WORK"), (LEVELS + LEVELS / 2, 5 * LEVELS));
    assert_eq!(count_found(&studio, "'*'") as u64, LEVELS + LEVELS / 2);
    let again = studio.json(&["load"]).ok();
    assert_eq!(super::change_counts(&again, "WORK"), [0, 0, 0]);
    assert_eq!(database_row(&again, "WORK")["unreadable"], 0);
    // The deepest folder changes.
    file(&at, "new".as_ref(), "1");
    let changed = studio.json(&["load"]).ok();
    assert_eq!(super::change_counts(&changed, "WORK"), [1, 0, 0]);
    studio
        .json(&["fetch all", "list projects", "find new"])
        .ok();
}
