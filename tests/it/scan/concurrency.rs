//! Several processes at once: loads of one database, readers during a load, and databases in parallel.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{count_found, index_contents, replica_state, totals, walk_totals};
use crate::disks::MountedDisk;
use crate::studio::{ProgramRun, Studio};

fn start(studio: &Studio, line: &str) -> Child {
    let mut command = studio.command();
    command.args(["--format", "json", "-c", line]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn end(studio: &Studio, child: Child) -> ProgramRun {
    ProgramRun::new(studio, &child.wait_with_output().unwrap())
}

/// A studio whose scan takes some time.
fn large() -> Studio {
    let studio = Studio::filled();
    for folder in 0..1500 {
        for file in 0..10 {
            studio.file(
                format!("WORK/footage/c{}/p/{folder}/{file}", folder % 20),
                "x",
            );
        }
    }
    studio
}

#[test]
fn concurrent_loads_of_one_database_agree() {
    let studio = large();
    for round in 0..4 {
        studio.file(format!("WORK/footage/c{round}/p/new/{round}"), "new");
        let children = [
            "load WORK",
            "load",
            "load --category footage",
            "load WORK --project c1",
        ]
        .map(|line| start(&studio, line));
        for child in children {
            end(&studio, child).ok();
        }
        let (files, _) = walk_totals(&studio, "WORK");
        assert_eq!(count_found(&studio, "'*' in WORK") as u64, files);
        assert_eq!(
            totals(&studio.json(&["load --older-than 1h"]).ok(), "WORK").0,
            files
        );
        fs::remove_dir_all(studio.path(format!("WORK/footage/c{}", round + 10))).unwrap();
    }
}

#[test]
fn readers_see_whole_scans_without_waiting() {
    let studio = large();
    studio.lines(&["load"]).ok();
    let before = index_contents(&studio);
    for folder in 0..1500 {
        studio.remove(format!("WORK/footage/c{}/p/{folder}/0", folder % 20));
    }
    let mut load = start(&studio, "load");
    let mut seen = Vec::new();
    let mut slowest = Duration::ZERO;
    while load.try_wait().unwrap().is_none() {
        let start = Instant::now();
        seen.push(index_contents(&studio));
        slowest = slowest.max(start.elapsed());
    }
    end(&studio, load).ok();
    let after = index_contents(&studio);
    assert!(before != after);
    assert!(slowest < Duration::from_secs(10), "{slowest:?}");
    // `known` runs two queries, so the scan may end between them once.
    let mixed = seen
        .iter()
        .filter(|said| **said != before && **said != after)
        .count();
    assert!(mixed <= 1, "{mixed} of {}", seen.len());
}

#[test]
fn forget_during_load_leaves_nothing_half() {
    let studio = large();
    studio.lines(&["load"]).ok();
    for wait in [0, 30, 60, 120, 200] {
        studio.file("WORK/footage/c1/p/changed", format!("{wait}"));
        let load = start(&studio, "load WORK");
        std::thread::sleep(Duration::from_millis(wait));
        studio.lines(&["load --forget WORK --yes"]).ok();
        let load = end(&studio, load);
        if load.status == 1 {
            assert!(load.stderr.contains("scan again with `load`"), "{load}");
            assert_eq!(count_found(&studio, "'*'"), 0);
        } else {
            assert_eq!(load.status, 0, "{load}");
            let files = count_found(&studio, "'*'") as u64;
            assert!(
                files == 0 || files == walk_totals(&studio, "WORK").0,
                "{files}"
            );
        }
        studio.lines(&["load"]).ok();
        assert_eq!(
            count_found(&studio, "'*'") as u64,
            walk_totals(&studio, "WORK").0
        );
    }
}

/// Returns the state of a database in a load.
fn state_of(load: &ProgramRun, database: &str) -> String {
    super::database_row(load, database)["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The reason why a database is offline, and an action that causes it once its folder is away.
type OfflineCause = (&'static str, fn(&Studio));

#[test]
fn offline_database_does_not_affect_others() {
    let studio = Studio::filled();
    studio.file("NAS/footage/acme/spot/n", "n");
    studio.lines(&["load"]).ok();
    let wrecks: [OfflineCause; 5] = [
        ("does not exist", |_| {}),
        ("is empty", |studio| {
            studio.folder("NAS");
        }),
        ("holds none of the category folders", |studio| {
            studio.file("NAS/photos/1.jpg", "1");
        }),
        ("contains none of the projects in the index", |studio| {
            studio.folder("NAS/footage");
        }),
        ("does not exist", |studio| {
            symlink("nowhere", studio.path("NAS")).unwrap();
        }),
    ];
    for (round, (why, wreck)) in wrecks.into_iter().enumerate() {
        fs::rename(studio.path("NAS"), studio.path("away")).unwrap();
        wreck(&studio);
        studio.file(format!("WORK/footage/acme/spot/{round}"), "");
        let load = studio.json(&["load"]).status(3);
        assert_eq!(
            (state_of(&load, "WORK"), state_of(&load, "NAS")),
            ("complete".to_owned(), "offline".to_owned()),
            "{load}"
        );
        assert!(load.stderr.contains(why), "{load}");
        assert_eq!(super::change_counts(&load, "WORK"), [1, 0, 0]);
        assert_eq!(
            replica_state(&studio, "acme/spot", "footage", "NAS"),
            "offline 1"
        );
        if studio.path("NAS").symlink_metadata().is_ok() {
            if studio.path("NAS").is_dir() {
                studio.remove("NAS");
            } else {
                fs::remove_file(studio.path("NAS")).unwrap();
            }
        }
        fs::rename(studio.path("away"), studio.path("NAS")).unwrap();
        let load = studio.json(&["load"]).ok();
        assert_eq!(super::change_counts(&load, "NAS"), [0, 0, 0], "{load}");
    }
}

#[test]
fn shared_and_separate_disks_scan_alike() {
    let studio = Studio::new();
    let config = "home/.config/auto-backup/.config";
    let disks: Vec<_> = ["D1", "D2", "D3"]
        .map(|disk| MountedDisk::mount(&studio, disk, "32m"))
        .into_iter()
        .flatten()
        .collect();
    if disks.len() < 3 {
        return;
    }
    let names = ["A1", "B1", "A2", "A3"];
    let roots = ["D1/a", "D1/b", "D2/a", "D3/a"];
    let mut lines = studio.read(config);
    for (name, root) in names.iter().zip(roots) {
        writeln!(lines, "add database {name} ../../../{root}").unwrap();
        // Deeper than the number of open folders, with waiting folders on each level.
        let mut path = format!("{root}/footage/acme/spot");
        for level in 0..200 {
            for side in 0..3 {
                studio.file(format!("{path}/a{side}/f{level}"), "12");
            }
            path += "/down";
        }
    }
    studio.file(config, lines);
    let mut few = std::process::Command::new("sh");
    few.args([
        "-c",
        r#"ulimit -n 80; exec "$0" "$@""#,
        crate::studio::PROGRAM,
        "--format",
        "json",
        "-c",
        "load",
    ]);
    few.env_clear()
        .env("HOME", studio.path("home"))
        .current_dir(studio.path(""));
    let load = studio.finish(&mut few).ok();
    for name in names {
        assert_eq!(
            (totals(&load, name), state_of(&load, name)),
            ((600, 1200), "complete".to_owned()),
            "{load}"
        );
    }
    let agreed = studio.json(&["fetch project acme/spot"]).ok().stdout;
    assert_eq!(
        agreed.matches(r#""state":"whole""#).count(),
        names.len(),
        "{agreed}"
    );
    // One disk in place of another, and an unmounted one.
    drop(disks);
    studio.file("D2/a/footage/other/thing/f", "f");
    let load = studio.json(&["load"]).status(3);
    assert_eq!(state_of(&load, "A1"), "offline");
    assert_eq!(state_of(&load, "A3"), "offline");
    assert_eq!(totals(&load, "A1"), (600, 1200));
}
