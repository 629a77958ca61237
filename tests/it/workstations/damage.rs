//! Rows of the catalog that are damaged: what they say is refused, and nothing else.

use super::{Workstations, startup, wait_a_second};

#[test]
fn damaged_storage_keeps_no_other_from_exchange() {
    let Some(two) = Workstations::with_two_storages() else {
        return;
    };
    two.studio.file("VAULT/footage/acme/archive/old.mov", "old");
    two.lines("ws1", &["load"]).ok();
    two.execute(
        "UPDATE auto_backup.folders SET checksum = CAST('' AS bytea) WHERE replica_id IN (
             SELECT r.id FROM auto_backup.replicas r JOIN auto_backup.databases d ON d.id = r.database_id
             WHERE d.name = 'NAS')",
    );
    let listed = two.lines("ws2", &["list projects"]).status(0);
    assert!(listed.stdout.contains("acme/archive"), "{listed}");
    assert!(!listed.stdout.contains("acme/spot"), "{listed}");
    assert_eq!(listed.stderr.matches("damaged").count(), 1, "{listed}");
    // What this workstation learns reaches others all the same.
    two.studio.file("VAULT/footage/acme/archive/new.mov", "new");
    two.lines("ws2", &["load SAFE"]).status(0);
    let found = two.lines("ws1", &["find new.mov"]).ok();
    assert!(found.stdout.contains("new.mov"), "{found}");
}

/// Damage of the rows that ws1 wrote, and what ws2 must be told is damaged.
const DAMAGE: [(&str, &str); 10] = [
    (
        "UPDATE auto_backup.folders SET checksum = CAST('' AS bytea)",
        "acme/spot in footage",
    ),
    (
        "UPDATE auto_backup.folders SET manifest = CAST('x' AS bytea) WHERE manifest IS NOT NULL",
        "acme/spot in footage",
    ),
    (
        "DELETE FROM auto_backup.folders WHERE path = CAST('plates' AS bytea)",
        "acme/spot in footage",
    ),
    (
        "UPDATE auto_backup.replicas SET aggregate = CAST('x' AS bytea) WHERE aggregate IS NOT NULL",
        "acme/spot in footage",
    ),
    (
        "UPDATE auto_backup.replicas SET client = CAST('' AS bytea) WHERE project = CAST('spot' AS bytea)",
        "a project without a possible name",
    ),
    (
        "UPDATE auto_backup.categories SET category = CAST('../x' AS bytea)",
        "a category without a possible name",
    ),
    (
        "UPDATE auto_backup.evidence SET digests = CAST('' AS bytea)",
        "the evidence of footage/acme/spot",
    ),
    (
        "UPDATE auto_backup.evidence SET path = CAST('/' AS bytea) WHERE path = CAST('' AS bytea)",
        "a folder with evidence without a possible name",
    ),
    (
        "UPDATE auto_backup.runs SET state = 'nonsense'",
        "the state of a run",
    ),
    ("UPDATE auto_backup.policies SET offsite = 9", "a policy"),
];

#[test]
fn damaged_rows_are_named_and_written_anew_by_who_knows_them() {
    for (sql, what) in DAMAGE {
        let Some(two) = Workstations::new() else {
            return;
        };
        let lines = ["load", "verify acme/spot", "policy footage copies 2"];
        two.lines("ws1", &lines).ok();
        let evidence = "SELECT count(*) FROM auto_backup.evidence";
        assert!(two.number(evidence) > 0);
        two.execute(sql);
        let asked = two.lines("ws2", &["list projects"]).status(0);
        assert!(asked.stderr.contains("damaged"), "{sql}: {asked}");
        assert!(asked.stderr.contains(what), "{sql}: {asked}");
        let checked = two.lines("ws2", &["catalog check"]).status(3);
        assert!(checked.stdout.contains(what), "{sql}: {checked}");
        two.lines("ws1", &["catalog check --repair"]).status(0);
        two.lines("ws1", &["catalog check"]).status(0);
        assert_eq!(two.files("ws2"), two.files("ws1"), "{sql}");
        let status = two.lines("ws2", &["status acme/spot"]);
        assert!(status.stdout.contains("100 % within"), "{sql}: {status}");
        two.lines("ws2", &["catalog check"]).status(0);
    }
}

#[test]
fn damage_makes_nothing_look_deleted() {
    let Some(two) = Workstations::with_two_storages() else {
        return;
    };
    two.studio.file("VAULT/footage/acme/spot/reel.mov", "reel");
    two.lines("ws1", &["load"]).ok();
    two.execute(
        "UPDATE auto_backup.replicas SET aggregate = CAST('x' AS bytea) WHERE database_id IN (
             SELECT id FROM auto_backup.databases WHERE name = 'NAS')",
    );
    // A workstation that never knew the project there does not know whether it is there.
    let assert_unknown = || {
        let fetched = two.lines("ws2", &["fetch acme/spot"]).status(0);
        assert!(fetched.stderr.contains("damaged"), "{fetched}");
        assert!(fetched.stdout.contains("whole"), "{fetched}");
        assert!(!fetched.stdout.contains("missing"), "{fetched}");
    };
    assert_unknown();
    let pulled = two.json("ws2", "catalog pull");
    // The same damage is told once for each revision.
    assert_eq!(pulled["databases"], serde_json::json!([]));
    // A later listing says nothing of it either.
    for sql in [
        "UPDATE auto_backup.categories SET revision = 10, scanned_at = scanned_at + 60",
        "UPDATE auto_backup.databases SET revision = 10",
    ] {
        two.execute(sql);
    }
    assert_unknown();
    two.lines("ws1", &["catalog check --repair"]).status(0);
    let fetched = two.lines("ws2", &["fetch acme/spot"]).ok();
    assert!(
        fetched.stdout.contains("incomplete") || fetched.stdout.contains("lacks"),
        "{fetched}"
    );
}

#[test]
fn damage_of_the_studio_is_told_until_it_is_repaired() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let runs = |host: &str| {
        two.json(host, "history --hosts")["runs"]
            .as_array()
            .unwrap()
            .len()
    };
    two.execute("UPDATE auto_backup.runs SET state = 'nonsense'");
    for _ in 0..2 {
        let asked = two.lines("ws2", &["history --hosts"]).status(0);
        assert!(asked.stderr.contains("the state of a run"), "{asked}");
    }
    // What ws2 learns reaches others meanwhile.
    two.lines("ws2", &["load"]).status(0);
    assert_eq!(runs("ws1"), 2);
    two.lines("ws1", &["catalog check --repair"]).status(0);
    two.lines("ws2", &["list projects"]).ok();
    assert_eq!(runs("ws2"), 2);
}

#[test]
fn repair_replaces_no_newer_scan() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.files("ws2");
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    wait_a_second();
    two.lines("ws1", &["load"]).ok();
    two.execute("UPDATE auto_backup.folders SET checksum = CAST('' AS bytea)");
    let repaired = two.lines("ws2", &["catalog check --repair"]).status(3);
    assert!(
        repaired.stdout.contains("damaged: acme/spot in footage"),
        "{repaired}"
    );
    assert!(
        two.files("ws1").iter().any(|file| file.contains("new.mov")),
        "an older scan replaced a newer one"
    );
    // A scan of its own is newer.
    two.lines("ws2", &["load", "catalog check --repair"])
        .status(0);
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 4);
}

#[test]
fn workstation_without_the_storage_checks_its_rows() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.studio
        .file(startup("ws3"), format!("set catalog '{}'\n", two.address));
    let sound = two.json("ws3", "catalog check");
    assert_eq!(sound["databases"][0]["added"], false);
    assert_eq!(sound["databases"][0]["projects"], 2);
    two.execute("UPDATE auto_backup.folders SET checksum = CAST('' AS bytea)");
    let damaged = two.lines("ws3", &["catalog check --repair"]).status(3);
    assert!(
        damaged.stdout.contains("damaged: acme/spot in footage"),
        "{damaged}"
    );
    two.lines("ws1", &["catalog check --repair"]).status(0);
    two.lines("ws3", &["catalog check"]).status(0);
}
