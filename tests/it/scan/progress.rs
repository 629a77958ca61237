//! The progress that a running load shows.

use std::fs;
use std::process::Stdio;
use std::time::Instant;

use rexpect::reader::Options;
use rexpect::session::spawn_with_options;

use crate::studio::Studio;

/// Number of waiting folders on each level.
const SIDES: u64 = 6;

/// A studio whose scan takes several times as long as the delay of the progress: deeper than the number of open
/// folders, so that each is opened from the root.
fn slow(databases: &[&str]) -> Studio {
    let studio = Studio::new();
    for database in databases {
        let mut path = studio.path(format!("{database}/footage/acme/spot"));
        for _ in 0..400 {
            for side in 0..SIDES {
                let side = path.join(side.to_string());
                fs::create_dir_all(&side).unwrap();
                fs::write(side.join("f"), "").unwrap();
            }
            path.push("m");
        }
    }
    studio
}

/// Returns the terminal's output of a load without control sequences.
fn on_a_terminal(studio: &Studio, arguments: &[&str]) -> String {
    let mut command = studio.command();
    command.env("TERM", "xterm").stdin(Stdio::inherit());
    command.args(arguments);
    let options = Options::new()
        .timeout_ms(Some(60_000))
        .strip_ansi_escape_codes(true);
    spawn_with_options(command, options)
        .unwrap()
        .exp_eof()
        .unwrap()
}

#[test]
fn terminal_shows_progress_and_rate() {
    let studio = slow(&["WORK", "NAS"]);
    let first = on_a_terminal(&studio, &["-c", "load"]);
    let line = regex::Regex::new(
        r"scanning (WORK|NAS)(, (WORK|NAS))?, [0-9,]+ files, [0-9,]+ files/s, [0-9,]+ folders",
    )
    .unwrap();
    assert!(line.is_match(&first), "{first}");
    // The second scan knows the previous number of files.
    let again = on_a_terminal(&studio, &["-c", "load"]);
    let line =
        regex::Regex::new(r"[0-9]+ %, [0-9. smin]+ left, scanning .*, [0-9,]+ of 4,800 files")
            .unwrap();
    assert!(line.is_match(&again), "{again}");
    // So does the scan of a part.
    let part = on_a_terminal(&studio, &["-c", "load NAS --project acme/spot"]);
    let line =
        regex::Regex::new(r"[0-9]+ %, [0-9. smin]+ left, scanning NAS, [0-9,]+ of 2,400 files")
            .unwrap();
    assert!(line.is_match(&part), "{part}");
    let shown = on_a_terminal(&studio, &["--quiet", "-c", "load"]);
    assert!(!shown.contains("scanning"), "{shown}");
    // Accessible output has a line every 30 seconds, on a slow machine.
    let started = Instant::now();
    let shown = on_a_terminal(&studio, &["--accessible", "-c", "load"]);
    let lines = u64::try_from(shown.matches("scanning").count()).unwrap();
    assert!(lines <= started.elapsed().as_secs() / 30, "{shown}");
}

#[test]
fn pipe_shows_no_progress() {
    let studio = slow(&["WORK"]);
    let run = studio.lines(&["load"]).ok();
    assert!(!run.stdout.contains("scanning"), "{run}");
}
