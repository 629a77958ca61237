//! Confirmations, and suggestions of a next step.

use super::{run_line, start, wait_for_prompt};
use crate::studio::{CHANGED, Studio};

/// A studio in which a copy of `acme/spot` replaces a file and adds one.
fn older_at_nas() -> Studio {
    let studio = Studio::filled();
    studio.file_at("NAS/footage/acme/spot/reel.mov", "older", CHANGED - 60);
    studio.lines(&["load"]).ok();
    studio
}

const COPY: &str = "copy acme/spot footage WORK NAS";

#[test]
fn replacing_copy_requires_confirmation() {
    let studio = older_at_nas();
    let mut session = start(&studio, &[]);
    for answer in ["n", "", "no", "yess"] {
        session.send_line(COPY).unwrap();
        let asked = session.exp_string("[y/N/l to list] ").unwrap();
        let asked = asked.replace("\r\n", " ").replace("  ", " ");
        let question =
            "Replace 1 older file on NAS, `reel.mov` (the old one is kept), add 1 file, 9 B?";
        assert!(asked.contains(question), "{asked}");
        session.send_line("l").unwrap();
        session
            .exp_string("replace footage/acme/spot/reel.mov")
            .unwrap();
        session.exp_string("[y/N/l to list] ").unwrap();
        session.send_line(answer).unwrap();
        session.exp_string("nothing was done").unwrap();
        wait_for_prompt(&mut session);
        assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "older");
    }
    session.send_line(COPY).unwrap();
    session.exp_string("[y/N/l to list] ").unwrap();
    session.send_control('d').unwrap();
    session.exp_string("nothing was done").unwrap();
    wait_for_prompt(&mut session);
    session.send_line(COPY).unwrap();
    session.exp_string("[y/N/l to list] ").unwrap();
    session.send_line("y").unwrap();
    session.exp_string("copied and verified 2 files").unwrap();
    wait_for_prompt(&mut session);
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
    assert!(
        studio
            .tree("NAS/.auto-backup/versions")
            .contains("reel.mov 5")
    );
}

#[test]
fn confirmation_is_skipped_when_not_needed() {
    for (arguments, before, copy) in [
        (
            &[][..],
            "list clients",
            "copy acme/spot footage WORK NAS --yes",
        ),
        (&[], "set confirm off", COPY),
        (&["--yes"], "list clients", COPY),
    ] {
        let studio = older_at_nas();
        let mut session = start(&studio, arguments);
        run_line(&mut session, before);
        let answer = run_line(&mut session, copy);
        assert!(answer.contains("copied and verified 2 files"), "{answer}");
        assert!(!answer.contains("[y/N"), "{answer}");
    }
    let studio = Studio::filled();
    let mut session = start(&studio, &[]);
    let answer = run_line(&mut session, COPY);
    assert!(
        answer.contains("copied and verified 2 files") && !answer.contains("[y/N"),
        "{answer}"
    );
}

#[test]
fn each_destination_is_confirmed_separately() {
    let studio = older_at_nas();
    studio
        .file_at("ARCHIVE/footage/acme/spot/reel.mov", "older", CHANGED - 60)
        .folder("EMPTY");
    let mut session = start(&studio, &[]);
    run_line(&mut session, "add database ARCHIVE ARCHIVE");
    run_line(&mut session, "add database EMPTY EMPTY");
    session
        .send_line("copy acme/spot footage WORK NAS,ARCHIVE,EMPTY")
        .unwrap();
    for _ in 0..2 {
        let (_, named) = session.exp_regex("file on (NAS|ARCHIVE),").unwrap();
        session.exp_string("[y/N/l to list] ").unwrap();
        session
            .send_line(if named.contains("NAS") { "y" } else { "n" })
            .unwrap();
    }
    session.exp_string("you answered no").unwrap();
    wait_for_prompt(&mut session);
    assert_eq!(studio.read("NAS/footage/acme/spot/reel.mov"), "reel");
    assert_eq!(studio.read("EMPTY/footage/acme/spot/reel.mov"), "reel");
    assert_eq!(studio.read("ARCHIVE/footage/acme/spot/reel.mov"), "older");
}

#[test]
fn confirmation_requires_an_interactive_session() {
    let studio = older_at_nas();
    let run = studio.script(format!("{COPY}\n")).ok();
    assert!(run.stdout.contains("copied and verified 2 files"), "{run}");
    // A sourced file at the prompt asks, because the session is interactive.
    let studio = older_at_nas();
    studio.file("push.ab", format!("{COPY}\n"));
    let mut session = start(&studio, &[]);
    session.send_line("source push.ab").unwrap();
    session.exp_string("[y/N/l to list] ").unwrap();
    session.send_line("y").unwrap();
    session.exp_string("copied and verified 2 files").unwrap();
    wait_for_prompt(&mut session);
}

#[test]
fn first_steps_suggest_the_next_command() {
    let studio = Studio::bare();
    studio.file("WORK/footage/acme/spot/reel.mov", "reel");
    let mut session = start(&studio, &[]);
    for (line, next) in [
        (
            "add database WORK WORK",
            "next: `add category footage footage/`",
        ),
        (
            "add category footage footage/",
            "next: `load` scans the storages",
        ),
        ("load", "next: `fetch all` shows where every project is"),
    ] {
        let answer = run_line(&mut session, line);
        assert!(answer.contains(next), "{answer}");
    }
    let answer = run_line(&mut session, "fetch all");
    assert!(
        answer.contains("whole, 1 file") && !answer.contains("next:"),
        "{answer}"
    );
    assert!(!run_line(&mut session, "load").contains("next:"));
    // Scripts print no suggestions.
    let run = studio
        .run(["--no-config", "-c", "add database WORK WORK"])
        .ok();
    assert!(!run.stdout.contains("next:"));
}

#[test]
fn greeting_omits_startup_file_answers() {
    let studio = Studio::filled();
    let file = "home/.config/auto-backup/.config";
    studio.file(file, studio.read(file) + "load\nlist clients\n");
    let mut session = super::spawn(&studio, &[]);
    let greeting = wait_for_prompt(&mut session);
    assert!(greeting.contains("2 storages, 2 categories."), "{greeting}");
    assert!(
        greeting.contains("acme") && !greeting.contains("added") && !greeting.contains("state"),
        "{greeting}"
    );
    studio.remove("NAS");
    let mut session = super::spawn(&studio, &[]);
    let greeting = wait_for_prompt(&mut session);
    assert!(greeting.contains("`NAS` is offline"), "{greeting}");
}
