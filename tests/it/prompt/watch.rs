//! `watch`: a question that is repeated on a cleared screen.

use rexpect::process::Signal;

use super::screen::{PromptScreen, below};
use super::{assert_exits, start};
use crate::studio::Studio;
use crate::terminal;

const SIZE: (u16, u16) = (24, 80);

fn scanned() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

fn watching(studio: &Studio, line: &str) -> PromptScreen {
    let mut screen = PromptScreen::start(studio, SIZE, &[("NO_COLOR", "1")], &[]);
    screen.press("list clients\r").until("an answer", |screen| {
        screen.contents().contains("2 clients")
    });
    screen.until_line("auto-backup>");
    screen.press(&format!("{line}\r"));
    screen
}

/// Waits for the heading of a page and returns its rows.
#[track_caller]
fn page(screen: &mut PromptScreen, heading: &str) -> Vec<String> {
    screen.until(heading, |screen| screen.contents().starts_with(heading));
    screen.rows()
}

#[test]
fn answer_is_repeated_below_its_heading() {
    let studio = scanned();
    let mut screen = watching(&studio, "watch 1 history --last 5");
    let rows = page(&mut screen, "every 1 s: history --last 5");
    assert!(rows[0].ends_with("UTC  q ends"), "{rows:?}");
    assert_eq!(rows[0].chars().count(), 80, "{rows:?}");
    assert_eq!(rows[1], "");
    // The run of another session appears.
    studio.lines(&["copy acme/teaser all WORK NAS"]).ok();
    screen.until("the copy", |screen| {
        screen
            .contents()
            .contains("copy acme/teaser all WORK -> NAS")
    });
}

#[test]
fn q_and_control_c_return_to_the_prompt() {
    let studio = scanned();
    for key in ["q", "Q", "\u{3}"] {
        let mut screen = watching(&studio, "watch 1h fetch all");
        page(&mut screen, "every 1 h: fetch all");
        screen.press("xyz\r").press(key);
        screen.until_line("auto-backup>");
        let rows = screen.rows();
        // The screen is as before, and no key was taken for a line.
        assert!(rows.iter().any(|row| row.contains("2 clients")), "{rows:?}");
        assert!(!rows.iter().any(|row| row.contains("q ends")), "{rows:?}");
        screen.press("fetch _\r").until("an answer", |screen| {
            screen.contents().contains("acme/teaser")
        });
    }
}

#[test]
fn long_answer_is_cut_to_the_screen() {
    let studio = Studio::new();
    for number in 0..40 {
        studio.file(format!("WORK/footage/acme/p{number:02}/a"), "a");
    }
    studio.lines(&["load"]).ok();
    let mut screen = PromptScreen::start(&studio, SIZE, &[("NO_COLOR", "1")], &[]);
    screen.press("watch 1h list projects\r");
    page(&mut screen, "every 1 h: list projects");
    screen.until("a cut answer", |screen| {
        screen.contents().ends_with("the window is too small")
    });
    let rows = screen.rows();
    let shown = |rows: &[String]| {
        let projects = rows.iter().filter(|row| row.contains("acme/p")).count();
        let last = rows.last().unwrap().clone();
        (projects, last)
    };
    let (projects, last) = shown(&rows);
    let left = last.split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!(
        last.ends_with(" more lines: the window is too small"),
        "{rows:?}"
    );
    // Below the projects there is the total.
    assert!(projects < 22 && projects + left >= 41, "{rows:?}");
    screen.resize((12, 60));
    screen.until("a smaller page", |screen| {
        let rows: Vec<_> = screen.contents().lines().map(str::to_owned).collect();
        rows.len() == 12 && shown(&rows).1.contains("more lines") && rows[0].len() <= 60
    });
    screen.resize((60, 100));
    screen.until("the whole answer", |screen| {
        screen.contents().contains("acme/p39") && !screen.contents().contains("more lines")
    });
}

#[test]
fn only_questions_are_repeated() {
    let studio = scanned();
    let mut session = start(&studio, &[]);
    for (line, why) in [
        ("copy acme/spot WORK NAS", "`copy`: it writes files"),
        ("sync all all WORK NAS", "`sync`: it writes files"),
        ("save", "`save`: it writes files"),
        ("remove database NAS", "`remove`: it changes the session"),
        ("load", "`load`: it would scan the storages every time"),
        ("fetch all --live", "`fetch`: it would scan"),
        ("compare acme/spot WORK NAS", "`compare`: it would scan"),
        ("list outside --sizes", "`list`: it would scan"),
        ("watch 5 fetch all", "`watch`: it answers no question"),
        ("fetch --help", "`fetch`: it answers no question"),
        ("exit", "`exit`: it answers no question"),
        ("fetch acme/sopt", "unknown project `acme/sopt`"),
        ("ls", "unknown command `ls`"),
        ("fetch all | cat", "this command has no answer to redirect"),
        (
            "fetch all > a.csv",
            "this command has no answer to redirect",
        ),
        ("", "missing: COMMAND"),
    ] {
        let said = super::run_line(&mut session, &format!("watch 5 {line}"));
        let said = said.replace("\r\n", " ");
        assert!(said.contains(why), "{line}: {said}");
        assert!(!said.contains("q ends"), "{line}: {said}");
    }
    for interval in ["0", "2d", "x", "-1"] {
        let said = super::run_line(&mut session, &format!("watch {interval} fetch all"));
        assert!(said.contains("error: "), "{said}");
    }
    assert_eq!(studio.tree("NAS"), "");
}

#[test]
fn mistake_in_the_question_is_underlined_in_the_line() {
    let studio = scanned();
    let mut session = start(&studio, &[]);
    let said = super::run_line(&mut session, "watch 5 fetch acme/sopt");
    let rows: Vec<_> = said.lines().map(str::trim_end).collect();
    let line = rows
        .iter()
        .position(|row| *row == "    watch 5 fetch acme/sopt");
    let line = line.unwrap_or_else(|| panic!("{said}"));
    assert_eq!(rows[line + 1], "                  ^^^^^^^^^", "{said}");
}

#[test]
fn sourced_file_cannot_watch() {
    let studio = scanned();
    studio.file("more.ab", "watch 5 fetch all\n");
    let mut session = start(&studio, &[]);
    let said = super::run_line(&mut session, "source more.ab");
    assert!(said.contains("`watch` cannot run in a script"), "{said}");
}

#[test]
fn words_of_the_shell_watch_in_a_terminal() {
    let studio = scanned();
    let arguments = ["watch", "1h", "fetch", "Bob's"];
    let mut session = terminal::prompt(&studio, SIZE, &[], &arguments);
    session.exp_string("every 1 h: fetch").unwrap();
    session.exp_string("Bob's/long film").unwrap();
    session.send("q").unwrap();
    session.flush().unwrap();
    assert_exits(&mut session, 0);
    let accessible = ["--accessible", "watch", "5", "fetch", "all"];
    let mut session = terminal::prompt(&studio, SIZE, &[], &accessible);
    let said = assert_exits(&mut session, 2);
    assert!(said.contains("accessible output"), "{said}");
}

#[test]
fn sigterm_ends_it_and_restores_the_screen() {
    let studio = scanned();
    let mut session = terminal::raw_prompt(&studio, SIZE, &[], &[]);
    session.exp_string("auto-backup> ").unwrap();
    session.send_line("watch 1h fetch all").unwrap();
    session.exp_string("q ends").unwrap();
    session.process_mut().signal(Signal::SIGTERM).unwrap();
    session.exp_string("\u{1b}[?1049l").unwrap();
    assert_exits(&mut session, 143);
}

#[test]
fn question_is_completed_as_a_line_of_its_own() {
    let studio = scanned();
    let mut screen = PromptScreen::start(&studio, SIZE, &[("NO_COLOR", "1")], &[]);
    screen
        .press("wat\t5 fe\tproj\tacme/sp\t")
        .until_line("auto-backup> watch 5 fetch project acme/spot");
    let commands = [
        "compare", "failures", "fetch", "find", "history", "list", "safe", "status",
    ];
    screen
        .press("\u{15}watch 5 \t")
        .until("the questions", |screen| {
            let rows = below(screen);
            let first = rows.iter().filter_map(|row| row.split_whitespace().next());
            first.eq(commands)
        });
}
