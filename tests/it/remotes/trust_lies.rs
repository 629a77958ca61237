//! An rclone that lies about moves and deletions, or that loses its storage: nothing counts that no listing shows.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::trust::{PLATE, REEL, assert_whole, evidence, kept, with_proven_copy};
use super::trust_removal::{BOTH, FREE, assert_moved_away, last_run, undo};
use super::unreliable_rclone::{fake_rclone, log_line, old_fake_rclone, run};
use super::{RemoteStudio, TestStorage, TestStorageKind};

/// The lies of an rclone that is asked to move files, as commands of a shell, and whether the files are lost at the
/// storage. `$from` and `$dest` are the folders, `$list` has the paths.
fn lies() -> Vec<(&'static str, String, bool)> {
    let moved: String = [REEL, PLATE]
        .iter()
        .map(|path| log_line("info", "Moved (server-side)", path))
        .collect();
    let each = "for path in $(cat \"$list\"); do ";
    vec![
        ("says it and does nothing", format!("{moved}exit 0"), false),
        ("says nothing and does nothing", "exit 0".to_owned(), false),
        ("dies", "kill -9 $$".to_owned(), false),
        (
            "removes the files",
            format!("{each}rm \"$from/$path\"; done\n{moved}exit 0"),
            true,
        ),
        (
            "removes the files in silence",
            format!("{each}rm \"$from/$path\"; done\nexit 0"),
            true,
        ),
        (
            "moves them elsewhere",
            format!(
                "{each}mv \"$from/$path\" \"$from/elsewhere-${{path##*/}}\"; done\n{moved}exit 0"
            ),
            true,
        ),
        (
            "copies them",
            format!(
                "{each}mkdir -p \"$dest/${{path%/*}}\"; cp -p \"$from/$path\" \"$dest/$path\"; done\n{moved}exit 0"
            ),
            false,
        ),
        (
            "moves one",
            format!(
                "mkdir -p \"$dest/footage/acme/spot\"; mv \"$from/{REEL}\" \"$dest/{REEL}\"\n{moved}exit 0"
            ),
            false,
        ),
    ]
}

/// Returns an rclone that lies about moves.
fn mover(place: &RemoteStudio<'_>, storage: &TestStorage<'_>, lie: &str) -> PathBuf {
    let root = storage.folder.display();
    let lie = format!(
        "from=\"${{@: -2:1}}\"; dest=\"$to\"; from=\"{root}/${{from#cloud:}}\"; dest=\"{root}/${{dest#cloud:}}\"\n\
         words=(\"$@\"); for place in \"${{!words[@]}}\"; do\n\
         if [ \"${{words[place]}}\" = --files-from-raw ]; then list=\"${{words[place+1]}}\"; fi; done\n{lie}"
    );
    old_fake_rclone(place, &[("move", &lie)])
}

#[test]
fn lying_move_frees_nothing() {
    for (name, lie, is_lost) in lies() {
        with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
            let liar = mover(place, storage, &lie);
            let freed = run(place, &liar, FREE).status(3);
            let document = freed.document();
            assert_ne!(document["state"], "complete", "{name}: {freed}");
            let failed = document["failed"].as_array().unwrap().len();
            let expected = if name == "moves one" { 1 } else { 2 };
            assert_eq!(failed, expected, "{name}: {freed}");
            assert_whole(&place.studio.path("WORK"));
            let count = 2 - failed;
            assert_eq!(document["files"], count, "{name}: {freed}");
            if !is_lost {
                let there = |path: &str| storage.folder.join(path).exists();
                let versions = kept(&storage.folder).join("\n");
                for path in [REEL, PLATE] {
                    assert!(there(path) || versions.contains(path), "{name}: {freed}");
                }
            }
            // Whatever happened there, the only sure copy may not go.
            if is_lost {
                place
                    .lines(&["free acme/spot footage WORK --yes"])
                    .status(3);
                assert_whole(&place.studio.path("WORK"));
            }
        });
    }
}

#[test]
fn listing_shows_unreported_move() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        let liar = mover(place, storage, "\"$real\" \"$@\" 2>/dev/null; exit 0");
        let freed = run(place, &liar, FREE);
        assert_moved_away(storage);
        assert_eq!(freed.status, 0, "{freed}");
        assert_eq!(freed.document()["files"], 2, "{freed}");
        undo(place).ok();
        assert_whole(&storage.folder);
    });
}

#[test]
fn lying_move_undoes_nothing() {
    for (name, lie, is_lost) in lies() {
        with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
            place.lines(&[FREE]).ok();
            let line = format!("undo {} --yes", last_run(place));
            let liar = mover(place, storage, &lie);
            let undone = run(place, &liar, &line).status(3);
            let failed = undone.document()["failed"].clone();
            let expected = if name == "moves one" { 1 } else { 2 };
            assert_eq!(failed, expected, "{name}: {undone}");
            if !is_lost && name != "copies them" {
                let honest = place.lines(&[&line]);
                assert_whole(&storage.folder);
                assert_eq!(honest.status, 0, "{name}: {honest}");
            }
        });
    }
}

#[test]
fn lying_deletion_prunes_nothing() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        place.lines(&[FREE]).ok();
        for (lie, status) in [("exit 0", 3), ("exit 1", 1), ("kill -9 $$", 1)] {
            let liar = old_fake_rclone(place, &[("delete", lie)]);
            let pruned = run(place, &liar, "prune CLOUD --keep 0d --yes").status(status);
            assert_eq!(kept(&storage.folder), BOTH, "{lie}: {pruned}");
            assert!(!pruned.stdout.contains("\"files\":2"), "{lie}: {pruned}");
        }
        place.lines(&["prune CLOUD --keep 0d --yes"]).ok();
        assert_eq!(kept(&storage.folder), [""; 0]);
    });
}

#[test]
fn hidden_version_is_not_removed() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        place.lines(&[FREE]).ok();
        // The deletion does nothing, and afterwards the storage does not list the folder.
        let flag = place.studio.path("hidden").display().to_string();
        let deletes = format!("touch '{flag}'; exit 0");
        let refusal = log_line("error", "error listing: permission denied", ".auto-backup");
        let lists = format!("[ ! -e '{flag}' ] || {{ {refusal} exit 3; }}");
        let liar = old_fake_rclone(
            place,
            &[("delete", &deletes), ("lsjson", &lists), ("lsf", &lists)],
        );
        let pruned = run(place, &liar, "prune CLOUD --keep 0d --yes");
        assert_ne!(pruned.status, 0, "{pruned}");
        assert!(!pruned.stdout.contains("\"removed\""), "{pruned}");
        assert_eq!(kept(&storage.folder), BOTH, "{pruned}");
    });
}

#[test]
fn lost_listing_fails_each_file_of_an_undo() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        place.lines(&[FREE]).ok();
        let line = format!("undo {} --yes", last_run(place));
        let flag = place.studio.path("lost").display().to_string();
        let moves = format!("\"$real\" \"$@\"; s=$?; touch '{flag}'; exit $s");
        let lists = format!("[ ! -e '{flag}' ] || exit 1");
        let lost = old_fake_rclone(
            place,
            &[("move", &moves), ("lsjson", &lists), ("lsf", &lists)],
        );
        let undone = run(place, &lost, &line).status(3);
        assert_eq!(undone.document()["failed"], 2, "{undone}");
        // The files are back, and the next scan finds them.
        assert_whole(&storage.folder);
        place.lines(&["load CLOUD"]).ok();
    });
}

#[test]
fn lost_remote_is_no_success() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        // After the move, no listing succeeds any more.
        let flag = place.studio.path("lost").display().to_string();
        let moves = format!("\"$real\" \"$@\"; s=$?; touch '{flag}'; exit $s");
        let lists = format!("[ ! -e '{flag}' ] || exit 1");
        let lost = old_fake_rclone(
            place,
            &[("move", &moves), ("lsjson", &lists), ("lsf", &lists)],
        );
        let freed = run(place, &lost, FREE);
        assert!([1, 3].contains(&freed.status), "{freed}");
        let shown = format!("{}{}", freed.stdout, freed.stderr);
        assert!(!shown.contains("nothing was removed"), "{freed}");
        assert_moved_away(storage);
        // The next run sees what was moved, and it can be undone.
        undo(place).ok();
        assert_whole(&storage.folder);
    });
}

#[test]
fn lost_remote_witness_never_counts() {
    with_proven_copy(&[TestStorageKind::Alias], |place, storage| {
        let line = "free acme/spot footage WORK --yes";
        let is_project = "[[ \"$*\" = *footage* ]]";
        for end in ["exit 1", "kill -9 $$"] {
            let arm = format!("if {is_project}; then {end}; fi");
            for liar in [
                old_fake_rclone(place, &[("lsjson", &arm)]),
                fake_rclone(place, &[("rcd", "exit 1"), ("lsjson", &arm)]),
            ] {
                let refused = run(place, &liar, line).status(3);
                let reason: Value = refused.document()["replicas"][0]["reason"].clone();
                let reason = reason.as_str().unwrap();
                let words = "CLOUD does not count: it could not be scanned completely";
                assert!(reason.contains(words), "{refused}");
                assert_whole(&place.studio.path("WORK"));
            }
        }
        assert_whole(&storage.folder);
        assert_eq!(
            json!(evidence(place, "CLOUD")),
            json!(["plates/p1.exr stored", "reel.mov stored"])
        );
        place.lines(&[line]).ok();
    });
}
