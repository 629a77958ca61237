//! Rows of the catalog that are damaged: what they say is refused, and nothing else.

use super::Workstations;

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
