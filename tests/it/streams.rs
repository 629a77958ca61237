//! Standard output and standard error that are closed, full, or without color.

use std::fs::OpenOptions;
use std::process::Command;

use insta::assert_snapshot;

use crate::studio::{PROGRAM, ProgramRun, Studio};

/// Beginning of every color.
const ESC: char = '\u{1b}';

/// A studio whose answers are longer than the buffer of a pipe.
fn large() -> Studio {
    let studio = Studio::new();
    for number in 0..1500 {
        studio.file(format!("WORK/footage/acme/spot/{number:0150}.exr"), "");
    }
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn closed_pipe_ends_answer_quietly() {
    let studio = large();
    for format in ["table", "plain", "csv", "json"] {
        let mut command = studio.command();
        command.args(["--format", format, "-c", "find exr", "-c", "list projects"]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = studio.finish_with(&mut command, writer);
        assert!(run.status == 0 && run.stderr.is_empty(), "{format}: {run}");
    }
}

#[test]
fn closed_pipe_ends_help_quietly() {
    let studio = Studio::new();
    for arguments in [["--help", "--quiet"], ["-c", "help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = studio.finish_with(studio.command().args(arguments), writer);
        assert!(run.status == 0 && run.stderr.is_empty(), "{run}");
    }
}

#[test]
fn closed_pipe_does_not_stop_work() {
    let studio = Studio::filled();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = studio.command();
    command.args(["-c", "load", "-c", "copy acme/spot footage WORK NAS"]);
    let run = studio.finish_with(&mut command, writer);
    assert!(run.status == 0 && run.stderr.is_empty(), "{run}");
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
}

#[test]
fn unwritable_answer_is_a_failure() {
    let studio = Studio::filled();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    let written = |format| {
        let mut command = studio.command();
        command.args([
            "--format",
            format,
            "-c",
            "list categories",
            "-c",
            "list databases",
        ]);
        studio.finish_with(&mut command, full())
    };
    for format in ["plain", "csv"] {
        assert_eq!(written(format).to_string(), written("table").to_string());
    }
    let json = written("json").status(1);
    assert!(
        json.stderr
            .contains(r#""message":"cannot write the answer"#),
        "{json}"
    );
    assert_snapshot!(written("table"), @"
    exit 1
    --- stderr
    -c:1:1: error: cannot write the answer to standard output: No space left on device (os error 28)
        list categories
        ^^^^^^^^^^^^^^^
    ");
}

#[test]
fn closed_streams_do_not_stop_work() {
    let studio = Studio::filled();
    for closed in ["2>&-", "2>/dev/full", "<&-", ">&- 2>&-"] {
        studio.file(
            "run.sh",
            format!("exec {PROGRAM} -c load -c 'list clients' {closed}\n"),
        );
        let mut shell = Command::new("/bin/sh");
        shell
            .arg(studio.path("run.sh"))
            .env_clear()
            .env("HOME", studio.path("home"));
        assert_eq!(studio.finish(&mut shell).status, 0, "{closed}");
        studio.lines(&["fetch project acme/spot"]).ok();
        studio.remove("home/.local");
    }
}

/// Returns help, an answer, a warning and an error, with these arguments and environment.
fn colourful(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<ProgramRun> {
    let studio = Studio::filled();
    studio.remove("NAS");
    [
        vec!["--help"],
        vec!["--nonsense"],
        vec!["-c", "load"],
        vec!["-c", "fetch all", "-c", "help fetch"],
        vec!["-c", "load TAPE"],
        vec!["-c", "list clents"],
        vec!["-c", "list clients --help"],
    ]
    .iter()
    .map(|more| {
        let mut command = studio.command();
        command
            .envs(environment.iter().copied())
            .args(arguments)
            .args(more);
        studio.finish(&mut command)
    })
    .collect()
}

fn has_colour(run: &ProgramRun) -> bool {
    run.stdout.contains(ESC) || run.stderr.contains(ESC)
}

#[test]
fn color_is_off_in_pipes_and_on_request() {
    let forced = ("CLICOLOR_FORCE", "1");
    for (arguments, environment) in [
        (&["--color", "never"][..], &[forced][..]),
        (&[], &[("NO_COLOR", "1"), forced]),
        (&[], &[]),
        (&["--color", "auto"], &[("TERM", "xterm")]),
    ] {
        for run in colourful(arguments, environment) {
            assert!(!has_colour(&run), "{arguments:?} {environment:?} {run}");
        }
    }
}

#[test]
fn forced_color_overrides_no_color() {
    for (arguments, environment) in [
        (&["--color", "always"][..], &[("NO_COLOR", "1")][..]),
        (&[], &[("CLICOLOR_FORCE", "1")]),
    ] {
        let runs = colourful(arguments, environment);
        for place in [2, 3, 4, 5] {
            assert!(has_colour(&runs[place]), "{arguments:?} {}", runs[place]);
        }
    }
}

#[test]
fn machine_formats_have_no_color() {
    let studio = Studio::filled();
    for format in ["plain", "csv", "json"] {
        let run = studio
            .run([
                "--color",
                "always",
                "--format",
                format,
                "-c",
                "load",
                "-c",
                "fetch all",
            ])
            .ok();
        assert!(!has_colour(&run), "{run}");
    }
}
