//! What cannot be read stays as it was last seen.

use super::{found, plain, state, totals};
use crate::studio::Studio;

/// A load as a user whom permissions hold back, in JSON.
fn load(studio: &Studio, status: i32) -> crate::studio::Run {
    let run = studio.lines_as_user(&["load"]).status(status);
    assert!(!run.stderr.contains("panicked"), "{run}");
    run
}

#[test]
fn a_folder_deep_in_a_replica_that_is_closed_keeps_everything_below_it() {
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
    let before = plain(&studio, "WORK");
    let files = found(&studio, "'*'");
    // Closed in every way: not to be opened, not to be listed, not to be looked into.
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
        // Beside it, things change.
        studio.file(format!("WORK/footage/acme/spot/new{mode}"), "");
        let run = load(&studio, 3);
        let again = load(&studio, 3);
        let now = (
            state(&studio, "acme/spot", "footage", "WORK"),
            found(&studio, "'*'"),
        );
        studio
            .mode(&path, 0o755)
            .remove(format!("WORK/footage/acme/spot/new{mode}"));
        assert_eq!(
            now,
            (format!("partial {}", files - 2), files + 1),
            "{mode:o} {path}: {run}{again}"
        );
        assert!(run.stdout.contains("partial"), "{run}");
        load(&studio, 0);
        let whole = studio.json(&["load"]).ok();
        assert_eq!(super::changes(&whole, "WORK"), [0, 0, 0], "{mode:o} {path}");
        assert_eq!(totals(&whole, "WORK"), before);
        assert_eq!(
            state(&studio, "acme/spot", "footage", "WORK"),
            format!("present {}", files - 3)
        );
    }
}

#[test]
fn what_changed_while_a_folder_was_closed_is_seen_once_it_opens() {
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
    assert_eq!(found(&studio, "'sub/*'") + found(&studio, "p1.exr"), 1);
    assert_eq!(state(&studio, "acme/spot", "footage", "WORK"), "partial 4");
    studio.mode(closed, 0o755);
    let run = studio.json(&["load"]).ok();
    assert_eq!(super::changes(&run, "WORK"), [1, 0, 1]);
    assert_eq!(totals(&run, "WORK"), plain(&studio, "WORK"));
}

#[test]
fn a_replica_that_is_closed_from_its_first_look_is_known_once_it_opens() {
    let studio = Studio::filled();
    studio
        .mode("WORK/footage/acme/spot", 0)
        .mode("WORK/footage/Bob's", 0o444);
    load(&studio, 3);
    assert_eq!(state(&studio, "acme/spot", "footage", "WORK"), "partial 0");
    studio
        .mode("WORK/footage/acme/spot", 0o755)
        .mode("WORK/footage/Bob's", 0o755);
    let run = studio.json(&["load"]).ok();
    assert_eq!(totals(&run, "WORK"), plain(&studio, "WORK"));
    assert_eq!(state(&studio, "acme/spot", "footage", "WORK"), "present 2");
}

#[test]
fn a_smaller_copy_of_a_closed_one_is_partial() {
    let studio = Studio::new();
    studio
        .file("WORK/footage/acme/spot/a", "a")
        .file("WORK/footage/acme/spot/b", "b")
        .file("WORK/footage/acme/spot/closed/c", "c")
        .file("NAS/footage/acme/spot/a", "a")
        .mode("WORK/footage/acme/spot/closed", 0);
    load(&studio, 3);
    studio.mode("WORK/footage/acme/spot/closed", 0o755);
    assert_eq!(state(&studio, "acme/spot", "footage", "NAS"), "partial 1");
    assert_eq!(state(&studio, "acme/spot", "footage", "WORK"), "partial 2");
}
