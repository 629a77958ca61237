//! The question on leaving the prompt with changes that are not saved.

use rexpect::session::PtySession;

use super::{assert_exits, run_line, start, wait_for_prompt};
use crate::studio::Studio;

const QUESTION: &str = "save? [Y/n] ";

/// A prompt in which a database was added and a category removed.
fn changed(studio: &Studio, arguments: &[&str]) -> PtySession {
    studio.folder("MORE");
    let mut session = start(studio, arguments);
    run_line(&mut session, "add database MORE MORE");
    run_line(&mut session, "remove category render");
    session
}

/// Leaves with `exit` or Ctrl-D, and answers the question.
#[track_caller]
fn leave_and_answer(session: &mut PtySession, leaving: &str, answer: &str) -> String {
    session.send(leaving).unwrap();
    session.flush().unwrap();
    let asked = session.exp_string(QUESTION).unwrap();
    session.send(answer).unwrap();
    session.flush().unwrap();
    asked
}

fn has_more(studio: &Studio) -> bool {
    let startup = studio.read("home/.config/auto-backup/.config");
    startup.contains("MORE") && !startup.contains("render")
}

#[test]
fn enter_and_y_save_on_leaving() {
    for (leaving, answer) in [("quit\r", "\r"), ("exit\r", "y\r"), ("\u{4}", "Yes\r")] {
        let studio = Studio::new();
        let mut session = changed(&studio, &[]);
        let asked = leave_and_answer(&mut session, leaving, answer);
        assert!(
            asked.contains("changed in this session and not saved: 1 storage and 1 category"),
            "{asked}"
        );
        let said = assert_exits(&mut session, 0);
        assert!(said.contains("saved in"), "{said}");
        assert!(has_more(&studio), "{leaving}");
        // Nothing is left to ask for.
        let mut session = start(&studio, &[]);
        run_line(&mut session, "list categories");
        session.send_line("exit").unwrap();
        let said = assert_exits(&mut session, 0);
        assert!(!said.contains("save"), "{said}");
    }
}

#[test]
fn n_leaves_without_saving() {
    let studio = Studio::new();
    let before = studio.read("home/.config/auto-backup/.config");
    let mut session = changed(&studio, &[]);
    leave_and_answer(&mut session, "exit\r", "n\r");
    let said = assert_exits(&mut session, 0);
    assert!(!said.contains("saved in"), "{said}");
    assert_eq!(studio.read("home/.config/auto-backup/.config"), before);
}

#[test]
fn ctrl_c_at_the_question_returns_to_the_prompt() {
    let studio = Studio::new();
    let mut session = changed(&studio, &[]);
    for leaving in ["exit\r", "\u{4}"] {
        leave_and_answer(&mut session, leaving, "\u{3}");
        wait_for_prompt(&mut session);
        assert!(run_line(&mut session, "list databases").contains("MORE"));
    }
    assert!(!has_more(&studio));
    leave_and_answer(&mut session, "exit\r", "y\r");
    assert_exits(&mut session, 0);
    assert!(has_more(&studio));
}

#[test]
fn unclear_answer_is_asked_again() {
    let studio = Studio::new();
    let mut session = changed(&studio, &[]);
    leave_and_answer(&mut session, "exit\r", "maybe\r");
    session.exp_string(QUESTION).unwrap();
    session.send_line("n").unwrap();
    assert_exits(&mut session, 0);
    assert!(!has_more(&studio));
}

#[test]
fn failed_save_returns_to_the_prompt() {
    let studio = Studio::new();
    let mut session = changed(&studio, &[]);
    // Another session took the name for another folder.
    let startup = studio.read("home/.config/auto-backup/.config");
    studio.folder("OTHER").file(
        "home/.config/auto-backup/.config",
        startup + "add database MORE ../../../OTHER\n",
    );
    leave_and_answer(&mut session, "exit\r", "y\r");
    let said = wait_for_prompt(&mut session);
    assert!(said.contains("error: ") && said.contains("OTHER"), "{said}");
    assert!(said.contains("leaves without saving"), "{said}");
    assert!(run_line(&mut session, "list databases").contains("MORE"));
    leave_and_answer(&mut session, "exit\r", "n\r");
    assert_exits(&mut session, 0);
}

#[test]
fn plain_prompt_asks_too() {
    for (leaving, answer, saves) in [
        ("exit\r", "\r", true),
        ("\u{4}", "n\r", false),
        ("\u{4}", "y\r", true),
    ] {
        let studio = Studio::new();
        let mut session = changed(&studio, &["--accessible"]);
        leave_and_answer(&mut session, leaving, "\u{3}");
        wait_for_prompt(&mut session);
        leave_and_answer(&mut session, leaving, answer);
        assert_exits(&mut session, 0);
        assert_eq!(has_more(&studio), saves, "{leaving:?} {answer:?}");
    }
}

#[test]
fn nothing_is_asked_without_a_choice() {
    let studio = Studio::new();
    let mut session = changed(&studio, &["--dry-run"]);
    session.send_line("exit").unwrap();
    assert!(!assert_exits(&mut session, 0).contains("save"));
    assert!(!has_more(&studio));
    let mut session = changed(&studio, &["--yes"]);
    session.send_line("exit").unwrap();
    let said = assert_exits(&mut session, 0);
    assert!(
        said.contains("saved in") && !said.contains("[Y/n]"),
        "{said}"
    );
    assert!(has_more(&studio));
    // A script has nobody to ask.
    let run = studio.script("remove database MORE\nexit\n").ok();
    assert!(!run.stderr.contains("save"), "{run}");
}

#[test]
fn second_ctrl_d_leaves_without_saving() {
    let studio = Studio::new();
    let mut session = changed(&studio, &[]);
    leave_and_answer(&mut session, "\u{4}", "\u{4}");
    let said = assert_exits(&mut session, 0);
    assert!(!said.contains("saved in"), "{said}");
    assert!(!has_more(&studio));
}
