//! One read of the source for several destinations: counted by the kernel, with slow and failing destinations.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use fuser::Errno;
use serde_json::Value;

use crate::disks::MountedDisk;
use crate::faulty_fs::{Faults, FaultyMount, FuseOperation, InjectedFailure};
use crate::studio::{Studio, report_skip};

const FROM: &str = "WORK/footage/acme/spot";

/// Adds the databases of these names to a studio.
fn add_databases(studio: &Studio, names: &[&str]) {
    for name in names {
        studio.folder(name);
        let root = studio.path(name);
        let line = format!("add database {name} {}", root.display());
        let lines = [&*line, "save"];
        studio.lines(&lines).ok();
    }
}

/// Writes files of many sizes to the source: `count` in each of two folders, and one with a hole.
fn fill(studio: &Studio, count: usize) {
    const SIZES: [usize; 6] = [0, 1, 5000, 70_000, 1 << 20, (1 << 20) + 1];
    for number in 0..count {
        let content = vec![u8::try_from(number % 251).unwrap(); SIZES[number % SIZES.len()]];
        for folder in ["day 1", "day 2"] {
            studio.file(format!("{FROM}/{folder}/f{number}"), &content);
        }
    }
    studio.file(format!("{FROM}/large"), vec![3; 9 << 20]);
    studio.file(format!("{FROM}/sparse"), "x");
    let sparse = fs::OpenOptions::new()
        .write(true)
        .open(studio.path(FROM).join("sparse"));
    sparse.unwrap().set_len(20 << 20).unwrap();
}

/// Returns the bytes of data below a folder, without holes.
fn data_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let bytes = entries.map(|entry| {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            data_bytes(&entry.path())
        } else {
            metadata.len().min(metadata.blocks() * 512)
        }
    });
    bytes.sum()
}

/// Returns the bytes that traced calls read from files below a folder.
pub(crate) fn bytes_read(log: &str, folder: &str) -> u64 {
    let mut unfinished = HashMap::new();
    let mut total = 0;
    for line in log.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        if let Some((begin, _)) = call.split_once("<unfinished") {
            unfinished.insert(thread, begin);
            continue;
        }
        let begin = if call.contains("resumed>") {
            unfinished.remove(thread).unwrap_or_default()
        } else {
            call
        };
        // The first file of a call is the one that it reads.
        let path = begin.split_once('<').map(|(_, path)| path);
        let result = call.rsplit_once("= ").map(|(_, result)| result);
        if path.is_some_and(|path| path.starts_with(folder)) {
            total += result
                .and_then(|bytes| bytes.trim().parse().ok())
                .unwrap_or(0_u64);
        }
    }
    total
}

/// Runs a line under a tracer of all reads; `None` if this machine cannot trace.
pub(crate) fn traced(studio: &Studio, line: &str) -> Option<(crate::studio::ProgramRun, String)> {
    let mut command = studio.other_program("strace");
    let calls = "trace=read,pread64,readv,preadv,copy_file_range,sendfile,splice,ioctl";
    let log = studio.path("reads");
    // The filter of the kernel stops the program at these calls alone, so that it stays fast.
    command.args(["-f", "--seccomp-bpf", "-qq", "-y", "-e", calls, "-o"]);
    command.arg(&log).arg(crate::studio::PROGRAM);
    let words = ["--format", "json", "-c", line].map(OsString::from);
    command.args(words);
    let mut trial = studio.other_program("strace");
    trial.args(["-o", "/dev/null", "true"]);
    if !trial.status().is_ok_and(|status| status.success()) {
        report_skip("no program can be traced here");
        return None;
    }
    let run = studio.finish(&mut command);
    Some((run, fs::read_to_string(log).unwrap()))
}

/// Fails unless a destination holds what the source holds.
#[track_caller]
fn assert_same(studio: &Studio, destination: &str) {
    let [from, to] = [FROM.to_owned(), FROM.replace("WORK", destination)].map(|path| {
        let mut command = studio.other_program("sh");
        let script =
            "cd \"$1\" && find . -type f ! -name '.auto-backup*' -exec cksum {} + | sort -k3";
        command.args(["-c", script, "sh"]).arg(studio.path(path));
        studio.finish(&mut command).stdout
    });
    assert!(
        from == to && !from.is_empty(),
        "{destination}: {from}\n{to}"
    );
}

/// Returns the result at one destination.
fn result_of<'d>(document: &'d Value, name: &str) -> &'d Value {
    let mut results = document["destinations"].as_array().unwrap().iter();
    results.find(|result| result["name"] == name).unwrap()
}

#[test]
fn source_is_read_once_for_three_destinations() {
    let studio = Studio::new();
    add_databases(&studio, &["B", "C"]);
    fill(&studio, 60);
    // One of them has some files already, in the same and in another version.
    studio.file("B/footage/acme/spot/day 1/f2", vec![2; 5000]);
    studio.file_at("B/footage/acme/spot/day 1/f3", "older", 1000);
    let source = studio.path(FROM);
    let Some((run, log)) = traced(&studio, "copy acme/spot footage WORK NAS,B,C") else {
        return;
    };
    let run = run.ok();
    let document = run.document();
    assert_eq!(
        document["verified_files"], document["copied_files"],
        "{run}"
    );
    assert_eq!(document["copied_files"], 3 * 122 - 1, "{run}");
    let (read, size) = (
        bytes_read(&log, source.to_str().unwrap()),
        data_bytes(&source),
    );
    assert!(read >= size, "the log shows {read} of {size} bytes");
    assert!(read * 1000 <= size * 1001, "{read} bytes read of {size}");
    for destination in ["NAS", "B", "C"] {
        assert_same(&studio, destination);
        let sparse = studio
            .path(FROM.replace("WORK", destination))
            .join("sparse");
        assert!(fs::metadata(sparse).unwrap().blocks() < 1000);
    }
}

#[test]
fn slow_destination_copies_from_a_verified_one() {
    let studio = Studio::new();
    add_databases(&studio, &["SLOW"]);
    let lies = Faults::only(|lies| lies.write_delay = Duration::from_millis(20));
    let Some(mount) = FaultyMount::new(&studio, "SLOW", lies) else {
        return;
    };
    // More than the memory between source and destinations.
    for number in 0..320 {
        let content = vec![u8::try_from(number % 251).unwrap(); 1 << 20];
        studio.file(format!("{FROM}/f{number}"), &content);
    }
    let source = studio.path(FROM);
    let line = "copy acme/spot footage WORK NAS,SLOW";
    let Some((run, log)) = traced(&studio, line) else {
        return;
    };
    let run = run.ok();
    let document = run.document();
    assert_eq!(document["verified_files"], 640, "{run}");
    let relayed = &result_of(&document, "SLOW")["copied_from"][0];
    assert_eq!(relayed["database"], "NAS", "{run}");
    assert!(relayed["files"].as_u64().unwrap() > 10, "{run}");
    assert_eq!(
        result_of(&document, "NAS")["copied_from"],
        Value::Array(Vec::new())
    );
    let (read, size) = (
        bytes_read(&log, source.to_str().unwrap()),
        data_bytes(&source),
    );
    assert!(read * 1000 <= size * 1001, "{read} bytes read of {size}");
    for destination in ["NAS", "SLOW"] {
        assert_same(&studio, destination);
    }
    drop(mount);
}

#[test]
fn changed_copy_is_not_passed_on() {
    const FILES: usize = 320;
    let studio = Studio::new();
    add_databases(&studio, &["SLOW"]);
    let lies = Faults::only(|lies| lies.write_delay = Duration::from_millis(20));
    let Some(_mount) = FaultyMount::new(&studio, "SLOW", lies) else {
        return;
    };
    for number in 0..FILES {
        let content = vec![u8::try_from(number % 251).unwrap(); 1 << 20];
        studio.file(format!("{FROM}/f{number}"), &content);
    }
    let mut command = studio.command();
    let line = "copy acme/spot footage WORK NAS,SLOW";
    let running = command
        .args(["--format", "json", "-c", line])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let fast = studio.path(FROM.replace("WORK", "NAS"));
    let names = || fs::read_dir(&fast).into_iter().flatten();
    let is_done = || {
        let finals = names().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            !name.as_encoded_bytes().starts_with(b".")
        });
        finals.count() == FILES
    };
    while !is_done() {
        thread::sleep(Duration::from_millis(5));
    }
    // The fast storage rots after its copies were verified.
    for number in 0..FILES {
        fs::write(fast.join(format!("f{number}")), vec![255; 1 << 20]).unwrap();
    }
    let output = running.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["failed_files"], 0, "{document}");
    assert_same(&studio, "SLOW");
}

/// Copies to three destinations of which `SICK` fails, and checks that the other two are complete.
#[track_caller]
fn assert_others_complete(studio: &Studio, expected: &str) {
    let run = studio
        .json(&["copy acme/spot footage WORK NAS,SICK,C"])
        .status(3);
    let document = run.document();
    for name in ["NAS", "C"] {
        assert_eq!(result_of(&document, name)["files"], 122, "{run}");
        assert_same(studio, name);
    }
    let sick = result_of(&document, "SICK");
    assert!(sick["files"].as_u64().unwrap() < 122, "{run}");
    assert!(run.stdout.contains(expected), "{run}");
}

#[test]
fn full_destination_fails_alone() {
    let studio = Studio::new();
    add_databases(&studio, &["SICK", "C"]);
    fill(&studio, 60);
    let Some(_disk) = MountedDisk::mount(&studio, "SICK", "12m") else {
        return;
    };
    assert_others_complete(&studio, "not enough space on `SICK`");
}

#[test]
fn read_only_destination_fails_alone() {
    let studio = Studio::new();
    add_databases(&studio, &["SICK", "C"]);
    fill(&studio, 60);
    let Some(disk) = MountedDisk::mount(&studio, "SICK", "100m") else {
        return;
    };
    studio.folder("SICK/footage");
    disk.remount("ro");
    assert_others_complete(&studio, "Read-only file system");
    disk.remount("rw");
}

/// Faults of a disk from which every further operation of these kinds fails.
fn failing(operations: &[FuseOperation], errno: Errno, after: u64) -> Faults {
    Faults::only(|lies| {
        for operation in operations {
            let failure = InjectedFailure {
                errno,
                after,
                count: u64::MAX,
            };
            lies.failures.insert(*operation, failure);
        }
    })
}

#[test]
fn destination_that_fails_meanwhile_fails_alone() {
    const GONE: [FuseOperation; 4] = [
        FuseOperation::Write,
        FuseOperation::Create,
        FuseOperation::Lookup,
        FuseOperation::Rename,
    ];
    let full = failing(&[FuseOperation::Write], Errno::ENOSPC, 40);
    let gone = failing(&GONE, Errno::EIO, 40);
    for (faults, message) in [(full, "No space left"), (gone, "Input/output error")] {
        let studio = Studio::new();
        add_databases(&studio, &["SICK", "C"]);
        fill(&studio, 60);
        let Some(mount) = FaultyMount::new(&studio, "SICK", Faults::default()) else {
            return;
        };
        mount.set_faults(faults);
        assert_others_complete(&studio, message);
        mount.set_faults(Faults::default());
        let again = "copy acme/spot footage WORK NAS,SICK,C";
        studio.lines(&[again]).ok();
        assert_same(&studio, "SICK");
    }
}

#[test]
fn unreadable_source_file_fails_everywhere_and_alone() {
    let studio = Studio::new();
    add_databases(&studio, &["C"]);
    let Some(mount) = FaultyMount::new(&studio, "WORK", Faults::default()) else {
        return;
    };
    for number in 0..20 {
        studio.file(format!("{FROM}/f{number}"), vec![7; 3 << 20]);
    }
    // The kernel reports a failure behind the first piece of a call as a short read, so that one of two is hidden.
    let failure = InjectedFailure {
        errno: Errno::EIO,
        after: 20,
        count: 6,
    };
    mount.set_faults(Faults::only(|lies| {
        // Without the cache of the kernel, which would read again.
        lies.short_reads = Some(1 << 20);
        lies.failures.insert(FuseOperation::Read, failure);
    }));
    let run = studio
        .json(&["copy acme/spot footage WORK NAS,C"])
        .status(3);
    let document = run.document();
    let failed = document["failed_files"].as_u64().unwrap();
    assert!(
        (2..20).contains(&failed) && failed.is_multiple_of(2),
        "{run}"
    );
    assert_eq!(document["verified_files"], 40 - failed, "{run}");
    assert!(run.stdout.contains("Input/output error"), "{run}");
    mount.set_faults(Faults::default());
    studio.lines(&["copy acme/spot footage WORK NAS,C"]).ok();
}
