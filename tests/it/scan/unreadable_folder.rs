//! Unreadable folders keep their previous state.

use super::{count_found, replica_state, totals, walk_totals};
use crate::studio::Studio;

/// Runs a load without root's privileges and with a JSON answer.
fn load(studio: &Studio, status: i32) -> crate::studio::ProgramRun {
    let run = studio.lines_as_user(&["load"]).status(status);
    assert!(!run.stderr.contains("panicked"), "{run}");
    run
}

#[test]
fn unreadable_folder_keeps_everything_below() {
    let studio = Studio::filled();
    let top = "WORK/footage/acme/spot/plates";
    for number in 0..30 {
        studio.file(
            format!("{top}/deep/er/s{}/f{number}", number % 5),
            "1234567",
        );
    }
    studio.link(format!("{top}/deep/er/s1/link"), "nowhere");
    load(&studio, 0);
    let before = walk_totals(&studio, "WORK");
    let files = count_found(&studio, "'*'");
    // Closed in every way: it cannot be opened, listed or entered.
    for (closed, mode) in [
        ("", 0),
        ("/deep", 0),
        ("/deep/er", 0o300),
        ("/deep", 0o400),
        ("/deep/er", 0o444),
        ("/deep/er/s1", 0o444),
    ] {
        let path = format!("{top}{closed}");
        studio.mode(&path, mode);
        // Other entries change.
        studio.file(format!("WORK/footage/acme/spot/new{mode}"), "");
        let run = load(&studio, 3);
        let again = load(&studio, 3);
        let now = (
            replica_state(&studio, "acme/spot", "footage", "WORK"),
            count_found(&studio, "'*'"),
        );
        studio
            .mode(&path, 0o755)
            .remove(format!("WORK/footage/acme/spot/new{mode}"));
        assert_eq!(
            now,
            (format!("incomplete {}", files - 2), files + 1),
            "{mode:o} {path}: {run}{again}"
        );
        assert!(run.stdout.contains("not all readable"), "{run}");
        load(&studio, 0);
        let whole = studio.json(&["load"]).ok();
        assert_eq!(
            super::change_counts(&whole, "WORK"),
            [0, 0, 0],
            "{mode:o} {path}"
        );
        assert_eq!(totals(&whole, "WORK"), before);
        assert_eq!(
            replica_state(&studio, "acme/spot", "footage", "WORK"),
            format!("whole {}", files - 3)
        );
    }
}

#[test]
fn changes_in_unreadable_folder_are_found_later() {
    let studio = Studio::filled();
    let closed = "WORK/footage/acme/spot/plates";
    studio
        .file(format!("{closed}/sub/a"), "a")
        .file(format!("{closed}/sub/b"), "b");
    load(&studio, 0);
    studio
        .remove(format!("{closed}/sub/a"))
        .file(format!("{closed}/sub/c/d"), "d")
        .mode(closed, 0);
    load(&studio, 3);
    assert_eq!(
        count_found(&studio, "'sub/*'") + count_found(&studio, "p1.exr"),
        1
    );
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "WORK"),
        "incomplete 4"
    );
    studio.mode(closed, 0o755);
    let run = studio.json(&["load"]).ok();
    assert_eq!(super::change_counts(&run, "WORK"), [1, 0, 1]);
    assert_eq!(totals(&run, "WORK"), walk_totals(&studio, "WORK"));
}

#[test]
fn initially_unreadable_replica_is_found_later() {
    let studio = Studio::filled();
    studio
        .mode("WORK/footage/acme/spot", 0)
        .mode("WORK/footage/Bob's", 0o444);
    load(&studio, 3);
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "WORK"),
        "incomplete 0"
    );
    studio
        .mode("WORK/footage/acme/spot", 0o755)
        .mode("WORK/footage/Bob's", 0o755);
    let run = studio.json(&["load"]).ok();
    assert_eq!(totals(&run, "WORK"), walk_totals(&studio, "WORK"));
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "WORK"),
        "whole 2"
    );
}

#[test]
fn smaller_copy_of_unreadable_replica_is_incomplete() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a", "a")
        .file("WORK/footage/acme/spot/b", "b")
        .file("WORK/footage/acme/spot/closed/c", "c")
        .file("NAS/footage/acme/spot/a", "a")
        .mode("WORK/footage/acme/spot/closed", 0);
    load(&studio, 3);
    studio.mode("WORK/footage/acme/spot/closed", 0o755);
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "NAS"),
        "incomplete 1"
    );
    assert_eq!(
        replica_state(&studio, "acme/spot", "footage", "WORK"),
        "incomplete 2"
    );
}
