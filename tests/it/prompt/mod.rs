//! The prompt, in a terminal of its own.

mod confirmation;
mod history;
mod leave;
mod line_editor;
mod menu;
mod plain_prompt;
pub(crate) mod screen;
mod termination;
mod watch;

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rexpect::process::{Signal, WaitStatus};
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use crate::studio::Studio;

fn spawn(studio: &Studio, arguments: &[&str]) -> PtySession {
    let mut command = studio.command();
    command.args(arguments);
    spawn_command(command)
}

pub(crate) fn spawn_command(mut command: Command) -> PtySession {
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    let options = Options::new()
        .timeout_ms(Some(20_000))
        .strip_ansi_escape_codes(true);
    spawn_with_options(command, options).unwrap()
}

/// Starts the prompt and waits until it is ready.
pub(crate) fn start(studio: &Studio, arguments: &[&str]) -> PtySession {
    let mut session = spawn(studio, arguments);
    wait_for_prompt(&mut session);
    session
}

#[track_caller]
pub(crate) fn wait_for_prompt(session: &mut PtySession) -> String {
    session.exp_string("auto-backup> ").unwrap()
}

/// Types a line and returns the answer up to the next prompt.
#[track_caller]
pub(crate) fn run_line(session: &mut PtySession, line: &str) -> String {
    session.send_line(line).unwrap();
    session.exp_string("\n").unwrap();
    wait_for_prompt(session)
}

/// Waits for the end with this status.
#[track_caller]
fn assert_exits(session: &mut PtySession, status: i32) -> String {
    let rest = session.exp_eof().unwrap();
    let ended = session.process().wait().unwrap();
    assert!(
        matches!(ended, WaitStatus::Exited(_, code) if code == status),
        "{ended:?}: {rest}"
    );
    rest
}

#[test]
fn empty_registry_greeting_shows_first_steps() {
    let studio = Studio::bare();
    let mut session = spawn(&studio, &[]);
    let greeting = wait_for_prompt(&mut session);
    assert!(
        greeting
            .trim_start()
            .starts_with("Nothing is tracked yet. Four lines to the first answer")
            && greeting.trim().lines().count() == 5,
        "{greeting}"
    );
    assert!(
        greeting
            .lines()
            .all(|line| line.trim_end().chars().count() <= 80),
        "{greeting}"
    );
}

#[test]
fn commands_abbreviate_and_errors_keep_prompt() {
    let studio = Studio::filled();
    let mut session = start(&studio, &[]);
    assert!(run_line(&mut session, "loa").contains("WORK"));
    assert!(run_line(&mut session, "lis proj").contains("acme/spot"));
    let wrong = run_line(&mut session, "cpy acme/spot");
    let is_bare = !wrong.contains("prompt:");
    assert!(
        is_bare && wrong.contains("error: unknown command `cpy`"),
        "{wrong}"
    );
    assert!(wrong.contains("hint: did you mean `copy`?"), "{wrong}");
    assert!(run_line(&mut session, "list clients").contains("acme"));
    session.send_line("exit").unwrap();
    assert_exits(&mut session, 0);
}

#[test]
fn tab_completes_commands_and_names() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let mut session = start(&studio, &[]);
    session.send("fet\t--pat\tproj\tacme/sp\t").unwrap();
    let answer = run_line(&mut session, "");
    assert!(
        answer.contains("$STUDIO").eq(&false) && answer.contains("footage on WORK"),
        "{answer}"
    );
    session.send("copy Bob's/\tfoo\tW\tN\t").unwrap();
    let answer = run_line(&mut session, "");
    assert!(answer.contains("copied and verified 1 file"), "{answer}");
}

#[test]
fn each_root_is_checked_only_once() {
    const FILE: &str = "home/.config/auto-backup/.config";
    let studio = Studio::filled();
    let lines = (0..100).map(|number| {
        studio.folder(format!("S{number:03}/footage"));
        format!("add database S{number:03} ../../../S{number:03}\n")
    });
    let lines = studio.read(FILE) + &lines.collect::<String>();
    studio.file(FILE, lines).lines(&["load"]).ok();
    let Some(command) = studio.traced("calls") else {
        return;
    };
    let mut session = spawn_command(command);
    wait_for_prompt(&mut session);
    session.send("fetch project acme/sp\t").unwrap();
    session.flush().unwrap();
    session.exp_string("acme/spot").unwrap();
    session.send_control('u').unwrap();
    session.send_control('d').unwrap();
    assert_exits(&mut session, 0);
    let calls = studio.read("calls");
    for number in 0..100 {
        let root = format!("/S{number:03}\"");
        let times = calls.matches(&root).count();
        assert!((1..=3).contains(&times), "{root}: {times}");
    }
    for folder in ["/footage", "/scratch"] {
        assert!(!calls.contains(folder), "{folder} was asked for");
    }
}

#[test]
fn ctrl_c_clears_line_and_ctrl_d_exits() {
    let studio = Studio::filled();
    let mut session = start(&studio, &[]);
    session.send("copy never").unwrap();
    session.flush().unwrap();
    session.exp_string("copy never").unwrap();
    session.send_control('c').unwrap();
    wait_for_prompt(&mut session);
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
    session.send_control('d').unwrap();
    assert_exits(&mut session, 0);
}

#[test]
fn parallel_saves_keep_each_others_lines() {
    let studio = Studio::new();
    studio.folder("A").folder("B");
    let (mut one, mut two) = (start(&studio, &[]), start(&studio, &[]));
    run_line(&mut one, "add database A A");
    run_line(&mut two, "add database B B");
    run_line(&mut two, "remove database NAS");
    for session in [&mut one, &mut two] {
        assert!(run_line(session, "save").contains("saved in"));
    }
    let run = studio
        .run(["--format", "plain", "-c", "list databases"])
        .ok();
    let names: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(names, ["WORK", "A", "B"]);
}

#[test]
fn save_after_failed_startup_keeps_its_lines() {
    let studio = Studio::new();
    let file = "home/.config/auto-backup/.config";
    let before = studio
        .read(file)
        .replacen("add category", "ad category wrong x\nadd category", 1);
    studio.file(file, &before).folder("MORE");
    let mut session = start(&studio, &[]);
    run_line(&mut session, "add database MORE MORE");
    let saved = run_line(&mut session, "save").replace("\r\n", " ");
    assert!(saved.contains("1 line added, 0 removed"), "{saved}");
    let after = studio.read(file);
    assert!(after.starts_with(&before), "{after}");
}

#[test]
fn history_is_private_to_its_owner() {
    let studio = Studio::new();
    let mut session = start(&studio, &[]);
    run_line(&mut session, "list clients");
    run_line(&mut session, " list databases");
    session.send_line("exit").unwrap();
    assert_exits(&mut session, 0);
    let history = studio.path("home/.local/state/auto-backup/history");
    let mode = history.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let kept = studio.read("home/.local/state/auto-backup/history");
    assert!(
        kept.contains("list clients") && kept.contains("exit"),
        "{kept}"
    );
    assert!(
        !kept.contains("list databases"),
        "a line that begins with a blank is not kept: {kept}"
    );
}

#[test]
fn sigterm_at_prompt_exits_with_143() {
    let studio = Studio::new();
    let mut session = start(&studio, &[]);
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    assert_exits(&mut session, 143);
}

#[test]
fn forget_requires_confirmation() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let mut session = start(&studio, &[]);
    session.send_line("load --forget WORK").unwrap();
    session
        .exp_string("(5 files) from the index? no file is touched [y/N] ")
        .unwrap();
    session.send_line("n").unwrap();
    session.exp_string("nothing was done").unwrap();
    assert!(!wait_for_prompt(&mut session).contains('^'));
    session.send_line("load --forget WORK").unwrap();
    session.exp_string("[y/N] ").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("nothing was done").unwrap();
    wait_for_prompt(&mut session);
    assert!(run_line(&mut session, "list clients").contains("acme"));
    session.send_line("load --forget WORK").unwrap();
    session.exp_string("[y/N] ").unwrap();
    session.send_line("y").unwrap();
    session.exp_string("forgotten").unwrap();
    wait_for_prompt(&mut session);
    assert!(run_line(&mut session, "list clients").contains("no clients"));
}

#[test]
fn type_ahead_is_kept() {
    let studio = Studio::filled();
    let mut session = start(&studio, &[]);
    session
        .send("load\rlist categories\rlist clients\r")
        .unwrap();
    session.flush().unwrap();
    for expected in ["complete", "scratch/render", "acme"] {
        session.exp_string(expected).unwrap();
    }
}

#[test]
fn open_quote_ends_as_error() {
    let studio = Studio::new();
    let mut session = start(&studio, &[]);
    assert!(run_line(&mut session, "find \"open").contains("unclosed quote \""));
    assert!(run_line(&mut session, "list databases").contains("WORK"));
}

#[test]
fn names_never_control_the_terminal() {
    let studio = Studio::new();
    studio.file("WORK/footage/acme/spot/\u{1b}]0;owned\u{7}\u{202e}x", "");
    let mut session = start(&studio, &["--color", "never"]);
    run_line(&mut session, "load");
    let answer = run_line(&mut session, "find owned");
    assert!(answer.contains(r"\x1b]0;owned\x07\u{202e}x"), "{answer}");
}
