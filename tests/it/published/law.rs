//! The rules of publishing and taking over on a disk.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{TwoWorkstations, inode};
use crate::studio::Studio;

#[test]
fn nothing_is_published_unasked() {
    let studio = Studio::filled();
    studio.lines(&["load", "copy all footage WORK NAS"]).ok();
    assert!(!studio.path("WORK/.auto-backup/index.sqlite").exists());
    assert!(!studio.path("NAS/.auto-backup/index.sqlite").exists());
}

#[test]
fn second_workstation_answers_without_a_scan() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    let fetched = two.second(&["fetch acme/spot", "list projects"]).status(0);
    assert!(fetched.stdout.contains("whole, 2 files, 13 B"), "{fetched}");
    assert!(fetched.stdout.contains("zoo/film"), "{fetched}");
    assert!(
        fetched.stderr.contains("SERVER: took over the index that"),
        "{fetched}"
    );
    // It says so once.
    two.second(&["fetch acme/spot"]).ok();
    let found = two.second(&["find p1"]).ok();
    assert!(found.stdout.contains("plates/p1.exr"), "{found}");
}

#[test]
fn load_takes_over_when_asked() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    let mut command = two.second_command();
    command.args(["--format", "json", "-c", "load SERVER --published"]);
    let answer = two.studio.finish(&mut command).status(0).document();
    let row = &answer["databases"][0];
    assert_eq!(
        json!([answer["state"], row["state"], row["files"], row["projects"]]),
        json!(["complete", "taken over", 3, 2])
    );
    let publisher = &row["published"];
    assert!(
        publisher["host"].is_string() && publisher["at"].is_string(),
        "{row}"
    );
    let shown = two.second(&["load SERVER --published"]).ok();
    assert!(shown.stdout.contains("SERVER: the index that"), "{shown}");
}

#[test]
fn storage_without_published_index_is_an_error() {
    let two = TwoWorkstations::new();
    let refused = two.second(&["load SERVER --published"]).status(3);
    assert!(
        refused
            .stderr
            .contains("`SERVER` carries no published index"),
        "{refused}"
    );
}

#[test]
fn changes_travel_both_ways() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    two.second(&["fetch all"]).status(0);
    thread::sleep(Duration::from_millis(1100));
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    fs::remove_dir_all(two.studio.path("NAS/footage/zoo")).unwrap();
    two.second(&["load"]).status(0);
    let fetched = two.first(&["fetch acme/spot", "list projects"]).status(0);
    assert!(fetched.stdout.contains("whole, 3 files, 16 B"), "{fetched}");
    assert!(!fetched.stdout.contains("zoo/film"), "{fetched}");
}

#[test]
fn own_newer_scan_stays() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    let old = fs::read(two.published()).unwrap();
    thread::sleep(Duration::from_millis(1100));
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.second(&["set publish off", "load"]).status(0);
    // The older index comes back, as from a slow workstation.
    fs::write(two.published(), old).unwrap();
    let fetched = two.second(&["fetch acme/spot"]).ok();
    assert!(fetched.stdout.contains("whole, 3 files, 16 B"), "{fetched}");
    two.second(&["load SERVER --published"]).ok();
    let fetched = two.second(&["fetch acme/spot"]).ok();
    assert!(fetched.stdout.contains("whole, 3 files, 16 B"), "{fetched}");
}

#[test]
fn evidence_is_that_of_the_other_workstation() {
    let two = TwoWorkstations::new();
    let studio = &two.studio;
    studio.folder("WORK");
    for file in ["home/.config/auto-backup/.config", super::SECOND_STARTUP] {
        let lines = studio.read(file);
        let more = "add database WORK ../../../WORK --medium work\npolicy footage copies 1\n";
        studio.file(file, format!("{lines}{more}"));
    }
    two.first(&["load", "copy acme/spot footage NAS WORK"]).ok();
    let safe = two.second(&["safe acme/spot footage on WORK"]).status(0);
    assert!(safe.stdout.contains("SERVER (read just now by "), "{safe}");
    let document = two.second_json("safe acme/spot footage on WORK");
    let row = &document["categories"][0];
    assert!(row["witnesses"][0]["hosts"][0].is_string(), "{row}");
    assert!(row["weakest"]["host"].is_string(), "{row}");
    let own = studio
        .json(&["safe acme/spot footage on WORK"])
        .ok()
        .document();
    assert_eq!(own["categories"][0]["witnesses"][0]["hosts"], json!([]));
    // Its own verification replaces that of the other.
    thread::sleep(Duration::from_millis(1100));
    two.second(&["verify all"]).status(0);
    let safe = two.second(&["safe acme/spot footage on WORK"]).ok();
    assert!(safe.stdout.contains("SERVER (read just now)"), "{safe}");
}

#[test]
fn file_is_replaced_whole() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    let before = inode(&two.published());
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.first(&["load"]).ok();
    assert_ne!(inode(&two.published()), before);
    let left: Vec<_> = fs::read_dir(two.studio.path("NAS/.auto-backup"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn unchanged_index_is_not_fetched_again() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    two.second(&["fetch all"]).status(0);
    fs::set_permissions(
        two.published(),
        std::os::unix::fs::PermissionsExt::from_mode(0o0),
    )
    .unwrap();
    two.second(&["fetch all"]).ok();
}

#[test]
fn dry_run_publishes_and_takes_over_nothing() {
    let two = TwoWorkstations::new();
    let mut dry = two.studio.command();
    dry.args(["--dry-run", "-c", "load"]);
    two.studio.finish(&mut dry).status(0);
    assert!(!two.published().exists());
    two.first(&["load"]).ok();
    let mut dry = two.second_command();
    dry.args(["--dry-run", "-c", "list projects"]);
    let listed = two.studio.finish(&mut dry);
    assert!(!listed.stdout.contains("acme/spot"), "{listed}");
}

#[test]
fn workstations_that_publish_at_once_leave_a_sound_index() {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    two.second(&["load"]).status(0);
    thread::scope(|scope| {
        for home in ["home", "second"] {
            let two = &two;
            scope.spawn(move || {
                for number in 0..10 {
                    let file = format!("NAS/footage/acme/spot/{home}{number}");
                    two.studio.file(file, "x");
                    let mut command = two.studio.command();
                    command.env("HOME", two.studio.path(home));
                    command.args(["-c", "load"]);
                    two.studio.finish(&mut command).status(0);
                }
            });
        }
    });
    two.first(&["load"]).status(0);
    two.second(&["load SERVER --published"]).status(0);
    let fetched = two.second(&["fetch acme/spot"]).status(0);
    assert!(fetched.stdout.contains("whole, 22 files"), "{fetched}");
}
