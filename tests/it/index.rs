//! The index: damaged, read-only, of another program, on a full disk, shared by several processes, killed.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use insta::assert_snapshot;
use rusqlite::Connection;

use crate::disks::MountedDisk;
use crate::faulty_fs::{Faults, FaultyMount, FuseOperation};
use crate::studio::{PROGRAM, ProgramRun, Studio};

/// Default path of the index.
const INDEX: &str = "home/.local/share/auto-backup/index.sqlite";

/// A scanned studio with its index in one file.
fn scanned_studio() -> Studio {
    let studio = Studio::filled();
    studio.lines(&["load"]).ok();
    studio
}

/// Returns the names of files beside the index, with times replaced.
fn names_beside_index(studio: &Studio) -> String {
    studio
        .tree(Path::new(INDEX).parent().unwrap())
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn damaged_index_is_set_aside_and_rebuilt() {
    for damage in [
        &b"this is no index at all, but a text that somebody wrote"[..],
        b"SQLite format 3\0 and no more",
    ] {
        let studio = scanned_studio();
        studio.file(INDEX, damage);
        let run = studio.lines(&["list clients", "load", "list clients"]);
        assert!(
            run.stderr
                .contains("the index was damaged and is set aside as"),
            "{run}"
        );
        assert!(run.status == 0 && run.stdout.contains("acme"), "{run}");
        assert!(
            names_beside_index(&studio).contains("index.sqlite.damaged-DATE"),
            "{}",
            names_beside_index(&studio)
        );
    }
}

#[test]
fn damaged_index_is_reported_once() {
    let studio = scanned_studio();
    studio.file(INDEX, "damaged");
    assert_snapshot!(studio.lines(&["list clients"]), @"
    exit 0
    --- stdout
    no clients; `load` scans for them
    --- stderr
    warning: the index was damaged and is set aside as `$STUDIO/home/.local/share/auto-backup/index.sqlite.damaged-DATE`; a new one was started, run `load` to fill it from the disks
    ");
    assert_snapshot!(studio.lines(&["list clients"]), @"
    exit 0
    --- stdout
    no clients; `load` scans for them
    ");
}

#[test]
fn truncated_or_overwritten_index_is_rebuilt() {
    let studio = Studio::filled();
    for number in 0..3000 {
        studio.file(format!("WORK/footage/acme/spot/frames/{number:05}.exr"), "");
    }
    studio.lines(&["load"]).ok();
    let sound = fs::read(studio.path(INDEX)).unwrap();
    let half = sound.len() / 2;
    let mut overwritten = sound.clone();
    overwritten[4096..].fill(0xa5);
    for damaged in [&sound[..half], &sound[..5000], &overwritten] {
        studio.file(INDEX, damaged);
        let first = studio.lines(&["load", "find 0001.exr"]);
        assert!(first.stderr.contains("set aside"), "{first}");
        assert!(
            first.status <= 1 && !first.stderr.contains("panicked"),
            "{first}"
        );
        let second = studio.json(&["load", "fetch project acme/spot"]).ok();
        assert_eq!(
            second.document()["projects"][0]["replicas"][0]["files"],
            3002,
            "{second}"
        );
    }
}

#[test]
fn read_only_index_can_be_queried() {
    let studio = scanned_studio();
    let folder = Path::new(INDEX).parent().unwrap();
    studio.lines_as_user(&["list clients"]).ok();
    let loads = [(Path::new(INDEX), 0o400), (folder, 0o500)].map(|(path, mode)| {
        studio.mode(path, mode);
        studio
            .lines_as_user(&["fetch all", "find reel", "list clients"])
            .ok();
        let load = studio.lines_as_user(&["load"]);
        studio.mode(path, mode | 0o200);
        load.to_string()
    });
    assert_eq!(loads[0], loads[1]);
    assert_snapshot!(loads[0], @"
    exit 1
    --- stderr
    -c:1:1: error: the index `$STUDIO/home/.local/share/auto-backup/index.sqlite` is read-only
        load
        ^^^^
    hint: use another file with `--index FILE`
    ");
}

/// Flips one bit in the index file, at the first occurrence of these bytes.
#[track_caller]
fn flip(studio: &Studio, bytes: &[u8]) {
    let mut index = fs::read(studio.path(INDEX)).unwrap();
    let place = index
        .windows(bytes.len())
        .position(|window| window == bytes);
    index[place.unwrap()] ^= 4;
    fs::write(studio.path(INDEX), index).unwrap();
}

#[test]
fn flipped_bit_is_reported_and_repaired() {
    for line in ["find reel", "load", "copy acme/spot footage WORK NAS"] {
        let studio = scanned_studio();
        flip(&studio, b"reel.mov");
        let run = studio.lines(&[line]);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.stderr.contains("is damaged"), "{run}");
        assert!(run.stderr.contains("set aside as"), "{run}");
        let run = studio.lines(&["load", "find reel.mov"]).ok();
        assert!(run.stdout.contains("reel.mov"), "{run}");
    }
}

#[test]
fn flipped_project_name_is_never_shown() {
    let studio = scanned_studio();
    let right = studio.lines(&["list projects"]).ok().stdout;
    let sound = fs::read(studio.path(INDEX)).unwrap();
    let places = sound.windows(6).enumerate();
    let places = places.filter(|(_, bytes)| *bytes == b"teaser");
    let mut reported = 0;
    for (place, _) in places {
        let mut flipped = sound.clone();
        flipped[place] ^= 1;
        studio.file(INDEX, flipped);
        let run = studio.lines(&["list projects"]);
        // Unused data may remain in the file.
        reported += u32::from(run.stderr.contains("is damaged") && run.status == 1);
        assert!(run.status == 1 || run.stdout == right, "{run}");
    }
    assert!(reported > 0);
}

#[test]
fn unlockable_index_is_refused_at_once() {
    let studio = Studio::filled();
    for errno in [
        fuser::Errno::ENOLCK,
        fuser::Errno::EOPNOTSUPP,
        fuser::Errno::ENOSYS,
    ] {
        let lies = Faults::only(|lies| lies.fail(FuseOperation::Lock, errno));
        let Some(mount) = FaultyMount::new(&studio, "nolocks", lies) else {
            return;
        };
        let mut command = studio.other_program("timeout");
        command.args(["20", PROGRAM, "--index", "nolocks/index", "-c", "load"]);
        let run = studio.finish(&mut command);
        // The kernel locks by itself if the file system reports that the call is missing.
        if errno.code() != fuser::Errno::ENOSYS.code() {
            assert_eq!(run.status, 1, "{run}");
            assert!(
                run.stderr
                    .starts_with("error: cannot lock the index `nolocks/index`"),
                "{run}"
            );
            assert_eq!(run.stderr.lines().count(), 2, "{run}");
        }
        drop(mount);
    }
}

#[test]
fn unwritable_log_is_reported() {
    let studio = Studio::filled();
    studio.file("home/.local/state", "a file where a folder belongs");
    for line in ["load", "copy acme/spot footage WORK NAS"] {
        let run = studio.lines(&[line]).status(3);
        assert_eq!(run.stderr.lines().count(), 1, "{run}");
        assert!(run.stderr.contains("home/.local/state"), "{run}");
    }
    assert!(studio.path("NAS/footage/acme/spot/reel.mov").exists());
    let run = studio.json(&["history"]).ok();
    let runs = run.document()["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 2, "{run}");
    // The history agrees with the exit status.
    assert!(runs.iter().all(|row| row["state"] == "partial"), "{run}");
}

#[test]
fn newer_index_is_refused_and_untouched() {
    let studio = scanned_studio();
    Connection::open(studio.path(INDEX))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = fs::read(studio.path(INDEX)).unwrap();
    assert_snapshot!(studio.lines(&["load"]), @"
    exit 1
    --- stderr
    error: the index `$STUDIO/home/.local/share/auto-backup/index.sqlite` has version 99, but this program reads versions up to 6
    hint: use a newer auto-backup, or another file with `--index FILE`
    ");
    assert_eq!(fs::read(studio.path(INDEX)).unwrap(), before);
}

#[test]
fn outdated_index_is_set_aside_and_refilled() {
    let studio = scanned_studio();
    let answer = studio.json(&["fetch all"]).ok().stdout;
    let outdated = Connection::open(studio.path(INDEX)).unwrap();
    outdated
        .execute_batch("PRAGMA application_id = 1096106571; PRAGMA user_version = 7;")
        .unwrap();
    drop(outdated);
    let run = studio.lines(&["list clients", "load"]).status(0);
    assert_snapshot!(run.stderr, @"warning: the index was written by an older development version and is set aside as `$STUDIO/home/.local/share/auto-backup/index.sqlite.outdated-DATE`; a new one was started, run `load` to fill it from the disks");
    assert!(names_beside_index(&studio).contains("index.sqlite.outdated-DATE"));
    let refilled = studio.json(&["fetch all"]).ok();
    assert_eq!(refilled.stdout, answer);
    assert!(refilled.stderr.is_empty(), "{refilled}");
}

#[test]
fn older_index_is_brought_up_to_date() {
    let studio = scanned_studio();
    studio.lines(&["copy acme/spot all WORK NAS"]).ok();
    let answers = [
        "fetch all",
        "history",
        "compare acme/spot WORK NAS --checksum",
    ];
    let answers = || answers.map(|line| studio.json(&[line]).ok().stdout);
    let before = answers();
    let index = Connection::open(studio.path(INDEX)).unwrap();
    index
        .execute_batch(
            "DROP TABLE shared_failures; DROP TABLE shared_runs; DROP TABLE shared_policies; DROP TABLE card_origins; DROP TABLE unshared_cards; DROP TABLE unshared_failures; DROP TABLE unshared_runs; DROP TABLE shared_studio; DROP TABLE unshared_evidence; DROP TABLE unshared_folders; DROP TABLE unshared_replicas; DROP TABLE shared_databases; DROP TABLE publications; DROP TABLE origins; DROP TABLE hosts; DROP TABLE sizes; DROP TABLE size_series; ALTER TABLE digests DROP COLUMN proofs; DROP TABLE media; DROP TABLE coverage; DROP TABLE generations; DROP TABLE card_targets; DROP TABLE card_folders; DROP TABLE cards; PRAGMA user_version = 2;",
        )
        .unwrap();
    drop(index);
    let after = answers();
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], before[1]);
    // The digests are kept; when they were taken is not known.
    assert!(
        after[2].contains(r#""files_read":0,"files_known":3,"oldest_digest":null"#),
        "{}",
        after[2]
    );
    let index = Connection::open(studio.path(INDEX)).unwrap();
    let version = index.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    assert_eq!(version.unwrap(), 6);
    drop(index);
    studio.lines(&["verify"]).ok();
    assert!(
        studio
            .json(&["safe acme/spot on WORK"])
            .stdout
            .contains(r#""weakest""#)
    );
}

#[test]
fn foreign_sqlite_file_is_refused_and_untouched() {
    let studio = Studio::filled();
    let other = Connection::open(studio.path("catalog.db")).unwrap();
    other
        .execute_batch("CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('mine')")
        .unwrap();
    drop(other);
    let before = fs::read(studio.path("catalog.db")).unwrap();
    assert_snapshot!(studio.run(["--index", "catalog.db", "-c", "load"]), @"
    exit 1
    --- stderr
    error: `catalog.db` is not an index of auto-backup but another program's SQLite file
    hint: use another file with `--index FILE`
    ");
    assert_eq!(fs::read(studio.path("catalog.db")).unwrap(), before);
}

#[test]
fn text_file_as_index_is_set_aside() {
    let studio = Studio::filled();
    studio.file("notes.txt", "the notes of a whole year");
    let run = studio.run(["--index", "notes.txt", "-c", "load"]);
    assert_snapshot!(run.stderr, @"warning: the index was damaged and is set aside as `notes.txt.damaged-DATE`; a new one was started, run `load` to fill it from the disks");
    let kept = studio
        .tree("")
        .lines()
        .filter_map(|line| line.strip_prefix("notes.txt.damaged-"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_snapshot!(kept, @"DATE 25");
}

#[test]
fn index_path_is_created_or_refused() {
    let studio = Studio::filled();
    studio
        .run(["--index", "not/yet/there/index", "-c", "load"])
        .ok();
    assert_snapshot!(studio.run(["--index", "WORK", "-c", "load"]), @"
    exit 1
    --- stderr
    error: cannot open the index `WORK`: is a directory
    ");
    assert_snapshot!(studio.run(["--index", "home/.config/auto-backup/.config/index", "-c", "load"]), @"
    exit 1
    --- stderr
    error: cannot open the folder `home/.config/auto-backup/.config`: Not a directory (os error 20)
    ");
    assert_snapshot!(studio.run(["--index", "/dev/null", "-c", "load"]), @"
    exit 1
    --- stderr
    error: cannot open the index `/dev/null`: it is not a regular file
    ");
}

#[test]
fn deleted_index_is_rebuilt_by_load() {
    let studio = scanned_studio();
    let before = studio.run(["--format", "plain", "-c", "find '*'"]).ok();
    studio.remove("home/.local");
    assert_eq!(
        studio
            .run(["--format", "plain", "-c", "find '*'"])
            .ok()
            .stdout,
        ""
    );
    studio.lines(&["load"]).ok();
    assert_eq!(
        studio
            .run(["--format", "plain", "-c", "find '*'"])
            .ok()
            .stdout,
        before.stdout
    );
}

#[test]
fn many_processes_share_one_index() {
    let studio = Studio::filled();
    for number in 0..200 {
        studio.file(format!("NAS/footage/acme/spot/{number}.exr"), "");
    }
    for round in 0..3 {
        let start = |line: &str| {
            let mut command = studio.command();
            command
                .args(["-c", line])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let lines = [
            "load",
            "fetch all",
            "load NAS",
            "load WORK",
            "find exr",
            "load",
            "list projects",
        ];
        let children: Vec<_> = lines.iter().map(|line| start(line)).collect();
        for child in children {
            ProgramRun::new(&studio, &child.wait_with_output().unwrap()).ok();
        }
        if round == 1 {
            studio.remove("NAS/footage/acme/spot/7.exr");
        }
    }
    assert_eq!(
        studio.json(&["load NAS"]).ok().document()["databases"][0]["files"],
        199
    );
}

#[test]
fn killed_load_keeps_last_scan() {
    let studio = scanned_studio();
    for number in 0..400 {
        studio.file(format!("NAS/footage/acme/p{number}/f"), "");
    }
    for size in 0..12_u64 {
        for number in 0..60 {
            studio.file(format!("NAS/footage/acme/p{number}/{size}"), "");
        }
        let mut child = studio
            .command()
            .args(["-c", "load", "-c", "load"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // The log of the index grows as it works; each round waits until it is a little longer.
        let log = studio.path(format!("{INDEX}-wal"));
        while child.try_wait().unwrap().is_none()
            && fs::metadata(&log).map_or(0, |log| log.len()) < size * 8192
        {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let known = studio.json(&["fetch project acme/spot"]).ok();
        assert_eq!(
            known.document()["projects"][0]["replicas"][0]["files"],
            2,
            "{known}"
        );
    }
    assert_eq!(
        studio.json(&["load NAS"]).ok().document()["databases"][0]["projects"],
        400
    );
}

#[test]
fn full_disk_keeps_last_scan() {
    let studio = scanned_studio();
    let Some(disk) = MountedDisk::mount(&studio, "small", "560k") else {
        return;
    };
    let index = ["--index", "small/index"];
    let run = |lines: &[&str]| {
        studio.run(
            index
                .into_iter()
                .chain(lines.iter().flat_map(|line| ["-c", line])),
        )
    };
    let first = run(&["load"]);
    // Dissimilar names, which an index cannot compress below their own length.
    for number in 0_u64..6000 {
        let scrambled = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = format!(
            "{scrambled:016x}-{:016x}",
            scrambled.rotate_left(31) ^ number
        );
        studio.file(format!("WORK/footage/acme/spot/{name}-{name}.exr"), "");
    }
    let full = run(&["load"]);
    let after = run(&["list clients", "list projects in acme"]);
    drop(disk);
    first.ok();
    assert_snapshot!(full, @"
    exit 1
    --- stderr
    -c:1:1: error: cannot write the index `small/index`: database or disk is full
        load
        ^^^^
    hint: free some space on its disk; the index still holds the last scan
    ");
    assert_snapshot!(after, @"
    exit 0
    --- stdout
    client  size  files  projects  copies  newest        scanned   on
    Bob's    1 B      1         1       1  NNN days ago  just now  WORK
    acme    24 B      4         2       1  NNN days ago  just now  WORK
    2 clients, 5 files, 25 B
    project      size  files  copies  newest        scanned   on
    acme/spot    18 B      3       1  NNN days ago  just now  WORK
    acme/teaser   6 B      1       1  NNN days ago  just now  WORK
    2 projects, 4 files, 24 B
    ");
}
