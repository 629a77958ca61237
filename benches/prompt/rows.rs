//! The rows of this benchmark in order.

use std::io::{self, Write as _};

use crate::bound::{KEY, START, TAB};
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::duel::{Times, begin, keys};
use crate::programs::Program;
use crate::studio::{LARGEST, Studio, database};

/// Starts per run.
const STARTS: u64 = 6;

/// Key presses per run, at each place.
const KEYS: u64 = 40;

/// Tabs per run, at each place.
const TABS: u64 = 10;

/// Deletes the letter before the cursor.
const BACKSPACE: u8 = 0x7f;

/// Ctrl-P and Ctrl-N: to the previous line, and back.
const UP_AND_DOWN: [u8; 2] = [0x10, 0x0e];

/// Ctrl-N and Ctrl-P, in a menu.
const NEXT_AND_PREVIOUS: [u8; 2] = [0x0e, 0x10];

/// A letter with which the last part of every project begins.
const EVERY_PROJECT: &str = "f";

/// Text of the description of every project.
const DESCRIPTION: &str = " B on ";

/// Ctrl-A: to the beginning of the line.
const HOME: &str = "\x01";

/// Ctrl-F: one letter forward.
const RIGHT: &str = "\x06";

/// Ctrl-U: deletes everything before the cursor.
const CLEAR: &[u8] = b"\x15";

/// Runs the whole benchmark with this number of runs.
pub(crate) fn all(studio: &Studio, runs: u64) -> Outcome<Vec<Row>> {
    let mut rows = starts(studio, runs * STARTS)?;
    rows.push(first_tab(studio, runs * STARTS)?);
    rows.extend(key_presses(studio, runs * KEYS / 2)?);
    rows.extend(tabs(studio, runs * TABS)?);
    rows.extend(menu_keys(studio, runs * KEYS / 2)?);
    Ok(rows)
}

/// Measures the time from the start to the first prompt, and the first key press at that moment, while names are still
/// being read.
fn starts(studio: &Studio, rounds: u64) -> Outcome<Vec<Row>> {
    tell("starts")?;
    let (mut starts, mut keys) = (Times::default(), Times::default());
    for round in 0..=rounds {
        for program in [Program::Ours, Program::Bash] {
            let (mut terminal, took) = begin(program, studio)?;
            // A letter that occurs in no other expected output.
            let key = terminal.press_for(b"q", "q")?;
            if round > 0 {
                starts.push(program, took);
                keys.push(program, key);
            }
            if program == Program::Ours {
                starts.peak = starts.peak.max(terminal.peak()?);
                keys.peak = starts.peak;
            }
            terminal.leave()?;
        }
    }
    Ok(vec![
        starts.row("start to first prompt", Some(START))?,
        keys.row("key press, the very first", Some(KEY))?,
    ])
}

/// Measures the time from the first prompt until Tab, pressed at that moment, completes a name: until all names are
/// read.
fn first_tab(studio: &Studio, rounds: u64) -> Outcome<Row> {
    tell("Tab in the first moment")?;
    let (client, project) = studio.some_project();
    let begun = project.trim_end_matches("-cut");
    let mut times = Times::default();
    for _ in 0..rounds {
        let (mut terminal, _) = begin(Program::Ours, studio)?;
        let line = format!("fetch project {client}/{begun}\t");
        times.push(
            Program::Ours,
            terminal.press_for(line.as_bytes(), &project)?,
        );
        times.peak = times.peak.max(terminal.peak()?);
        terminal.leave()?;
    }
    times.row("a whole line and Tab, pasted in the first moment", None)
}

/// Measures a letter and its deletion at several places.
fn key_presses(studio: &Studio, rounds: u64) -> Outcome<Vec<Row>> {
    let (client, project) = studio.some_project();
    let (last, most) = (b't', project.trim_end_matches('t'));
    let long = long_line(&client, &project);
    let to_middle = format!("{HOME}{}", RIGHT.repeat(long.len() / 2));
    let in_name = format!("fetch project {client}/fil");
    let at_end = format!("copy {client}/{most}");
    let mut rows = Vec::new();
    let letter = |letter| [letter, BACKSPACE];
    let places: [(&str, &[&str], [u8; 2]); 6] = [
        ("at the beginning", &[], letter(b'l')),
        ("in a name", &[&in_name], letter(b'm')),
        (
            "at the end of a name, with a hint",
            &[&at_end],
            letter(last),
        ),
        (
            "in the middle of 1,000 letters",
            &[&long, &to_middle],
            letter(b'x'),
        ),
        (
            "in what no line of the history has",
            &["nowhere yet"],
            letter(b'x'),
        ),
        ("in the history, Ctrl-P and Ctrl-N", &[], UP_AND_DOWN),
    ];
    for (place, before, pressed) in places {
        let what = format!("key press, {place}");
        tell(&what)?;
        rows.push(keys(studio, before, pressed, rounds)?.row(&what, Some(KEY))?);
    }
    Ok(rows)
}

/// Returns a valid line of a thousand letters: one project to very many databases.
fn long_line(client: &str, project: &str) -> String {
    let mut line = format!("copy {client}/{project} footage {} ", database(0));
    for number in (1..100).cycle() {
        line.push_str(&database(number));
        if line.len() >= 1000 {
            break;
        }
        line.push(',');
    }
    line
}

/// Measures Tab at several places.
fn tabs(studio: &Studio, rounds: u64) -> Outcome<Vec<Row>> {
    let (client, project) = studio.some_project();
    let begun = project.trim_end_matches("-cut");
    let number = begun.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let whole = format!("{client}/{project}");
    let places = [
        (
            "after a unique beginning",
            format!("{client}/{begun}"),
            whole.clone(),
        ),
        (
            "after a beginning of a hundred",
            format!("{client}/fi"),
            DESCRIPTION.to_owned(),
        ),
        (
            "with nothing typed: a menu of all clients",
            String::new(),
            "client0000/".to_owned(),
        ),
        (
            "after a letter: a menu of all projects",
            EVERY_PROJECT.to_owned(),
            DESCRIPTION.to_owned(),
        ),
        ("after letters within names", format!("f{number}cut"), whole),
        (
            "after a client with thousands",
            format!("{LARGEST}/"),
            format!("{LARGEST}/film"),
        ),
    ];
    let mut rows = Vec::new();
    for (place, typed, expected) in places {
        let what = format!("Tab {place}");
        tell(&what)?;
        let (mut terminal, _) = begin(Program::Ours, studio)?;
        let mut times = Times::default();
        for round in 0..=rounds {
            terminal.press(format!("fetch project {typed}").as_bytes())?;
            let took = terminal.press_for(b"\t", &expected)?;
            // The first one may have waited for names that were still being read.
            if round > 0 {
                times.push(Program::Ours, took);
            }
            terminal.press(CLEAR)?;
        }
        times.peak = terminal.peak()?;
        terminal.leave()?;
        rows.push(times.row(&what, Some(TAB))?);
    }
    Ok(rows)
}

/// Measures keys in a menu of all projects.
fn menu_keys(studio: &Studio, rounds: u64) -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (place, keys) in [
        ("to the next and the previous entry", NEXT_AND_PREVIOUS),
        ("narrowing it by a letter, and back", [b'i', BACKSPACE]),
    ] {
        let what = format!("key press in the menu of all projects, {place}");
        tell(&what)?;
        let (mut terminal, _) = begin(Program::Ours, studio)?;
        terminal.press(format!("fetch project {EVERY_PROJECT}").as_bytes())?;
        terminal.press_for(b"\t", DESCRIPTION)?;
        let mut times = Times::default();
        for round in 0..=rounds {
            for key in keys {
                let took = terminal.press_for(&[key], DESCRIPTION)?;
                if round > 0 {
                    times.push(Program::Ours, took);
                }
            }
        }
        times.peak = terminal.peak()?;
        terminal.leave()?;
        rows.push(times.row(&what, Some(TAB))?);
    }
    Ok(rows)
}

fn tell(what: &str) -> Outcome<()> {
    Ok(writeln!(io::stderr(), "measuring {what}")?)
}
