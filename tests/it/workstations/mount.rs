//! Storages that each workstation mounts elsewhere and calls otherwise: their identity makes them one.

use serde_json::{Value, json};

use super::{Workstations, startup};
use crate::disks::MountedDisk;

/// Two workstations that see one disk at two places, the second one by another name.
fn mounted_twice(two: &Workstations) -> Option<MountedDisk> {
    let disk = MountedDisk::bind(&two.studio, "NAS", "far/Volumes/nas")?;
    let lines = two.studio.read(startup("ws2"));
    let elsewhere = lines.replace("../../../NAS", "../../../far/Volumes/nas");
    two.studio.file(startup("ws2"), elsewhere);
    Some(disk)
}

fn make_mount_point(two: &Workstations) {
    two.studio.folder("far/Volumes/nas");
}

/// Returns all that a workstation says of the files, with paths below its own mount point.
fn files(two: &Workstations, host: &str) -> Vec<String> {
    let mut files = two.files(host);
    for file in &mut files {
        let (_, below) = file.split_once("/footage/").unwrap();
        *file = below.to_owned();
    }
    files.sort();
    files
}

#[test]
fn storage_mounted_elsewhere_by_another_name_is_one() {
    let Some(two) = Workstations::new() else {
        return;
    };
    make_mount_point(&two);
    let Some(_disk) = mounted_twice(&two) else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    assert_eq!(files(&two, "ws2"), files(&two, "ws1"));
    let fetched = two.lines("ws2", &["fetch acme/spot"]).ok();
    assert!(fetched.stdout.contains("SERVER"), "{fetched}");
    assert!(!fetched.stdout.contains("NAS"), "{fetched}");
    // A scan below the other mount point counts for both.
    two.studio
        .file("far/Volumes/nas/footage/acme/spot/new.mov", "new");
    two.lines("ws2", &["load SERVER"]).ok();
    assert_eq!(files(&two, "ws1"), files(&two, "ws2"));
    assert_eq!(files(&two, "ws1").len(), 4);
    let fetched = two.lines("ws1", &["fetch acme/spot"]).ok();
    assert!(fetched.stdout.contains("NAS"), "{fetched}");
    assert!(!fetched.stdout.contains("SERVER"), "{fetched}");
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.databases"), 1);
    let roots = "SELECT count(DISTINCT root) FROM auto_backup.aliases";
    assert_eq!(two.number(roots), 2);
    // Each workstation lists the storage by its own name, with the workstation that scanned it.
    for (host, name) in [("ws1", "NAS"), ("ws2", "SERVER")] {
        let listed = two.json(host, "list hosts");
        let hosts = listed["hosts"].as_array().unwrap();
        assert_eq!(hosts.len(), 2, "{listed}");
        let scanned: Vec<&Value> = hosts
            .iter()
            .flat_map(|one| one["databases"].as_array().unwrap())
            .collect();
        assert_eq!(scanned.len(), 1, "{listed}");
        assert_eq!(scanned[0]["name"], json!(name), "{listed}");
        let by = hosts.iter().find(|one| one["databases"] != json!([]));
        assert_eq!(by.unwrap()["own"], json!(host == "ws2"), "{listed}");
    }
}

#[test]
fn one_name_for_two_storages_is_shown() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    // What this workstation calls NAS is another disk, and it calls the first one otherwise.
    two.studio.file("OTHER/footage/acme/archive/old.mov", "old");
    let lines = two.studio.read(startup("ws2"));
    let more = "add database NAS ../../../OTHER --medium other\n";
    two.studio.file(startup("ws2"), format!("{more}{lines}"));
    let told = two.lines("ws2", &["load"]).status(0);
    let conflict = "NAS is another storage on ";
    assert_eq!(told.stderr.matches(conflict).count(), 1, "{told}");
    two.lines("ws1", &["list projects"]).ok();
    for host in ["ws1", "ws2"] {
        let status = two.json(host, "catalog status");
        let names: Vec<&str> = status["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        let conflict = names
            .iter()
            .filter(|name| name.starts_with("NAS is another storage on "));
        assert_eq!(conflict.count(), 1, "{host}: {status}");
        let page = two.lines(host, &["catalog status"]).ok();
        assert!(
            page.stdout.contains("they have different identity files"),
            "{page}"
        );
    }
    // Neither of them answers for the other.
    let own = two.lines("ws1", &["list projects"]).ok();
    assert!(!own.stdout.contains("acme/archive"), "{own}");
    let both = two.lines("ws2", &["fetch all"]).ok();
    assert!(both.stdout.contains("acme/archive"), "{both}");
    assert!(both.stdout.contains("acme/spot"), "{both}");
}
