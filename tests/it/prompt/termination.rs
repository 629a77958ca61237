//! The end of work and of the prompt: Ctrl-C, Ctrl-D, signals, a closed terminal.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rexpect::process::{Signal, WaitStatus};
use rexpect::session::PtySession;

use super::{run_line, start, wait_for_prompt};
use crate::studio::{PROGRAM, Studio};

/// Waits until the condition is true.
#[track_caller]
fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// True if a folder contains one of our temporary files.
fn has_part(studio: &Studio, folder: &str) -> bool {
    let entries = fs::read_dir(studio.path(folder))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().ends_with(".part"))
}

/// A studio with a file that takes some time to copy and read back.
fn with_large_file() -> Studio {
    let studio = Studio::new();
    studio.file("WORK/footage/acme/spot/large.mov", vec![7; 300 << 20]);
    studio
}

/// Starts a copy and waits until it writes.
#[track_caller]
fn copying(studio: &Studio, session: &mut PtySession) {
    session
        .send_line("copy acme/spot footage WORK NAS")
        .unwrap();
    session.exp_string("\n").unwrap();
    wait_for("no copy begins", || {
        has_part(studio, "NAS/footage/acme/spot")
    });
}

#[test]
fn ctrl_c_stops_copy_and_keeps_prompt() {
    let studio = with_large_file();
    let mut session = start(&studio, &[]);
    copying(&studio, &mut session);
    let start = Instant::now();
    session.send_control('c').unwrap();
    let said = wait_for_prompt(&mut session);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(said.contains("interrupted"), "{said}");
    assert!(!said.contains("^C"), "{said}");
    assert!(!has_part(&studio, "NAS/footage/acme/spot"));
    assert!(!studio.path("NAS/footage/acme/spot/large.mov").exists());
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
    session
        .send_line("copy acme/spot footage WORK NAS")
        .unwrap();
    session.exp_string("copied and verified 1 file").unwrap();
    wait_for_prompt(&mut session);
}

#[test]
fn sigterm_ends_copy_and_prompt() {
    let studio = with_large_file();
    let mut session = start(&studio, &[]);
    copying(&studio, &mut session);
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    super::assert_exits(&mut session, 143);
    assert!(!has_part(&studio, "NAS/footage/acme/spot"));
}

#[test]
fn sigterm_while_editing_restores_the_terminal() {
    let studio = Studio::new();
    let mut session = crate::terminal::launcher_shell(&studio, (24, 80));
    session.send_line("auto-backup").unwrap();
    wait_for_prompt(&mut session);
    session.send("list cat").unwrap();
    session.flush().unwrap();
    session.exp_string("cat").unwrap();
    session.send_line("").unwrap();
    wait_for_prompt(&mut session);
    // The child of the shell is the program; the signal comes from another process, as that of `kill`.
    let pid = fs::read_to_string(studio.path("pid")).unwrap();
    let line = format!("kill -TERM {}", pid.trim());
    let killed = studio
        .other_program("sh")
        .args(["-c", &line])
        .status()
        .unwrap();
    assert!(killed.success());
    session.exp_string("\u{1b}[?2004l").unwrap();
    session.exp_string("ended with 143").unwrap();
    session.send_line("stty -a").unwrap();
    let settings = session.exp_string("ended with 0").unwrap();
    let settings: Vec<_> = settings.split_whitespace().collect();
    for setting in ["icanon", "echo", "isig", "echoctl"] {
        assert!(settings.contains(&setting), "{setting}: {settings:?}");
    }
}

/// The program in a terminal of another program.
struct HeldTerminal {
    keeper: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    pid: String,
}

impl HeldTerminal {
    fn start(studio: &Studio) -> Self {
        let mut keeper = studio.other_program("script");
        keeper
            .args(["-qfc", PROGRAM, "/dev/null"])
            .env("TERM", "xterm");
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let mut kept = Self {
            keys: keeper.stdin.take().unwrap(),
            screen: keeper.stdout.take().unwrap(),
            pid: String::new(),
            keeper,
        };
        kept.until("auto-backup> ");
        kept.pid = processes(studio).pop().unwrap();
        kept
    }

    /// Reads up to a text.
    fn until(&mut self, text: &str) {
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains(text) {
            let mut byte = [0];
            self.screen.read_exact(&mut byte).unwrap();
            shown.extend(byte);
        }
    }
}

/// Returns the programs that run in a studio.
fn processes(studio: &Studio) -> Vec<String> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let is_here = |path: &PathBuf| {
        let leads = |name: &str| fs::read_link(path.join(name)).unwrap_or_default();
        leads("cwd") == studio.path("") && leads("exe").ends_with("auto-backup")
    };
    let found = processes.filter(is_here);
    found
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn closed_terminal_ends_the_program() {
    let studio = with_large_file();
    for is_copying in [false, true] {
        let mut kept = HeldTerminal::start(&studio);
        if is_copying {
            kept.keys
                .write_all(b"copy acme/spot footage WORK NAS\r")
                .unwrap();
            wait_for("no copy begins", || {
                has_part(&studio, "NAS/footage/acme/spot")
            });
        }
        // A closed terminal window ends the program that owns the terminal.
        kept.keeper.kill().unwrap();
        kept.keeper.wait().unwrap();
        wait_for("the program goes on without its terminal", || {
            !PathBuf::from(format!("/proc/{}/exe", kept.pid)).exists()
        });
        assert!(!has_part(&studio, "NAS/footage/acme/spot"));
    }
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
}

#[test]
fn ctrl_d_exits_only_on_empty_line() {
    let studio = Studio::new();
    let mut session = start(&studio, &[]);
    session.send("lod").unwrap();
    session.send_control('d').unwrap();
    let answer = run_line(&mut session, "");
    assert!(answer.contains("unknown command `lod`"), "{answer}");
    session.send_control('d').unwrap();
    let rest = session.exp_eof().unwrap();
    let ended = session.process().wait().unwrap();
    assert!(
        matches!(ended, WaitStatus::Exited(_, 0)),
        "{ended:?}: {rest}"
    );
}
