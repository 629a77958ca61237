//! Answers longer than the screen, in a terminal of their own.

use rexpect::process::{Signal, WaitStatus};
use rexpect::session::PtySession;

use crate::studio::Studio;
use crate::terminal;

/// Rows and columns of the terminal.
const SIZE: (u16, u16) = (10, 160);

/// A scanned studio with more projects and files than the screen has rows; its second file is `reel-02.mov`.
fn studio() -> Studio {
    let studio = Studio::new();
    for number in 1..=30 {
        studio.file(
            format!("WORK/footage/acme/spot-{number:02}/reel-{number:02}.mov"),
            "",
        );
    }
    studio.lines(&["load"]).ok();
    studio
}

/// Starts the prompt with this pager.
fn start(studio: &Studio, pager: &str, arguments: &[&str]) -> PtySession {
    let mut session = terminal::prompt(studio, SIZE, &[("PAGER", pager)], arguments);
    wait_for_prompt(&mut session);
    session
}

#[track_caller]
fn wait_for_prompt(session: &mut PtySession) -> String {
    session.exp_string("auto-backup> ").unwrap()
}

/// Types a line and returns the output up to the next prompt.
#[track_caller]
fn run_line(session: &mut PtySession, line: &str) -> String {
    session.send_line(line).unwrap();
    session.exp_string("\n").unwrap();
    wait_for_prompt(session)
}

/// Leaves the prompt with a successful status.
#[track_caller]
fn leave(session: &mut PtySession) {
    session.send_line("exit").unwrap();
    let rest = session.exp_eof().unwrap();
    let ended = session.process().wait().unwrap();
    assert!(
        matches!(ended, WaitStatus::Exited(_, 0)),
        "{ended:?}: {rest}"
    );
}

/// True if the text contains all results in order.
fn is_whole(text: &str) -> bool {
    let places: Vec<_> = (1..=30)
        .map(|number| text.find(&format!("spot-{number:02}")))
        .collect();
    places.is_sorted() && places.iter().all(Option::is_some)
}

#[test]
fn long_answer_uses_the_pager() {
    let studio = studio();
    let mut session = start(&studio, "cat >got; echo $LESS $LESSCHARSET >>got", &[]);
    for line in ["list projects", "find reel", "fetch all", "help"] {
        let shown = run_line(&mut session, line);
        assert!(
            shown.lines().all(|shown| shown.trim().is_empty()),
            "{shown}"
        );
        let got = studio.read("got");
        assert!(line == "help" || is_whole(&got), "{line}: {got}");
        assert!(
            got.lines().count() > 15 && got.ends_with("\nFRX utf-8\n"),
            "{got}"
        );
        studio.remove("got");
    }
    leave(&mut session);
}

#[test]
fn short_answer_skips_the_pager() {
    let studio = studio();
    let mut session = start(&studio, "cat >got", &[]);
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
    assert!(run_line(&mut session, "find reel-02").contains("reel-02.mov"));
    assert!(!studio.path("got").exists());
    // Eight rows are free: six files, the headings and the line below them.
    assert!(run_line(&mut session, "find reel --limit 6").contains("reel-06.mov"));
    assert!(!studio.path("got").exists());
    run_line(&mut session, "find reel --limit 7");
    assert!(studio.path("got").exists());
}

#[test]
fn wrapped_lines_count_as_several_rows() {
    let studio = studio();
    for number in 1..=4 {
        studio.file(format!("WORK/footage/acme/wide/{number}{:0240}", 0), "");
    }
    let mut session = start(&studio, "cat >got", &[]);
    run_line(&mut session, "load");
    run_line(&mut session, "find 00000000");
    assert!(studio.read("got").contains("4 files"));
}

#[test]
fn quitting_pager_ends_only_that_answer() {
    let studio = studio();
    for number in 0..1500 {
        studio.file(format!("WORK/footage/acme/large/{number:0150}.exr"), "");
    }
    let mut session = start(&studio, "head -n 1 >got", &[]);
    run_line(&mut session, "load");
    for line in [
        "find 0",
        "find 0 --no-sequences",
        "list projects",
        "fetch all",
    ] {
        let shown = run_line(&mut session, line);
        assert!(
            shown.lines().all(|shown| shown.trim().is_empty()),
            "{shown}"
        );
        assert_eq!(studio.read("got").lines().count(), 1);
    }
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
    leave(&mut session);
}

#[test]
fn cat_or_empty_pager_means_none() {
    let studio = studio();
    for pager in ["cat", ""] {
        let mut session = start(&studio, pager, &[]);
        for line in ["list projects", "find reel"] {
            let shown = run_line(&mut session, line);
            assert!(is_whole(&shown), "{shown}");
        }
    }
}

#[test]
fn missing_pager_is_reported_once() {
    let studio = studio();
    let mut session = start(&studio, "no-such-pager -R", &[]);
    let shown = run_line(&mut session, "list projects");
    assert!(is_whole(&shown), "{shown}");
    let said = "warning: the pager `no-such-pager` is not installed";
    assert!(shown.contains(said), "{shown}");
    let shown = run_line(&mut session, "find reel");
    assert!(is_whole(&shown) && !shown.contains("warning"), "{shown}");
}

#[test]
fn only_prompt_tables_use_the_pager() {
    let studio = studio();
    let pager = [("PAGER", "cat >got")];
    let shown = terminal::output(&studio, SIZE, &pager, &["-c", "list projects"]);
    assert!(is_whole(&shown), "{shown}");
    studio.file("script.ab", "list projects\nfind reel\n");
    let shown = terminal::output(&studio, SIZE, &pager, &["script.ab"]);
    assert!(is_whole(&shown), "{shown}");
    for arguments in [&["--accessible"][..], &["--format", "plain"]] {
        let mut session = start(&studio, "cat >got", arguments);
        for line in ["list projects", "find reel"] {
            let shown = run_line(&mut session, line);
            assert!(is_whole(&shown), "{arguments:?}: {shown}");
        }
    }
    assert!(!studio.path("got").exists());
}

#[test]
fn startup_file_output_skips_the_pager() {
    let studio = studio();
    let file = "home/.config/auto-backup/.config";
    studio.file(file, studio.read(file) + "list projects\n");
    let mut session = terminal::prompt(&studio, SIZE, &[("PAGER", "cat >got")], &[]);
    let shown = wait_for_prompt(&mut session);
    assert!(is_whole(&shown), "{shown}");
    assert!(!studio.path("got").exists());
}

/// Starts a pager that reads some input, reports it, and stays until a line is typed, or the terminal is gone.
fn start_with_staying_pager(studio: &Studio, reads: &str) -> PtySession {
    let text = format!(
        "trap 'echo caught' INT\n\
         {reads} >got\n\
         echo paging\n\
         until read -r line </dev/tty; do : </dev/tty || exit; done\n"
    );
    studio.file("pager.sh", text);
    start(studio, "sh pager.sh", &[])
}

#[test]
fn ctrl_c_reaches_only_the_pager() {
    let studio = studio();
    for number in 0..1500 {
        studio.file(format!("WORK/footage/acme/large/{number:0150}.exr"), "");
    }
    studio.lines(&["load"]).ok();
    // First the pager waits for the rest of the answer to be read, then for the rest to be found.
    for (reads, line) in [
        ("cat", "list projects"),
        ("head -n 1", "find 0 --no-sequences"),
    ] {
        let mut session = start_with_staying_pager(&studio, reads);
        session.send_line(line).unwrap();
        session.exp_string("paging").unwrap();
        for _ in 0..4 {
            session.send_control('c').unwrap();
            session.exp_string("caught").unwrap();
        }
        session.send_line("q").unwrap();
        let shown = wait_for_prompt(&mut session);
        assert!(!shown.contains("interrupted"), "{shown}");
        assert!(run_line(&mut session, "list categories").contains("scratch/render"));
        leave(&mut session);
    }
}

#[test]
fn sigterm_ends_program_with_its_pager() {
    let studio = studio();
    let mut session = start_with_staying_pager(&studio, "cat");
    session.send_line("list projects").unwrap();
    session.exp_string("paging").unwrap();
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    // Where the parent of the tests ignores SIGHUP, so does the pager, which keeps the terminal open.
    if !crate::signals::ignores(rustix::process::Signal::HUP) {
        session.exp_eof().unwrap();
    }
    let ended = session.process().wait().unwrap();
    assert!(matches!(ended, WaitStatus::Exited(_, 143)), "{ended:?}");
}

#[test]
fn default_pager_is_less() {
    let studio = studio();
    let mut session = terminal::prompt(&studio, SIZE, &[], &[]);
    wait_for_prompt(&mut session);
    for line in ["list projects", "find reel"] {
        session.send_line(line).unwrap();
        session.exp_string("spot-05").unwrap();
        session.exp_string(":").unwrap();
        session.send("G").unwrap();
        session.flush().unwrap();
        session.exp_string("spot-30").unwrap();
        session.exp_string("(END)").unwrap();
        session.send("q").unwrap();
        session.flush().unwrap();
        wait_for_prompt(&mut session);
    }
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
    leave(&mut session);
}
