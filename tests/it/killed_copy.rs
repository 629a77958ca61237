//! A killed copy leaves no half file under a final name, and the next copy finishes the work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::studio::Studio;

/// Number of files of the project; a larger one is being copied most of the time.
const FILES: usize = 60;

/// Returns all files below a folder, except in our own folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

fn is_temporary(path: &Path) -> bool {
    path.file_name()
        .unwrap()
        .to_string_lossy()
        .ends_with(".part")
}

/// Checks that every file with a final name equals the source.
fn check(studio: &Studio) {
    let (from, to) = (studio.path("WORK/footage"), studio.path("NAS/footage"));
    for path in files(&to).into_iter().filter(|path| !is_temporary(path)) {
        let source = from.join(path.strip_prefix(&to).unwrap());
        assert!(
            fs::read(&path).unwrap() == fs::read(&source).unwrap(),
            "{} is not whole",
            path.display()
        );
    }
}

#[test]
fn copy_killed_anywhere_is_completed_by_next() {
    let studio = Studio::new();
    for number in 0..FILES {
        let bytes = if number % 10 == 0 { 3_000_000 } else { 2_000 };
        studio.file(
            format!("WORK/footage/acme/spot/s{}/f{number:03}", number % 7),
            vec![7; bytes],
        );
    }
    let destination = studio.path("NAS/footage/acme/spot");
    for round in 0..12 {
        if round % 4 == 0 && destination.exists() {
            fs::remove_dir_all(&destination).unwrap();
        }
        let before = files(&destination).len();
        let mut command = studio.command();
        command
            .args(["-c", "copy acme/spot footage WORK NAS"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Killed after this number of new files under any name, or ended before.
        while files(&destination).len() < before + 1 + round * 2
            && child.try_wait().unwrap().is_none()
        {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check(&studio);
    }
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    check(&studio);
    let there = files(&destination);
    assert_eq!(there.len(), FILES);
    assert!(!there.iter().any(|path| is_temporary(path)));
    let again = studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    assert!(again.stdout.starts_with("copied 0 files"), "{again}");
}

#[test]
fn next_run_removes_leftover_temporary_copies() {
    let studio = Studio::filled();
    studio.file("WORK/footage/acme/large/l.mov", vec![7; 300_000_000]);
    let mut command = studio.command();
    command
        .args(["-c", "copy acme/large footage WORK NAS"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let destination = studio.path("NAS/footage/acme/large");
    let left = || files(&destination).iter().any(|path| is_temporary(path));
    while !left() && child.try_wait().unwrap().is_none() {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(left(), "it was killed too late");
    studio.lines(&["copy acme/spot footage WORK NAS"]).ok();
    assert_eq!(files(&destination), Vec::<PathBuf>::new());
    // The unfinished run is not forgotten.
    studio.lines(&["copy acme/large footage WORK NAS"]).ok();
    check(&studio);
}

#[test]
fn next_run_sets_missing_folder_attributes() {
    let studio = Studio::filled();
    studio
        .mode("WORK/footage/acme/spot/plates", 0o550)
        .file("WORK/footage/acme/spot/z", "z");
    let line = "copy acme/spot footage WORK NAS";
    studio.lines(&[line]).ok();
    // The state after a kill between the last name and the folders.
    let index =
        rusqlite::Connection::open(studio.path("home/.local/share/auto-backup/index.sqlite"))
            .unwrap();
    let noted = "INSERT INTO under_way (run, root, folder) VALUES (1, ?1, ?2)";
    let parameters = [studio.path("NAS"), PathBuf::from("footage/acme/spot")];
    let bytes = parameters
        .each_ref()
        .map(|path| path.as_os_str().as_encoded_bytes());
    index.execute(noted, bytes).unwrap();
    studio
        .mode("NAS/footage/acme/spot/plates", 0o700)
        .file("NAS/footage/acme/spot/plates/more", "more");
    studio.lines(&[line]).ok();
    let plates = studio
        .path("NAS/footage/acme/spot/plates")
        .metadata()
        .unwrap();
    let source = studio
        .path("WORK/footage/acme/spot/plates")
        .metadata()
        .unwrap();
    assert_eq!(plates.permissions(), source.permissions());
    assert_eq!(plates.modified().unwrap(), source.modified().unwrap());
    let rows: i64 = index
        .query_row("SELECT count(*) FROM under_way", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 0);
}
