//! Ctrl-C and SIGTERM in the middle of a copy.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::tracer::{Held, Tracer};
use super::{FROM, LINE, TO, adds_up, everything, finishes, leftovers};
use crate::commands::is_in_the_history;
use crate::studio::{CHANGED, Studio};

/// A file that the kernel copies in pieces, between small ones; and an older version of it.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file(format!("{FROM}/a"), "a")
        .file(format!("{FROM}/huge"), vec![7; 70 << 20])
        .file(format!("{FROM}/z"), "z")
        .file_at(format!("{TO}/huge"), "older", CHANGED - 9);
    studio
}

/// A copy that is held inside the large file, and then asked to stop.
fn stopped<'a>(studio: &'a Studio, signal: Signal, next: Option<&'a str>) -> Option<Held<'a>> {
    let tracer = Tracer::new(studio)?.stop_at("copy_file_range", "3");
    let tracer = next
        .into_iter()
        .fold(tracer, |tracer, call| tracer.stop_at(call, "1"));
    let mut held = tracer.hold(LINE);
    assert_ne!(leftovers(studio, "NAS"), [""; 0]);
    held.signal(signal);
    Some(held)
}

/// Waits until something is so.
#[track_caller]
fn wait_for(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(2));
    }
}

/// The state of the last run in the index.
fn state(studio: &Studio) -> String {
    let index = studio.path("home/.local/share/auto-backup/index.sqlite");
    let index = rusqlite::Connection::open(index).unwrap();
    let query = "SELECT coalesce(state, 'none') FROM runs ORDER BY id DESC LIMIT 1";
    index.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_request_to_stop_inside_a_large_file_leaves_nothing_half() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 143)] {
        if signal == Signal::HUP && crate::signals::ignores_hangup() {
            continue;
        }
        let studio = studio();
        let Some(held) = stopped(&studio, signal, None) else {
            return;
        };
        let run = held.end().status(status);
        let document = adds_up(&run);
        assert!(document["skipped_files"].as_u64().unwrap() >= 1, "{run}");
        assert_eq!(state(&studio), "interrupted");
        is_in_the_history(&studio, 1, &document);
        assert_eq!(leftovers(&studio, "NAS"), [""; 0]);
        assert_eq!(studio.read(format!("{TO}/huge")), "older");
        finishes(&studio);
        assert_eq!(super::kept(&studio, "NAS"), [b"older"]);
    }
}

#[test]
fn a_second_request_leaves_at_once() {
    let studio = studio();
    // The temporary file is removed because of the first.
    let Some(mut held) = stopped(&studio, Signal::INT, Some("unlinkat")) else {
        return;
    };
    held.go_on();
    held.signal(Signal::INT);
    let run = held.end().status(130);
    assert!(run.bytes.is_empty(), "{run}");
    assert_eq!(studio.read(format!("{TO}/huge")), "older");
    for (path, content) in everything(&studio.path(TO)) {
        let name = path.to_str().unwrap();
        let is_whole =
            name == "huge" || content == name.as_bytes() || name.starts_with(".auto-backup-");
        assert!(is_whole, "{name}");
    }
    let history = studio.json(&["history 1"]).document();
    assert_eq!(history["runs"][0]["state"], "interrupted");
    finishes(&studio);
}

#[test]
fn a_request_to_stop_gives_up_what_has_no_final_name_yet() {
    let studio = Studio::new();
    for name in ["a", "b", "c"] {
        studio.file(format!("{FROM}/{name}"), name);
    }
    let Some(tracer) = Tracer::new(&studio) else {
        return;
    };
    // Two are whole under temporary names and wait to be flushed together with the third.
    let mut held = tracer.stop_at("utimensat", "2").on_parts(0..9).hold(LINE);
    assert_eq!(leftovers(&studio, "NAS").len(), 2);
    held.signal(Signal::INT);
    let run = held.end().status(130);
    let document = adds_up(&run);
    assert_eq!(document["skipped_files"], 3, "{run}");
    is_in_the_history(&studio, 1, &document);
    assert_eq!(everything(&studio.path(TO)).len(), 0);
    finishes(&studio);
}

#[test]
fn a_stop_waits_for_a_slow_flush() {
    const FILES: usize = 30;
    let studio = Studio::new();
    for number in 0..FILES {
        studio.file(format!("{FROM}/{number:02}"), "content");
    }
    // The second flush is the one of the names.
    for (flush, named) in [("1", 0), ("2", FILES)] {
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let slow = format!("delay_enter=2000000:when={flush}");
        let mut held = tracer
            .at("syncfs", &slow)
            .begin(&format!("{LINE} --no-verify"));
        wait_for(|| {
            let files = everything(&studio.path(TO)).into_keys();
            let is_part = |path: &PathBuf| path.to_string_lossy().ends_with(super::PART);
            let (parts, whole): (Vec<_>, Vec<_>) = files.partition(is_part);
            whole.len() == named && parts.len() == FILES - named
        });
        thread::sleep(Duration::from_millis(300));
        held.signal(Signal::INT);
        let run = held.end().status(130);
        let document = adds_up(&run);
        let there = everything(&studio.path(TO)).len();
        assert_eq!(document["copied_files"], there, "{run}");
        assert_eq!(document["planned_files"], FILES, "{run}");
        assert_eq!(run.stderr.matches("waiting for `NAS`").count(), 1, "{run}");
        assert_eq!(leftovers(&studio, "NAS"), [""; 0]);
        is_in_the_history(&studio, document["run"].as_i64().unwrap(), &document);
    }
    finishes(&studio);
}

#[test]
fn a_comparison_of_content_that_is_stopped_goes_on_where_it_was() {
    // A folder is the least that a thread takes: when one has the last in hand, all others are read but for those that
    // the other threads hold, however slow these are.
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
    let mut held = tracer.stop_at("pread64", "9").on(&huge).hold(line);
    held.signal(Signal::INT);
    held.end().status(130);
    let run = studio.lines(&[line]).ok();
    let last = run.stdout.lines().last().unwrap();
    let read: usize = last
        .split_once("; ")
        .and_then(|(_, read)| read.split_once(' '))
        .and_then(|(read, _)| read.parse().ok())
        .unwrap_or_else(|| panic!("{run}"));
    assert!((1..folders / 2).contains(&read), "{run}");
}
