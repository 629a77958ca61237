//! A disk that becomes full during a copy.

use super::tracer::Tracer;
use super::{
    FROM, LINE, TO, assert_accounted, assert_next_copy_completes, differing_files, kept_versions,
    leftovers,
};
use crate::disks::MountedDisk;
use crate::studio::{CHANGED, ProgramRun, Studio};

/// A studio with small files around a larger one.
fn studio() -> Studio {
    let studio = Studio::new();
    for name in ["a", "b", "y", "z"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    studio.file(format!("{FROM}/large"), vec![7; 5 << 20]);
    studio
}

/// Fails unless exactly these files failed, each with this reason.
#[track_caller]
fn failed(studio: &Studio, run: &ProgramRun, names: &[&str], reason: &str) {
    let document = assert_accounted(run);
    assert_eq!(document["failed_files"], names.len(), "{run}");
    for (item, name) in document["items"].as_array().unwrap().iter().zip(names) {
        assert_eq!(
            item["path"],
            studio.path(TO).join(name).to_str().unwrap(),
            "{run}"
        );
        assert!(item["reason"].as_str().unwrap().contains(reason), "{run}");
    }
    assert_eq!(differing_files(studio), names);
    assert_eq!(leftovers(studio, "NAS"), [""; 0]);
}

#[test]
fn filling_disk_fails_only_unfitting_files() {
    let studio = studio();
    let Some(_disk) = MountedDisk::mount(&studio, "NAS", "8m") else {
        return;
    };
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // Folders are created after free space was measured.
    let held = tracer
        .hold_at("mkdirat", "1")
        .on_path("NAS/footage")
        .hold(LINE);
    studio.file("NAS/somebody's", vec![1; 6 << 20]);
    let run = held.finish().status(3);
    failed(&studio, &run, &["large"], "No space left on device");
    studio.remove("NAS/somebody's");
    assert_next_copy_completes(&studio);
}

#[test]
fn full_disk_keeps_old_versions() {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    studio.lines(&[LINE]).ok();
    let names = ["a", "b", "y", "z"];
    for name in names {
        studio.file_at(
            format!("{FROM}/{name}"),
            format!("{name} anew"),
            CHANGED + 9,
        );
    }
    let run = tracer
        .inject("write", "error=ENOSPC")
        .on_temp_copies(0..9)
        .json(LINE);
    failed(&studio, &run.status(3), &names, "No space left on device");
    for name in names {
        assert_eq!(studio.read(format!("{TO}/{name}")), name);
    }
    assert_next_copy_completes(&studio);
    assert_eq!(kept_versions(&studio, "NAS"), names.map(str::as_bytes));
}

/// Checks a copy in which this call on one file fails for lack of space.
fn one_has_no_room(call: &str, name: &str, on: impl FnOnce(Tracer<'_>) -> Tracer<'_>) {
    let studio = studio();
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    let run = on(tracer.inject(call, "error=ENOSPC")).json(LINE);
    failed(&studio, &run.status(3), &[name], "No space left on device");
    assert_next_copy_completes(&studio);
}

#[test]
fn any_enospc_fails_only_its_file() {
    // One thread copies the files of a folder by name.
    one_has_no_room("write", "b", |tracer| tracer.on_temp_copies(1..2));
    one_has_no_room("openat", "b", |tracer| tracer.on_temp_copies(1..2));
    one_has_no_room("copy_file_range", "large", |tracer| tracer);
    one_has_no_room("renameat2", "b", |tracer| tracer.on_path("b"));
}
