//! Past faults of scans: folders of other categories, closed links, locked and replaced indexes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

use super::{INDEX, index};
use crate::studio::{ProgramRun, Studio, wait_for_call};

/// A project whose folder belongs to another category, or is inside one, is no replica of the outer category, whatever
/// its name is.
#[test]
fn folder_of_another_category_is_no_replica() {
    let studio = Studio::bare();
    studio.file("W/footage/acme/c/p/f", "1");
    studio.file("W/footage/z/y/f", "1");
    let setup = [
        "add database W W",
        "add category footage footage",
        "add category inner footage/acme",
    ];
    let run = |lines: &[&str]| studio.lines(&[&setup[..], lines].concat());
    run(&["load"]).ok();
    let whole = studio.json(&[&setup[..], &["fetch all"]].concat()).stdout;
    run(&["load --project acme/c"]);
    run(&["load --project acme"]);
    run(&["load --project c/p"]).ok();
    let after = studio.json(&[&setup[..], &["fetch all"]].concat()).stdout;
    let strip = |text: &str| text.lines().last().unwrap().replace(char::is_numeric, "");
    assert_eq!(strip(&after), strip(&whole));
    studio.folder("N");
    let copy = run(&["add database N N", "copy acme/c footage W N --dry-run"]).status(1);
    assert!(copy.stderr.contains("acme/c"), "{copy}");
}

/// Files below an unreadable folder are known by their names; only the previous scan knows which of them are one file.
#[test]
fn hard_links_in_unreadable_folder_count_once() {
    let studio = Studio::filled();
    studio.file("WORK/footage/acme/spot/one", [0; 1000]);
    studio.folder("WORK/footage/acme/spot/d");
    for name in ["two", "three"] {
        let (from, to) = (
            "WORK/footage/acme/spot",
            format!("WORK/footage/acme/spot/d/{name}"),
        );
        fs::hard_link(studio.path(from).join("one"), studio.path(to)).unwrap();
    }
    let bytes = || {
        let run = studio.lines_as_user(&[
            "load WORK --project acme/spot",
            "fetch project acme/spot --files",
        ]);
        assert!(!run.stdout.is_empty(), "{run}");
        let connection = index(&studio);
        let sql = "SELECT bytes FROM replicas WHERE project = CAST('spot' AS BLOB) AND category = CAST('footage' AS BLOB)";
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let open = bytes();
    studio.mode("WORK/footage/acme/spot/d", 0);
    let closed = bytes();
    studio.mode("WORK/footage/acme/spot/d", 0o755);
    assert_eq!((closed, bytes()), (open, open));
}

/// A folder whose entries have no readable metadata is unreadable, unless they are excluded anyway.
#[test]
fn excluded_files_need_not_be_readable() {
    let studio = Studio::filled();
    studio.file("WORK/footage/acme/spot/d/.DS_Store", "");
    studio.mode("WORK/footage/acme/spot/d", 0o744);
    let d = studio.path("WORK/footage/acme/spot/d");
    let run = studio.lines_as_user(&["load WORK"]);
    fs::set_permissions(d, fs::Permissions::from_mode(0o755)).unwrap();
    run.ok();
}

/// Ctrl-C ends the wait for another writing process.
#[test]
fn ctrl_c_ends_wait_for_index() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let other = index(&studio);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut command = studio.command();
    command
        .args(["-c", "load"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for_call(child.id(), nix::libc::SYS_clock_nanosleep);
    let begin = Instant::now();
    let number = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(number, Signal::INT).unwrap();
    let run = ProgramRun::new(&studio, &child.wait_with_output().unwrap());
    run.status(130);
    assert!(begin.elapsed() < Duration::from_secs(5));
    other.execute_batch("ROLLBACK").unwrap();
    studio.lines(&["load"]).ok();
}

/// The index may be deleted at any time, even while a session has it open.
#[test]
fn index_deleted_during_session_is_recreated() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let pipe = studio.path("lines");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    studio.file("script.ab", "list clients\nsource lines\n");
    let mut command = studio.command();
    command
        .arg(studio.path("script.ab"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Opens once the second line reads it.
    let mut lines = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let studio = &studio;
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(studio.path(format!("{INDEX}{suffix}"))).unwrap_or_default();
    }
    studio.file("WORK/footage/acme/spot/late.mov", "");
    std::io::Write::write_all(&mut lines, b"load\nfind late\n").unwrap();
    drop(lines);
    let run = ProgramRun::new(studio, &child.wait_with_output().unwrap()).ok();
    assert!(run.stdout.contains("late.mov"), "{run}");
    let connection = Connection::open(studio.path(INDEX)).unwrap();
    let databases: i64 = connection
        .query_row("SELECT count(*) FROM databases", [], |row| row.get(0))
        .unwrap();
    assert_eq!(databases, 2);
}
