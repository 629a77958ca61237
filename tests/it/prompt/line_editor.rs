//! Line editing: completion, hints, colors, pasting, and other widths.

use std::io::Write as _;

use rexpect::session::PtySession;

use super::{run_line, start, wait_for_prompt};
use crate::studio::Studio;
use crate::terminal;

/// A prompt of 24 rows and 80 columns, with all control sequences.
fn raw(studio: &Studio, environment: &[(&str, &str)], arguments: &[&str]) -> PtySession {
    let mut session = terminal::raw_prompt(studio, (24, 80), environment, arguments);
    wait_for_prompt(&mut session);
    session
}

/// Types without ending the line; waits for this output.
#[track_caller]
fn typed(session: &mut PtySession, keys: &str, shown: &str) -> String {
    session.send(keys).unwrap();
    session.flush().unwrap();
    session.exp_string(shown).unwrap()
}

/// Clears the typed line.
#[track_caller]
fn cancel(session: &mut PtySession) {
    session.send_control('c').unwrap();
    session.exp_string("\n").unwrap();
    wait_for_prompt(session);
}

fn scanned_studio() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

#[test]
fn tab_lists_matches_and_completes_common_part() {
    let studio = scanned_studio();
    let mut session = start(&studio, &[]);
    // `ac` has a client and two projects: their common beginning is completed, and they are listed.
    typed(&mut session, "copy ac\t", "acme/teaser");
    typed(&mut session, "/sp\t", "acme/spot ");
    typed(&mut session, "f\t", "footage ");
    typed(&mut session, "\t", "WORK");
    let mut session = start(&studio, &[]);
    typed(
        &mut session,
        "copy wrk\x15fetch project --paths lfl\t",
        "\"Bob's/long film\" ",
    );
    let answer = run_line(&mut session, "");
    assert!(answer.contains("footage on WORK"), "{answer}");
}

#[test]
fn sync_arguments_complete_like_copy() {
    let mut session = start(&scanned_studio(), &[]);
    typed(&mut session, "sync al\t", "sync all ");
    typed(&mut session, "al\t", "sync all all ");
    typed(&mut session, "W\t", "sync all all WORK ");
    // More than a client begins with `ac`: its projects are listed.
    let mut session = start(&scanned_studio(), &[]);
    typed(&mut session, "sync ac\t", "acme/teaser");
}

#[test]
fn newly_added_names_complete_at_once() {
    let studio = Studio::filled();
    let mut session = start(&studio, &["--no-config"]);
    run_line(&mut session, "add database 'MY DISK' WORK");
    run_line(&mut session, "add category plates footage");
    run_line(&mut session, "load");
    typed(&mut session, "copy acme/t\tpla\tM\t", "'MY DISK' ");
    cancel(&mut session);
    typed(&mut session, "add database X WORK/sc\t", "WORK/scratch/");
    cancel(&mut session);
}

#[test]
fn right_arrow_accepts_gray_hint() {
    let studio = scanned_studio();
    let mut session = raw(&studio, &[], &[]);
    typed(
        &mut session,
        "copy acme/spot ",
        "\u{1b}[90m[CATEGORY] FROM TO[,TO...]\u{1b}[0m",
    );
    cancel(&mut session);
    session.send_line("list categories").unwrap();
    session.exp_string("scratch/render").unwrap();
    wait_for_prompt(&mut session);
    typed(&mut session, "lis", "\u{1b}[90mt categories\u{1b}[0m");
    session.send("\u{1b}[C\r").unwrap();
    session.flush().unwrap();
    session.exp_string("scratch/render").unwrap();
    wait_for_prompt(&mut session);
    session.send_line("set hints off").unwrap();
    session.exp_string("hints is off").unwrap();
    wait_for_prompt(&mut session);
    session.send_line("list databases").unwrap();
    let shown = session.exp_string("online").unwrap();
    assert!(!shown.contains("\u{1b}[90m"), "{shown:?}");
}

#[test]
fn failed_line_is_not_a_hint() {
    let studio = scanned_studio();
    let mut session = raw(&studio, &[], &[]);
    for (line, end, is_hint) in [
        ("find zzz in NAS", "no file matches", true),
        ("find zzz in NSA", "did you mean `NAS`?", false),
    ] {
        session.send_line(line).unwrap();
        session.exp_string(end).unwrap();
        wait_for_prompt(&mut session);
        session.send_line("find zzz in N").unwrap();
        let shown = session.exp_string("did you mean `NAS`?").unwrap();
        let hint = if is_hint { "AS" } else { "SA" };
        let grey = format!("\u{1b}[90m{hint}\u{1b}[0m");
        assert_eq!(shown.contains(&grey), is_hint, "{shown:?}");
        wait_for_prompt(&mut session);
    }
}

#[test]
fn known_and_unknown_words_are_colored() {
    let studio = scanned_studio();
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
fn line_stays_plain_without_color() {
    let studio = scanned_studio();
    for (environment, arguments) in [
        (&[("NO_COLOR", "1")][..], &[][..]),
        (&[], &["--color", "never"]),
    ] {
        let mut session = raw(&studio, environment, arguments);
        session
            .send_line("copy acme/spot footage WORK NSA")
            .unwrap();
        let shown = session.exp_string("did you mean `NAS`?").unwrap();
        assert!(!shown.contains("[3") && !shown.contains("[4"), "{shown:?}");
        // Text that is gray elsewhere would look typed.
        assert!(!shown.contains("CATEGORY"), "{shown:?}");
        wait_for_prompt(&mut session);
    }
}

#[test]
fn paste_stops_at_first_failing_line() {
    let studio = scanned_studio();
    let mut session = raw(&studio, &[], &[]);
    // As a terminal sends it.
    let pasted = "\u{1b}[200~list categories\nlod\nlist databases\u{1b}[201~\r";
    session.send(pasted).unwrap();
    session.flush().unwrap();
    let shown = session.exp_string("did you mean `load`?").unwrap();
    assert!(
        shown.contains("scratch/render") && shown.contains("unknown command `lod`"),
        "{shown}"
    );
    let rest = wait_for_prompt(&mut session);
    assert!(!rest.contains("online"), "{rest}");
    session.send_line("list clients").unwrap();
    session.exp_string("acme").unwrap();
    wait_for_prompt(&mut session);
}

#[test]
fn continued_line_completes_and_runs_as_one() {
    let studio = scanned_studio();
    let mut session = start(&studio, &[]);
    session.send_line("copy acme/spot \\").unwrap();
    session.exp_string("...> ").unwrap();
    typed(&mut session, "foot\t", "footage ");
    let answer = run_line(&mut session, "WORK NAS");
    assert!(answer.contains("copied and verified 2 files"), "{answer}");
}

#[test]
fn output_follows_terminal_resize() {
    let studio = scanned_studio();
    let mut session = terminal::prompt(&studio, (24, 100), &[], &[]);
    wait_for_prompt(&mut session);
    let wide = terminal::decoded(&run_line(&mut session, "list databases"));
    assert!(wide.contains("root"), "{wide}");
    terminal::resize(&session, (24, 40));
    let narrow = terminal::decoded(&run_line(&mut session, "list databases"));
    assert!(
        !narrow.contains("root") && narrow.contains("online"),
        "{narrow}"
    );
    terminal::resize(&session, (24, 200));
    let wide = terminal::decoded(&run_line(&mut session, "list databases"));
    assert!(wide.contains("root"), "{wide}");
    // Also while a line is typed.
    typed(&mut session, "list cat", "cat");
    terminal::resize(&session, (24, 90));
    let answer = run_line(&mut session, "egories");
    assert!(answer.contains("scratch/render"), "{answer}");
}

#[test]
fn messages_wrap_between_words() {
    let studio = scanned_studio();
    let mut session = terminal::prompt(&studio, (24, 40), &[], &[]);
    let greeting = wait_for_prompt(&mut session);
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
        let answer = terminal::decoded(&run_line(&mut session, line));
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
fn invalid_utf8_does_not_end_prompt() {
    let studio = scanned_studio();
    let mut session = start(&studio, &[]);
    let mut terminal = session.process().get_file_handle().unwrap();
    for bytes in [&b"list \xff"[..], b"\xe6\x28", b"\x12\xff"] {
        terminal.write_all(bytes).unwrap();
        session
            .exp_string("is not valid UTF-8; type the line again")
            .unwrap();
        wait_for_prompt(&mut session);
    }
    assert!(run_line(&mut session, "list categories").contains("scratch/render"));
}
