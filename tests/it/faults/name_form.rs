//! Names in other spellings, on storages that fold names and on others.

use std::fs;

use super::{LINE, TO, assert_accounted, kept_versions, read_files};
use crate::faulty_fs::{Faults, FaultyMount, NameFault};
use crate::studio::{CHANGED, Studio};

fn names(studio: &Studio, path: &str) -> Vec<String> {
    let entries = fs::read_dir(studio.path(path)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn case_only_rename_is_followed() {
    for rule in [NameFault::FoldCase, NameFault::FoldBoth, NameFault::Lower] {
        let studio = Studio::new();
        let lies = Faults::only(|lies| lies.names = rule);
        let Some(_mount) = FaultyMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        for path in ["plates/a.mov", "plates/deep/b.mov", "reel.mov"] {
            studio.file(format!("WORK/footage/acme/spot/{path}"), path);
        }
        let sync = "sync all all WORK NAS --delete";
        studio.lines(&[sync]).ok();
        let top = studio.path("WORK/footage/acme");
        fs::rename(top.join("spot/plates"), top.join("spot/Plates")).unwrap();
        fs::rename(top.join("spot/reel.mov"), top.join("spot/Reel.mov")).unwrap();
        for _ in 0..2 {
            studio.lines(&[sync]).ok();
            assert_eq!(read_files(&studio.path(TO)).len(), 3, "{rule:?}");
            assert_eq!(kept_versions(&studio, "NAS"), [b""; 0], "{rule:?}");
        }
        if rule != NameFault::Lower {
            assert_eq!(names(&studio, TO), ["Plates", "Reel.mov"], "{rule:?}");
        }
        // The folder of the client has another spelling too.
        fs::rename(&top, studio.path("WORK/footage/Acme")).unwrap();
        for _ in 0..2 {
            studio.lines(&[sync]).ok();
            assert_eq!(read_files(&studio.path("NAS/footage")).len(), 3, "{rule:?}");
            assert_eq!(kept_versions(&studio, "NAS"), [b""; 0], "{rule:?}");
        }
        if rule != NameFault::Lower {
            assert_eq!(names(&studio, "NAS/footage"), ["Acme"], "{rule:?}");
        }
        // A deleted file is still removed.
        fs::remove_file(studio.path("WORK/footage/Acme/spot/Reel.mov")).unwrap();
        studio.lines(&[sync]).ok();
        assert_eq!(kept_versions(&studio, "NAS"), [b"reel.mov"], "{rule:?}");
    }
}

#[test]
fn copy_follows_existing_unicode_form() {
    let (nfc, nfd) = ("Caf\u{e9}", "Cafe\u{301}");
    let studio = Studio::new();
    for (database, client) in [("WORK", nfc), ("NAS", nfd)] {
        let top = format!("{database}/footage/{client}/spot");
        studio
            .file(format!("{top}/{client} reel.mov"), "reel")
            .file(format!("{top}/{client}/a.mov"), "old");
    }
    let path = format!("WORK/footage/{nfc}/spot/{nfc}/a.mov");
    studio
        .file_at(&path, "newer", CHANGED + 5_000)
        .file(format!("WORK/footage/{nfc}/spot/{nfc}/b.mov"), "b");
    let line = format!("copy {nfc}/spot footage WORK NAS");
    for copied in [2, 0] {
        let run = studio.json(&[&line]).status(0);
        assert_eq!(run.document()["copied_files"], copied, "{run}");
        assert!(run.stderr.contains("Unicode form"), "{run}");
        assert_eq!(names(&studio, "NAS/footage"), [nfd]);
        let there = format!("NAS/footage/{nfd}/spot");
        let folder = format!("{nfd} reel.mov");
        assert_eq!(names(&studio, &there), [nfd, folder.as_str()]);
        assert_eq!(
            names(&studio, &format!("{there}/{nfd}")),
            ["a.mov", "b.mov"]
        );
        assert_eq!(studio.read(format!("{there}/{nfd}/a.mov")), "newer");
    }
    assert_eq!(kept_versions(&studio, "NAS"), [b"old"]);
}

#[test]
fn storage_with_other_unicode_form_stays_in_sync() {
    for rule in [NameFault::Nfd, NameFault::Nfc, NameFault::FoldForm] {
        let studio = Studio::new();
        let lies = Faults::only(|lies| lies.names = rule);
        let Some(_mount) = FaultyMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        for name in ["\u{fc}ber.mov", "o\u{308}l/a.mov"] {
            studio.file(format!("WORK/footage/acme/spot/{name}"), name);
        }
        assert_accounted(&studio.json(&[LINE]).ok());
        let again = studio.json(&[LINE]).status(0).document();
        assert_eq!(again["same_files"], 2, "{rule:?}");
        studio.lines(&["sync all all WORK NAS --delete"]).status(0);
        assert_eq!(read_files(&studio.path(TO)).len(), 2, "{rule:?}");
    }
}
