//! The rows of this benchmark in order, with their targets.

use std::fs;
use std::io;
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use crate::bound::{self, Bound};
use crate::change::change;
use crate::commands::{
    PATTERN, bare, du, find, index, index_files, ours, rclone, seed_walk, walkers,
};
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::contest::{Before, Contest, Run};
use crate::fastest;
use crate::studio::Studio;
use crate::truth::check;

/// Target for the size of the index in bytes per file.
const BYTES_A_FILE: f64 = 60.0;

const DU: &str = "`du -s`";
const FIND: &str = "`find -type f -printf`";
const RCLONE: &str = "`rclone lsf -R`";
const SEED_WALK: &str = "walk of all roots";

const NOTHING: Before<'static> = &|_| Ok(());

/// Runs the whole benchmark with this number of runs.
pub(crate) fn all(studio: &Studio, runs: u64) -> Outcome<Vec<Row>> {
    let mut rows = loads(studio, runs)?;
    check(studio)?;
    rows.push(index_size(studio, "index, fresh")?);
    rows.extend(questions(studio, runs)?);
    rows.extend(beginnings(studio, runs)?);
    rows.extend(changed(studio, runs)?);
    check(studio)?;
    rows.push(index_size(studio, "index, after the changes")?);
    Ok(rows)
}

/// Measures `load` into a new index, and into an up-to-date one.
fn loads(studio: &Studio, runs: u64) -> Outcome<Vec<Row>> {
    let remove = |_| remove_index(studio);
    let mut all = Vec::new();
    let fresh: (_, Before<'_>, _) = ("`load`, fresh index", &remove, 0.6);
    for (title, before, bound) in [fresh, ("`load`, nothing changed", NOTHING, 0.5)] {
        let contest = Contest {
            title,
            before,
            ours: ours(studio, &[], &["load"]),
            peers: vec![
                (DU, Some(du(studio))),
                (FIND, Some(find(studio))),
                (RCLONE, rclone(studio)),
            ],
        };
        let results = contest.run(runs)?;
        all.extend(contest.rows(&results, wall, Bound::Ratio(bound)));
    }
    let contest = Contest {
        title: "`load`, nothing changed, beside walkers",
        before: NOTHING,
        ours: ours(studio, &[], &["load"]),
        peers: walkers(studio),
    };
    let results = contest.run(runs)?;
    all.extend(fastest::rows(&contest, &results, wall, Bound::Ratio(0.9)));
    Ok(all)
}

/// Measures `load` after one file in a hundred changed.
fn changed(studio: &Studio, runs: u64) -> Outcome<Vec<Row>> {
    let change = |round| {
        let mut roots = studio.roots().into_iter();
        roots.try_for_each(|root| change(&root, round))
    };
    let contest = Contest {
        title: "`load`, 1 % changed",
        before: &change,
        ours: ours(studio, &[], &["load"]),
        peers: vec![(DU, Some(du(studio)))],
    };
    let results = contest.run(runs)?;
    Ok(contest.rows(&results, wall, Bound::Ratio(0.6)))
}

/// Measures queries of the index against the walk that the first program made for every question.
fn questions(studio: &Studio, runs: u64) -> Outcome<Vec<Row>> {
    let mut all = Vec::new();
    for (command, limit) in [("fetch all", 30), ("list clients", 10)] {
        let title = format!("`{command}`");
        let contest = question(studio, &title, &[], command)?;
        all.extend(contest.rows(&contest.run(runs)?, wall, milliseconds(limit)));
    }
    for options in [&[][..], &["--format", "plain"]] {
        all.extend(looked_for(studio, runs, options)?);
    }
    Ok(all)
}

/// Measures `find` in one of its formats: time of the first file and of all files.
fn looked_for(studio: &Studio, runs: u64, options: &[&str]) -> Outcome<Vec<Row>> {
    let command = format!("find '{PATTERN}'");
    let title = [&[&*command], options].concat().join(" ");
    let (first, last) = (format!("`{title}`, first line"), format!("`{title}`, all"));
    let mut contest = question(studio, &first, options, &command)?;
    let results = contest.run(runs)?;
    let mut rows = contest.rows(&results, |(_, first_line)| *first_line, milliseconds(20));
    contest.title = &last;
    rows.extend(contest.rows(&results, wall, milliseconds(400)));
    Ok(rows)
}

fn question<'a>(
    studio: &Studio,
    title: &'a str,
    options: &[&str],
    command: &str,
) -> Outcome<Contest<'a>> {
    Ok(Contest {
        title,
        before: NOTHING,
        ours: ours(studio, options, &[command]),
        peers: vec![(SEED_WALK, Some(seed_walk(studio)?))],
    })
}

/// Measures the shortest commands, whose time every process of ours takes.
fn beginnings(studio: &Studio, runs: u64) -> Outcome<Vec<Row>> {
    let list = "list categories";
    let index = index(studio).into_os_string();
    let index = index.to_str().ok_or("the folder's name is not UTF-8")?;
    let mut all = Vec::new();
    for (title, ours) in [
        ("start-up: `--version`", bare(&["--version"])),
        (
            "start-up: `list categories`",
            bare(&["--no-config", "--index", index, "-c", list]),
        ),
    ] {
        let contest = Contest {
            title,
            before: NOTHING,
            ours,
            peers: Vec::new(),
        };
        all.extend(contest.rows(&contest.run(runs)?, wall, Bound::None));
    }
    Ok(all)
}

const fn wall((sample, _): &Run) -> Duration {
    sample.wall
}

const fn milliseconds(limit: u64) -> Bound {
    Bound::Time(Duration::from_millis(limit))
}

fn remove_index(studio: &Studio) -> Outcome<()> {
    for path in index_files(studio) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            removed => removed.at("remove", path)?,
        }
    }
    Ok(())
}

/// Measures the index once no process has it open: its file, and its write-ahead log if that is left.
fn index_size(studio: &Studio, title: &str) -> Outcome<Row> {
    let mut bytes = 0;
    for path in index_files(studio) {
        bytes += match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            found => found.at("look at", &path)?.len(),
        };
    }
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let each = bytes as f64 / studio.files as f64;
    Ok(bound::size(title, each, BYTES_A_FILE))
}
