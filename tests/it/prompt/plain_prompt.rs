//! Prompts without a line editor: `TERM=dumb`, `--accessible`, pipes.

use std::io::Write as _;
use std::process::Stdio;

use rexpect::session::PtySession;

use super::wait_for_prompt;
use crate::studio::{ProgramRun, Studio};
use crate::terminal;

/// A prompt that reads plain lines, with all control sequences.
fn plain(studio: &Studio, environment: &[(&str, &str)], arguments: &[&str]) -> PtySession {
    let mut session = terminal::raw_prompt(studio, (24, 80), environment, arguments);
    let greeting = wait_for_prompt(&mut session);
    assert!(greeting.contains("2 storages"), "{greeting}");
    session
}

/// Types a line and returns its answer.
#[track_caller]
fn run_plain_line(session: &mut PtySession, line: &str) -> String {
    session.send_line(line).unwrap();
    session.exp_string("\n").unwrap();
    wait_for_prompt(session)
}

#[test]
fn plain_prompt_writes_no_escape_sequences() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    for (environment, arguments) in [
        (&[("TERM", "dumb")][..], &[][..]),
        (&[], &["--accessible"]),
        (&[("ACCESSIBLE", "1")], &["--color", "always"]),
    ] {
        let mut session = plain(&studio, environment, arguments);
        for (line, expected) in [
            ("list cat", "scratch/render"),
            ("fetch project acme/spot", "whole, 2 files"),
            ("lod", "did you mean `load`?"),
            (
                "copy acme/spot footage \\\nWORK NAS --dry-run",
                "would copy 2 files",
            ),
        ] {
            let answer = run_plain_line(&mut session, line);
            assert!(answer.contains(expected), "{environment:?}: {answer:?}");
            assert!(!answer.contains('\u{1b}'), "{environment:?}: {answer:?}");
            assert!(!answer.replace("\r\n", "").contains('\r'), "{answer:?}");
            let has_boxes = answer.contains('│');
            assert!(
                !has_boxes || environment.contains(&("TERM", "dumb")),
                "{answer}"
            );
        }
        session.send_control('d').unwrap();
        session.exp_eof().unwrap();
    }
}

#[test]
fn ctrl_c_clears_plain_line_repeatedly() {
    let studio = Studio::filled();
    let mut session = plain(&studio, &[], &["--accessible"]);
    for _ in 0..3 {
        session.send("copy never").unwrap();
        session.send_control('c').unwrap();
        wait_for_prompt(&mut session);
    }
    assert!(run_plain_line(&mut session, "list categories").contains("scratch/render"));
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn plain_prompt_confirmation_has_no_escapes() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let mut session = plain(&studio, &[], &["--accessible"]);
    for (answer, said) in [("n", "nothing was done"), ("y", "forgotten")] {
        session.send_line("load --forget WORK").unwrap();
        session.exp_string("[y/N] ").unwrap();
        session.send_line(answer).unwrap();
        let shown = session.exp_string(said).unwrap();
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        wait_for_prompt(&mut session);
    }
}

#[test]
fn piped_lines_run_without_prompts() {
    let studio = Studio::filled();
    let mut child = studio
        .command()
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = child.stdin.take().unwrap();
    lines
        .write_all(b"list clients\nload\nlist clients\n")
        .unwrap();
    drop(lines);
    let run = ProgramRun::new(&studio, &child.wait_with_output().unwrap()).ok();
    assert!(
        !run.stdout.contains("auto-backup>") && !run.stdout.contains('\u{1b}'),
        "{run}"
    );
    assert!(run.stdout.contains("\nacme "), "{run}");
}
