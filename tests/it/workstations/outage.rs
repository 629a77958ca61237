//! Servers that are away: answers go on, and what was learned waits.

use super::{Workstations, startup};

#[test]
fn answers_go_on_without_the_server() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let lines = two.studio.read(startup("ws1"));
    let away = lines.replace("?host=", "?connect_timeout=1&host=/nowhere");
    two.studio.file(startup("ws1"), &away);
    let listed = two.lines("ws1", &["list projects"]).status(0);
    assert!(listed.stdout.contains("acme/spot"), "{listed}");
    assert!(
        listed.stderr.contains("cannot reach the catalog"),
        "{listed}"
    );
    assert_eq!(listed.stderr.lines().count(), 1, "{listed}");
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    let loaded = two.lines("ws1", &["load"]).status(0);
    assert!(
        loaded.stderr.contains("what this workstation learns waits"),
        "{loaded}"
    );
    // The server is back.
    two.studio.file(startup("ws1"), lines);
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 4);
}

#[test]
fn workstation_that_was_away_catches_up() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws2", &["load"]).ok();
    for round in 0..5 {
        two.studio
            .file(format!("NAS/footage/acme/spot/sh{round}/a.exr"), "a");
        if round == 3 {
            std::fs::remove_dir_all(two.studio.path("NAS/footage/acme/spot/sh1")).unwrap();
        }
        let script = "load\n".repeat(200);
        let mut command = two.command("ws1");
        command.args(["-c", &script]);
        two.studio.finish(&mut command).status(0);
    }
    assert!(two.number("SELECT revision FROM auto_backup.databases") >= 1000);
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 7);
}
