//! Policies of the studio: the newest change counts everywhere, and two that differ are shown.

use std::fs;

use serde_json::{Value, json};

use super::{Workstations, startup, wait_a_second};

/// Returns what a workstation says of the policy of footage.
fn footage(two: &Workstations, host: &str) -> Value {
    two.json(host, "policy footage")["policies"][0].clone()
}

/// Adds lines to the start-up file of a workstation.
fn state(two: &Workstations, host: &str, lines: &str) {
    let text = two.studio.read(startup(host)) + lines;
    two.studio.file(startup(host), text);
}

#[test]
fn policy_of_one_workstation_counts_on_all() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let set = two.lines("ws1", &["policy footage copies 3 offsite 1 verified 180d"]);
    assert_eq!(
        set.ok().stdout,
        "category footage demands from now on: copies 3 offsite 1 verified 180d, on all workstations\n"
    );
    let known = footage(&two, "ws2");
    assert_eq!(
        (&known["copies"], &known["offsite"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(known["verified_seconds"], 15_552_000);
    assert_eq!(known["studio"], "copies 3 offsite 1 verified 180d");
    assert_eq!(
        (&known["stated"], &known["conflict"]),
        (&Value::Null, &json!(false))
    );
    // Without a start-up line, and without another exchange: the index keeps it.
    let own = footage(&two, "ws1");
    assert_eq!((&own["copies"], &own["host"]), (&json!(3), &Value::Null));
    assert!(!two.studio.read(startup("ws1")).contains("policy"));
    let judged = two.json("ws2", "policy");
    assert_eq!(judged["policies"][0]["copies"], 3);
}

#[test]
fn newest_change_counts_and_removal_travels() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["policy footage copies 3"]).ok();
    wait_a_second();
    two.lines("ws2", &["policy footage copies 1"]).ok();
    assert_eq!(footage(&two, "ws1")["copies"], 1);
    wait_a_second();
    two.lines("ws1", &["policy footage default"]).ok();
    let removed = footage(&two, "ws2");
    assert_eq!(
        (&removed["copies"], &removed["studio"]),
        (&json!(2), &json!("default"))
    );
    assert_eq!(removed["default"], true);
    wait_a_second();
    two.lines("ws2", &["policy footage none"]).ok();
    assert_eq!(footage(&two, "ws1")["copies"], Value::Null);
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.policies"), 1);
}

#[test]
fn older_change_that_waited_loses() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["policy footage copies 2"]).ok();
    let lines = two.studio.read(startup("ws1"));
    let away = lines.replace("?host=", "?connect_timeout=1&host=/nowhere");
    two.studio.file(startup("ws1"), &away);
    let set = two.lines("ws1", &["policy footage copies 1"]).status(0);
    assert!(set.stderr.contains("at the next exchange"), "{set}");
    wait_a_second();
    two.lines("ws2", &["policy footage copies 3"]).ok();
    two.studio.file(startup("ws1"), lines);
    assert_eq!(footage(&two, "ws1")["copies"], 3);
    assert_eq!(footage(&two, "ws2")["copies"], 3);
}

#[test]
fn start_up_file_and_catalog_that_differ_are_shown() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["policy footage copies 1 offsite 1"])
        .ok();
    state(&two, "ws2", "policy footage copies 3\n");
    let listed = two.lines("ws2", &["policy"]).status(0);
    let words = "two policies for footage: `copies 3` here, `copies 1 offsite 1` in the catalog";
    assert!(listed.stdout.contains(words), "{listed}");
    assert!(listed.stderr.contains(words), "{listed}");
    let known = footage(&two, "ws2");
    assert_eq!(known["conflict"], true);
    // The stricter counts: as many copies as the one, as many off-site as the other.
    assert_eq!(
        (&known["copies"], &known["offsite"]),
        (&json!(3), &json!(1))
    );
    // The statement of one workstation changes nothing on another.
    assert_eq!(footage(&two, "ws1")["copies"], 1);
    two.lines("ws2", &["policy footage copies 2", "save"])
        .status(0);
    assert!(!two.studio.read(startup("ws2")).contains("policy"));
    let settled = two.lines("ws2", &["policy footage"]).ok();
    assert!(!settled.stdout.contains("two policies"), "{settled}");
    assert_eq!(footage(&two, "ws1")["copies"], 2);
}

#[test]
fn policy_of_start_up_file_is_shared_where_none_is() {
    let Some(two) = Workstations::new() else {
        return;
    };
    state(&two, "ws1", "policy footage copies 3\n");
    state(&two, "ws2", "policy footage copies 1\n");
    two.lines("ws1", &["policy"]).ok();
    // What only a file states never replaces what is there.
    assert_eq!(footage(&two, "ws2")["conflict"], true);
    assert_eq!(footage(&two, "ws2")["copies"], 3);
    assert_eq!(footage(&two, "ws1")["conflict"], false);
    two.lines("ws2", &["policy footage copies 1"]).status(0);
    assert_eq!(footage(&two, "ws1")["studio"], "copies 1");
}

#[test]
fn checked_and_dry_lines_share_no_policy() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["policy footage copies 3"]).ok();
    let mut check = two.command("ws1");
    check.args(["--check", "-c", "policy footage copies 1"]);
    two.studio.finish(&mut check).status(0);
    let mut dry = two.command("ws1");
    dry.args(["--dry-run", "-c", "policy footage copies 1"]);
    two.studio.finish(&mut dry).status(0);
    assert_eq!(footage(&two, "ws2")["copies"], 3);
}

#[test]
fn shared_policy_counts_without_the_catalog() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["policy footage copies 3"]).ok();
    two.lines("ws2", &["policy"]).ok();
    let lines = two.studio.read(startup("ws2"));
    let without: Vec<&str> = lines
        .lines()
        .filter(|line| !line.starts_with("set "))
        .collect();
    fs::write(
        two.studio.path(startup("ws2")),
        without.join("\n") + "\npolicy footage copies 1\n",
    )
    .unwrap();
    let known = footage(&two, "ws2");
    assert_eq!(
        (&known["copies"], &known["conflict"]),
        (&json!(3), &json!(true))
    );
}
