//! Sessions that ask the catalog before a question.

use std::thread;
use std::time::Duration;

use super::{Workstations, startup};
use crate::prompt::{run_line, spawn_command, wait_for_prompt};

#[test]
fn open_prompt_learns_of_a_scan() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let mut session = spawn_command(two.command("ws1"));
    wait_for_prompt(&mut session);
    run_line(&mut session, "list projects");
    two.lines("ws2", &["load"]).ok();
    // A question within a second does not ask again.
    thread::sleep(Duration::from_millis(1100));
    let fetched = run_line(&mut session, "fetch acme/spot");
    assert!(fetched.contains("2 files"), "{fetched}");
}

#[test]
fn catalog_set_by_a_script_answers_it() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws2", &["load"]).ok();
    let lines = two.studio.read(startup("ws1"));
    let (storages, catalog) = lines.split_once("set catalog").unwrap();
    two.studio.file(startup("ws1"), storages);
    two.lines("ws1", &["list projects"]).ok();
    let catalog = format!("set catalog{}", catalog.trim_end());
    let listed = two.lines("ws1", &[&catalog, "list projects"]).ok();
    assert!(listed.stdout.contains("acme/spot"), "{listed}");
}

#[test]
fn lines_about_no_storage_ask_nothing() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let lines = two.studio.read(startup("ws1"));
    let away = lines.replace("?host=", "?host=/nowhere");
    two.studio.file(startup("ws1"), away);
    let shown = two.lines("ws1", &["set", "help", "echo hello"]).ok();
    assert!(shown.stdout.contains("hello"), "{shown}");
    // Of several questions in a row, one asks.
    let asked = two
        .lines("ws1", &["list projects", "list clients"])
        .status(0);
    assert_eq!(asked.stderr.lines().count(), 1, "{asked}");
}

#[test]
fn storage_that_another_workstation_scanned_counts_as_scanned() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let status = two.lines("ws2", &["status"]).status(3);
    assert!(status.stdout.contains("1 of 2 copies"), "{status}");
    assert!(!status.stdout.contains("never scanned"), "{status}");
    // One that knows a category that nobody scanned says so.
    let lines = two.studio.read(startup("ws2")) + "add category sound sound/\n";
    two.studio.file(startup("ws2"), lines);
    let status = two.lines("ws2", &["status"]).status(3);
    assert!(status.stdout.contains("never scanned"), "{status}");
}
