//! Another user works on the destination during a copy. Everything they saved is in its place or kept.

use std::fs;

use super::tracer::{HeldProgram, Tracer};
use super::{FROM, LINE, TO, assert_accounted, leftovers, read_files};
use crate::studio::{CHANGED, ProgramRun, Studio};

/// A studio with one file to replace, and one that only we touch.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "new a")
        .file(format!("{FROM}/b"), "new b")
        .file_at(format!("{TO}/a"), "old a", CHANGED - 9)
        .file_at(format!("{TO}/b"), "old b", CHANGED - 9);
    studio
}

/// Saves over a name at the destination as most editors do: renames a new file over it.
fn save(studio: &Studio, name: &str, content: &str) {
    studio.file_at("saving", content, CHANGED + 50);
    fs::rename(studio.path("saving"), studio.path(TO).join(name)).unwrap();
}

/// Saves into the existing file, as other editors do.
fn save_in_place(studio: &Studio, name: &str, content: &str) {
    studio.file_at(format!("{TO}/{name}"), content, CHANGED + 50);
}

/// Returns every content of the destination, under final names and among the versions.
fn contents(studio: &Studio) -> Vec<String> {
    let found = read_files(&studio.path("NAS")).into_values();
    found
        .map(|content| String::from_utf8(content).unwrap())
        .collect()
}

#[track_caller]
fn has(studio: &Studio, wanted: &[&str], run: &ProgramRun) {
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

/// A copy that is held between its last check of `a` and its rename, with this failure of the exchange, if any.
fn held<'a>(studio: &'a Studio, failure: &str) -> Option<HeldProgram<'a>> {
    studio.folder("NAS/.auto-backup");
    let tracer = Tracer::new(studio)?;
    // The first rename moves the copy among the versions, where it waits for the exchange.
    let what = format!("signal=SIGSTOP{failure}:when=1..2");
    Some(tracer.inject("renameat2", &what).on_path("a").hold(LINE))
}

#[test]
fn file_saved_before_rename_is_kept() {
    for save in [save, save_in_place] {
        let studio = studio();
        let Some(held) = held(&studio, "") else {
            return;
        };
        save(&studio, "a", "saved meanwhile");
        let run = held.finish().status(3);
        let document = assert_accounted(&run);
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
fn file_removed_before_rename_is_copied() {
    let studio = studio();
    let Some(held) = held(&studio, "") else {
        return;
    };
    studio.remove(format!("{TO}/a"));
    let run = held.finish().ok();
    assert_eq!(assert_accounted(&run)["copied_files"], 2);
    assert_eq!(studio.read(format!("{TO}/a")), "new a");
}

#[test]
fn folder_created_before_rename_is_kept() {
    let studio = studio();
    let Some(held) = held(&studio, "") else {
        return;
    };
    studio
        .remove(format!("{TO}/a"))
        .file(format!("{TO}/a/inner"), "inner");
    let run = held.finish().status(3);
    assert_eq!(studio.read(format!("{TO}/a/inner")), "inner");
    has(&studio, &["inner", "new b", "old b"], &run);
}

#[test]
fn two_successive_saves_are_both_kept() {
    let studio = studio();
    let Some(mut held) = held(&studio, "") else {
        return;
    };
    save(&studio, "a", "saved first");
    // The names were exchanged, and the program has not checked the replaced file yet.
    held.resume();
    save(&studio, "a", "saved second");
    let run = held.finish().status(3);
    has(&studio, &["saved first", "saved second"], &run);
}

#[test]
fn save_into_the_new_copy_is_kept() {
    let studio = studio();
    let Some(mut held) = held(&studio, "") else {
        return;
    };
    save(&studio, "a", "saved first");
    held.resume();
    save_in_place(&studio, "a", "saved second");
    let run = held.finish().status(3);
    has(&studio, &["saved first", "saved second"], &run);
}

#[test]
fn missing_exchange_support_loses_nothing() {
    for save in [save, save_in_place] {
        let studio = studio();
        studio.folder("NAS/.auto-backup");
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let tracer = tracer
            .inject("renameat2", "error=EINVAL:signal=SIGSTOP:when=2")
            .on_path("a");
        let held = tracer.hold(LINE);
        save(&studio, "a", "saved meanwhile");
        let run = held.finish();
        assert_accounted(&run);
        has(&studio, &["saved meanwhile", "new b", "old b"], &run);
    }
}

#[test]
fn concurrently_taken_name_is_not_replaced() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "new a")
        .file(format!("{FROM}/b"), "new b");
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let held = tracer.hold_at("syncfs", "1").hold(LINE);
    save(&studio, "a", "somebody's");
    let run = held.finish().status(3);
    assert_eq!(assert_accounted(&run)["failed_files"], 1);
    has(&studio, &["somebody's", "new b"], &run);
    assert_eq!(studio.read(format!("{TO}/a")), "somebody's");
}
