//! Sources that grow, shrink, vanish or become others while they are copied: the program is held in the middle of it.

use std::fs;
use std::path::Path;

use super::tracer::{Held, Tracer};
use super::{FROM, LINE, TO, adds_up, agrees, finishes, leftovers};
use crate::disks::Disk;
use crate::studio::{CHANGED, Run, Studio};

/// What somebody does to the file with this size; the number is how often it was done before.
type Change = fn(&Studio, usize, u64);

const PATH: &str = "WORK/footage/acme/spot/b";

fn grow(studio: &Studio, size: usize, round: u64) {
    studio.file_at(
        PATH,
        vec![b'g'; size + 1 + usize::try_from(round).unwrap()],
        CHANGED + 1 + round,
    );
}

fn shrink(studio: &Studio, size: usize, round: u64) {
    studio.file_at(
        PATH,
        vec![b's'; size / 2 - usize::try_from(round).unwrap()],
        CHANGED + 1 + round,
    );
}

/// Somebody writes other bytes and sets the time back.
fn rewrite(studio: &Studio, size: usize, round: u64) {
    let byte = b'0' + u8::try_from(round).unwrap();
    studio.file(PATH, vec![byte; size]);
}

/// A program saves by renaming, as most do.
fn replace(studio: &Studio, size: usize, round: u64) {
    studio.file_at("other", vec![b'r'; size], CHANGED + 1 + round);
    fs::rename(studio.path("other"), studio.path(PATH)).unwrap();
}

fn vanish(studio: &Studio, _size: usize, round: u64) {
    if round == 0 {
        studio.remove(PATH);
    }
}

/// A small file passes through memory, a larger one through the kernel.
const SIZES: [usize; 2] = [1000, 3 << 20];

/// Where a copy of a file of this size is held: after the first look at it, and after its bytes were read.
const HOLDS: [(usize, &str, &str); 4] = [
    (SIZES[0], "fstat", "1"),
    (SIZES[0], "pread64", "1"),
    (SIZES[1], "fstat", "1"),
    (SIZES[1], "copy_file_range", "1"),
];

/// The file and its neighbours.
fn fill(studio: &Studio, size: usize) {
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), vec![name.as_bytes()[0]; size]);
    }
}

/// A copy that is held after this call on the file in the middle.
fn held<'a>(studio: &'a Studio, size: usize, call: &'a str, when: &str) -> Option<Held<'a>> {
    fill(studio, size);
    let tracer = Tracer::new(studio)?.stop_at(call, when).on(PATH);
    Some(tracer.hold(LINE))
}

/// Whether the destination has the file as the source has it now, and the others are there in any case.
#[track_caller]
fn is_newest(studio: &Studio, run: &Run) -> bool {
    for name in ["a", "c"] {
        let read = |folder: &str| fs::read(studio.path(folder).join(name)).unwrap();
        assert!(read(FROM) == read(TO), "{run}");
    }
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
    let copy = studio.path(TO).join("b");
    copy.exists() && fs::read(copy).unwrap() == fs::read(studio.path(PATH)).unwrap()
}

#[test]
fn a_source_that_changes_once_is_copied_as_it_is_then() {
    for (size, call, when) in HOLDS {
        for change in [grow, shrink, rewrite, replace] as [Change; 4] {
            let studio = Studio::new();
            let Some(held) = held(&studio, size, call, when) else {
                return;
            };
            change(&studio, size, 0);
            let run = held.end().ok();
            assert_eq!(adds_up(&run)["copied_files"], 3, "{run}");
            assert!(is_newest(&studio, &run), "{run}");
            agrees(&studio);
        }
    }
}

/// A studio whose two databases are on one file system in memory, where a copy has its size before its bytes.
fn in_memory() -> Option<(Studio, [Disk; 3])> {
    let studio = Studio::new();
    let disk = Disk::mount(&studio, "memory", "64m")?;
    studio.folder("memory/WORK").folder("memory/NAS");
    let work = Disk::bind(&studio, "memory/WORK", "WORK")?;
    let nas = Disk::bind(&studio, "memory/NAS", "NAS")?;
    Some((studio, [nas, work, disk]))
}

#[test]
fn in_memory_a_size_that_comes_first_stands_for_no_bytes() {
    for change in [grow, shrink, rewrite] as [Change; 3] {
        let Some((studio, _disks)) = in_memory() else {
            return;
        };
        let (size, call) = (SIZES[1], "copy_file_range");
        let Some(held) = held(&studio, size, call, "1") else {
            return;
        };
        change(&studio, size, 0);
        let run = held.end().ok();
        assert_eq!(adds_up(&run)["copied_files"], 3, "{run}");
        assert!(is_newest(&studio, &run), "{run}");
        agrees(&studio);
    }
}

#[test]
fn in_memory_a_copy_that_fails_after_its_size_was_set_gets_no_name() {
    let Some((studio, _disks)) = in_memory() else {
        return;
    };
    fill(&studio, SIZES[1]);
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = tracer
        .at("copy_file_range", "error=EIO")
        .on(PATH)
        .json(LINE);
    assert_eq!(adds_up(&run.status(3))["failed_files"], 1);
    assert!(!studio.path(TO).join("b").exists());
    finishes(&studio);
    // Where the kernel cannot copy what it was asked to, the bytes come another way.
    let Some((studio, _disks)) = in_memory() else {
        return;
    };
    fill(&studio, SIZES[1]);
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = tracer.at("copy_file_range", "error=EXDEV").json(LINE);
    assert_eq!(adds_up(&run.ok())["copied_files"], 3);
    finishes(&studio);
}

#[test]
fn a_source_that_goes_on_changing_is_not_copied() {
    // Whenever the file was looked at somebody changes it, and twice at most it is read.
    for size in SIZES {
        for change in [grow, shrink, rewrite] as [Change; 3] {
            let studio = Studio::new();
            let Some(mut held) = held(&studio, size, "fstat", "1+1") else {
                return;
            };
            change(&studio, size, 0);
            for round in 1..4 {
                if !held.goes_on() {
                    break;
                }
                change(&studio, size, round);
            }
            let run = held.end().status(3);
            let document = adds_up(&run);
            let reason = document["items"][0]["reason"].as_str().unwrap();
            assert!(reason.contains("changed while it was copied"), "{run}");
            assert!(!studio.path(TO).join("b").exists(), "{run}");
            is_newest(&studio, &run);
            finishes(&studio);
        }
    }
}

#[test]
fn a_source_that_vanishes_is_skipped_alone() {
    for (size, call, when) in HOLDS {
        let studio = Studio::new();
        let Some(held) = held(&studio, size, call, when) else {
            return;
        };
        vanish(&studio, size, 0);
        let run = held.end().status(0);
        let document = adds_up(&run);
        assert_eq!(document["skipped_files"], 1, "{run}");
        let reason = &document["items"][0]["reason"];
        assert_eq!(
            *reason, "it disappeared from the source before it was copied",
            "{run}"
        );
        assert!(!studio.path(TO).join("b").exists(), "{run}");
        finishes(&studio);
    }
}

#[test]
fn a_source_that_becomes_something_else_before_it_is_opened_is_not_followed() {
    let secret = |studio: &Studio| studio.file("secret", "not to be copied").path("secret");
    let link = |studio: &Studio| {
        studio.remove(PATH).link(PATH, secret(studio));
    };
    let folder = |studio: &Studio| {
        studio.remove(PATH).folder(PATH);
    };
    for change in [&link as &dyn Fn(&Studio), &folder] {
        let studio = Studio::new();
        studio.file(PATH, "b").file(format!("{FROM}/a"), "a");
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        // Both folders were looked at, and nothing was opened.
        let held = tracer.stop_at("mkdirat", "1").on("NAS/footage").hold(LINE);
        change(&studio);
        let run = held.end().status(3);
        assert_eq!(adds_up(&run)["failed_files"], 1, "{run}");
        assert!(
            studio.path(TO).join("b").symlink_metadata().is_err(),
            "{run}"
        );
        assert_eq!(studio.read(Path::new(TO).join("a")), "a");
        finishes(&studio);
    }
}

#[test]
fn what_changes_after_it_was_read_is_whole_as_it_was_or_as_it_is() {
    for size in SIZES {
        for change in [grow, shrink, rewrite, replace, vanish] as [Change; 5] {
            let studio = Studio::new();
            for name in ["a", "b", "c"] {
                studio.file(format!("{FROM}/{name}"), vec![name.as_bytes()[0]; size]);
            }
            let Some(tracer) = Tracer::new(&studio) else {
                return;
            };
            // Everything is under temporary names, and nothing was read back.
            let held = tracer.stop_at("syncfs", "1").hold(LINE);
            change(&studio, size, 0);
            let run = held.end();
            adds_up(&run);
            let copy = fs::read(studio.path(TO).join("b")).unwrap_or_default();
            let now = fs::read(studio.path(PATH)).unwrap_or_default();
            assert!(
                copy == vec![b'b'; size] || copy == now || run.status == 3,
                "{run}"
            );
            assert!(
                copy.is_empty() || copy == vec![b'b'; size] || copy == now,
                "torn: {run}"
            );
        }
    }
}
