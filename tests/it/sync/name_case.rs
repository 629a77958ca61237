//! Names that change only in case or Unicode form, at remotes that ignore the difference and at others.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::SyncStudio;
use crate::faulty_fs::{Faults, FaultyMount, NameFault};
use crate::servers::{Remotes, old_rclone};
use crate::studio::Studio;

/// Runs a check with a studio and a remote on a file system of this kind.
fn on_a_remote(names: NameFault, check: impl Fn(&Studio, SyncStudio<'_>, bool)) {
    for is_old in [false, true] {
        let studio = Studio::filled();
        let Some(remotes) = Remotes::new(&studio) else {
            return;
        };
        studio.folder("there");
        let Some(_mount) =
            FaultyMount::new(&studio, "there", Faults::only(|lies| lies.names = names))
        else {
            return;
        };
        let root = format!(":local:{}", studio.path("there").display());
        let mut site = SyncStudio::new(&remotes, &studio, &root);
        if is_old {
            let Some(old) = old_rclone() else { return };
            site = site.with_rclone(old);
        }
        check(&studio, site, is_old);
    }
}

/// Returns the files below a folder with their contents.
fn files(studio: &Studio, top: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let top = studio.path(top);
    let mut files = BTreeMap::new();
    let mut pending = vec![top.clone()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".auto-backup") {
                continue;
            }
            if path.is_dir() {
                pending.push(path);
            } else {
                let below = path.strip_prefix(&top).unwrap().to_owned();
                files.insert(below, fs::read(path).unwrap());
            }
        }
    }
    files
}

fn rename(studio: &Studio, from: &str, to: &str) {
    let work = studio.path("WORK/footage");
    fs::rename(work.join(from), work.join(to)).unwrap();
}

#[test]
fn case_only_rename_deletes_nothing() {
    on_a_remote(NameFault::FoldCase, |studio, site, is_old| {
        site.sync("").assert_sent(5);
        rename(studio, "acme/spot/reel.mov", "acme/spot/Reel.mov");
        rename(studio, "acme/spot/plates", "acme/spot/Plates");
        rename(studio, "Bob's", "BOB'S");
        for _ in 0..2 {
            let synced = site.sync("--delete --force").status(0);
            assert_eq!(synced.count("deleted"), 0, "{synced}");
            for path in files(studio, "WORK").keys() {
                let there = studio.path("there").join(path);
                assert!(there.is_file(), "{} is not there: {synced}", path.display());
            }
        }
        site.lines(&["load CLOUD"]).status(0);
        let again = site.sync("--delete --force").status(0);
        // An rclone that cannot rename sends files with another spelling again.
        assert!(is_old || again.count("copied") == 0, "{again}");
        assert_eq!(again.count("deleted"), 0, "{again}");
        assert_eq!(files(studio, "there").len(), files(studio, "WORK").len());
    });
}

#[test]
fn case_sensitive_remote_is_mirrored_exactly() {
    on_a_remote(NameFault::Exact, |studio, site, _| {
        site.sync("").assert_sent(5);
        rename(studio, "acme/spot/reel.mov", "acme/spot/Reel.mov");
        site.sync("--delete --force").status(0);
        assert_eq!(files(studio, "there"), files(studio, "WORK"));
        assert_eq!(
            site.sync("--delete --force")
                .assert_sent(0)
                .count("deleted"),
            0
        );
    });
}

#[test]
fn other_unicode_form_creates_no_duplicate() {
    const COMPOSED: &str = "caf\u{e9}";
    const DECOMPOSED: &str = "cafe\u{301}";
    on_a_remote(NameFault::Exact, |studio, site, _| {
        for (top, name) in [("WORK", DECOMPOSED), ("there", COMPOSED)] {
            let folder = format!("{top}/footage/{name} films/{name} spot/{name} sub");
            studio.file(format!("{folder}/{name}.mov"), "same");
        }
        let before = files(studio, "there");
        for line in ["sync all all WORK CLOUD", "copy all all WORK CLOUD"] {
            let run = site.json(line).status(0).document();
            assert_eq!(run["failed_files"], 0, "{run}");
            site.lines(&["compare all all WORK CLOUD"]).status(0);
        }
        // Only files without another form there are sent.
        let new =
            format!("{DECOMPOSED} films/{DECOMPOSED} spot/{DECOMPOSED} sub/{DECOMPOSED} 2.mov");
        studio.file(format!("WORK/footage/{new}"), "new");
        for line in ["sync all all WORK CLOUD", "copy all all WORK CLOUD"] {
            let run = site.json(line).status(3).document();
            assert_eq!(run["failed_files"], 1, "{run}");
        }
        assert_eq!(files(studio, "there").len(), before.len() + 5);
        let clients = fs::read_dir(studio.path("there/footage")).unwrap().count();
        assert_eq!(clients, 3);
    });
}
