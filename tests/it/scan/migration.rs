//! An index of version 1 becomes one of version 2: nothing that it knows is lost, and nothing is looked at again.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rusqlite::Connection;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use super::{INDEX, change_counts, database_row, totals};
use crate::studio::{CHANGED, ProgramRun, Studio};

/// What the program of version 1 wrote.
const WRITTEN: &str = include_str!("../fixtures/index-version-1.sql");

/// What it answered to `fetch all` and `find '*'` as CSV, with every byte that is not printable escaped.
const ANSWERED: &str = include_str!("../fixtures/index-version-1.txt");

fn path(bytes: &[u8]) -> PathBuf {
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// The disk that the index is of, as it was; NAS is not mounted.
fn studio() -> Studio {
    let studio = Studio::new();
    let spot = "WORK/footage/acme/spot";
    studio
        .file(format!("{spot}/reel.mov"), "reel")
        .file_at(format!("{spot}/plates/p1.exr"), "plate one", CHANGED + 5)
        .file_at(format!("{spot}/plates/p2.exr"), "plate two", CHANGED - 5)
        .file(
            path(b"WORK/footage/acme/spot/caf\xe9/new\nline\t\"'"),
            "odd",
        )
        .link(
            path(b"WORK/footage/acme/spot/caf\xe9/link"),
            path(b"no\xffwhere"),
        )
        .folder(format!("{spot}/empty/er"))
        .file(path(b"WORK/footage/Bob's/b\xff/x.mov"), "x")
        .file("WORK/scratch/render/acme/spot/f1.exr", "frame")
        .remove("NAS");
    let plates = studio.path(spot).join("plates");
    fs::hard_link(studio.path(spot).join("reel.mov"), plates.join("same.mov")).unwrap();
    let changed = i64::try_from(CHANGED).unwrap();
    at(&plates.join("p1.exr"), changed + 5, 123_456_789);
    at(
        &studio.path(path(b"WORK/footage/acme/spot/caf\xe9/link")),
        changed,
        0,
    );
    at(
        &studio.path(path(b"WORK/footage/Bob's/b\xff/x.mov")),
        -100,
        0,
    );
    put_index(&studio);
    studio
}

/// Sets the time of a file or link.
fn at(path: &Path, seconds: i64, nanoseconds: i64) {
    let moment = Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = Timestamps {
        last_access: moment,
        last_modification: moment,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Puts the index of version 1 where the program looks for it.
fn put_index(studio: &Studio) {
    let root = |name: &str| {
        let path = studio.path(name);
        let mut hex = String::new();
        for byte in path.as_os_str().as_bytes() {
            write!(hex, "{byte:02x}").unwrap();
        }
        format!("X'{hex}'")
    };
    let sql = WRITTEN
        .replace("{WORK}", &root("WORK"))
        .replace("{NAS}", &root("NAS"));
    studio.folder(Path::new(INDEX).parent().unwrap());
    let index = Connection::open(studio.path(INDEX)).unwrap();
    index.execute_batch(&sql).unwrap();
    index
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA application_id = 1096106571; PRAGMA user_version = 1;")
        .unwrap();
    drop(index);
    fs::set_permissions(studio.path(INDEX), fs::Permissions::from_mode(0o600)).unwrap();
}

/// The answers to `fetch all` and `find '*'` in the form of [`ANSWERED`].
fn answers(studio: &Studio, arguments: &[&str]) -> String {
    let lines = ["--format", "csv", "-c", "fetch all", "-c", "find '*'"];
    let run = studio.run(arguments.iter().chain(&lines)).ok();
    let text = run.bytes.escape_ascii().to_string();
    text.replace(
        studio.path("").to_str().unwrap().trim_end_matches('/'),
        "$STUDIO",
    )
    .replace("\\n", "\\n\n")
}

/// The copies of the index of version 1 that were made beside it.
fn copies(studio: &Studio) -> Vec<PathBuf> {
    let entries = fs::read_dir(studio.path(INDEX).parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_str().unwrap().contains(".sqlite.version-1-"))
        .collect()
}

#[test]
fn migration_keeps_offline_databases() {
    let studio = studio();
    assert_eq!(answers(&studio, &[]), ANSWERED);
    let copies = copies(&studio);
    assert_eq!(copies.len(), 1);
    assert_eq!(
        copies[0].metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let old = Connection::open(&copies[0]).unwrap();
    let count = |sql: &str| old.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT user_version FROM pragma_user_version"), 1);
    assert_eq!(count("SELECT count(*) FROM files"), 10);
    // The old one can be taken up again, and says the same.
    let copy = copies[0].to_str().unwrap();
    assert_eq!(answers(&studio, &["--index", copy]), ANSWERED);
}

#[test]
fn first_scan_after_migration_finds_no_change() {
    let studio = studio();
    let load = studio.json(&["load"]).status(3);
    assert_eq!(change_counts(&load, "WORK"), [0, 0, 0], "{load}");
    assert_eq!(
        (totals(&load, "WORK"), totals(&load, "NAS")),
        ((8, 31), (2, 15))
    );
    assert_eq!(database_row(&load, "NAS")["state"], "offline");
    studio
        .file("NAS/footage/acme/spot/reel.mov", "reel")
        .file("NAS/footage/acme/spot/plates/p1.exr", "other plate");
    let load = studio.json(&["load"]).ok();
    assert_eq!(change_counts(&load, "NAS"), [0, 0, 0], "{load}");
    // The fingerprints are those that a look makes.
    let before = studio.json(&["fetch all"]).ok().stdout;
    studio.remove("home/.local").json(&["load"]).ok();
    assert_eq!(studio.json(&["fetch all"]).ok().stdout, before);
}

#[test]
fn many_processes_may_migrate_at_once() {
    let studio = studio();
    let start = |_| {
        let mut command = studio.command();
        command.args(["--format", "csv", "-c", "fetch all"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(start).collect();
    for child in children {
        let run = ProgramRun::new(&studio, &child.wait_with_output().unwrap()).ok();
        assert!(run.stdout.contains("Bob's"), "{run}");
    }
    assert_eq!(copies(&studio).len(), 1);
    assert_eq!(answers(&studio, &[]), ANSWERED);
}

#[test]
fn damaged_old_index_is_set_aside() {
    let studio = studio();
    let index = studio.path(INDEX);
    let mut bytes = fs::read(&index).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&index, bytes).unwrap();
    let run = studio.lines(&["list clients"]).status(0);
    assert!(
        run.stderr
            .contains("the index was damaged and is set aside"),
        "{run}"
    );
    assert!(copies(&studio).is_empty());
    studio.lines(&["load WORK", "fetch all"]).ok();
}
