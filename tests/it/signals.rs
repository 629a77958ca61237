//! Ctrl-C and SIGTERM.

use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::studio::{PROGRAM, Studio};

/// Returns status and standard error of a script of many equal lines that gets a signal after its first answer.
fn run_until_signal(signal: Signal, line: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let studio = Studio::filled();
    studio.file("script.ab", format!("{line}\n").repeat(100_000));
    let mut command = studio.command();
    command
        .args(arguments)
        .arg("script.ab")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut answers = child.stdout.take().unwrap();
    answers.read_exact(&mut [0]).unwrap();
    kill_process(Pid::from_child(&child), signal).unwrap();
    answers.read_to_end(&mut Vec::new()).unwrap();
    let output = child.wait_with_output().unwrap();
    studio.lines(&["load", "fetch all"]).ok();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn ctrl_c_stops_script_despite_keep_going() {
    for line in ["load WORK", "list categories"] {
        assert_eq!(
            run_until_signal(Signal::INT, line, &[]),
            (Some(130), "interrupted\n".to_owned())
        );
    }
    assert_eq!(
        run_until_signal(Signal::INT, "load WORK", &["--keep-going"]).0,
        Some(130)
    );
}

#[test]
fn sigterm_and_sighup_stop_script() {
    assert_eq!(
        run_until_signal(Signal::TERM, "load WORK", &[]).0,
        Some(143)
    );
    if !ignores(Signal::HUP) {
        assert_eq!(
            run_until_signal(Signal::HUP, "list categories", &[]).0,
            Some(143)
        );
    }
}

/// True if the parent of these tests ignored a signal; the program then ignores it too.
pub(crate) fn ignores(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn nohup_script_survives_its_terminal() {
    let studio = Studio::filled();
    studio.file("script.ab", "list categories\n".repeat(3000) + "load\n");
    let mut command = studio.other_program("nohup");
    command.args([PROGRAM, "--quiet", "script.ab"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut answers = child.stdout.take().unwrap();
    answers.read_exact(&mut [0]).unwrap();
    // The second would end it at once.
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    }
    answers.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(studio.lines(&["list clients"]).ok().stdout.contains("acme"));
}

#[test]
fn signal_ends_wait_for_script_input() {
    let studio = Studio::filled();
    for signal in [Signal::INT, Signal::TERM] {
        // A shell starts what runs in its background with Ctrl-C ignored.
        if ignores(signal) {
            continue;
        }
        let mut child = studio
            .command()
            .arg("-")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
    }
}
