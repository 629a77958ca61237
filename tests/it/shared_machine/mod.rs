//! Another user of the same machine, who puts files beside our own files and into folders that they may write.
//!
//! The other user is a thread of the test with another user ID, so root is needed, but no account.

mod own_files;
mod root;
mod storage;
mod umask;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, Uid, mknodat, renameat_with};

use crate::studio::{ProgramRun, Studio, report_skip};

/// The other user, and a group of both users in some tests.
const OTHER_USER: u32 = 4343;

/// Minimum number of exchanges while the program runs.
const ROUNDS: u32 = 10_000;

/// True if this process can be two users; reports a skip otherwise.
fn has_two_users() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        report_skip("only root can be another user");
    }
    is_root
}

/// Runs work as the other user, who is alone in their group.
fn as_other_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            become_other_user();
            work()
        });
        stranger.join().unwrap()
    })
}

/// Makes only this thread the other user from now on.
fn become_other_user() {
    let group = rustix::fs::Gid::from_raw(OTHER_USER);
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_res_gid(group, group, group).unwrap();
    let user = Uid::from_raw(OTHER_USER);
    rustix::thread::set_thread_res_uid(user, user, user).unwrap();
}

/// Exchanges two names as the other user during some work, at least [`ROUNDS`] times.
fn while_swapping(one: &Path, other: &Path, work: impl FnOnce()) {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            become_other_user();
            let mut rounds = 0;
            while rounds < ROUNDS || !ends.load(Ordering::Relaxed) {
                // One of them may be missing for a moment.
                if renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok() {
                    rounds += 1;
                } else if ends.load(Ordering::Relaxed) {
                    break;
                }
            }
            rounds
        });
        work();
        ends.store(true, Ordering::Relaxed);
        assert!(stranger.join().unwrap() >= ROUNDS);
    });
}

/// Creates a folder of a studio with these permissions, this user and group.
fn folder(studio: &Studio, path: &str, mode: u32, owner: u32, group: u32) {
    studio.folder(path).mode(path, mode);
    chown(studio.path(path), Some(owner), Some(group)).unwrap();
}

/// Creates a file of the victim and returns a check that its content is unchanged.
fn victim_file(studio: &Studio) -> impl Fn() {
    studio
        .file("victim/thesis.txt", "precious")
        .mode("victim/thesis.txt", 0o600);
    let path = studio.path("victim/thesis.txt");
    move || {
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}

/// Puts an entry in place of a file; the second path is the victim's.
type PlantedFile = fn(&Path, &Path);

/// Entries that a user can put in place of a file, with their names.
const PLANTED_FILES: [(&str, PlantedFile); 5] = [
    ("link", |trap, victim| {
        as_other_user(|| symlink(victim, trap).unwrap());
    }),
    // On systems that let everybody link files of others.
    ("second name", |trap, victim| {
        fs::hard_link(victim, trap).unwrap();
    }),
    ("pipe", |trap, _| {
        as_other_user(|| {
            mknodat(CWD, trap, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
        });
    }),
    ("device", |trap, _| {
        let null = rustix::fs::makedev(1, 3);
        mknodat(
            CWD,
            trap,
            FileType::CharacterDevice,
            Mode::from_raw_mode(0o666),
            null,
        )
        .unwrap();
    }),
    ("file of another", |trap, _| {
        as_other_user(|| fs::write(trap, "").unwrap());
        fs::set_permissions(trap, fs::Permissions::from_mode(0o666)).unwrap();
    }),
];

/// Runs the program with these arguments and a variable of its environment; kills it after 20 s.
fn run_with(studio: &Studio, (name, value): (&str, &Path), arguments: &[&str]) -> ProgramRun {
    let mut command = studio.other_program("timeout");
    command
        .arg("20")
        .arg(crate::studio::PROGRAM)
        .args(arguments);
    studio.finish(command.env(name, value))
}
