//! The rules of the exchange: what one workstation learns, the others answer.

use serde_json::json;

use super::{Workstations, remove_folder, startup, wait_a_second};

#[test]
fn scan_of_one_workstation_is_the_answer_of_another() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let fetched = two.lines("ws2", &["fetch acme/spot", "list projects"]).ok();
    assert!(fetched.stdout.contains("whole, 2 files, 13 B"), "{fetched}");
    assert!(fetched.stdout.contains("SERVER"), "{fetched}");
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.databases"), 1);
    // The name that each workstation gives it.
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.aliases"), 2);
}

#[test]
fn changes_travel_both_ways() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    wait_a_second();
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.studio
        .file("NAS/footage/acme/spot/plates/p1.exr", "plate two!");
    remove_folder(&two, "NAS/footage/zoo");
    two.lines("ws2", &["load"]).ok();
    let listed = two.lines("ws1", &["list projects"]).ok();
    assert!(!listed.stdout.contains("zoo/film"), "{listed}");
    assert_eq!(two.files("ws1"), two.files("ws2"));
    wait_a_second();
    remove_folder(&two, "NAS/footage/acme/spot/plates");
    two.lines("ws1", &["load"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 2);
}

#[test]
fn only_changed_folders_are_pushed() {
    let Some(two) = Workstations::new() else {
        return;
    };
    for number in 0..50 {
        two.studio
            .file(format!("NAS/footage/acme/spot/sh{number:02}/a.exr"), "a");
    }
    two.lines("ws1", &["load"]).ok();
    wait_a_second();
    two.studio.file("NAS/footage/acme/spot/sh07/b.exr", "b");
    two.lines("ws1", &["load"]).ok();
    let changed = two.number(
        "SELECT count(*) FROM auto_backup.folders f JOIN auto_backup.replicas r ON r.id = f.replica_id
         JOIN auto_backup.databases d ON d.id = r.database_id WHERE f.revision = d.revision",
    );
    assert_eq!(changed, 1);
    assert_eq!(two.files("ws2"), two.files("ws1"));
}

#[test]
fn both_scanned_before_they_met() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let identity = r#"{"id":"0123456789abcdef0123456789abcdef","name":"NAS"}"#;
    two.studio.file("NAS/.auto-backup/database.json", identity);
    let with_catalog = ["ws1", "ws2"].map(|host| two.studio.read(startup(host)));
    for (host, lines) in ["ws1", "ws2"].iter().zip(&with_catalog) {
        let without: Vec<&str> = lines
            .lines()
            .filter(|line| !line.starts_with("set "))
            .collect();
        two.studio.file(startup(host), without.join("\n") + "\n");
    }
    two.lines("ws1", &["load"]).ok();
    wait_a_second();
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    remove_folder(&two, "NAS/footage/acme/spot/plates");
    two.lines("ws2", &["load"]).ok();
    // The older scan is pushed last, and loses.
    for (host, lines) in [("ws2", &with_catalog[1]), ("ws1", &with_catalog[0])] {
        two.studio.file(startup(host), lines);
        two.lines(host, &["list projects"]).status(0);
    }
    assert_eq!(two.files("ws1"), two.files("ws2"));
    assert_eq!(two.files("ws1").len(), 3);
}

#[test]
fn change_that_was_undone_meanwhile_does_not_stay() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    wait_a_second();
    two.studio.file("NAS/footage/acme/spot/sh1/brief.exr", "x");
    two.lines("ws2", &["load"]).ok();
    remove_folder(&two, "NAS/footage/acme/spot/sh1");
    wait_a_second();
    two.studio.file("NAS/footage/acme/spot/sh2/a.exr", "a");
    // This workstation never sees the folder that the other one pushed.
    let with_catalog = two.studio.read(startup("ws1"));
    let alone = with_catalog
        .lines()
        .filter(|line| !line.starts_with("set "));
    let alone: Vec<&str> = alone.collect();
    two.studio.file(startup("ws1"), alone.join("\n") + "\n");
    two.lines("ws1", &["load"]).ok();
    two.studio.file(startup("ws1"), with_catalog);
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 4);
    // A workstation that pulls all of it finds it sound.
    two.studio.remove("ws2/.local");
    assert_eq!(two.files("ws2"), two.files("ws1"));
}

#[test]
fn clone_with_the_same_identity_is_not_shared() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let identity = two.studio.read("NAS/.auto-backup/database.json");
    two.studio
        .file("CLONE/.auto-backup/database.json", identity)
        .file("CLONE/footage/acme/old/a.mov", "a");
    let more = "add database CLONE ../../../CLONE\n";
    two.studio
        .file(startup("ws1"), two.studio.read(startup("ws1")) + more);
    let loaded = two.lines("ws1", &["load"]).status(0);
    assert!(
        loaded
            .stderr
            .contains("CLONE is not shared through the catalog"),
        "{loaded}"
    );
    let listed = two.lines("ws2", &["list projects"]).ok();
    assert!(!listed.stdout.contains("acme/old"), "{listed}");
}

#[test]
fn evidence_is_shared_with_its_workstation() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.studio.folder("WORK");
    for host in ["ws1", "ws2"] {
        let more = "add database WORK ../../../WORK --medium work\npolicy footage copies 1\n";
        two.studio
            .file(startup(host), two.studio.read(startup(host)) + more);
    }
    two.lines("ws1", &["load", "copy acme/spot footage NAS WORK"])
        .ok();
    let safe = two.lines("ws2", &["safe acme/spot footage on WORK"]).ok();
    assert!(safe.stdout.contains("SERVER (read just now by "), "{safe}");
    let own = two.json("ws1", "safe acme/spot footage on WORK");
    assert_eq!(own["categories"][0]["witnesses"][0]["hosts"], json!([]));
    wait_a_second();
    // A damaged file is known to all.
    let time = 1_767_323_045;
    two.studio
        .file_at("NAS/footage/acme/spot/reel.mov", "REEL", time);
    two.lines("ws2", &["verify all"]).status(3);
    two.lines("ws1", &["safe acme/spot footage on WORK"])
        .status(3);
}

#[test]
fn index_that_was_deleted_is_filled_by_a_pull() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let before = two.files("ws1");
    two.studio.remove("ws1/.local");
    assert_eq!(two.files("ws1"), before);
}

#[test]
fn catalog_that_was_emptied_is_filled_by_a_push() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    two.execute("DROP SCHEMA auto_backup CASCADE");
    two.lines("ws1", &["list projects"]).ok();
    two.studio.remove("ws2/.local");
    assert_eq!(two.files("ws2"), two.files("ws1"));
}

#[test]
fn clock_a_day_ahead_does_not_win() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    // The times in the catalog are those of the server, whatever the workstation believes.
    let ahead = "SELECT count(*) FROM auto_backup.replicas WHERE scanned_at > CAST(extract(epoch FROM now()) AS bigint)";
    assert_eq!(two.number(ahead), 0);
}

#[test]
fn storage_that_cannot_be_written_stays_local() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let startup = startup("ws1");
    let lines = two.studio.read(&startup);
    two.studio.file("home/.config/auto-backup/.config", lines);
    two.studio.mode("NAS", 0o555);
    let loaded = two.studio.lines_as_user(&["load"]).status(0);
    two.studio.mode("NAS", 0o755);
    assert!(
        loaded.stderr.contains("is not shared through the catalog"),
        "{loaded}"
    );
}
