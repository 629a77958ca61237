//! A destination that is the source by another path is refused before anything is written.

use std::fs;

use super::SyncStudio;
use crate::servers::Remotes;
use crate::studio::Studio;

/// Checks that each line fails because both are the same files, and that WORK is unchanged.
#[track_caller]
fn refused(site: &SyncStudio<'_>, lines: &[&str]) {
    let before = site.studio.tree("WORK");
    for line in lines {
        let run = site.lines(&[line]).status(1);
        assert!(run.stderr.contains("are the same files"), "{run}");
    }
    assert_eq!(site.studio.tree("WORK"), before);
    assert!(!site.studio.path("WORK/.auto-backup").exists());
}

#[test]
fn source_behind_remote_is_never_written() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let root = format!(":local:{}", studio.path("WORK").display());
    let site = SyncStudio::new(&remotes, &studio, &root);
    refused(
        &site,
        &[
            "sync all all WORK CLOUD",
            "sync all all CLOUD WORK",
            "copy all all WORK CLOUD --overwrite",
            "copy all all CLOUD WORK --overwrite",
            "compare all all WORK CLOUD",
        ],
    );
    fs::remove_file(studio.path("WORK/footage/acme/spot/reel.mov")).unwrap();
    refused(
        &site,
        &[
            "sync all all WORK CLOUD --delete --force",
            "sync all all CLOUD WORK --delete --force",
        ],
    );
}

#[test]
fn remotes_sharing_a_folder_are_refused() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let site = SyncStudio::new(&remotes, &studio, ":local:/dev/null");
    let work = studio.path("WORK");
    studio.folder("WORK/inside/footage");
    for (other, root) in [
        ("SAME", format!(":local,nounc:{}", work.display())),
        ("INSIDE", format!(":local,nounc:{}/inside", work.display())),
        (
            "ABOVE",
            format!(":local,nounc:{}", work.parent().unwrap().display()),
        ),
    ] {
        let lines = [
            format!("add database FIRST :local:{}", work.display()),
            format!("add database {other} {root}"),
            format!("sync all all FIRST {other}"),
        ];
        let run = site.lines(&lines.each_ref().map(String::as_str));
        assert!(run.stderr.contains("are the same files"), "{other}: {run}");
    }
}

#[test]
fn cloned_identity_file_is_detected() {
    let studio = Studio::filled();
    studio.lines(&["sync all all WORK NAS"]).ok();
    let identity = studio.read("NAS/.auto-backup/database.json");
    studio.folder("CLONE/footage");
    studio.file("CLONE/.auto-backup/database.json", identity);
    let root = studio.path("CLONE");
    let add = format!("add database CLONE {}", root.display());
    let said = "storages `CLONE` and `NAS` have the same identity file";
    let run = studio.lines(&[&add, "load CLONE"]);
    assert_eq!(run.stderr.matches(said).count(), 2, "{run}");
    let run = studio.lines(&[&add, "sync all all NAS CLONE"]).status(1);
    assert!(run.stderr.contains(said), "{run}");
    assert!(run.stderr.contains("delete `"), "{run}");
    assert!(!studio.path("CLONE/footage/acme").exists());

    studio.remove("CLONE/.auto-backup/database.json");
    studio
        .lines(&[&add, "load --forget CLONE --yes", "sync all all NAS CLONE"])
        .ok();
    assert_eq!(
        studio.read("CLONE/footage/acme/spot/reel.mov"),
        studio.read("NAS/footage/acme/spot/reel.mov")
    );
}
