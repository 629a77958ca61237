//! Somebody works on the destination while it is copied to: whatever anybody saved there is in its place or kept.

use std::fs;

use super::tracer::{Held, Tracer};
use super::{FROM, LINE, TO, adds_up, everything, leftovers};
use crate::studio::{CHANGED, Run, Studio};

/// One file that is to be replaced, and one beside it that nobody else touches.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "new a")
        .file(format!("{FROM}/b"), "new b")
        .file_at(format!("{TO}/a"), "old a", CHANGED - 9)
        .file_at(format!("{TO}/b"), "old b", CHANGED - 9);
    studio
}

/// Saves over a name at the destination as an editor does: a new file is renamed over it.
fn save(studio: &Studio, name: &str, content: &str) {
    studio.file_at("saving", content, CHANGED + 50);
    fs::rename(studio.path("saving"), studio.path(TO).join(name)).unwrap();
}

/// Saves into the file that has the name, as other editors do.
fn save_in_place(studio: &Studio, name: &str, content: &str) {
    studio.file_at(format!("{TO}/{name}"), content, CHANGED + 50);
}

/// Every content that the destination has anywhere, under a final name or among the versions.
fn contents(studio: &Studio) -> Vec<String> {
    let found = everything(&studio.path("NAS")).into_values();
    found
        .map(|content| String::from_utf8(content).unwrap())
        .collect()
}

#[track_caller]
fn has(studio: &Studio, wanted: &[&str], run: &Run) {
    let found = contents(studio);
    for content in wanted {
        assert!(
            found.iter().any(|found| found == content),
            "{content} is lost: {run}{}",
            studio.tree("NAS")
        );
    }
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
}

/// A copy that is held between its last look at `a` and giving it its name, with this failure of exchanging, if any.
fn held<'a>(studio: &'a Studio, failure: &str) -> Option<Held<'a>> {
    studio.folder("NAS/.auto-backup");
    let tracer = Tracer::new(studio)?;
    // The first rename moves the copy among the versions, where it waits to be exchanged.
    let what = format!("signal=SIGSTOP{failure}:when=1..2");
    Some(tracer.at("renameat2", &what).on("a").hold(LINE))
}

#[test]
fn a_version_saved_between_plan_and_rename_stays_in_its_place() {
    for save in [save, save_in_place] {
        let studio = studio();
        let Some(held) = held(&studio, "") else {
            return;
        };
        save(&studio, "a", "saved meanwhile");
        let run = held.end().status(3);
        let document = adds_up(&run);
        assert_eq!(
            (&document["copied_files"], &document["failed_files"]),
            (&1.into(), &1.into())
        );
        assert_eq!(studio.read(format!("{TO}/a")), "saved meanwhile");
        assert_eq!(studio.read(format!("{TO}/b")), "new b");
        has(&studio, &["saved meanwhile", "old b"], &run);
    }
}

#[test]
fn what_is_removed_between_plan_and_rename_is_copied() {
    let studio = studio();
    let Some(held) = held(&studio, "") else {
        return;
    };
    studio.remove(format!("{TO}/a"));
    let run = held.end().ok();
    assert_eq!(adds_up(&run)["copied_files"], 2);
    assert_eq!(studio.read(format!("{TO}/a")), "new a");
}

#[test]
fn what_becomes_a_folder_between_plan_and_rename_stays_one() {
    let studio = studio();
    let Some(held) = held(&studio, "") else {
        return;
    };
    studio
        .remove(format!("{TO}/a"))
        .file(format!("{TO}/a/inner"), "inner");
    let run = held.end().status(3);
    assert_eq!(studio.read(format!("{TO}/a/inner")), "inner");
    has(&studio, &["inner", "new b", "old b"], &run);
}

#[test]
fn of_two_versions_saved_one_after_the_other_none_is_lost() {
    let studio = studio();
    let Some(mut held) = held(&studio, "") else {
        return;
    };
    save(&studio, "a", "saved first");
    // Now the names were exchanged, and it was not seen yet that something else came among the versions.
    held.go_on();
    save(&studio, "a", "saved second");
    let run = held.end().status(3);
    has(&studio, &["saved first", "saved second"], &run);
}

#[test]
fn a_version_saved_into_the_copy_itself_is_not_lost() {
    let studio = studio();
    let Some(mut held) = held(&studio, "") else {
        return;
    };
    save(&studio, "a", "saved first");
    held.go_on();
    save_in_place(&studio, "a", "saved second");
    let run = held.end().status(3);
    has(&studio, &["saved first", "saved second"], &run);
}

#[test]
fn where_names_cannot_be_exchanged_nothing_is_lost_either() {
    for save in [save, save_in_place] {
        let studio = studio();
        studio.folder("NAS/.auto-backup");
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let tracer = tracer
            .at("renameat2", "error=EINVAL:signal=SIGSTOP:when=2")
            .on("a");
        let held = tracer.hold(LINE);
        save(&studio, "a", "saved meanwhile");
        let run = held.end();
        adds_up(&run);
        has(&studio, &["saved meanwhile", "new b", "old b"], &run);
    }
}

#[test]
fn a_new_name_that_somebody_takes_meanwhile_is_theirs() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "new a")
        .file(format!("{FROM}/b"), "new b");
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let held = tracer.stop_at("syncfs", "1").hold(LINE);
    save(&studio, "a", "somebody's");
    let run = held.end().status(3);
    assert_eq!(adds_up(&run)["failed_files"], 1);
    has(&studio, &["somebody's", "new b"], &run);
    assert_eq!(studio.read(format!("{TO}/a")), "somebody's");
}
