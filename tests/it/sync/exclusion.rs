//! Files that are excluded now stay at the destination, even if they were sent before.

use std::fs;

use super::{CheckedSync, SyncStudio, files};
use crate::servers::Remotes;
use crate::studio::Studio;

const SPOT: &str = "WORK/footage/acme/spot";

/// Adds files for later exclusions, one by its name and one by its folder.
fn filled(studio: &Studio) {
    studio.file(format!("{SPOT}/notes.tmp"), "notes");
    studio.file(format!("{SPOT}/cache/c1.exr"), "one");
    studio.file(format!("{SPOT}/cache/deep/c2.exr"), "two");
}

fn remove_sources(studio: &Studio) {
    fs::remove_file(studio.path(SPOT).join("notes.tmp")).unwrap();
    fs::remove_dir_all(studio.path(SPOT).join("cache")).unwrap();
    fs::remove_file(studio.path(SPOT).join("reel.mov")).unwrap();
}

const EXCLUDE: [&str; 2] = ["exclude '*.tmp'", "exclude cache/"];

/// Returns the remaining files of the project at the destination.
fn remaining_files(folder: &std::path::Path) -> Vec<String> {
    let files = files(&folder.join("footage/acme/spot"));
    let names = files.iter().map(|path| path.display().to_string());
    names.collect()
}

#[test]
fn excluded_files_stay_on_disks() {
    let studio = Studio::filled();
    filled(&studio);
    studio.lines(&["sync all all WORK NAS"]).ok();
    let before = remaining_files(&studio.path("NAS"));
    remove_sources(&studio);
    for _ in 0..2 {
        let [tmp, cache] = EXCLUDE;
        let load = "load NAS";
        let delete = "sync all all WORK NAS --delete";
        studio.lines(&[tmp, cache, delete, load]).ok();
    }
    let expected = before.iter().filter(|path| *path != "reel.mov");
    assert_eq!(
        remaining_files(&studio.path("NAS")),
        expected.cloned().collect::<Vec<_>>()
    );
}

#[test]
fn excluded_files_stay_at_remotes() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    filled(&studio);
    studio.folder("there");
    let root = format!(":local:{}", studio.path("there").display());
    let site = SyncStudio::new(&remotes, &studio, &root);
    site.sync("").assert_sent(8);
    let before = remaining_files(&studio.path("there"));
    remove_sources(&studio);
    let [tmp, cache] = EXCLUDE;
    let delete = "sync all all WORK CLOUD --delete";
    site.lines(&[tmp, cache, delete]).ok();
    let expected = before.iter().filter(|path| *path != "reel.mov");
    assert_eq!(
        remaining_files(&studio.path("there")),
        expected.cloned().collect::<Vec<_>>()
    );
    let compared = [tmp, cache, "compare all all WORK CLOUD"];
    site.lines(&compared).ok();
}

#[track_caller]
fn sync(studio: &Studio, options: &str) -> CheckedSync {
    let run = studio.json(&[&format!("sync all all WORK NAS {options}")]);
    CheckedSync::new(run, studio.path("NAS").to_str().unwrap())
}

#[test]
fn symlinks_are_synced_like_files() {
    let studio = Studio::filled();
    studio.link(format!("{SPOT}/plates/latest"), "p1.exr");
    studio.link(format!("{SPOT}/only/latest"), "../reel.mov");
    sync(&studio, "").assert_sent(7);
    assert_eq!(sync(&studio, "").assert_sent(0).count("same"), 7);
    studio.remove(format!("{SPOT}/plates/latest"));
    studio.remove(format!("{SPOT}/only"));
    let links = [
        "footage/acme/spot/only/latest",
        "footage/acme/spot/plates/latest",
    ];
    assert_eq!(sync(&studio, "").assert_sent(0).paths_with("gone"), links);
    studio.lines(&["load NAS"]).ok();
    // Another user changed the target of one link.
    let changed = studio.path("NAS/footage/acme/spot/plates/latest");
    fs::remove_file(&changed).unwrap();
    std::os::unix::fs::symlink("p2.exr", &changed).unwrap();
    let deleted = sync(&studio, "--delete").assert_sent(0);
    assert_eq!(deleted.paths_with("deleted"), [links[0]]);
    assert_eq!(deleted.paths_with("gone"), [links[1]]);
    assert!(changed.is_symlink());
    assert!(!studio.path("NAS/footage/acme/spot/only").exists());
    assert_eq!(
        fs::read_dir(studio.path("NAS/.auto-backup/versions"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn files_sent_by_copy_are_recorded() {
    let studio = Studio::filled();
    sync(&studio, "").assert_sent(5);
    studio.file(format!("{SPOT}/reel.mov"), "edited and copied by hand");
    studio.file(format!("{SPOT}/other.mov"), "edited there");
    studio.lines(&["copy all all WORK NAS --overwrite"]).ok();
    studio.file(
        "NAS/footage/acme/spot/other.mov",
        "changed by somebody else",
    );
    studio.remove(format!("{SPOT}/reel.mov"));
    studio.remove(format!("{SPOT}/other.mov"));
    let other = ["footage/acme/spot/other.mov"];
    let deleted = sync(&studio, "--delete").assert_sent(0);
    assert_eq!(
        deleted.paths_with("deleted"),
        ["footage/acme/spot/reel.mov"]
    );
    assert_eq!(deleted.paths_with("gone"), other);
    // Every night, and never as an error.
    assert_eq!(
        sync(&studio, "--delete").assert_sent(0).paths_with("gone"),
        other
    );
    assert_eq!(
        studio.read("NAS/footage/acme/spot/other.mov"),
        "changed by somebody else"
    );
}
