//! Workstations whose clocks are a day off: the newest scan by the time of the server counts, and no time lies in the future.

use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regex::Regex;

use super::{Workstations, remove_folder, startup};
use crate::servers::find;
use crate::studio::{PROGRAM, ProgramRun, report_skip};

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// Returns the program on the first workstation, whose clock is off by this time in the syntax of `faketime`.
fn command(two: &Workstations, shift: &str) -> Command {
    let mut command = two.studio.other_program("faketime");
    command
        .env("HOME", two.studio.path("ws1"))
        // Files have the times of the storage, and waits last as long as they do.
        .env("NO_FAKE_STAT", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .args(["-f", shift, PROGRAM]);
    command
}

fn lines(two: &Workstations, shift: &str, lines: &[&str]) -> ProgramRun {
    let mut command = command(two, shift);
    command.args(lines.iter().flat_map(|line| ["-c", line]));
    two.studio.finish(&mut command)
}

/// Returns the time of this machine in seconds, moved by a number of days.
fn now(days: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() + days * DAY
}

/// Returns the times in an answer, in seconds.
fn times(text: &str) -> Vec<i64> {
    let time = Regex::new(r#""(?:indexed|scanned|seen)_at":"([^"]+)""#).unwrap();
    let times = time.captures_iter(text);
    times
        .map(|time| {
            let output = Command::new("date").args(["-d", &time[1], "+%s"]).output();
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            text.trim().parse().unwrap()
        })
        .collect()
}

/// Checks that no time in the answers of both workstations is later than their clocks, or older than the test.
#[track_caller]
fn assert_times(two: &Workstations, shift: &str, days: i64, begin: i64) {
    for line in ["fetch all", "list hosts", "catalog status"] {
        let other = two.json("ws2", line).to_string();
        let mut own = command(two, shift);
        own.args(["--format", "json", "-c", line]);
        let own = two.studio.finish(&mut own).status(0).document().to_string();
        for (text, days) in [(&other, 0), (&own, days)] {
            let times = times(text);
            assert!(!times.is_empty(), "{line}: {text}");
            for time in times {
                // The clocks are compared by seconds.
                let expected = begin + days * DAY - 2..=now(days);
                assert!(
                    expected.contains(&time),
                    "{line}: {time} in {expected:?}: {text}"
                );
            }
        }
    }
    let ahead = "SELECT count(*) FROM auto_backup.replicas WHERE scanned_at > extract(epoch FROM now()) + 1";
    assert_eq!(two.number(ahead), 0);
}

/// Lets both workstations scan in turn while the clock of the first one is off.
fn scan_in_turn(shift: &str, days: i64) {
    if find("faketime").is_none() {
        return report_skip("faketime is not installed");
    }
    let Some(two) = Workstations::new() else {
        return;
    };
    let begin = now(0);
    let shown = two.studio.finish(
        two.studio
            .other_program("faketime")
            .args(["-f", shift, "date", "+%s"]),
    );
    let shown: i64 = shown.stdout.trim().parse().unwrap();
    assert!((shown - now(days)).abs() < DAY / 2, "{shown}");
    lines(&two, shift, &["load"]).ok();
    assert_eq!(two.files("ws2").len(), 3);
    assert_times(&two, shift, days, begin);
    // The true clock is the newer one.
    thread::sleep(Duration::from_millis(1100));
    two.studio.file("NAS/footage/acme/spot/new.mov", "new");
    remove_folder(&two, "NAS/footage/zoo");
    two.lines("ws2", &["load"]).ok();
    let listed = lines(&two, shift, &["list projects"]).ok();
    assert!(!listed.stdout.contains("zoo/film"), "{listed}");
    assert_eq!(two.files("ws2").len(), 3);
    assert_times(&two, shift, days, begin);
    // The wrong clock is the newer one.
    thread::sleep(Duration::from_millis(1100));
    remove_folder(&two, "NAS/footage/acme/spot/plates");
    two.studio.file("NAS/footage/zoo/film/a.mov", "film");
    lines(&two, shift, &["load"]).ok();
    let listed = two.lines("ws2", &["list projects"]).ok();
    assert!(listed.stdout.contains("zoo/film"), "{listed}");
    assert_eq!(two.files("ws2").len(), 3);
    assert_times(&two, shift, days, begin);
}

#[test]
fn newest_scan_counts_while_a_clock_is_a_day_ahead() {
    scan_in_turn("+1d", 1);
}

#[test]
fn newest_scan_counts_while_a_clock_is_a_day_behind() {
    scan_in_turn("-1d", -1);
}

/// Both scan without the server, and push the older scan last.
fn push_in_wrong_order(shift: &str) {
    if find("faketime").is_none() {
        return report_skip("faketime is not installed");
    }
    let Some(two) = Workstations::new() else {
        return;
    };
    lines(&two, shift, &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let with_catalog = ["ws1", "ws2"].map(|host| two.studio.read(startup(host)));
    for (host, lines) in ["ws1", "ws2"].iter().zip(&with_catalog) {
        let away = lines.replace("?host=", "?host=/nowhere");
        two.studio.file(startup(host), away);
    }
    thread::sleep(Duration::from_millis(1100));
    two.studio.file("NAS/footage/acme/spot/older.mov", "older");
    lines(&two, shift, &["load"]).status(0);
    thread::sleep(Duration::from_millis(1100));
    remove_folder(&two, "NAS/footage/acme/spot/plates");
    two.lines("ws2", &["load"]).status(0);
    two.studio.file(startup("ws2"), &with_catalog[1]);
    two.lines("ws2", &["list projects"]).ok();
    two.studio.file(startup("ws1"), &with_catalog[0]);
    lines(&two, shift, &["list projects"]).ok();
    let files = two.files("ws2");
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(
        !files.iter().any(|file| file.contains("p1.exr")),
        "{files:?}"
    );
    let found = lines(&two, shift, &["find p1.exr"]);
    assert!(!found.stdout.contains("p1.exr"), "{found}");
}

#[test]
fn older_scan_of_a_clock_ahead_loses_if_pushed_last() {
    push_in_wrong_order("+1d");
}

#[test]
fn older_scan_of_a_clock_behind_loses_if_pushed_last() {
    push_in_wrong_order("-1d");
}
