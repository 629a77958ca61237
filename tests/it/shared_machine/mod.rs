//! Another user of the same machine: what they put beside our own files, and into folders that they may write.
//!
//! The other user is a thread of the test with another user's number, so root is needed, but no account.

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

/// The other user, and a group that both users are in where a test says so.
const OTHER_USER: u32 = 4343;

/// Number of exchanges that a test makes at least while the program runs.
const ROUNDS: u32 = 10_000;

/// Whether this process can be two users; says so where not.
fn has_two_users() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        report_skip("only root can be another user");
    }
    is_root
}

/// Does something as the other user, in whose group nobody else is.
fn as_other_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            become_other_user();
            work()
        });
        stranger.join().unwrap()
    })
}

/// Lets this thread, and only this, be the other user from now on.
fn become_other_user() {
    let group = rustix::fs::Gid::from_raw(OTHER_USER);
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_res_gid(group, group, group).unwrap();
    let user = Uid::from_raw(OTHER_USER);
    rustix::thread::set_thread_res_uid(user, user, user).unwrap();
}

/// Exchanges two names as the other user while something is done; at least [`ROUNDS`] times.
fn while_swapping(one: &Path, other: &Path, work: impl FnOnce()) {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let stranger = scope.spawn(|| {
            become_other_user();
            let mut rounds = 0;
            while rounds < ROUNDS || !ends.load(Ordering::Relaxed) {
                // One of them may be away for a moment.
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

/// A folder of a studio with these permissions, of this user and group.
fn folder(studio: &Studio, path: &str, mode: u32, owner: u32, group: u32) {
    studio.folder(path).mode(path, mode);
    chown(studio.path(path), Some(owner), Some(group)).unwrap();
}

/// A file of the victim's that nobody may change, with a content that says so.
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

/// Puts something in the place of a file; the second path is that of the victim's.
type PlantedFile = fn(&Path, &Path);

/// What somebody can put in the place of a file: each with its name.
const PLANTED_FILES: [(&str, PlantedFile); 5] = [
    ("link", |trap, victim| {
        as_other_user(|| symlink(victim, trap).unwrap());
    }),
    // Where the system lets everybody link files of others.
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

/// The program with these lines and a variable of its environment, ended after 20 s if it hangs.
fn run_with(studio: &Studio, (name, value): (&str, &Path), arguments: &[&str]) -> ProgramRun {
    let mut command = studio.other_program("timeout");
    command
        .arg("20")
        .arg(crate::studio::PROGRAM)
        .args(arguments);
    studio.finish(command.env(name, value))
}
