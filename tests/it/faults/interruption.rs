//! Ctrl-C and SIGTERM during a copy.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::tracer::{HeldProgram, Tracer};
use super::{FROM, LINE, TO, assert_accounted, assert_next_copy_completes, leftovers, read_files};
use crate::commands::assert_in_history;
use crate::studio::{CHANGED, Studio};

/// A studio with a file that the kernel copies in pieces between small files, and an older version of it.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "a")
        .file(format!("{FROM}/huge"), vec![7; 70 << 20])
        .file(format!("{FROM}/z"), "z")
        .file_at(format!("{TO}/huge"), "older", CHANGED - 9);
    studio
}

/// A copy that is held inside the large file and then signaled.
fn stopped<'a>(
    studio: &'a Studio,
    signal: Signal,
    next: Option<&'a str>,
) -> Option<HeldProgram<'a>> {
    let tracer = Tracer::new(studio)?.hold_at("copy_file_range", "3");
    let tracer = next
        .into_iter()
        .fold(tracer, |tracer, call| tracer.hold_at(call, "1"));
    let mut held = tracer.hold(LINE);
    assert_ne!(leftovers(studio, "NAS"), [""; 0]);
    held.signal(signal);
    Some(held)
}

/// Waits until the condition is true.
#[track_caller]
fn wait_for(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the state of the last run in the index.
fn state(studio: &Studio) -> String {
    let index = studio.path("home/.local/share/auto-backup/index.sqlite");
    let index = rusqlite::Connection::open(index).unwrap();
    let query = "SELECT coalesce(state, 'none') FROM runs ORDER BY id DESC LIMIT 1";
    index.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn interrupt_in_large_file_leaves_no_partial() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 143)] {
        if signal == Signal::HUP && crate::signals::ignores(Signal::HUP) {
            continue;
        }
        let studio = studio();
        let Some(held) = stopped(&studio, signal, None) else {
            return;
        };
        let run = held.finish().status(status);
        let document = assert_accounted(&run);
        assert!(document["skipped_files"].as_u64().unwrap() >= 1, "{run}");
        assert_eq!(state(&studio), "interrupted");
        assert_in_history(&studio, 1, &document);
        assert_eq!(leftovers(&studio, "NAS"), [""; 0]);
        assert_eq!(studio.read(format!("{TO}/huge")), "older");
        assert_next_copy_completes(&studio);
        assert_eq!(super::kept_versions(&studio, "NAS"), [b"older"]);
    }
}

#[test]
fn second_interrupt_exits_at_once() {
    let studio = studio();
    // The first signal removes the temporary file.
    let Some(mut held) = stopped(&studio, Signal::INT, Some("unlinkat")) else {
        return;
    };
    held.resume();
    held.signal(Signal::INT);
    let run = held.finish().status(130);
    assert!(run.bytes.is_empty(), "{run}");
    assert_eq!(studio.read(format!("{TO}/huge")), "older");
    for (path, content) in read_files(&studio.path(TO)) {
        let name = path.to_str().unwrap();
        let is_whole =
            name == "huge" || content == name.as_bytes() || name.starts_with(".auto-backup-");
        assert!(is_whole, "{name}");
    }
    let history = studio.json(&["history 1"]).document();
    assert_eq!(history["runs"][0]["state"], "interrupted");
    assert_next_copy_completes(&studio);
}

#[test]
fn interrupt_discards_unnamed_copies() {
    let studio = Studio::new();
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // Two files are complete under temporary names and wait for the flush of the third.
    let mut held = tracer
        .hold_at("utimensat", "2")
        .on_temp_copies(0..9)
        .hold(LINE);
    assert_eq!(leftovers(&studio, "NAS").len(), 2);
    held.signal(Signal::INT);
    let run = held.finish().status(130);
    let document = assert_accounted(&run);
    assert_eq!(document["skipped_files"], 3, "{run}");
    assert_in_history(&studio, 1, &document);
    assert_eq!(read_files(&studio.path(TO)).len(), 0);
    assert_next_copy_completes(&studio);
}

#[test]
fn interrupt_waits_for_slow_flush() {
    const FILES: usize = 30;
    let studio = Studio::new();
    for number in 0..FILES {
        studio.file(format!("{FROM}/{number:02}"), "content");
    }
    // The second flush is that of the names.
    for (flush, named) in [("1", 0), ("2", FILES)] {
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let slow = format!("delay_enter=2000000:when={flush}");
        let mut held = tracer
            .inject("syncfs", &slow)
            .begin(&format!("{LINE} --no-verify"));
        wait_for(|| {
            let files = read_files(&studio.path(TO)).into_keys();
            let is_part = |path: &PathBuf| path.to_string_lossy().ends_with(super::PART);
            let (parts, whole): (Vec<_>, Vec<_>) = files.partition(is_part);
            whole.len() == named && parts.len() == FILES - named
        });
        held.wait_for_call(nix::libc::SYS_syncfs);
        held.signal(Signal::INT);
        let run = held.finish().status(130);
        let document = assert_accounted(&run);
        let there = read_files(&studio.path(TO)).len();
        assert_eq!(document["copied_files"], there, "{run}");
        assert_eq!(document["planned_files"], FILES, "{run}");
        assert_eq!(run.stderr.matches("waiting for `NAS`").count(), 1, "{run}");
        assert_eq!(leftovers(&studio, "NAS"), [""; 0]);
        assert_in_history(&studio, document["run"].as_i64().unwrap(), &document);
    }
    assert_next_copy_completes(&studio);
}

#[test]
fn interrupted_content_comparison_resumes() {
    // A thread takes at least one folder. When the last is taken, all others are finished except those in the hands of
    // slow threads.
    let folders = 40;
    let studio = Studio::new();
    for number in 0..folders {
        studio.file(format!("{FROM}/{number:02}/small"), "small");
    }
    let huge = format!("{FROM}/last/huge");
    studio.file(&huge, vec![7; 70 << 20]);
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    studio.lines(&[&format!("{LINE} --no-verify")]).ok();
    let line = "compare acme/spot footage WORK NAS --checksum";
    let mut held = tracer.hold_at("pread64", "9").on_path(&huge).hold(line);
    held.signal(Signal::INT);
    held.finish().status(130);
    let run = studio.lines(&[line]).ok();
    let last = run.stdout.lines().last().unwrap();
    let read: usize = last
        .split_once("; ")
        .and_then(|(_, read)| read.split_once(' '))
        .and_then(|(read, _)| read.parse().ok())
        .unwrap_or_else(|| panic!("{run}"));
    assert!((1..folders / 2).contains(&read), "{run}");
}
