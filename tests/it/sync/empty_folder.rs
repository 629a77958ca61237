//! Folders that a sync empties are removed, and no others.

use std::fs;

use super::{CheckedSync, SyncStudio};
use crate::servers::Remotes;
use crate::studio::Studio;

const SPOT: &str = "WORK/footage/acme/spot";

#[track_caller]
fn sync(studio: &Studio, options: &str) -> CheckedSync {
    let run = studio.json(&[&format!("sync all all WORK NAS {options}")]);
    CheckedSync::new(run, studio.path("NAS").to_str().unwrap())
}

#[test]
fn emptied_folders_are_deleted() {
    let studio = Studio::filled();
    studio.file("WORK/footage/nova/film/a/b/deep.mov", "deep");
    studio.file("WORK/footage/zeta/film/one.mov", "one");
    studio.folder("WORK/footage/nova/film/empty");
    sync(&studio, "").assert_sent(7);
    studio.folder("NAS/footage/zeta/other");
    studio.file("NAS/footage/acme/spot/plates/theirs.txt", "somebody else's");
    fs::remove_dir_all(studio.path("WORK/footage/nova")).unwrap();
    fs::remove_dir_all(studio.path("WORK/footage/zeta")).unwrap();
    fs::remove_dir_all(studio.path(SPOT).join("plates")).unwrap();
    sync(&studio, "").assert_sent(0);
    assert!(studio.path("NAS/footage/nova/film/empty").is_dir());
    sync(&studio, "--delete --force").assert_sent(0);
    assert!(!studio.path("NAS/footage/nova").exists());
    assert!(!studio.path("NAS/footage/zeta/film").exists());
    assert!(studio.path("NAS/footage/zeta/other").is_dir());
    assert!(
        studio
            .path("NAS/footage/acme/spot/plates/theirs.txt")
            .is_file()
    );
    studio.lines(&["compare nova all WORK NAS"]).status(1);
    assert_eq!(sync(&studio, "--delete").assert_sent(0).items.len(), 0);
}

#[test]
fn renames_leave_no_empty_remote_folders() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    studio.folder("there");
    let root = format!(":local:{}", studio.path("there").display());
    let site = SyncStudio::new(&remotes, &studio, &root);
    studio.file("WORK/footage/nova/film/a/deep.mov", "deep");
    site.sync("").assert_sent(6);
    studio.folder("there/footage/acme/spot/theirs");
    let work = studio.path("WORK/footage");
    fs::rename(work.join("nova"), work.join("nova pictures")).unwrap();
    let renamed = site.sync("");
    let moved = renamed.count("moved") == 1;
    // Without renames the file is sent again, and its old name stays, because no deletion was requested.
    assert_eq!(
        studio.path("there/footage/nova").exists(),
        !moved,
        "{renamed}"
    );
    fs::remove_dir_all(studio.path(SPOT)).unwrap();
    site.sync("--delete --force").assert_sent(0);
    assert!(!studio.path("there/footage/nova").exists());
    assert!(!studio.path("there/footage/acme/spot/plates").exists());
    assert!(studio.path("there/footage/acme/spot/theirs").is_dir());
}
