//! Storages that report altered times.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{LINE, TO, assert_accounted, kept_versions};
use crate::faulty_fs::{Faults, FaultyMount, TimeFaults, UNIX_32_BIT};
use crate::studio::{CHANGED, Studio};

/// A time in the year 2060.
const FAR: u64 = 2_850_000_000;

/// A studio with three files, one of a distant time; all times have nanoseconds.
fn studio() -> Studio {
    let studio = Studio::new();
    for (name, content, seconds) in [
        ("reel.mov", "reel", CHANGED + 1),
        ("take.mov", "take", CHANGED + 3),
        ("far.mov", "far", FAR),
    ] {
        let path = format!("WORK/footage/acme/spot/{name}");
        studio.file(&path, content);
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, 987_654_321);
        set_time(&studio.path(path), time);
    }
    studio
}

fn set_time(path: &Path, time: SystemTime) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// Shifts the times of all files in a folder.
fn shift(folder: &Path, seconds: i64) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let time = path.metadata().unwrap().modified().unwrap();
        let by = Duration::from_secs(seconds.unsigned_abs());
        set_time(&path, if seconds < 0 { time - by } else { time + by });
    }
}

/// Fails unless every command reports equal sides and nothing is copied again.
#[track_caller]
fn assert_in_sync(studio: &Studio, files: u64, note: &str) {
    let again = assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(again["same_files"], files, "{note}");
    assert_eq!(kept_versions(studio, "NAS"), [b""; 0], "{note}");
    let compared = studio.json(&["compare acme/spot footage WORK NAS"]);
    assert_eq!(compared.status, 0, "{note}: {compared}");
    for before in ["load", ""] {
        if !before.is_empty() {
            studio.lines(&[before]).ok();
        }
        let fetched = studio.lines(&["fetch project acme/spot"]).ok().to_string();
        assert!(!fetched.contains("differ"), "{note}: {fetched}");
    }
}

/// Storages that alter times, with their names.
fn storages() -> Vec<(&'static str, TimeFaults)> {
    let step = |step, up| TimeFaults {
        step,
        up,
        ..TimeFaults::default()
    };
    vec![
        ("two seconds", step(Duration::from_secs(2), false)),
        ("two seconds up", step(Duration::from_secs(2), true)),
        ("milliseconds", step(Duration::from_millis(1), false)),
        ("minutes", step(Duration::from_secs(60), false)),
        (
            "32 bits",
            TimeFaults {
                range: Some(UNIX_32_BIT),
                ..TimeFaults::default()
            },
        ),
        (
            "another zone",
            TimeFaults {
                shift: 19_800,
                ..TimeFaults::default()
            },
        ),
        (
            "no times",
            TimeFaults {
                ignored: true,
                ..TimeFaults::default()
            },
        ),
    ]
}

#[test]
fn altered_times_are_remembered() {
    for (kind, times) in storages() {
        let studio = studio();
        let lies = Faults::only(|lies| lies.times = times);
        let Some(_mount) = FaultyMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        assert_accounted(&studio.json(&[LINE]).ok());
        assert_in_sync(&studio, 3, kind);
        // An edited file is copied.
        studio.file("WORK/footage/acme/spot/reel.mov", "edit");
        let time = SystemTime::UNIX_EPOCH + Duration::new(CHANGED + 90_000, 5);
        set_time(&studio.path("WORK/footage/acme/spot/reel.mov"), time);
        if kind != "no times" {
            let edited = assert_accounted(&studio.json(&[LINE]).ok());
            assert_eq!(edited["copied_files"], 1, "{kind}");
            assert_eq!(fs::read(studio.path(TO).join("reel.mov")).unwrap(), b"edit");
        }
    }
}

#[test]
fn altered_times_are_recognized_without_index() {
    for (kind, times) in storages() {
        if kind == "no times" {
            continue;
        }
        let studio = studio();
        let lies = Faults::only(|lies| lies.times = times);
        let Some(_mount) = FaultyMount::new(&studio, "NAS", lies) else {
            return;
        };
        studio.folder("NAS/footage");
        assert_accounted(&studio.json(&[LINE]).ok());
        studio.remove("home/.local/share/auto-backup/index.sqlite");
        // A disk whose times are all shifted is reported once.
        studio.lines(&[LINE]).status(0);
        assert_in_sync(&studio, 3, kind);
    }
}

#[test]
fn clock_shift_copies_nothing() {
    let studio = studio();
    assert_accounted(&studio.json(&[LINE]).ok());
    for seconds in [3600, -7200] {
        shift(&studio.path(TO), seconds);
        let run = studio.lines(&[LINE]).status(0).to_string();
        assert!(
            run.contains("--checksum") && run.contains("3 files on `NAS`"),
            "{run}"
        );
        assert_in_sync(&studio, 3, "shifted");
        assert!(
            !studio
                .lines(&[LINE])
                .ok()
                .to_string()
                .contains("--checksum")
        );
    }
}

#[test]
fn edit_at_whole_hour_is_not_a_shift() {
    let studio = studio();
    studio.file("WORK/footage/acme/spot/empty.mov", "");
    assert_accounted(&studio.json(&[LINE]).ok());
    for name in ["reel.mov", "take.mov", "far.mov"] {
        let path = studio.path("WORK/footage/acme/spot").join(name);
        let time = path.metadata().unwrap().modified().unwrap();
        let length = fs::read(&path).unwrap().len();
        fs::write(&path, vec![b'x'; length]).unwrap();
        set_time(&path, time + Duration::from_secs(3600));
    }
    let edited = assert_accounted(&studio.json(&[LINE]).ok());
    assert_eq!(edited["copied_files"], 3);
}

#[test]
fn compared_content_is_remembered() {
    let studio = studio();
    assert_accounted(&studio.json(&[LINE]).ok());
    let path = studio.path("WORK/footage/acme/spot/reel.mov");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED + 12_345);
    set_time(&path, time);
    let line = format!("{LINE} --checksum");
    assert_accounted(&studio.json(&[&line]).ok());
    assert_in_sync(&studio, 3, "compared");
}

#[test]
fn folder_replaces_file_with_other_time() {
    let studio = studio();
    assert_accounted(&studio.json(&[LINE]).ok());
    let path = studio.path("WORK/footage/acme/spot/reel.mov");
    let time = path.metadata().unwrap().modified().unwrap();
    // The file is now recognized by its content and this time.
    set_time(&path, time + Duration::from_secs(3600));
    let line = format!("{LINE} --checksum");
    assert_accounted(&studio.json(&[&line]).ok());
    studio.remove("WORK/footage/acme/spot/reel.mov");
    studio.file("WORK/footage/acme/spot/reel.mov/inner", "inner");
    let line = format!("{LINE} --overwrite");
    assert_accounted(&studio.json(&[&line]).ok());
    assert_eq!(
        fs::read(studio.path(TO).join("reel.mov/inner")).unwrap(),
        b"inner"
    );
    assert_eq!(kept_versions(&studio, "NAS"), [b"reel"]);
}
