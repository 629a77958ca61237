//! The history of the prompt.

use rexpect::session::PtySession;

use super::screen::PromptScreen;
use super::{run_line, start, wait_for_prompt};
use crate::studio::Studio;

const FILE: &str = "home/.local/state/auto-backup/history";

fn leave(mut session: PtySession) {
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn ctrl_r_finds_line_of_earlier_session() {
    let studio = Studio::filled();
    let mut session = start(&studio, &[]);
    run_line(&mut session, "list categories");
    run_line(&mut session, "list databases");
    leave(session);
    let mut session = start(&studio, &[]);
    session.send_control('r').unwrap();
    session.exp_string("reverse-i-search").unwrap();
    session.send("categ").unwrap();
    session.flush().unwrap();
    session.exp_string("list categories").unwrap();
    let answer = run_line(&mut session, "");
    assert!(answer.contains("scratch/render"), "{answer}");
    // The arrow up returns the last line.
    session.send("\u{1b}[A").unwrap();
    let answer = run_line(&mut session, "");
    assert!(answer.contains("scratch/render"), "{answer}");
}

#[test]
fn confirmation_options_are_not_saved() {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let mut session = start(&studio, &[]);
    run_line(
        &mut session,
        "copy acme/spot footage WORK NAS --overwrite --yes",
    );
    run_line(&mut session, "load --forget WORK --y");
    run_line(
        &mut session,
        "sync acme/spot footage WORK NAS --delete --force",
    );
    session.send("\u{1b}[A").unwrap();
    session.flush().unwrap();
    let shown = session
        .exp_string("sync acme/spot footage WORK NAS")
        .unwrap();
    assert!(!shown.contains("--delete"), "{shown}");
    session.send_control('c').unwrap();
    wait_for_prompt(&mut session);
    leave(session);
    let kept = studio.read(FILE);
    assert_eq!(
        kept,
        "#V2\ncopy acme/spot footage WORK NAS\nload --forget WORK\nsync acme/spot footage WORK NAS\nexit\n"
    );
}

#[test]
fn parallel_prompts_keep_each_others_lines() {
    let studio = Studio::new();
    let (mut one, mut two) = (start(&studio, &[]), start(&studio, &[]));
    for number in 0..5 {
        run_line(&mut one, &format!("find one-{number}"));
        run_line(&mut two, &format!("find two-{number}"));
    }
    leave(one);
    run_line(&mut two, "find last");
    leave(two);
    let kept = studio.read(FILE);
    for number in 0..5 {
        assert!(
            kept.contains(&format!("find one-{number}\nfind two-{number}\n")),
            "{kept}"
        );
    }
    assert!(kept.ends_with("exit\nfind last\nexit\n"), "{kept}");
}

#[test]
fn each_startup_file_has_own_history() {
    let studio = Studio::new();
    studio
        .file("other.ab", "add database W WORK\n")
        .file("sub/x", "");
    for (arguments, line) in [
        (&[][..], "find of-mine"),
        (&["--config", "other.ab"], "find of-the-other"),
        (&["--config", "sub/../other.ab"], "find of-the-other-again"),
    ] {
        let mut session = start(&studio, arguments);
        run_line(&mut session, line);
        leave(session);
    }
    let folder = studio.path("home/.local/state/auto-backup");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut kept: Vec<String> = files
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    kept.sort();
    assert_eq!(
        kept,
        [
            "#V2\nfind of-mine\nexit\n",
            "#V2\nfind of-the-other\nexit\nfind of-the-other-again\nexit\n"
        ]
    );
}

#[test]
fn unwritable_history_does_not_stop_prompt() {
    let studio = Studio::new();
    studio.file("home/.local/state", "no folder");
    let mut session = super::spawn(&studio, &[]);
    let greeting = wait_for_prompt(&mut session);
    assert!(
        greeting.contains("the history is off in this session"),
        "{greeting}"
    );
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
    session.send("\u{1b}[A").unwrap();
    assert!(run_line(&mut session, "").contains("scratch/render"));
}

#[test]
fn up_searches_by_the_typed_beginning() {
    const UP: &str = "\u{1b}[A";
    const DOWN: &str = "\u{1b}[B";
    let studio = Studio::filled();
    let mut screen = PromptScreen::start(&studio, (24, 80), &[("NO_COLOR", "1")], &[]);
    for line in [
        "find a",
        "list categories",
        "find b",
        "list databases",
        "list databases",
    ] {
        screen
            .press(&format!("{line}\r"))
            .until_line("auto-backup>");
    }
    for (key, line) in [
        ("fi", "fi"),
        (UP, "find b"),
        (UP, "find a"),
        (UP, "find a"),
        (DOWN, "find b"),
        (DOWN, "fi"),
        (DOWN, "fi"),
        ("\u{15}", ""),
        (UP, "list databases"),
        (UP, "find b"),
        // Ctrl-P and Ctrl-N are the same keys.
        ("\u{10}", "list categories"),
        ("\u{e}", "find b"),
    ] {
        let line = format!("auto-backup> {line}");
        screen.press(key).until_line(line.trim_end());
    }
    // An edited line begins another search.
    screen
        .press("\u{15}list c")
        .until_line("auto-backup> list c");
    screen.press(UP).until_line("auto-backup> list categories");
}

#[test]
fn up_brings_the_corrected_line() {
    const UP: &str = "\u{1b}[A";
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    let mut screen = PromptScreen::start(&studio, (24, 80), &[("NO_COLOR", "1")], &[]);
    for (typed, corrected) in [
        ("ls acme", "fetch acme"),
        ("fetch project acme/sopt", "fetch project acme/spot"),
        ("fetch project acme spot", "fetch project acme/spot"),
        ("lod WORK", "load WORK"),
        (
            "fetch project Bob\\'s/long film",
            "fetch project \"Bob's/long film\"",
        ),
    ] {
        screen
            .press(&format!("{typed}\r"))
            .until("the hint", |screen| {
                let shown = screen.contents().replace('\n', " ");
                shown.contains("Up brings the corrected line")
            })
            .until_line("auto-backup>");
        screen
            .press(UP)
            .until_line(&format!("auto-backup> {corrected}"));
        screen
            .press(UP)
            .until_line(&format!("auto-backup> {typed}"));
        screen
            .press("\u{15}\u{c}")
            .until("an empty screen", |screen| {
                !screen.contents().contains("hint")
            });
    }
    // It is stored only when it was run.
    screen
        .press("ls acme\r")
        .until("the hint", |screen| screen.contents().contains("Up brings"));
    screen.press(UP).until_line("auto-backup> fetch acme");
    screen.press("\r").until("the answer", |screen| {
        screen.contents().contains("acme/teaser")
    });
    screen.press("rm acme\r").until("the reason", |screen| {
        screen.contents().contains("never erases")
    });
    screen.press(UP).until_line("auto-backup> rm acme");
    let kept = studio.read(FILE);
    assert_eq!(kept.matches("fetch acme\n").count(), 1, "{kept}");
    assert!(!kept.contains("load WORK\n"), "{kept}");
}
