//! Catalogs that were restored from a backup, or made anew.

use super::rights::statements;
use super::{Workstations, wait_a_second};

/// A studio in which ws1 learned of a file after the backup, and ws2 pulled it; then the backup is restored.
fn restored() -> Option<Workstations> {
    let two = Workstations::new()?;
    two.lines("ws1", &["load"]).ok();
    let (name, dump) = (&two.name, format!("{}_dump", two.name));
    let copy = |from: &str, to: &str| {
        let sql = format!("CREATE DATABASE {to} TEMPLATE {from} OWNER {name}");
        two.server.execute("postgres", &sql);
    };
    copy(name, &dump);
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    two.lines("ws1", &["load", "policy footage copies 3"]).ok();
    assert_eq!(two.files("ws2").len(), 4);
    let drop = format!("DROP DATABASE {name}");
    two.server.execute("postgres", &drop);
    copy(&dump, name);
    Some(two)
}

/// Raises the revisions above all that was known before, as pushes of others do.
fn raise_revisions(two: &Workstations) {
    for sql in [
        "UPDATE auto_backup.databases SET revision = 99",
        "UPDATE auto_backup.studio SET revision = 99",
    ] {
        two.execute(sql);
    }
}

/// Returns what a workstation without any index of its own learns.
fn learned(two: &Workstations) -> Vec<String> {
    two.studio.remove("ws2/.local");
    two.files("ws2")
}

#[test]
fn restored_catalog_gets_back_what_it_lost() {
    let Some(two) = restored() else {
        return;
    };
    two.execute(&statements("## Backup, restore and standby"));
    raise_revisions(&two);
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(learned(&two).len(), 4);
    let policy = two.json("ws2", "policy footage")["policies"][0].clone();
    assert!(policy.to_string().contains('3'), "{policy}");
    // Once is enough.
    assert_eq!(
        two.json("ws1", "catalog push")["databases"],
        serde_json::json!([])
    );
}

#[test]
fn restored_catalog_with_lower_revisions_is_noticed() {
    let Some(two) = restored() else {
        return;
    };
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(learned(&two).len(), 4);
}

#[test]
fn catalog_that_was_made_anew_is_filled_whatever_its_revisions() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.execute("DROP SCHEMA auto_backup CASCADE");
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    wait_a_second();
    two.lines("ws2", &["load"]).ok();
    raise_revisions(&two);
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.files("ws1").len(), 4);
}
