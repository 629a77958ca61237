//! Folders of a storage in which names can be created but not listed: files of others there look absent in every
//! listing, and stay or are kept all the same.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::{SyncStudio, kept_versions};
use crate::servers::{Remotes, Server, old_rclone};
use crate::studio::Studio;

const SPOT: &str = "footage/acme/spot";
const OTHERS: &str = "somebody else's";

/// A server with another user's file `f3` in such a folder `shut`, and a studio with a file of that name.
struct UnlistableFolder<'a> {
    studio: &'a Studio,
    server: Server<'a>,
    folder: PathBuf,
}

impl<'a> UnlistableFolder<'a> {
    fn new(studio: &'a Studio, remotes: &'a Remotes<'a>) -> Self {
        let server = Server::sftp(remotes, "sf");
        let folder = server.folder().join(SPOT).join("shut");
        Self {
            studio,
            server,
            folder,
        }
    }

    /// Creates the other user's file and closes the folder.
    fn close(&self) {
        self.studio.file(self.folder.join("f3"), OTHERS);
        self.studio.mode(&self.folder, 0o333);
    }

    /// Opens the folder; fails unless the other user's file is there or among the old versions.
    #[track_caller]
    fn assert_kept(&self) {
        self.studio.mode(&self.folder, 0o755);
        let mut folders = vec![self.server.folder().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read(&path).unwrap() == OTHERS.as_bytes() {
                    return;
                }
            }
        }
        panic!("it is lost\n{}", self.server.log());
    }
}

/// Adds enough files that folders are listed instead of single files.
fn add_files(studio: &Studio) {
    for number in 0..30 {
        let path = format!("WORK/{SPOT}/shut/f{number}");
        studio.file(path, format!("content {number}"));
    }
}

#[track_caller]
fn first_sync(old: bool) {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let shut = UnlistableFolder::new(&studio, &remotes);
    let mut site = SyncStudio::new(&remotes, &studio, shut.server.root());
    if old {
        let Some(rclone) = old_rclone() else { return };
        site = site.with_rclone(rclone);
    }
    add_files(&studio);
    shut.close();
    site.sync("");
    shut.assert_kept();
    site.sync("").status(0);
    site.assert_mirrored();
    assert_eq!(site.failures(), []);
}

#[test]
fn first_sync_replaces_no_unlisted_file() {
    first_sync(false);
}

#[test]
fn old_rclone_first_sync_replaces_no_unlisted_file() {
    first_sync(true);
}

#[test]
fn later_sync_replaces_no_unlisted_file() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let shut = UnlistableFolder::new(&studio, &remotes);
    let site = SyncStudio::new(&remotes, &studio, shut.server.root());
    site.sync("").assert_sent(5);
    shut.close();
    add_files(&studio);
    site.sync("").status(3);
    shut.assert_kept();
    site.sync("");
    site.assert_mirrored();
}

#[test]
fn copy_replaces_no_unlisted_file() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let shut = UnlistableFolder::new(&studio, &remotes);
    let site = SyncStudio::new(&remotes, &studio, shut.server.root());
    add_files(&studio);
    shut.close();
    let run = site.lines(&["copy all footage WORK CLOUD"]);
    shut.assert_kept();
    assert_eq!(run.status, 3, "{run}");
}

#[test]
fn files_in_unlistable_client_are_kept() {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let shut = UnlistableFolder::new(&studio, &remotes);
    let site = SyncStudio::new(&remotes, &studio, shut.server.root());
    add_files(&studio);
    studio.file(shut.folder.join("f3"), OTHERS);
    let client = shut.server.folder().join("footage/acme");
    studio.mode(&client, 0o333);
    site.sync("");
    studio.mode(&client, 0o755);
    shut.assert_kept();
}

/// A folder of this machine behind rclone, in which this path is a link to a folder with another user's `f3`. rclone
/// does not list the link, and writes through it.
#[track_caller]
fn assert_kept_behind_symlink(link: &str) {
    let studio = Studio::filled();
    let Some(remotes) = Remotes::new(&studio) else {
        return;
    };
    let there = studio.path("there");
    let others = format!("elsewhere/{SPOT}/shut/f3");
    studio.file(&others, OTHERS);
    add_files(&studio);
    fs::create_dir_all(there.join(link).parent().unwrap()).unwrap();
    symlink(studio.path("elsewhere").join(link), there.join(link)).unwrap();
    let site = SyncStudio::new(&remotes, &studio, &remotes.alias("far", &there));
    let run = site.sync("");
    let kept = kept_versions(&there);
    let old = kept.get(&PathBuf::from(SPOT).join("shut/f3"));
    let stays = studio.read(&others) == OTHERS;
    assert!(
        stays || old.is_some_and(|old| old == OTHERS),
        "{run}\n{kept:?}"
    );
}

#[test]
fn files_behind_symlinks_are_kept() {
    assert_kept_behind_symlink("footage");
    assert_kept_behind_symlink("footage/acme");
    assert_kept_behind_symlink(SPOT);
}
