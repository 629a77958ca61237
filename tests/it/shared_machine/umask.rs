//! The program's own files are private whatever the umask is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{OTHER_USER, as_other_user, has_two_users};
use crate::studio::{PROGRAM, Studio};

#[test]
fn own_files_are_private_under_any_umask() {
    for umask in ["002", "000"] {
        let studio = Studio::filled();
        studio.remove("home/.config");
        let mut command = studio.other_program("sh");
        command.args(["-c", "umask $0; exec \"$@\"", umask, PROGRAM]);
        command.args(["-c", "add database WORK WORK", "-c", "add database NAS NAS"]);
        command.args(["-c", "add category footage footage", "-c", "save"]);
        studio
            .finish(command.args(["-c", "copy acme/spot footage WORK NAS"]))
            .ok();
        let mut pending = vec![studio.path("home/.config/auto-backup")];
        pending.push(studio.path("home/.local/share/auto-backup"));
        pending.push(studio.path("home/.local/state/auto-backup"));
        while let Some(path) = pending.pop() {
            let found = fs::metadata(&path).unwrap();
            let mode = found.permissions().mode() & 0o777;
            let is_private = mode.trailing_zeros() >= 6;
            assert!(
                is_private || path.ends_with(".config"),
                "{}: {mode:o}",
                path.display()
            );
            assert_eq!(mode & 0o022, 0, "{}: {mode:o}", path.display());
            if found.is_dir() {
                let entries = fs::read_dir(&path).unwrap();
                pending.extend(entries.map(|entry| entry.unwrap().path()));
            }
        }
    }
}

#[test]
fn copies_of_private_folders_stay_private() {
    if !has_two_users() {
        return;
    }
    for umask in ["002", "000"] {
        let studio = Studio::filled();
        studio
            .mode("WORK/footage/acme/spot", 0o700)
            .mode("WORK/footage/acme/spot/reel.mov", 0o600);
        rustix::fs::chmod(studio.path(""), 0o755.into()).unwrap();
        let mut command = studio.other_program("sh");
        command.args(["-c", "umask $0; exec \"$@\"", umask, PROGRAM]);
        studio
            .finish(command.args(["-c", "copy acme/spot footage WORK NAS"]))
            .ok();
        let copy = studio.path("NAS/footage/acme/spot/reel.mov");
        assert!(copy.exists());
        let read = as_other_user(|| fs::read(&copy));
        assert!(read.is_err(), "umask {umask}: user {OTHER_USER} reads it");
    }
}
