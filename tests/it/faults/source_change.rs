//! Sources that grow, shrink, vanish or are replaced during a copy, while the program is held.

use std::fs;
use std::path::Path;

use super::tracer::{HeldProgram, Tracer};
use super::{
    FROM, LINE, TO, assert_accounted, assert_mirrored, assert_next_copy_completes, leftovers,
};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, ProgramRun, Studio};

/// An edit of the file with this size; the number counts earlier edits.
type SourceEdit = fn(&Studio, usize, u64);

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

/// Writes other bytes and sets the time back.
fn rewrite(studio: &Studio, size: usize, round: u64) {
    let byte = b'0' + u8::try_from(round).unwrap();
    studio.file(PATH, vec![byte; size]);
}

/// Saves by a rename, as most programs do.
fn replace(studio: &Studio, size: usize, round: u64) {
    studio.file_at("other", vec![b'r'; size], CHANGED + 1 + round);
    fs::rename(studio.path("other"), studio.path(PATH)).unwrap();
}

fn vanish(studio: &Studio, _size: usize, round: u64) {
    if round == 0 {
        studio.remove(PATH);
    }
}

/// A small file is copied through memory, a larger one by the kernel.
const SIZES: [usize; 2] = [1000, 3 << 20];

/// Calls at which a copy of a file of this size is held: after its first stat, and after its bytes were read.
const HOLDS: [(usize, &str, &str); 4] = [
    (SIZES[0], "fstat", "1"),
    (SIZES[0], "pread64", "1"),
    (SIZES[1], "fstat", "1"),
    (SIZES[1], "copy_file_range", "1"),
];

/// Creates the file and its neighbors.
fn fill(studio: &Studio, size: usize) {
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), vec![name.as_bytes()[0]; size]);
    }
}

/// A copy that is held after this call on the middle file.
fn held<'a>(studio: &'a Studio, size: usize, call: &'a str, when: &str) -> Option<HeldProgram<'a>> {
    fill(studio, size);
    let tracer = Tracer::new(studio)?.hold_at(call, when).on_path(PATH);
    Some(tracer.hold(LINE))
}

/// True if the destination has the file as it is at the source now. The other files must exist in any case.
#[track_caller]
fn is_newest(studio: &Studio, run: &ProgramRun) -> bool {
    for name in ["a", "c"] {
        let read = |folder: &str| fs::read(studio.path(folder).join(name)).unwrap();
        assert!(read(FROM) == read(TO), "{run}");
    }
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
    let copy = studio.path(TO).join("b");
    copy.exists() && fs::read(copy).unwrap() == fs::read(studio.path(PATH)).unwrap()
}

#[test]
fn source_changed_once_is_copied_as_changed() {
    for (size, call, when) in HOLDS {
        for change in [grow, shrink, rewrite, replace] as [SourceEdit; 4] {
            let studio = Studio::new();
            let Some(held) = held(&studio, size, call, when) else {
                return;
            };
            change(&studio, size, 0);
            let run = held.finish().ok();
            assert_eq!(assert_accounted(&run)["copied_files"], 3, "{run}");
            assert!(is_newest(&studio, &run), "{run}");
            assert_mirrored(&studio);
        }
    }
}

/// A studio with two databases on one tmpfs, where a copy has its size before its bytes.
fn in_memory() -> Option<(Studio, [MountedDisk; 3])> {
    let studio = Studio::new();
    let disk = MountedDisk::mount(&studio, "memory", "64m")?;
    studio.folder("memory/WORK").folder("memory/NAS");
    let work = MountedDisk::bind(&studio, "memory/WORK", "WORK")?;
    let nas = MountedDisk::bind(&studio, "memory/NAS", "NAS")?;
    Some((studio, [nas, work, disk]))
}

#[test]
fn preallocated_size_is_not_taken_for_data() {
    for change in [grow, shrink, rewrite] as [SourceEdit; 3] {
        let Some((studio, _disks)) = in_memory() else {
            return;
        };
        let (size, call) = (SIZES[1], "copy_file_range");
        let Some(held) = held(&studio, size, call, "1") else {
            return;
        };
        change(&studio, size, 0);
        let run = held.finish().ok();
        assert_eq!(assert_accounted(&run)["copied_files"], 3, "{run}");
        assert!(is_newest(&studio, &run), "{run}");
        assert_mirrored(&studio);
    }
}

#[test]
fn failed_copy_on_tmpfs_gets_no_name() {
    let Some((studio, _disks)) = in_memory() else {
        return;
    };
    fill(&studio, SIZES[1]);
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = tracer
        .inject("copy_file_range", "error=EIO")
        .on_path(PATH)
        .json(LINE);
    assert_eq!(assert_accounted(&run.status(3))["failed_files"], 1);
    assert!(!studio.path(TO).join("b").exists());
    assert_next_copy_completes(&studio);
    // If the kernel cannot copy a range, the bytes are read and written.
    let Some((studio, _disks)) = in_memory() else {
        return;
    };
    fill(&studio, SIZES[1]);
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = tracer.inject("copy_file_range", "error=EXDEV").json(LINE);
    assert_eq!(assert_accounted(&run.ok())["copied_files"], 3);
    assert_next_copy_completes(&studio);
}

#[test]
fn constantly_changing_source_fails() {
    // The file changes at every stat; it is read at most twice.
    for size in SIZES {
        for change in [grow, shrink, rewrite] as [SourceEdit; 3] {
            let studio = Studio::new();
            let Some(mut held) = held(&studio, size, "fstat", "1+1") else {
                return;
            };
            change(&studio, size, 0);
            for round in 1..4 {
                if !held.try_resume() {
                    break;
                }
                change(&studio, size, round);
            }
            let run = held.finish().status(3);
            let document = assert_accounted(&run);
            let reason = document["items"][0]["reason"].as_str().unwrap();
            assert!(reason.contains("changed while it was read"), "{run}");
            assert!(!studio.path(TO).join("b").exists(), "{run}");
            is_newest(&studio, &run);
            assert_next_copy_completes(&studio);
        }
    }
}

#[test]
fn vanished_source_is_skipped_alone() {
    for (size, call, when) in HOLDS {
        let studio = Studio::new();
        let Some(held) = held(&studio, size, call, when) else {
            return;
        };
        vanish(&studio, size, 0);
        let run = held.finish().status(0);
        let document = assert_accounted(&run);
        assert_eq!(document["skipped_files"], 1, "{run}");
        let reason = &document["items"][0]["reason"];
        assert_eq!(
            *reason, "it disappeared from the source before it was copied",
            "{run}"
        );
        assert!(!studio.path(TO).join("b").exists(), "{run}");
        assert_next_copy_completes(&studio);
    }
}

#[test]
fn source_replaced_before_opening_is_not_followed() {
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
        // Both folders were read, and nothing was opened.
        let held = tracer
            .hold_at("mkdirat", "1")
            .on_path("NAS/footage")
            .hold(LINE);
        change(&studio);
        let run = held.finish().status(3);
        assert_eq!(assert_accounted(&run)["failed_files"], 1, "{run}");
        assert!(
            studio.path(TO).join("b").symlink_metadata().is_err(),
            "{run}"
        );
        assert_eq!(studio.read(Path::new(TO).join("a")), "a");
        assert_next_copy_completes(&studio);
    }
}

#[test]
fn source_changed_after_reading_is_never_torn() {
    for size in SIZES {
        for change in [grow, shrink, rewrite, replace, vanish] as [SourceEdit; 5] {
            let studio = Studio::new();
            for name in ["a", "b", "c"] {
                studio.file(format!("{FROM}/{name}"), vec![name.as_bytes()[0]; size]);
            }
            let Some(tracer) = Tracer::new(&studio) else {
                return;
            };
            // All files have temporary names, and none was read back.
            let held = tracer.hold_at("syncfs", "1").hold(LINE);
            change(&studio, size, 0);
            let run = held.finish();
            assert_accounted(&run);
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
