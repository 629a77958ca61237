//! Our command and at most one peer, in an order that changes from round to round.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::time::Duration;

use auto_backup::base::unit;

use crate::common::measure::{Sample, measure};
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::order::shuffled;

/// A run of a command, and the time of its first line.
pub(crate) type Run = (Sample, Duration);

/// An action around every run, outside the measured time.
pub(crate) type Around<'a> = &'a dyn Fn() -> Outcome<()>;

/// A command with the actions around it.
pub(crate) struct Side<'a> {
    pub(crate) before: Around<'a>,
    /// `None` if it is not installed.
    pub(crate) command: Option<Vec<OsString>>,
    pub(crate) after: Around<'a>,
}

/// Action that does nothing.
pub(crate) const NOTHING: Around<'static> = &|| Ok(());

impl Side<'_> {
    fn turn(&self, round: u64, runs: &mut Vec<Run>) -> Outcome<()> {
        let Some(command) = &self.command else {
            return Ok(());
        };
        (self.before)()?;
        let run = measure(command)?;
        (self.after)()?;
        runs.extend((round > 0).then_some(run));
        Ok(())
    }
}

/// Runs each side once to warm up, then this number of rounds, and returns the runs of each side.
pub(crate) fn duel(title: &str, sides: &[Side<'_>], runs: u64) -> Outcome<Vec<Vec<Run>>> {
    writeln!(io::stderr(), "measuring {title}")?;
    let mut results = vec![Vec::new(); sides.len()];
    for round in 0..=runs {
        for number in shuffled(sides.len(), round) {
            sides[number].turn(round, &mut results[number])?;
        }
    }
    Ok(results)
}

/// Returns the row of our runs alone, with a target for the time.
pub(crate) fn alone(title: &str, runs: &[Run], limit: Duration) -> Option<Row> {
    let ours = Spread::of(runs.iter().map(wall))?;
    Some(Row {
        asked: format!("{} ms", limit.as_millis()),
        verdict: verdict(Some(ours.median <= limit)),
        peak: peak(runs),
        ..Row::alone(title, ours)
    })
}

/// Returns the row of our runs and a peer's, with a target for the ratio, if there is one.
pub(crate) fn against(
    title: &str,
    ours: &[Run],
    (peer, took): (&str, Option<Spread>),
    asked: Option<f64>,
) -> Option<Row> {
    let spread = Spread::of(ours.iter().map(wall))?;
    let mut row = versus(title, spread, (peer, took), asked);
    row.peak = peak(ours);
    Some(row)
}

/// Returns the row of two spreads, with a target for their ratio, if there is one.
pub(crate) fn versus(
    title: &str,
    ours: Spread,
    (peer, took): (&str, Option<Spread>),
    asked: Option<f64>,
) -> Row {
    let is_met = asked
        .zip(took)
        .map(|(times, took)| ours.ratio(took) <= times);
    Row {
        asked: asked.map(|times| format!("{times} x")).unwrap_or_default(),
        verdict: verdict(is_met),
        ..Row::against(title, ours, peer, took)
    }
}

/// Returns the row of a measure that could not be taken, with the reason.
pub(crate) fn skipped(title: &str, reason: &str, asked: f64) -> Row {
    Row {
        what: title.to_owned(),
        takes: format!("skipped: {reason}"),
        asked: format!("{asked} x"),
        ..Row::default()
    }
}

fn peak(runs: &[Run]) -> String {
    let peak = runs.iter().map(|(sample, _)| sample.peak).max();
    unit::format_bytes(peak.unwrap_or_default())
}

pub(crate) const fn wall((sample, _): &Run) -> Duration {
    sample.wall
}

pub(crate) const fn first_line((_, first_line): &Run) -> Duration {
    *first_line
}
