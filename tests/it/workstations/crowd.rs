//! Many workstations at once: nothing is lost, and every revision is in order.

use std::thread;

use super::Workstations;

const CLIENTS: usize = 50;

const SCANS: usize = 4;

#[test]
fn crowd_pushes_at_once_and_loses_nothing() {
    let Some(two) = Workstations::new() else {
        return;
    };
    for number in 0..CLIENTS {
        two.add(&format!("crowd{number}"), "NAS");
    }
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let two = &two;
            scope.spawn(move || {
                let host = format!("crowd{number}");
                for scan in 0..SCANS {
                    two.studio
                        .file(format!("NAS/footage/acme/p{number}/f{scan}.mov"), "x");
                    let line = format!("load --project acme/p{number}");
                    two.lines(&host, &[&line]).ok();
                }
            });
        }
    });
    // Each scan raised the revision by one.
    let revision = two.number("SELECT revision FROM auto_backup.databases");
    assert!(
        revision >= i64::try_from(CLIENTS * SCANS).unwrap(),
        "{revision}"
    );
    let wrong = "SELECT count(*) FROM auto_backup.folders f JOIN auto_backup.replicas r ON r.id = f.replica_id
                 WHERE f.revision > r.revision";
    assert_eq!(two.number(wrong), 0);
    let files = two.files("ws2");
    assert_eq!(files.len(), CLIENTS * SCANS);
    assert_eq!(two.files("crowd7"), files);
}
