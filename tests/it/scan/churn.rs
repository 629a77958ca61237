//! Trees that change during a scan.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{count_found, totals, walk_totals};
use crate::studio::Studio;

/// Removes the entry of this name, whatever its kind is.
fn clear(path: &Path) {
    let is_folder = path.symlink_metadata().is_ok_and(|entry| entry.is_dir());
    if is_folder {
        fs::remove_dir_all(path).unwrap();
    } else if path.symlink_metadata().is_ok() {
        fs::remove_file(path).unwrap();
    }
}

/// Recreates names in a project, and projects themselves, as one kind of entry after the other, until `stop` is set.
/// One of each kind stays.
fn churn(client: &Path, stop: &AtomicBool) {
    let mut round = 0_usize;
    while !stop.load(Ordering::Relaxed) || round % 60 != 59 {
        round += 1;
        let project = client.join(format!("p{}", round % 2));
        let path = project.join(format!("a/b{}/c{}", round % 5, round % 4));
        match round % 6 {
            0 => clear(&project),
            3 => {
                clear(&client.join("moved"));
                if project.exists() {
                    fs::rename(&project, client.join("moved")).unwrap();
                }
            }
            _ => {}
        }
        if project.symlink_metadata().is_err() && round % 12 == 5 {
            symlink("/", &project).unwrap();
            clear(&project);
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for number in 0..8 {
            let path = path.with_extension(number.to_string());
            clear(&path);
            match (round + number) % 4 {
                0 => fs::write(&path, "x".repeat(number)).unwrap(),
                1 => symlink("..", &path).unwrap(),
                2 => {
                    fs::create_dir_all(path.join("d/e")).unwrap();
                    fs::write(path.join("d/e/f"), "deep").unwrap();
                }
                _ => {}
            }
        }
    }
}

#[test]
fn counts_are_correct_after_concurrent_changes() {
    let studio = Studio::filled();
    for database in ["WORK", "NAS"] {
        for number in 0..40 {
            studio.file(format!("{database}/footage/still/p/{number}/f"), "1234567");
        }
    }
    let stop = AtomicBool::new(false);
    let clients = [
        "WORK/footage/acme",
        "NAS/footage/acme",
        "WORK/scratch/render/acme",
    ]
    .map(|path| studio.path(path));
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| churn(client, &stop));
        }
        for round in 0..30 {
            let run = studio.json(&["load"]);
            assert!(run.status == 0 || run.status == 3, "{run}");
            assert!(!run.stderr.contains("panicked"), "{run}");
            if round % 10 == 9 {
                studio.json(&["fetch all", "find '*'"]).ok();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let load = studio.json(&["load"]).ok();
    for database in ["WORK", "NAS"] {
        assert_eq!(totals(&load, database), walk_totals(&studio, database));
    }
    let on_disk = walk_totals(&studio, "WORK").0 + walk_totals(&studio, "NAS").0;
    assert_eq!(count_found(&studio, "'*'") as u64, on_disk);
    let again = studio.json(&["load"]).ok();
    for database in ["WORK", "NAS"] {
        assert_eq!(super::change_counts(&again, database), [0, 0, 0], "{again}");
    }
}
