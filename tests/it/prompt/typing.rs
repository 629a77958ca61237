//! While a line is typed: completion, hints, colours, pasting, and other widths.

use std::io::Write as _;

use rexpect::session::PtySession;

use super::{ask, ready, start};
use crate::studio::Studio;
use crate::terminal;

/// A prompt of 24 rows and 80 columns, of which everything is seen.
fn raw(studio: &Studio, environment: &[(&str, &str)], arguments: &[&str]) -> PtySession {
    let mut session = terminal::raw_prompt(studio, (24, 80), environment, arguments);
    ready(&mut session);
    session
}

/// Types without ending the line; waits for what is shown then.
#[track_caller]
fn typed(session: &mut PtySession, keys: &str, shown: &str) -> String {
    session.send(keys).unwrap();
    session.flush().unwrap();
    session.exp_string(shown).unwrap()
}

/// Clears the line that is being typed.
#[track_caller]
fn cancel(session: &mut PtySession) {
    session.send_control('c').unwrap();
    session.exp_string("\n").unwrap();
    ready(session);
}

/// A studio that was looked at.
fn looked_at() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn tab_lists_what_fits_and_completes_what_is_common() {
    let studio = looked_at();
    let mut session = start(&studio, &[]);
    // `ac` has a client and two projects; what they have in common is filled in, and they are listed.
    typed(&mut session, "copy ac\t", "acme/teaser");
    typed(&mut session, "/sp\t", "acme/spot ");
    typed(&mut session, "f\t", "footage ");
    typed(&mut session, "\t", "WORK");
    let mut session = start(&studio, &[]);
    typed(
        &mut session,
        "copy wrk\x15fetch project lfl\t",
        "\"Bob's/long film\" ",
    );
    let answer = ask(&mut session, "");
    assert!(answer.contains("footage on WORK"), "{answer}");
}

#[test]
fn what_a_sync_takes_is_completed_as_for_a_copy() {
    let mut session = start(&looked_at(), &[]);
    typed(&mut session, "sync al\t", "sync all ");
    typed(&mut session, "al\t", "sync all all ");
    typed(&mut session, "W\t", "sync all all WORK ");
    // A client is one of several that begin so.
    let mut session = start(&looked_at(), &[]);
    typed(&mut session, "sync ac\t", "acme/teaser");
}

#[test]
fn names_that_a_command_brings_are_completed_at_once() {
    let studio = Studio::filled();
    let mut session = start(&studio, &["--no-config"]);
    ask(&mut session, "add database 'MY DISK' WORK");
    ask(&mut session, "add category plates footage");
    ask(&mut session, "load");
    typed(&mut session, "copy acme/t\tpla\tM\t", "'MY DISK' ");
    cancel(&mut session);
    typed(&mut session, "add database X WORK/sc\t", "WORK/scratch/");
    cancel(&mut session);
}

#[test]
fn hints_are_grey_and_the_right_arrow_takes_a_line_over() {
    let studio = looked_at();
    let mut session = raw(&studio, &[], &[]);
    typed(
        &mut session,
        "copy acme/spot ",
        "\u{1b}[90mCATEGORY FROM TO[,TO...]\u{1b}[0m",
    );
    cancel(&mut session);
    session.send_line("list categories").unwrap();
    session.exp_string("scratch/render").unwrap();
    ready(&mut session);
    typed(&mut session, "lis", "\u{1b}[90mt categories\u{1b}[0m");
    session.send("\u{1b}[C\r").unwrap();
    session.flush().unwrap();
    session.exp_string("scratch/render").unwrap();
    ready(&mut session);
    session.send_line("set hints off").unwrap();
    session.exp_string("hints is off").unwrap();
    ready(&mut session);
    session.send_line("list databases").unwrap();
    let shown = session.exp_string("online").unwrap();
    assert!(!shown.contains("\u{1b}[90m"), "{shown:?}");
}

#[test]
fn a_line_that_failed_is_no_hint() {
    let studio = looked_at();
    let mut session = raw(&studio, &[], &[]);
    for (line, end, is_hint) in [
        ("find zzz in NAS", "no file matches", true),
        ("find zzz in NSA", "did you mean `NAS`?", false),
    ] {
        session.send_line(line).unwrap();
        session.exp_string(end).unwrap();
        ready(&mut session);
        session.send_line("find zzz in N").unwrap();
        let shown = session.exp_string("did you mean `NAS`?").unwrap();
        let hint = if is_hint { "AS" } else { "SA" };
        let grey = format!("\u{1b}[90m{hint}\u{1b}[0m");
        assert_eq!(shown.contains(&grey), is_hint, "{shown:?}");
        ready(&mut session);
    }
}

#[test]
fn what_is_known_and_what_not_has_its_colour() {
    let studio = looked_at();
    let mut session = raw(&studio, &[], &[]);
    typed(
        &mut session,
        "load WORK NSA ",
        "\u{1b}[32mload\u{1b}[0m \u{1b}[34mWORK\u{1b}[0m \u{1b}[4;31mNSA\u{1b}[0m",
    );
    cancel(&mut session);
    typed(
        &mut session,
        "find 'a b' --limit ",
        "\u{1b}[33m'a b'\u{1b}[0m \u{1b}[36m--limit\u{1b}[0m",
    );
}

#[test]
fn without_colour_a_line_is_as_it_is_typed() {
    let studio = looked_at();
    for (environment, arguments) in [
        (&[("NO_COLOR", "1")][..], &[][..]),
        (&[], &["--color", "never"]),
    ] {
        let mut session = raw(&studio, environment, arguments);
        session.send_line("copy acme/spot nope WORK NSA").unwrap();
        let shown = session.exp_string("did you mean `NAS`?").unwrap();
        assert!(!shown.contains("[3") && !shown.contains("[4"), "{shown:?}");
        // What is grey elsewhere would look as if it was typed.
        assert!(!shown.contains("CATEGORY"), "{shown:?}");
        ready(&mut session);
    }
}

#[test]
fn pasted_lines_run_one_by_one_up_to_the_first_that_fails() {
    let studio = looked_at();
    let mut session = raw(&studio, &[], &[]);
    // As a terminal sends it.
    let pasted = "\u{1b}[200~list categories\nlod\nlist databases\u{1b}[201~\r";
    session.send(pasted).unwrap();
    session.flush().unwrap();
    let shown = session.exp_string("did you mean `load`?").unwrap();
    assert!(
        shown.contains("scratch/render") && shown.contains("prompt:2:1"),
        "{shown}"
    );
    let rest = ready(&mut session);
    assert!(!rest.contains("online"), "{rest}");
    session.send_line("list clients").unwrap();
    session.exp_string("acme").unwrap();
    ready(&mut session);
}

#[test]
fn a_line_that_goes_on_is_completed_and_run_as_one() {
    let studio = looked_at();
    let mut session = start(&studio, &[]);
    session.send_line("copy acme/spot \\").unwrap();
    session.exp_string("...> ").unwrap();
    typed(&mut session, "foot\t", "footage ");
    let answer = ask(&mut session, "WORK NAS");
    assert!(answer.contains("copied and verified 2 files"), "{answer}");
}

#[test]
fn another_size_of_the_terminal_is_followed() {
    let studio = looked_at();
    let mut session = terminal::prompt(&studio, (24, 100), &[], &[]);
    ready(&mut session);
    let wide = terminal::decoded(&ask(&mut session, "list databases"));
    assert!(wide.contains('│'), "{wide}");
    terminal::resize(&session, (24, 40));
    let narrow = terminal::decoded(&ask(&mut session, "list databases"));
    assert!(
        !narrow.contains('│') && narrow.contains("root: "),
        "{narrow}"
    );
    terminal::resize(&session, (24, 200));
    let wide = terminal::decoded(&ask(&mut session, "list databases"));
    assert!(wide.contains('│'), "{wide}");
    // Also while a line is typed.
    typed(&mut session, "list cat", "cat");
    terminal::resize(&session, (24, 90));
    let answer = ask(&mut session, "egories");
    assert!(answer.contains("scratch/render"), "{answer}");
}

#[test]
fn messages_break_between_words_on_a_narrow_terminal() {
    let studio = looked_at();
    let mut session = terminal::prompt(&studio, (24, 40), &[], &[]);
    let greeting = ready(&mut session);
    assert!(
        greeting
            .lines()
            .all(|line| line.trim_end().chars().count() <= 40),
        "{greeting}"
    );
    for (line, shown) in [
        (
            "copy acme/spot footage WORK NSA --checksum",
            "    copy acme/spot footage WORK NSA --c…",
        ),
        (
            "copy acme/spot footage WORK NAS,ARCHIVE,NSA",
            "    …/spot footage WORK NAS,ARCHIVE,NSA",
        ),
    ] {
        let answer = terminal::decoded(&ask(&mut session, line));
        let lines: Vec<_> = answer.lines().map(str::trim_end).collect();
        let at = lines.iter().position(|line| *line == shown);
        let carets = lines[at.unwrap_or_else(|| panic!("{answer}")) + 1];
        let word = if line.contains("ARCHIVE") {
            "NAS,ARCHIVE,NSA"
        } else {
            "NSA"
        };
        let column = shown.chars().count() - shown.split_once(word).unwrap().1.chars().count();
        assert_eq!(carets.trim_start(), "^".repeat(word.len()));
        assert_eq!(carets.len(), column, "{answer}");
    }
}

#[test]
fn bytes_that_are_no_text_do_not_end_the_prompt() {
    let studio = looked_at();
    let mut session = start(&studio, &[]);
    let mut terminal = session.process().get_file_handle().unwrap();
    for bytes in [&b"list \xff"[..], b"\xe6\x28", b"\x12\xff"] {
        terminal.write_all(bytes).unwrap();
        session
            .exp_string("is not UTF-8; type the line again")
            .unwrap();
        ready(&mut session);
    }
    assert!(ask(&mut session, "list categories").contains("scratch/render"));
}
