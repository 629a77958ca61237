//! Standbys: pulled while they only follow, and written to after their promotion.

use rustix::process::Signal;

use super::{Workstations, startup};

const REVISION: &str = "SELECT revision FROM auto_backup.databases";

#[test]
fn promoted_standby_goes_on_without_loss() {
    let Some(mut two) = Workstations::at_own_server() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let standby = two.own_server().standby();
    // It reaches the standby by replication.
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.lines("ws2", &["load"]).ok();
    let before = two.files("ws2");
    assert_eq!(two.files("ws1"), before);
    let revision = two.number(REVISION);
    standby.wait_for(&two.name, REVISION, revision);
    two.own_server().end(Signal::KILL);
    standby.promote();
    two.move_to(standby);
    for host in ["ws1", "ws2"] {
        two.lines(host, &["list projects"]).ok();
        assert_eq!(two.files(host), before, "{host}");
    }
    // Nothing was missing, so that nothing was pushed.
    assert_eq!(two.number(REVISION), revision);
    two.studio.file("NAS/footage/acme/spot/more.mov", "more");
    two.lines("ws1", &["load"]).ok();
    assert_eq!(two.number(REVISION), revision + 1);
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 5);
}

#[test]
fn scan_that_missed_the_standby_is_pushed_again() {
    let Some(mut two) = Workstations::at_own_server() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let mut standby = two.own_server().standby();
    standby.end(Signal::INT);
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.lines("ws1", &["load"]).ok();
    two.own_server().end(Signal::KILL);
    standby.restart();
    standby.promote();
    two.move_to(standby);
    // This workstation never knew of the file, and its scan is older.
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(two.files("ws2").len(), 3);
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 4);
}

#[test]
fn standby_is_pulled_and_what_is_learned_waits() {
    let Some(mut two) = Workstations::at_own_server() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let standby = two.own_server().standby();
    let revision = two.number(REVISION);
    two.own_server().end(Signal::INT);
    two.move_to(standby);
    let pulled = two.lines("ws2", &["list projects"]).status(0);
    assert!(pulled.stdout.contains("acme/spot"), "{pulled}");
    assert_eq!(
        two.json("ws2", "fetch all")["error"],
        serde_json::Value::Null
    );
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    let loaded = two
        .lines("ws2", &["load", "list projects", "load"])
        .status(0);
    let notice = "accepts no changes; what this workstation learns waits";
    assert_eq!(loaded.stderr.matches(notice).count(), 1, "{loaded}");
    assert_eq!(loaded.stderr.lines().count(), 1, "{loaded}");
    assert_eq!(two.number(REVISION), revision);
    assert_eq!(two.files("ws1").len(), 3);
    two.own_server().promote();
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(two.number(REVISION), revision + 1);
    assert_eq!(two.files("ws1"), two.files("ws2"));
    assert_eq!(two.files("ws1").len(), 4);
}

#[test]
fn standby_lets_no_run_write_to_a_storage() {
    let Some(mut two) = Workstations::at_own_server() else {
        return;
    };
    two.studio.folder("WORK");
    let lines = two.studio.read(startup("ws1"));
    let more = "add database WORK ../../../WORK --medium work\n";
    two.studio.file(startup("ws1"), format!("{more}{lines}"));
    two.lines("ws1", &["load"]).ok();
    let standby = two.own_server().standby();
    two.own_server().end(Signal::KILL);
    two.move_to(standby);
    // No lease can be taken there, and others may hold theirs at the server that is written to.
    let line = "copy acme/spot footage NAS WORK";
    let refused = two.lines("ws1", &[line]).status(1);
    assert!(refused.stderr.contains("accepts no changes"), "{refused}");
    let hint = "use the address of the server that is written to";
    assert!(refused.stderr.contains(hint), "{refused}");
    assert!(!two.studio.path("WORK/footage").exists(), "{refused}");
    two.own_server().promote();
    two.lines("ws1", &[line]).ok();
    assert!(two.studio.path("WORK/footage/acme/spot/reel.mov").exists());
}
