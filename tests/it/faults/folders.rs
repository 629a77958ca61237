//! Read-only and unreadable folders, and the times, modes and attributes of folders.

use std::fs::{self, FileTimes};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{XattrFlags, getxattr, setxattr};

use super::{FROM, LINE, TO, differing_files, has_programs, read_files};
use crate::studio::{CHANGED, ProgramRun, Studio};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// Sets the time of a folder.
fn touch(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let times = FileTimes::new().set_modified(time);
    fs::File::open(path).unwrap().set_times(times).unwrap();
}

/// Runs the line as a user without root's privileges, after setting the mode of a folder. Giving the studio to that
/// user changes the status of all its entries.
fn run_with_folder_mode(studio: &Studio, path: &str, mode: u32) -> ProgramRun {
    let mut command = studio.command_as_user();
    studio.mode(path, mode);
    studio.finish(command.args(["-c", LINE]))
}

#[test]
fn read_only_folders_take_later_files() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/card/a"), "a")
        .mode(format!("{FROM}/card"), 0o555);
    studio.lines_as_user(&[LINE]).ok();
    let card = studio.path(TO).join("card");
    assert_eq!(mode(&card), 0o555);
    let time = modified(&studio.path(FROM).join("card"));
    studio
        .mode(format!("{FROM}/card"), 0o755)
        .file(format!("{FROM}/card/b"), "b")
        .file_at(format!("{FROM}/card/a"), "newer", CHANGED + 9)
        .file(format!("{FROM}/card/sub/c"), "c")
        .mode(format!("{FROM}/card/sub"), 0o500)
        .mode(format!("{FROM}/card"), 0o555);
    studio.lines_as_user(&[LINE]).ok();
    if has_programs(&["rsync"]) {
        assert_eq!(differing_files(&studio), [""; 0]);
    }
    assert_eq!((mode(&card), mode(&card.join("sub"))), (0o555, 0o500));
    assert_ne!(modified(&card), time);
    assert_eq!(modified(&card), modified(&studio.path(FROM).join("card")));
}

#[test]
fn unreadable_folders_are_completed_later() {
    for closed in [0o000, 0o333, 0o444] {
        let studio = Studio::new();
        studio
            .file(format!("{FROM}/a"), "a")
            .file(format!("{FROM}/private/b"), "b");
        let private = format!("{FROM}/private");
        run_with_folder_mode(&studio, &private, closed).status(3);
        run_with_folder_mode(&studio, &private, 0o750).ok();
        assert_eq!(studio.read(format!("{TO}/private/b")), "b");
        assert_eq!(mode(&studio.path(TO).join("private")), 0o750);
    }
}

#[test]
fn read_only_folders_keep_their_attributes() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/card/a"), "a");
    let card = studio.path(FROM).join("card");
    if setxattr(&card, "user.t", b"value", XattrFlags::empty()).is_err() {
        return crate::studio::report_skip("no attribute can be given here");
    }
    studio.mode(format!("{FROM}/card"), 0o555);
    studio.lines_as_user(&[LINE]).ok();
    let mut value = [0; 64];
    let length = getxattr(studio.path(TO).join("card"), "user.t", &mut value[..]).unwrap();
    assert_eq!(&value[..length], b"value");
    assert_eq!(mode(&studio.path(TO).join("card")), 0o555);
}

#[test]
fn lost_folder_attribute_is_a_failure() {
    let studio = Studio::new();
    studio.file(format!("{FROM}/card/a"), "a");
    let card = studio.path(FROM).join("card");
    let Some(tracer) = super::tracer::Tracer::new(&studio) else {
        return;
    };
    if setxattr(&card, "user.t", b"value", XattrFlags::empty()).is_err() {
        return crate::studio::report_skip("no attribute can be given here");
    }
    let run = tracer
        .inject("fsetxattr", "error=ENOSPC")
        .json(LINE)
        .status(3);
    let document = super::assert_accounted(&run);
    assert_eq!(document["failed_files"], 1, "{run}");
    let reason = document["items"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("`user.t`"), "{run}");
}

#[test]
fn sync_updates_folder_times_and_modes() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a/x"), "x")
        .file(format!("{FROM}/b/y"), "y");
    let sync = "sync acme/spot footage WORK NAS";
    studio.lines(&[sync, sync]).ok();
    let [from, to] = [FROM, TO].map(|path| studio.path(path));
    touch(&from.join("a"), CHANGED - 99);
    studio.mode(format!("{FROM}/b"), 0o700);
    studio.lines(&[sync]).ok();
    assert_eq!(modified(&to.join("a")), modified(&from.join("a")));
    assert_eq!(mode(&to.join("b")), 0o700);
    // A later change at the destination is neither reverted nor checked.
    studio.mode(format!("{TO}/b"), 0o711);
    studio.lines(&[sync]).ok();
    assert_eq!(mode(&to.join("b")), 0o711);
}

#[test]
fn copy_updates_folder_times_and_modes() {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a/x"), "x")
        .file(format!("{FROM}/b/y"), "y");
    studio.lines(&[LINE]).ok();
    let [from, to] = [FROM, TO].map(|path| studio.path(path));
    touch(&from.join("a"), CHANGED - 99);
    studio.mode(format!("{FROM}/b"), 0o700);
    let before = read_files(&to);
    studio.lines(&[LINE]).ok();
    for name in ["a", "b"] {
        assert_eq!(
            modified(&to.join(name)),
            modified(&from.join(name)),
            "{name}"
        );
        assert_eq!(mode(&to.join(name)), mode(&from.join(name)), "{name}");
    }
    assert_eq!(read_files(&to), before);
    // A later change at the destination is not reverted.
    studio.mode(format!("{TO}/b"), 0o711);
    touch(&to.join("a"), CHANGED + 99);
    let time = modified(&to.join("a"));
    let tracer = super::tracer::Tracer::new(&studio);
    if let Some(tracer) = tracer {
        tracer.record("fchmod").record("utimensat").json(LINE).ok();
        let log = super::tracer::Tracer::log(&studio);
        assert!(!log.contains("NAS/footage"), "{log}");
    }
    assert_eq!(mode(&to.join("b")), 0o711);
    assert_eq!(modified(&to.join("a")), time);
}
