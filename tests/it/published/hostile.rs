//! Files in the place of a published index that are none, or that mean harm.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::TwoWorkstations;
use crate::studio::{NOBODY, Studio};

/// Asserts that a session reports the file once, answers, and exits with 0; that `load --published` refuses it, and that
/// the file stays as it is.
#[track_caller]
fn assert_refused(two: &TwoWorkstations, why: &str) {
    let before = fs::symlink_metadata(two.published()).unwrap();
    let first = two.second(&["list storages"]).status(0);
    assert!(first.stderr.contains(why), "{first}");
    let second = two.second(&["list storages"]).status(0);
    assert_eq!(second.stderr, "", "{second}");
    let asked = two.second(&["load SERVER --published"]).status(3);
    assert!(asked.stderr.contains(why), "{asked}");
    let after = fs::symlink_metadata(two.published()).unwrap();
    assert_eq!(after.len(), before.len());
    assert_eq!(after.modified().unwrap(), before.modified().unwrap());
}

/// Two workstations that have scanned, and a file in the place of the published index.
fn with_file(write: impl FnOnce(&TwoWorkstations)) -> TwoWorkstations {
    let two = TwoWorkstations::new();
    two.first(&["load"]).ok();
    two.second(&["set publish off", "load"]).status(0);
    write(&two);
    two
}

#[test]
fn other_content_is_refused() {
    let two = with_file(|two| fs::write(two.published(), "no index").unwrap());
    assert_refused(&two, "was not written by auto-backup");
    let two = with_file(|two| {
        fs::remove_file(two.published()).unwrap();
        let foreign = Connection::open(two.published()).unwrap();
        foreign.execute_batch("CREATE TABLE t (x)").unwrap();
    });
    assert_refused(&two, "another program's SQLite file");
}

#[test]
fn trigger_and_view_are_refused() {
    for sql in [
        "CREATE TRIGGER harm AFTER INSERT ON published_hosts BEGIN DELETE FROM published_folders; END",
        "CREATE VIEW harm AS SELECT load_extension('x')",
    ] {
        let two = with_file(|two| {
            let published = Connection::open(two.published()).unwrap();
            published.execute_batch(sql).unwrap();
        });
        assert_refused(&two, "its tables are others");
    }
}

#[test]
fn huge_file_is_not_fetched() {
    let two = with_file(|two| {
        let file = File::create(two.published()).unwrap();
        file.set_len(10 << 30).unwrap();
    });
    let session = two.second(&["list storages"]).status(0);
    assert!(
        session.stderr.contains("carries a newer index"),
        "{session}"
    );
    let asked = two.second(&["load SERVER --published"]).status(3);
    assert!(asked.stderr.contains("more than the limit of"), "{asked}");
}

#[test]
fn entry_that_is_no_file_is_ignored() {
    let two = with_file(|two| {
        fs::remove_file(two.published()).unwrap();
        symlink("/etc/passwd", two.published()).unwrap();
    });
    two.second(&["list storages"]).ok();
    two.second(&["load SERVER --published"]).status(3);
    fs::remove_file(two.published()).unwrap();
    fs::create_dir(two.published()).unwrap();
    two.second(&["list storages"]).ok();
    two.second(&["load SERVER --published"]).status(3);
}

#[test]
fn index_of_a_newer_version_is_not_replaced() {
    let two = with_file(|two| {
        let published = Connection::open(two.published()).unwrap();
        published.execute_batch("PRAGMA user_version = 2").unwrap();
    });
    let before = fs::read(two.published()).unwrap();
    let loaded = two.first(&["load"]).status(3);
    assert!(loaded.stderr.contains("has version 2"), "{loaded}");
    assert_eq!(fs::read(two.published()).unwrap(), before);
}

#[test]
fn damaged_index_is_replaced_by_the_next_scan() {
    let two = with_file(|two| {
        thread::sleep(Duration::from_millis(1100));
        two.studio.file("NAS/footage/acme/spot/new.mov", "new");
        two.first(&["load"]).ok();
        let published = Connection::open(two.published()).unwrap();
        let sql = "UPDATE published_folders SET manifest = x'00'";
        published.execute_batch(sql).unwrap();
    });
    assert_refused(&two, "is damaged");
    two.first(&["load"]).status(0);
    two.second(&["load SERVER --published"]).status(0);
}

#[test]
fn index_of_another_storage_is_refused() {
    let two = with_file(|two| {
        let json = two.studio.path("NAS/.auto-backup/database.json");
        let text = fs::read_to_string(&json).unwrap();
        let id = text.split('"').nth(3).unwrap().to_owned();
        let other: String = id.chars().rev().collect();
        fs::write(&json, text.replace(&id, &other)).unwrap();
    });
    // The storage itself is another one now, whatever it carries.
    two.second(&["list storages"]).status(0);
    let asked = two.second(&["load SERVER --published"]).status(3);
    assert!(asked.stderr.contains("offline"), "{asked}");
}

#[test]
fn read_only_storage_is_no_failure() {
    let studio = Studio::filled();
    let startup = "home/.config/auto-backup/.config";
    studio.file(startup, studio.read(startup) + "set publish on\n");
    studio.mode("WORK", 0o555);
    let loaded = studio.lines_as_user(&["load WORK"]).status(0);
    studio.mode("WORK", 0o755);
    assert!(
        loaded
            .stderr
            .contains("the index of WORK is not published: the storage is read-only"),
        "{loaded}"
    );
    assert_ne!(NOBODY, 0);
}
