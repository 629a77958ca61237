//! The studio of `--demo`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::studio::Studio;

/// A studio whose folder for temporary files is `tmp`.
fn with_temporary_folder() -> Studio {
    let studio = Studio::filled();
    studio.folder("tmp");
    studio
}

/// Returns the program with `--demo`.
fn demo(studio: &Studio) -> Command {
    let mut command = studio.command();
    command.env("TMPDIR", studio.path("tmp")).arg("--demo");
    command
}

#[test]
fn demo_answers_without_preparation() {
    let studio = with_temporary_folder();
    let run = studio.finish(demo(&studio).args(["--format", "plain", "list", "projects"]));
    let run = run.ok();
    let projects = run.stdout.lines().map(|line| line.split('\t').next());
    let projects: Vec<_> = projects.flatten().collect();
    assert_eq!(
        projects,
        [
            "Bob's Diner/menu film",
            "acme/spot",
            "acme/teaser",
            "nova/titles"
        ]
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn demo_leaves_nothing_and_touches_nothing_else() {
    let studio = with_temporary_folder();
    studio.file(".config", "echo outside\n");
    let before = studio.tree("");
    let mut command = demo(&studio);
    for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        command.env(variable, studio.path("xdg"));
    }
    let lines = [
        "add database ATTIC ~/attic",
        "copy acme/teaser footage WORK NAS --yes",
        "save",
    ];
    command.args(lines.iter().flat_map(|line| ["-c", line]));
    let run = studio.finish(&mut command).ok();
    assert!(run.stdout.contains("copied and verified 1 file"), "{run:?}");
    assert!(!run.stdout.contains("outside"), "{run:?}");
    assert_eq!(studio.tree(""), before);
}

#[test]
fn demo_ends_with_the_status_of_its_commands() {
    let studio = with_temporary_folder();
    for (line, status) in [
        ("compare acme/spot WORK NAS", 3),
        ("copy acme/spot footage WORK SHELF", 1),
        ("fetch", 2),
        ("list clients", 0),
    ] {
        studio
            .finish(demo(&studio).args(["-c", line]))
            .status(status);
    }
    for option in ["--config=x", "--index=x"] {
        studio.finish(demo(&studio).arg(option)).status(2);
    }
}

#[test]
fn demo_names_a_missing_temporary_folder_once() {
    let studio = with_temporary_folder();
    let mut command = demo(&studio);
    command.env("TMPDIR", studio.path("nowhere"));
    let run = studio.finish(command.arg("load")).status(1);
    assert_eq!(run.stderr.matches("nowhere").count(), 1, "{run}");
    assert!(run.stderr.contains("No such file or directory"), "{run}");
}

#[test]
fn ended_demo_removes_its_folder() {
    let studio = with_temporary_folder();
    for signal in [Signal::TERM, Signal::INT] {
        let mut command = demo(&studio);
        command
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"list clients\n").unwrap();
        input
            .write_all("load\n".repeat(100_000).as_bytes())
            .unwrap();
        drop(input);
        let mut answers = child.stdout.take().unwrap();
        answers.read_exact(&mut [0]).unwrap();
        let started = Pid::from_child(&child);
        if signal == Signal::INT {
            // Ctrl-C reaches all programs of the terminal; this process leaves it to the other.
            for program in children(started) {
                kill_process(program, signal).unwrap();
            }
        }
        kill_process(started, signal).unwrap();
        answers.read_to_end(&mut Vec::new()).unwrap();
        let code = if signal == Signal::INT { 130 } else { 143 };
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(fs::read_dir(studio.path("tmp")).unwrap().count(), 0);
    }
}

#[test]
fn demo_interrupted_at_any_moment_removes_its_folder() {
    let studio = with_temporary_folder();
    for milliseconds in [0, 5, 10, 20, 40, 80, 160, 320] {
        let mut command = demo(&studio);
        command.arg("list").arg("clients").process_group(0);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        // The program may have ended, as it does without a signal.
        let _ended = kill_process_group(Pid::from_child(&child), Signal::INT);
        child.wait().unwrap();
        let left = fs::read_dir(studio.path("tmp")).unwrap().count();
        assert_eq!(left, 0, "after {milliseconds} ms");
    }
}

/// Returns the children of a process.
fn children(parent: Pid) -> Vec<Pid> {
    let parent = parent.as_raw_nonzero();
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let pids = list.split_whitespace().map(|pid| pid.parse().unwrap());
    pids.filter_map(Pid::from_raw).collect()
}
