//! Removal from remotes, and its reversal: `free`, `undo`, `restore` and `prune` behind rclone.

use std::fs;

use super::trust::{
    PLATE, REEL, STATING, THERE, assert_whole, evidence, kept, with_one_demanded, with_proven_copy,
};
use super::unreliable_rclone::{log_line, old_fake_rclone, run};
use super::{RemoteStudio, TestStorage, TestStorageKind};
use crate::studio::{CHANGED, ProgramRun};

pub(super) const FREE: &str = "free acme/spot footage CLOUD --yes";
pub(super) const BOTH: [&str; 2] = [
    "footage/acme/spot/plates/p1.exr plate one",
    "footage/acme/spot/reel.mov reel",
];

/// Storages of every kind that takes part in a decision here.
const ALL: [TestStorageKind; 4] = [
    TestStorageKind::S3,
    TestStorageKind::Alias,
    TestStorageKind::Sftp,
    TestStorageKind::WebDav,
];

/// Returns the number of the last run.
#[track_caller]
pub(super) fn last_run(place: &RemoteStudio<'_>) -> i64 {
    let history = place.json("history --all").status(0).document();
    history["runs"][0]["run"].as_i64().unwrap()
}

/// Undoes the last run.
#[track_caller]
pub(super) fn undo(place: &RemoteStudio<'_>) -> ProgramRun {
    let line = format!("undo {} --yes", last_run(place));
    place.lines(&[&line])
}

/// Returns the number of versions that a database lists.
#[track_caller]
fn listed_versions(place: &RemoteStudio<'_>) -> usize {
    let answer = place.json("versions in CLOUD").status(0).document();
    answer["versions"].as_array().unwrap().len()
}

/// Fails unless no file of the project is under its name.
#[track_caller]
pub(super) fn assert_moved_away(storage: &TestStorage<'_>) {
    for path in [REEL, PLATE] {
        assert!(!storage.folder.join(path).exists(), "{path}");
    }
    assert_eq!(kept(&storage.folder), BOTH);
}

#[test]
fn freed_remote_files_are_kept() {
    with_proven_copy(&ALL, |place, storage| {
        if storage.kind == TestStorageKind::Sftp || storage.kind == TestStorageKind::WebDav {
            place.lines(&["verify in CLOUD --download"]).ok();
        }
        let freed = place.lines(&[FREE]).ok();
        let line = "removed acme/spot footage: 2 files, 13 B";
        assert!(freed.stdout.contains(line), "{freed}");
        assert_moved_away(storage);
        assert_whole(&place.studio.path("WORK"));
        assert_eq!(listed_versions(place), 2);
        // No intent is left.
        let intents = fs::read_dir(storage.folder.join(".auto-backup/freeing"));
        assert_eq!(intents.map_or(0, Iterator::count), 0);
        // Nothing is left to free, and the other copy is the only one.
        place.lines(&[FREE]).status(3);
        let only = place.lines(&["free acme/spot footage WORK --yes"]);
        only.status(3);
        assert_whole(&place.studio.path("WORK"));
    });
}

#[test]
fn undo_returns_freed_remote_files() {
    with_proven_copy(&ALL, |place, storage| {
        let is_stating = STATING.contains(&storage.kind);
        if !is_stating {
            place.lines(&["verify in CLOUD --download"]).ok();
        }
        place.lines(&[FREE]).ok();
        let undone = undo(place).ok();
        assert!(undone.stdout.contains("undone: 2 files, 13 B"), "{undone}");
        assert_whole(&storage.folder);
        assert_eq!(kept(&storage.folder), [""; 0]);
        assert_eq!(listed_versions(place), 0);
        // The proofs came back with the files.
        let known = evidence(place, "CLOUD").join(" ");
        assert!(!known.contains("listed"), "{known}");
        place.lines(&["safe acme/spot footage on WORK"]).ok();
        let again = place.json("verify in CLOUD --older-than 1h --dry-run");
        assert_eq!(again.document()["files"], 0, "{again}");
        let verified = place.json("verify in CLOUD --download").status(0);
        assert_eq!(verified.document()["files"], 2, "{verified}");
    });
}

#[test]
fn restore_returns_freed_remote_files() {
    with_proven_copy(&STATING, |place, storage| {
        place.lines(&[FREE]).ok();
        place
            .lines(&["restore acme/spot footage CLOUD reel.mov"])
            .ok();
        assert_eq!(kept(&storage.folder), [BOTH[0]]);
        // What is there when the rest comes back becomes a version.
        fs::create_dir_all(storage.folder.join("footage/acme/spot/plates")).unwrap();
        fs::write(storage.folder.join(PLATE), "another").unwrap();
        place.lines(&["restore acme/spot footage CLOUD"]).ok();
        assert_whole(&storage.folder);
        assert_eq!(
            kept(&storage.folder),
            ["footage/acme/spot/plates/p1.exr another"]
        );
        place.lines(&["verify in CLOUD"]).ok();
    });
}

#[test]
fn prune_keeps_only_remote_copy() {
    with_proven_copy(&STATING, |place, storage| {
        place
            .studio
            .file_at(format!("WORK/{REEL}"), "a new reel", CHANGED + 60);
        place
            .lines(&[
                "load WORK",
                "verify",
                "copy acme/spot footage WORK CLOUD --overwrite",
            ])
            .ok();
        place.lines(&["verify", FREE]).ok();
        let all = [
            "footage/acme/spot/plates/p1.exr plate one",
            "footage/acme/spot/reel.mov a new reel",
            "footage/acme/spot/reel.mov reel",
        ];
        assert_eq!(kept(&storage.folder), all);
        let unasked = place.lines(&["prune CLOUD --keep 0d"]).status(2);
        assert_eq!(unasked.stdout, "");
        place.lines(&["prune CLOUD --keep 0d --dry-run"]).ok();
        assert_eq!(kept(&storage.folder), all);
        let pruned = place.lines(&["prune CLOUD --keep 0d --yes"]);
        assert_eq!(kept(&storage.folder), all[2..], "{pruned}");
        assert!(
            pruned.stdout.contains("removed 2 files, 19 B; 1 kept"),
            "{pruned}"
        );
        let only = place.lines(&["prune CLOUD --keep 0d --yes"]);
        assert_eq!(kept(&storage.folder), all[2..], "{only}");
        place.lines(&["prune CLOUD --keep 0d --force --yes"]).ok();
        assert_eq!(kept(&storage.folder), [""; 0]);
    });
}

#[test]
fn edited_remote_witness_stops_prune() {
    with_one_demanded(&STATING, |place, storage| {
        place
            .lines(&["load", "verify in WORK", THERE, "verify"])
            .ok();
        // The local file goes to the versions, and its content is at the remote.
        place.lines(&["free acme/spot footage WORK --yes"]).ok();
        assert_eq!(kept(&place.studio.path("WORK")), BOTH);
        // Meanwhile somebody puts another file of this size there.
        fs::write(storage.folder.join(REEL), "leer").unwrap();
        let pruned = place.lines(&["prune WORK --keep 0d --yes"]);
        assert_eq!(kept(&place.studio.path("WORK")), [BOTH[1]], "{pruned}");
    });
}

#[test]
fn offline_remote_witness_stops_prune() {
    with_proven_copy(&[TestStorageKind::S3], |place, storage| {
        place.lines(&["free acme/spot footage WORK --yes"]).ok();
        storage.server.as_mut().unwrap().stop();
        let pruned = place.lines(&["prune WORK --keep 0d --yes"]);
        assert_eq!(kept(&place.studio.path("WORK")), BOTH, "{pruned}");
        let words = "its other copies are offline, or changed since they were read";
        assert!(pruned.stdout.contains(words), "{pruned}");
        storage.server.as_mut().unwrap().restart();
        place.lines(&["prune WORK --keep 0d --yes"]).ok();
        assert_eq!(kept(&place.studio.path("WORK")), [""; 0]);
    });
}

#[test]
fn remote_copy_is_reversed() {
    with_proven_copy(&ALL, |place, storage| {
        place
            .studio
            .file_at(format!("WORK/{REEL}"), "a new reel", CHANGED + 60)
            .file("WORK/footage/acme/spot/new.mov", "new");
        let line = "copy acme/spot footage WORK CLOUD --overwrite";
        place.lines(&[line]).ok();
        let new = storage.folder.join("footage/acme/spot/new.mov");
        assert!(new.exists());
        undo(place).ok();
        assert_whole(&storage.folder);
        assert!(!new.exists());
        assert_eq!(
            kept(&storage.folder),
            [
                "footage/acme/spot/new.mov new",
                "footage/acme/spot/reel.mov a new reel"
            ]
        );
    });
}

#[test]
fn changed_remote_file_refuses_all() {
    with_proven_copy(&ALL, |place, storage| {
        place
            .studio
            .file_at(format!("WORK/{REEL}"), "a new reel", CHANGED + 60)
            .file("WORK/footage/acme/spot/new.mov", "new");
        place
            .lines(&["copy acme/spot footage WORK CLOUD --overwrite"])
            .ok();
        let line = format!("undo {} --yes", last_run(place));
        // Somebody works on one of them since.
        fs::write(storage.folder.join("footage/acme/spot/new.mov"), "edited").unwrap();
        let refused = place.lines(&[&line]).status(1);
        assert!(refused.stderr.contains("1 file changed since"), "{refused}");
        assert!(refused.stderr.contains("new.mov"), "{refused}");
        let reel = fs::read_to_string(storage.folder.join(REEL)).unwrap();
        assert_eq!(reel, "a new reel");
        assert_eq!(
            kept(&storage.folder),
            ["footage/acme/spot/reel.mov reel"],
            "{refused}"
        );
    });
}

#[test]
fn file_where_a_remote_one_was_freed_refuses() {
    with_proven_copy(
        &[TestStorageKind::S3, TestStorageKind::Alias],
        |place, storage| {
            place.lines(&[FREE]).ok();
            let line = format!("undo {} --yes", last_run(place));
            let other = storage.folder.join(PLATE);
            fs::create_dir_all(other.parent().unwrap()).unwrap();
            fs::write(&other, "someone else's").unwrap();
            let refused = place.lines(&[&line]).status(1);
            assert!(refused.stderr.contains("p1.exr"), "{refused}");
            assert_eq!(fs::read_to_string(&other).unwrap(), "someone else's");
            assert!(!storage.folder.join(REEL).exists(), "{refused}");
        },
    );
}

#[test]
fn remote_deletions_are_reversed() {
    with_one_demanded(&ALL, |place, storage| {
        let sync = "sync acme/spot footage WORK CLOUD --delete --yes --force";
        place.lines(&["load", sync]).ok();
        place
            .studio
            .remove(format!("WORK/{PLATE}"))
            .file("WORK/footage/acme/spot/new.mov", "new");
        place.lines(&[sync]).ok();
        assert!(!storage.folder.join(PLATE).exists());
        undo(place).ok();
        assert_whole(&storage.folder);
        assert_eq!(kept(&storage.folder), ["footage/acme/spot/new.mov new"]);
    });
}

#[test]
fn repeated_attempt_is_reversed() {
    with_one_demanded(&[TestStorageKind::Alias], |place, storage| {
        let sync = "sync acme/spot footage WORK CLOUD";
        place.lines(&["load", sync]).ok();
        place
            .studio
            .file_at(format!("WORK/{REEL}"), "a new reel", CHANGED + 60);
        // The storage refuses the first attempt.
        let count = place.studio.path("refused").display().to_string();
        let busy = "googleapi: Error 403: User rate limit exceeded, userRateLimitExceeded";
        let refuse = log_line("error", &format!("Failed to copy: {busy}"), REEL);
        let arm = format!("[ -e '{count}' ] || {{ touch '{count}'\n{refuse}exit 1; }}");
        let busy = old_fake_rclone(place, &[("copy", &arm)]);
        run(place, &busy, sync).status(0);
        let now = fs::read_to_string(storage.folder.join(REEL));
        assert_eq!(now.unwrap(), "a new reel");
        assert_eq!(listed_versions(place), 1);
        undo(place).ok();
        assert_whole(&storage.folder);
    });
}

#[test]
fn storage_without_moves_is_refused() {
    with_one_demanded(&[TestStorageKind::Alias], |place, storage| {
        let without = "\"$real\" \"$@\" | sed -e 's/\"Move\": true/\"Move\": false/' -e 's/\"Copy\": true/\"Copy\": false/'; exit 0";
        let unable = old_fake_rclone(place, &[("backend", without)]);
        for line in ["load", "verify in WORK", THERE, "verify"] {
            run(place, &unable, line).status(0);
        }
        let before = place.studio.tree("remotes/cloud/root");
        let refused = run(place, &unable, FREE).status(1);
        let words = "cannot keep old versions, because it cannot move files";
        assert!(refused.stderr.contains(words), "{refused}");
        assert_eq!(place.studio.tree("remotes/cloud/root"), before);
        assert_whole(&storage.folder);
        // As a witness it is as good as any other.
        run(place, &unable, "free acme/spot footage WORK --yes").status(0);
        assert_whole(&storage.folder);
    });
}

#[test]
fn offline_remote_stays_unchanged() {
    with_proven_copy(&[TestStorageKind::S3], |place, storage| {
        place.lines(&[FREE]).ok();
        let line = format!("undo {} --yes", last_run(place));
        storage.server.as_mut().unwrap().stop();
        for line in [
            FREE,
            &line,
            "restore acme/spot footage CLOUD",
            "prune CLOUD --keep 0d --yes",
        ] {
            let away = place.lines(&[line]);
            assert!([1, 3].contains(&away.status), "{line}: {away}");
            let words = format!("{}{}", away.stdout, away.stderr);
            assert!(words.contains("refused the connection"), "{line}: {away}");
        }
        assert_eq!(kept(&storage.folder), BOTH);
        storage.server.as_mut().unwrap().restart();
        place.lines(&[&line]).ok();
        assert_whole(&storage.folder);
        place.lines(&["safe acme/spot footage on WORK"]).ok();
    });
}
