//! Copies into categories that keep histories: one generation for each run, also after interruptions.

use std::fs;

use super::reference::Reference;
use super::{SPOT, count_actions, hash_lists, list_text};
use crate::faults::tracer::Tracer;
use crate::studio::Studio;

const COPY: &str = "copy acme/spot footage WORK NAS";

/// A studio with a card on WORK, whose category keeps histories with this option.
fn keeping_studio(options: &str) -> Studio {
    let studio = Studio::new();
    let startup = "home/.config/auto-backup/.config";
    let text = studio.read(startup);
    studio.file(
        startup,
        text.replace("footage/\n", &format!("footage/ --mhl{options}\n")),
    );
    for name in ["A001/a.mov", "A001/b.mov", "notes.txt"] {
        studio.file(format!("WORK/footage/acme/spot/{name}"), name);
    }
    studio
}

#[test]
fn copy_appends_a_transfer() {
    for options in ["", " --mhl-hash md5", " --mhl-hash c4"] {
        let studio = keeping_studio(options);
        let run = studio.lines(&[COPY]).status(0);
        assert!(
            run.stderr
                .contains("wrote 1 generation of ASC MHL histories on NAS, 3 files"),
            "{run}"
        );
        assert!(list_text(&studio, 1).contains("<process>transfer</process>"));
        assert!(hash_lists(&studio, "WORK/footage/acme/spot").is_empty());
        if let Some(reference) = Reference::find() {
            reference.assert_verifies(&studio, SPOT);
            reference.assert_folders_verify(&studio, SPOT);
        }
        let again = studio.lines(&[COPY]).status(0);
        assert!(!again.stderr.contains("ASC MHL"), "{again}");
        studio.file("WORK/footage/acme/spot/more.txt", "more");
        studio.lines(&[COPY]).status(0);
        assert_eq!(hash_lists(&studio, SPOT).len(), 2);
        assert_eq!(count_actions(&list_text(&studio, 2), "original"), 1);
        if let Some(reference) = Reference::find() {
            reference.assert_verifies(&studio, SPOT);
        }
    }
}

/// What a history cannot hold is said when the generation leaves it out.
#[test]
fn link_is_copied_and_not_recorded() {
    let studio = keeping_studio("");
    let link = studio.path("WORK/footage/acme/spot/link");
    std::os::unix::fs::symlink("notes.txt", link).unwrap();
    let run = studio.lines(&[COPY]).status(0);
    assert!(
        run.stderr
            .contains("on NAS, 3 files; 1 other cannot be recorded: `mhl` says why"),
        "{run}"
    );
}

#[test]
fn sync_appends_a_transfer() {
    let studio = keeping_studio("");
    let sync = "sync acme/spot footage WORK NAS";
    studio.lines(&[sync]).status(0);
    assert_eq!(count_actions(&list_text(&studio, 1), "original"), 3);
    studio.file("WORK/footage/acme/spot/more.txt", "more");
    studio.lines(&[sync, sync]).status(0);
    assert_eq!(hash_lists(&studio, SPOT).len(), 2);
}

#[test]
fn category_without_histories_gets_none() {
    let studio = Studio::filled();
    studio.lines(&[COPY]).status(0);
    assert!(!studio.path(SPOT).join("ascmhl").exists());
}

#[test]
fn history_of_the_source_is_continued() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = keeping_studio("");
    let card = "footage/acme/spot/A001";
    reference.create(&studio.path(format!("WORK/{card}")), "xxh64");
    studio.lines(&[COPY]).status(0);
    let inner = hash_lists(&studio, &format!("NAS/{card}"));
    assert_eq!(inner.len(), 2);
    let text = fs::read_to_string(&inner[1]).unwrap();
    assert_eq!(text.matches("<xxh64 action=\"verified\"").count(), 2);
    assert_eq!(count_actions(&list_text(&studio, 1), "original"), 1);
    reference.assert_verifies(&studio, SPOT);
    let again = studio.json(&[COPY]).status(0).document();
    assert_eq!(
        [&again["copied_files"], &again["conflict_files"]],
        [0, 0],
        "{again}"
    );
    assert_eq!(hash_lists(&studio, &format!("NAS/{card}")).len(), 2);
    // The source goes on by itself; the two histories are never mixed.
    reference.create(&studio.path(format!("WORK/{card}")), "xxh64");
    let again = studio.json(&[COPY]).status(0).document();
    assert_eq!(
        [&again["copied_files"], &again["conflict_files"]],
        [0, 0],
        "{again}"
    );
    reference.assert_verifies(&studio, SPOT);
}

#[test]
fn damage_on_the_way_is_recorded() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = keeping_studio("");
    let card = "footage/acme/spot/A001";
    reference.create(&studio.path(format!("WORK/{card}")), "xxh64");
    studio.file(format!("WORK/{card}/b.mov"), "A001/B.mov");
    let run = studio.lines(&[COPY]).status(3);
    assert!(
        run.stderr
            .contains("b.mov` is not as its ASC MHL history states"),
        "{run}"
    );
    let inner = hash_lists(&studio, &format!("NAS/{card}"));
    let text = fs::read_to_string(&inner[1]).unwrap();
    assert_eq!(
        [
            count_actions(&text, "failed"),
            count_actions(&text, "verified")
        ],
        [1, 2]
    );
}

#[test]
fn killed_copy_and_its_repetition_are_one_generation() {
    for number in [1, 2, 4, 6, 9, 12] {
        let studio = keeping_studio("");
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let kill = format!("signal=SIGKILL:when={number}");
        let run = tracer.inject("renameat2", &kill).json(COPY);
        studio.lines(&[COPY, COPY]).status(0);
        let lists = hash_lists(&studio, SPOT);
        assert_eq!(lists.len(), 1, "{number}: {run}");
        assert_eq!(
            count_actions(&list_text(&studio, 1), "original"),
            3,
            "{number}"
        );
        if let Some(reference) = Reference::find() {
            reference.assert_verifies(&studio, SPOT);
        }
    }
}

#[test]
fn copies_with_histories_of_their_own_agree() {
    let studio = keeping_studio("");
    studio
        .lines(&["load", COPY, "load", "mhl acme/spot footage WORK", "load"])
        .status(0);
    let listed = studio.json(&["list projects"]).ok().document();
    assert_eq!(listed["projects"][0]["copies"], 2, "{listed}");
    studio.lines(&["compare acme/spot WORK NAS"]).ok();
    studio.lines(&["compare acme/spot WORK NAS --known"]).ok();
}

#[test]
fn histories_of_two_storages_make_each_other_safe() {
    let studio = keeping_studio("");
    let startup = "home/.config/auto-backup/.config";
    let text = studio.read(startup);
    let text = text
        .replace("/WORK\n", "/WORK --medium a\n")
        .replace("/NAS\n", "/NAS --medium b\n");
    studio.file(startup, text);
    let lines = ["policy footage copies 1", "load", COPY, "load"];
    studio.lines(&lines).status(0);
    studio
        .lines(&[
            lines[0],
            "mhl acme/spot footage WORK",
            "load",
            "safe acme/spot on WORK",
        ])
        .status(0);
    studio
        .lines(&[lines[0], "free acme/spot footage WORK --yes"])
        .status(0);
    assert!(!studio.path("WORK/footage/acme/spot").exists());
}

#[test]
fn deletions_leave_the_history_alone() {
    let Some(reference) = Reference::find() else {
        return;
    };
    let studio = keeping_studio("");
    let card = "footage/acme/spot/A001";
    reference.create(&studio.path(format!("WORK/{card}")), "xxh128");
    let sync = "sync acme/spot footage WORK NAS --delete --force";
    studio.lines(&[sync]).status(0);
    studio.remove(format!("WORK/{card}/ascmhl"));
    studio.lines(&[sync, sync]).status(0);
    reference.assert_verifies(&studio, SPOT);
}
