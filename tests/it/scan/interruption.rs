//! Scans that do not end: stopped, killed, or out of space. The index then has the whole previous scan.
//!
//! A kill is tested at twenty moments; `AUTO_BACKUP_KILLS=500 cargo test --test it killed_scan_is_recorded` tests more.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{find_output, totals, walk_totals};
use crate::disks::MountedDisk;
use crate::studio::{ProgramRun, Studio};

/// A scanned studio with some hundred folders on two databases.
fn scanned_studio() -> Studio {
    let studio = Studio::filled();
    for database in ["WORK", "NAS"] {
        for folder in 0..150 {
            for file in 0..5 {
                let place = format!("footage/c{}/p{}", folder % 5, folder % 7);
                studio.file(format!("{database}/{place}/s{folder}/f{file}"), "x");
            }
        }
    }
    studio.lines(&["load"]).ok();
    studio
}

/// Changes every folder, so that a scan has much to write.
fn change(studio: &Studio, round: u64) {
    for database in ["WORK", "NAS"] {
        for folder in 0..150 {
            let place = format!("footage/c{}/p{}", folder % 5, folder % 7);
            let path = format!("{database}/{place}/s{folder}/round");
            fs::write(studio.path(path), format!("{round}{folder}")).unwrap();
        }
    }
}

/// Returns a load with its own folder for temporary files.
fn load(studio: &Studio) -> Command {
    let mut command = studio.command();
    command.env("TMPDIR", studio.folder("tmp").path("tmp"));
    command.args(["--format", "json", "-c", "load"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Returns the index's content of each database; each is written as a whole.
fn index_contents_by_database(studio: &Studio) -> [String; 2] {
    ["WORK", "NAS"].map(|database| {
        let document = studio.json(&["fetch all"]).ok().document();
        let projects = document["projects"].as_array().unwrap().iter();
        let replicas = projects.flat_map(|project| project["replicas"].as_array().unwrap());
        let own: Vec<_> = replicas
            .filter(|replica| replica["database"] == database)
            .map(|replica| format!("{} {}", replica["files"], replica["bytes"]))
            .collect();
        find_output(studio, &format!("find '*' in {database}")) + &own.join("\n")
    })
}

/// True if each database has the whole content of one of these two scans.
fn is_whole(now: &[String; 2], before: &[String; 2], after: &[String; 2]) -> bool {
    (0..2).all(|place| now[place] == before[place] || now[place] == after[place])
}

/// Checks that the next load agrees with a plain walk, and that nothing temporary is left.
#[track_caller]
fn assert_recovers(studio: &Studio) {
    let run = studio.json(&["load"]).ok();
    for database in ["WORK", "NAS"] {
        assert_eq!(totals(&run, database), walk_totals(studio, database));
    }
    assert_eq!(studio.folder("tmp").tree("tmp"), "");
}

#[test]
fn ctrl_c_ends_scan_and_keeps_previous() {
    let studio = scanned_studio();
    let before = index_contents_by_database(&studio);
    change(&studio, 1);
    let (mut interrupted, mut kept) = (0, Vec::new());
    for milliseconds in [20, 40, 60, 80, 100, 150, 200] {
        let mut child = load(&studio).spawn().unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        let start = Instant::now();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let status = child.wait().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2));
        // The signal may come before the program catches it, and after its end.
        assert!(
            status.signal() == Some(2) || matches!(status.code(), Some(0 | 130)),
            "{status}"
        );
        interrupted += u64::from(status.code() == Some(130));
        kept.push(index_contents_by_database(&studio));
    }
    assert_recovers(&studio);
    let after = index_contents_by_database(&studio);
    assert!(kept.iter().all(|kept| is_whole(kept, &before, &after)));
    assert!(interrupted > 0);
}

#[test]
fn killed_scan_is_recorded_whole_or_never() {
    let rounds = std::env::var("AUTO_BACKUP_KILLS").map_or(20, |count| count.parse().unwrap());
    let studio = scanned_studio();
    change(&studio, 0);
    let start = Instant::now();
    assert!(load(&studio).status().unwrap().success());
    let whole = start.elapsed();
    let mut before = index_contents_by_database(&studio);
    let mut killed = 0;
    for round in 1..=rounds {
        change(&studio, round.into());
        let mut child = load(&studio).spawn().unwrap();
        thread::sleep(whole * round / rounds);
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().signal().is_some());
        let after = index_contents_by_database(&studio);
        assert_recovers(&studio);
        let next = index_contents_by_database(&studio);
        assert!(is_whole(&after, &before, &next), "round {round}");
        before = next;
    }
    assert!(killed > 0);
    let beside = studio.tree("home/.local/share/auto-backup");
    assert!(
        beside.lines().all(|line| line.starts_with("index.sqlite")) && !beside.contains("damaged"),
        "{beside}"
    );
}

/// Creates files with dissimilar names, which cannot be compressed.
fn scramble(studio: &Studio, files: u64) {
    for number in 0..files {
        let scrambled = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let name = format!(
            "{scrambled:016x}{:016x}",
            scrambled.rotate_left(31) ^ number
        );
        let folder = studio.path(format!("WORK/footage/acme/full/{}", number % 20));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name.repeat(4)), "").unwrap();
    }
}

/// Fills a disk, loads with these variables and arguments, and frees space again.
fn when_full(studio: &Studio, arguments: &[&str], variable: Option<(&str, &str)>) -> ProgramRun {
    let run = |lines: &[&str]| {
        let mut command = studio.command();
        if let Some((name, path)) = variable {
            command.env(name, studio.path(path));
        }
        command.args(arguments).args(["--format", "json"]);
        studio.finish(command.args(lines.iter().flat_map(|line| ["-c", line])))
    };
    run(&["load"]).ok();
    let all = ["fetch all", "find '*'"];
    let before = run(&all).ok().stdout;
    scramble(studio, 20_000);
    let full = run(&["load"]).status(1);
    assert!(run(&all).ok().stdout == before);
    studio.remove("WORK/footage/acme/full");
    let after = run(&["load"]).ok();
    assert_eq!(totals(&after, "WORK"), walk_totals(studio, "WORK"));
    assert!(run(&all).ok().stdout == before);
    full
}

#[test]
fn full_index_disk_keeps_last_scan() {
    let studio = Studio::filled();
    let Some(_disk) = MountedDisk::mount(&studio, "small", "768k") else {
        return;
    };
    let full = when_full(&studio, &["--index", "small/index"], None);
    assert!(
        full.stderr
            .contains("`small/index`: database or disk is full"),
        "{full}"
    );
}

#[test]
fn full_temporary_folder_is_named() {
    for variable in ["TMPDIR", "SQLITE_TMPDIR"] {
        let studio = Studio::filled();
        let Some(_disk) = MountedDisk::mount(&studio, "scrap", "128k") else {
            return;
        };
        let full = when_full(&studio, &[], Some((variable, "scrap")));
        assert!(full.stderr.contains("$STUDIO/scrap"), "{full}");
        assert!(
            full.stderr.contains("the index still holds the last scan"),
            "{full}"
        );
    }
}

#[test]
fn stopped_scan_releases_the_disk() {
    let studio = Studio::new();
    // Much deeper than the number of open folders, so that each is opened from the root, with waiting folders on each
    // level.
    let mut path = studio.path("WORK/footage/acme/spot");
    for _ in 0..800 {
        for side in ["a", "z"] {
            fs::create_dir_all(path.join(side)).unwrap();
        }
        path.push("m");
    }
    let mut command = studio.command();
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    let options = rexpect::reader::Options::new().timeout_ms(Some(20_000));
    let mut session = rexpect::session::spawn_with_options(command, options).unwrap();
    session.exp_string("auto-backup> ").unwrap();
    let mut interrupted = 0;
    // On a busy machine a scan may end before the signal arrives.
    for milliseconds in [20, 50, 100, 5, 10, 15, 30, 70]
        .into_iter()
        .cycle()
        .take(80)
    {
        if interrupted >= 2 {
            break;
        }
        session.send_line("load WORK").unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        session.send_control('c').unwrap();
        interrupted +=
            u32::from(session.exp_regex("interrupted|complete").unwrap().1 == "interrupted");
        session.exp_string("auto-backup> ").unwrap();
    }
    assert!(interrupted > 0);
    // Walkers end after the folder that they are reading.
    let start = Instant::now();
    while !held_open(&studio).is_empty() && start.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(held_open(&studio).len(), 0);
}

/// Returns the folders of WORK that a program of the studio has open.
fn held_open(studio: &Studio) -> Vec<PathBuf> {
    let links = |folder: PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| fs::read_link(entry.path()).ok())
    };
    let is_here = |process: &PathBuf| {
        fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == studio.path(""))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .map(|process| process.path())
        .filter(is_here)
        .flat_map(|process| links(process.join("fd")))
        .filter(|path| path.starts_with(studio.path("WORK")))
        .collect()
}
