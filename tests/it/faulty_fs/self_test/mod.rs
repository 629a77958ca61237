//! Every fault is visible through system calls, and a file system without faults shows none.

mod failure;
mod metadata;
mod name;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Faults, FaultyMount};
use crate::studio::Studio;

/// Runs a test with this file system on `D` and the files `a` and `b`; the faults are set afterwards.
fn with(tell: impl FnOnce(&mut Faults), test: impl FnOnce(&Path, &FaultyMount)) {
    let studio = Studio::bare();
    let Some(mount) = FaultyMount::new(&studio, "D", Faults::default()) else {
        return;
    };
    studio.file("D/a", "first").file("D/b", "second one");
    mount.set_faults(Faults::only(tell));
    test(&studio.path("D"), &mount);
}

fn rename(folder: &Path, to: &str, flags: RenameFlags) -> rustix::io::Result<()> {
    renameat_with(CWD, folder.join("a"), CWD, folder.join(to), flags)
}

fn content(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok()
}

fn set_modified(path: &Path, seconds: u64, nanoseconds: u32) -> (i64, i64) {
    let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(fs::FileTimes::new().set_modified(time))
        .unwrap();
    modified(path)
}

fn modified(path: &Path) -> (i64, i64) {
    let found = path.symlink_metadata().unwrap();
    (found.mtime(), found.mtime_nsec())
}

fn code<T>(result: std::io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn honest_mount_reports_true_values() {
    with(
        |_| {},
        |folder, mount| {
            assert_eq!(rename(folder, "b", RenameFlags::EXCHANGE), Ok(()));
            assert_eq!(content(folder, "a").unwrap(), "second one");
            let refused = rename(folder, "b", RenameFlags::NOREPLACE);
            assert_eq!(refused, Err(rustix::io::Errno::EXIST));
            assert_eq!(content(folder, "b").unwrap(), "first");
            let path = folder.join("a");
            assert_eq!(
                set_modified(&path, 1_700_000_001, 123_456_789),
                (1_700_000_001, 123_456_789)
            );
            fs::hard_link(&path, folder.join("c")).unwrap();
            let numbers = ["a", "c", "b"].map(|name| folder.join(name).metadata().unwrap().ino());
            assert!(numbers[0] == numbers[1] && numbers[0] != numbers[2]);
            assert_eq!(path.metadata().unwrap().nlink(), 2);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o640);
            fs::create_dir_all(folder.join("d/e")).unwrap();
            fs::write(folder.join("d/e/large"), vec![7; 300_000]).unwrap();
            assert_eq!(
                fs::copy(folder.join("d/e/large"), folder.join("d/f")).unwrap(),
                300_000
            );
            std::os::unix::fs::symlink("a", folder.join("link")).unwrap();
            assert_eq!(content(folder, "link").unwrap(), "second one");
            assert_eq!(code(fs::remove_dir(folder.join("d"))), Some(39));
            fs::rename(folder.join("d/e"), folder.join("g")).unwrap();
            fs::remove_dir_all(folder.join("d")).unwrap();
            assert_eq!(names(folder), ["a", "b", "c", "g", "link"]);
            assert_eq!(mount.contents()[Path::new("g/large")].len(), 300_000);
            File::open(&path).unwrap().sync_all().unwrap();
        },
    );
}

#[test]
fn contents_survive_a_remount() {
    let studio = Studio::bare();
    let Some(mount) = FaultyMount::new(&studio, "D", Faults::default()) else {
        return;
    };
    studio.file("D/a", "first");
    let other = mount.mount_also_at(&studio, "E").unwrap();
    assert_eq!(studio.read("E/a"), "first");
    let mount = mount.remount();
    assert_eq!(studio.read("D/a"), "first");
    drop((mount, other));
    assert!(!studio.path("D/a").exists() && !studio.path("E/a").exists());
}
