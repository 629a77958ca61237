//! Catalogs of another version: a newer one is refused, and an older one is brought up to date by a role that may.

use super::{Workstations, startup};
use crate::studio::ProgramRun;

/// Checks that a question is answered from the local index, with one notice.
#[track_caller]
fn assert_answered(run: &ProgramRun, notice: &str) {
    assert_eq!(run.status, 0, "{run}");
    assert!(run.stdout.contains("acme/spot"), "{run}");
    assert!(run.stderr.contains(notice), "{run}");
    assert_eq!(run.stderr.lines().count(), 1, "{run}");
}

#[test]
fn newer_catalog_is_refused_and_answers_go_on() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let revision = two.number("SELECT revision FROM auto_backup.databases");
    two.execute("UPDATE auto_backup.meta SET version = version + 1");
    let refusal = "has version 2, but this program uses versions up to 1";
    for host in ["ws1", "ws2"] {
        assert_answered(&two.lines(host, &["list projects"]), refusal);
    }
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    let loaded = two.lines("ws1", &["load"]).status(0);
    assert!(loaded.stderr.contains(refusal), "{loaded}");
    assert!(
        loaded
            .stderr
            .ends_with(" what this workstation learns waits\n"),
        "{loaded}"
    );
    for line in ["catalog pull", "catalog push"] {
        let asked = two.lines("ws1", &[line]).status(1);
        assert!(asked.stderr.contains(refusal), "{asked}");
        assert!(asked.stderr.contains("use a newer auto-backup"), "{asked}");
    }
    let status = two.lines("ws1", &["catalog status"]).status(1);
    assert!(status.to_string().contains(refusal), "{status}");
    // Nothing was written by the older program.
    assert_eq!(
        two.number("SELECT revision FROM auto_backup.databases"),
        revision
    );
    two.execute("UPDATE auto_backup.meta SET version = version - 1");
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 4);
}

/// Makes the catalog one of a version before the first tables.
fn make_old(two: &Workstations) {
    let tables =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'auto_backup' AND tablename <> 'meta'";
    two.execute(
        "DO $$ DECLARE found text; BEGIN
             FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'auto_backup' AND tablename <> 'meta'
             LOOP EXECUTE 'DROP TABLE auto_backup.' || found || ' CASCADE'; END LOOP;
         END $$",
    );
    two.execute("UPDATE auto_backup.meta SET version = 0");
    assert_eq!(two.number(tables), 0);
}

#[test]
fn older_catalog_is_brought_up_to_date() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    make_old(&two);
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(
        two.number("SELECT CAST(version AS bigint) FROM auto_backup.meta"),
        1
    );
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), 3);
}

#[test]
fn role_that_may_not_bring_it_up_to_date_names_the_owner() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    make_old(&two);
    let guest = format!("{}_guest", two.name);
    two.server.create_role(&guest);
    two.execute(&format!(
        "GRANT USAGE ON SCHEMA auto_backup TO {guest}; GRANT SELECT ON auto_backup.meta TO {guest}"
    ));
    let lines = two.studio.read(startup("ws2"));
    let as_guest = lines.replace(
        &format!("postgres://{}@", two.name),
        &format!("postgres://{guest}@"),
    );
    two.studio.file(startup("ws2"), as_guest);
    let refusal = format!("the role `{guest}` may not create the tables");
    assert_answered(&two.lines("ws2", &["list projects"]), &refusal);
    let pulled = two.lines("ws2", &["catalog pull"]).status(1);
    let owner = format!("use the catalog once as the role `{}`", two.name);
    assert!(pulled.stderr.contains(&owner), "{pulled}");
    two.lines("ws1", &["list projects"]).ok();
    two.studio.file(startup("ws2"), lines);
    assert_eq!(two.files("ws2"), two.files("ws1"));
}
