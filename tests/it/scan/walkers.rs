//! Walkers of a load: as many as the storage gains by, as the storage itself counts them.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::Duration;

use crate::disks::MountedDisk;
use crate::faults::tracer::Tracer;
use crate::faulty_fs::{Faults, FaultyMount};
use crate::studio::{ProgramRun, Studio, report_skip};

const SPOT: &str = "NAS/footage/acme/spot";

/// Files in each folder.
const FILES: usize = 2;

/// Time until each answer of a late storage.
const LATE: Duration = Duration::from_millis(10);

/// A shorter time, for loads that wait for their answers one after the other.
const SHORT: Duration = Duration::from_millis(2);

/// A studio whose storage answers each `stat` after this time, with this number of folders.
fn late(delay: Duration, folders: usize, files: usize) -> Option<(Studio, FaultyMount)> {
    let studio = Studio::new();
    let mount = FaultyMount::new(&studio, "NAS", Faults::default())?;
    for folder in 0..folders {
        for file in 0..files {
            studio.file(format!("{SPOT}/{folder}/{file}"), "x");
        }
    }
    mount.set_faults(Faults::only(|faults| {
        faults.lookup_delay = delay;
    }));
    Some((studio, mount.remount()))
}

/// Loads a late storage of this number of folders with these settings; returns the number of requests at once.
fn requests_at_once(delay: Duration, folders: usize, lines: &[&str]) -> Option<usize> {
    let (studio, mount) = late(delay, folders, FILES)?;
    let loaded = studio.lines(&[lines, &["load NAS"]].concat()).ok();
    let files = (folders * FILES).to_string();
    assert!(loaded.stdout.contains(&files), "{loaded}");
    Some(mount.most_lookups_at_once())
}

#[test]
fn late_storage_gets_more_requests_at_once() {
    let Some(most) = requests_at_once(LATE, 150, &[]) else {
        return;
    };
    assert!((9..=32).contains(&most), "{most}");
}

#[test]
fn jobs_setting_decides_number_of_requests() {
    for (line, expected) in [("set jobs 1", 1), ("set jobs 3", 3)] {
        if let Some(most) = requests_at_once(LATE, 40, &[line]) {
            assert_eq!(most, expected, "{line}");
        }
    }
}

#[test]
fn polite_load_sends_one_request_at_once() {
    // On a busy machine the storage seems to be in use, and the load takes sixteen times as long.
    const FEW: usize = 8;
    for lines in [&["set polite on"][..], &["set polite on", "set jobs 8"]] {
        if let Some(most) = requests_at_once(SHORT, FEW, lines) {
            assert_eq!(most, 1, "{lines:?}");
        }
    }
    let Some((studio, mount)) = late(SHORT, FEW, FILES) else {
        return;
    };
    studio.lines(&["load NAS --polite"]).ok();
    assert_eq!(mount.most_lookups_at_once(), 1);
    // The option is for one command.
    studio.lines(&["load NAS --polite", "load NAS"]).ok();
    assert!(mount.most_lookups_at_once() > 1);
}

#[test]
fn missing_ionice_is_reported_once() {
    let studio = Studio::filled();
    let run = |arguments: &[&str]| {
        let mut command = studio.command();
        command.env("PATH", studio.path("home")).args(arguments);
        studio.finish(&mut command)
    };
    let warnings = |run: &ProgramRun| run.stderr.matches("`ionice` is missing").count();
    let polite = run(&["-c", "load --polite", "-c", "set polite on", "-c", "load"]);
    assert_eq!((polite.status, warnings(&polite)), (0, 1), "{polite}");
    for arguments in [&["-c", "load"][..], &["--quiet", "-c", "load --polite"]] {
        let run = run(arguments);
        assert_eq!((run.status, warnings(&run)), (0, 0), "{run}");
    }
}

#[test]
fn long_folder_is_read_by_several_walkers() {
    let Some((studio, mount)) = late(SHORT, 1, 3000) else {
        return;
    };
    let loaded = studio.lines(&["load NAS"]).ok();
    assert!(loaded.stdout.contains("3,000"), "{loaded}");
    // More than those with which the walk of a network storage begins.
    let most = mount.most_lookups_at_once();
    assert!(most > 8, "{most}");
}

/// Returns the names whose metadata the program read, in this order.
fn read_names(log: &str) -> Vec<&str> {
    let calls = log.lines().filter(|line| line.contains("newfstatat("));
    let names = calls.filter_map(|line| line.split('"').nth(1));
    names.filter(|name| name.starts_with("frame")).collect()
}

#[test]
fn rotational_disk_is_read_in_order_of_inodes() {
    let studio = Studio::new();
    let image = studio.path("disk.img");
    fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let mut mkfs = studio.other_program("mkfs.ext4");
    let made = mkfs.arg("-q").arg(&image).stderr(Stdio::null()).status();
    if !made.is_ok_and(|made| made.success()) {
        report_skip("mkfs.ext4 is not installed");
        return;
    }
    let Some(disk) = MountedDisk::mount_image(&studio, "NAS", &image) else {
        return;
    };
    let device = fs::metadata(studio.path("NAS")).unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let claim = format!("/sys/dev/block/{major}:{minor}/queue/rotational");
    if fs::write(&claim, "1").is_err() {
        report_skip("no disk can be made rotational here");
        return;
    }
    let mut inodes = HashMap::new();
    for number in 0..500 {
        let path = format!("{SPOT}/frame{number}");
        studio.file(&path, "x");
        let inode = fs::metadata(studio.path(path)).unwrap().ino();
        inodes.insert(format!("frame{number}"), inode);
    }
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    tracer.record("newfstatat").json("load NAS").ok();
    let log = Tracer::log(&studio);
    let order: Vec<u64> = read_names(&log).iter().map(|name| inodes[*name]).collect();
    assert_eq!(order.len(), inodes.len());
    assert!(order.is_sorted());
    drop(disk);
}
