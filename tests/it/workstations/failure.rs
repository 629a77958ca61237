//! Failed files of other workstations: listed with the workstation until they are resolved there.

use serde_json::Value;

use super::Workstations;

fn failures(two: &Workstations, host: &str, line: &str) -> Vec<Value> {
    let document = two.json(host, line);
    let failures = document["failures"].as_array();
    failures.unwrap_or_else(|| panic!("{document}")).clone()
}

/// Records that ws1 could not send the reel, as its sync would.
fn fail_reel(two: &Workstations) {
    let index = two.studio.path("ws1/.local/share/auto-backup/index.sqlite");
    let index = rusqlite::Connection::open(index).unwrap();
    for sql in [
        "UPDATE shared_studio SET mark = mark + 1",
        "INSERT INTO failures (destination, source, path, error, attempts, first_at, last_at, run)
         SELECT d.root, s.root, CAST('footage/acme/spot/reel.mov' AS BLOB), 'no room', 2, s.looked_at, s.looked_at, 7
         FROM databases s, databases d WHERE s.root LIKE '%/NAS' AND d.root LIKE '%/VAULT'",
        "INSERT INTO unshared_failures (destination, source, path, mark)
         SELECT destination, source, path, mark FROM failures, shared_studio",
    ] {
        index.execute(sql, []).unwrap();
    }
}

#[test]
fn failure_is_listed_elsewhere_until_it_is_resolved() {
    let Some(two) = Workstations::with_two_storages() else {
        return;
    };
    for host in ["ws1", "ws2"] {
        two.lines(host, &["load"]).ok();
    }
    fail_reel(&two);
    let own = failures(&two, "ws1", "failures");
    assert_eq!((own.len(), &own[0]["host"]), (1, &Value::Null));
    let there = failures(&two, "ws2", "failures");
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(there[0]["path"], "footage/acme/spot/reel.mov");
    // Storages are matched by identity, and have their names here.
    assert_eq!(
        (&there[0]["from"], &there[0]["to"]),
        (&"SERVER".into(), &"SAFE".into())
    );
    assert_eq!(
        (&there[0]["attempts"], &there[0]["run"]),
        (&2.into(), &7.into())
    );
    assert!(there[0]["host"].is_string(), "{there:?}");
    assert_eq!(failures(&two, "ws2", "failures --to SAFE").len(), 1);
    assert_eq!(failures(&two, "ws2", "failures --to SERVER").len(), 0);
    assert_eq!(failures(&two, "ws2", "failures acme/spot").len(), 1);
    let page = two.lines("ws2", &["failures"]).ok();
    assert!(page.stdout.contains("SERVER -> SAFE on "), "{page}");
    let client =
        "SELECT count(*) FROM auto_backup.failures WHERE client = 'acme' AND error IS NOT NULL";
    assert_eq!(two.number(client), 1);
    // Only the workstation itself tries again.
    let copy = two.studio.path("VAULT/footage/acme/spot/reel.mov");
    let retried = two.lines(
        "ws2",
        &["sync acme/spot footage SERVER SAFE --retry-failed"],
    );
    assert!(!copy.exists(), "{retried}");
    assert_eq!(failures(&two, "ws2", "failures").len(), 1);
    two.lines("ws1", &["sync acme/spot footage NAS VAULT --retry-failed"])
        .status(0);
    assert!(copy.exists());
    assert_eq!(failures(&two, "ws1", "failures").len(), 0);
    assert_eq!(failures(&two, "ws2", "failures").len(), 0);
    // Resolved is a row that says so.
    assert_eq!(
        two.number("SELECT count(*) FROM auto_backup.failures WHERE error IS NULL"),
        1
    );
}

#[test]
fn failure_without_identities_waits() {
    let Some(two) = Workstations::with_two_storages() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    fail_reel(&two);
    let index = two.studio.path("ws1/.local/share/auto-backup/index.sqlite");
    let index = rusqlite::Connection::open(index).unwrap();
    let forget = "UPDATE unshared_failures SET destination = CAST('/gone' AS BLOB)";
    index.execute(forget, []).unwrap();
    let before = two.number("SELECT revision FROM auto_backup.studio");
    two.lines("ws1", &["list projects"]).status(0);
    assert_eq!(
        two.number("SELECT revision FROM auto_backup.studio"),
        before
    );
    let marked: i64 = index
        .query_row("SELECT count(*) FROM unshared_failures", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(marked, 1);
}
