//! Loads of a disk of which nothing is in memory, in turn with the peers.

use std::io::{self, Write as _};
use std::time::Duration;

use auto_backup::base::unit;

use crate::cache;
use crate::commands::{Index, ours, peers, warm};
use crate::common::measure::measure;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::order::shuffled;
use crate::studio::Studio;

const TITLE: &str = "`load`, fresh index, cold disk";

/// Target: the time of the fastest peer.
const ASKED: f64 = 1.0;

/// Measures this number of rounds, each in another order.
pub(crate) fn rows(studio: &Studio, index: &Index, runs: u64) -> Outcome<Vec<Row>> {
    writeln!(io::stderr(), "measuring {TITLE}")?;
    let mut commands = vec![("", Some(ours(studio, index, "load")))];
    commands.extend(peers(studio));
    let mut times = vec![Vec::new(); commands.len()];
    let mut peak = 0;
    for round in 1..=runs {
        for number in shuffled(commands.len(), round) {
            let Some(command) = &commands[number].1 else {
                continue;
            };
            index.remove()?;
            cache::empty()?;
            warm(command)?;
            let (sample, _) = measure(command)?;
            times[number].push(sample.wall);
            if number == 0 {
                peak = peak.max(sample.peak);
            }
        }
    }
    let spreads = times.into_iter().map(|times| Spread::of(times.into_iter()));
    let named = commands.iter().map(|(name, _)| *name).zip(spreads);
    Ok(compared(named.collect(), peak))
}

/// Returns a row for each peer, the fastest first: the target is for that one. Our own spread comes first.
fn compared(mut spreads: Vec<(&str, Option<Spread>)>, peak: u64) -> Vec<Row> {
    let (_, ours) = spreads.remove(0);
    let Some(ours) = ours else {
        return Vec::new();
    };
    spreads.sort_by_key(|(_, spread)| spread.map_or(Duration::MAX, |spread| spread.median));
    let rows = spreads.into_iter().enumerate();
    let row = |(place, (name, spread)): (usize, (&str, Option<Spread>))| {
        let row = Row::against(TITLE, ours, &format!("`{name}`"), spread);
        match spread {
            Some(fastest) if place == 0 => Row {
                asked: format!("{ASKED:.1} x"),
                verdict: verdict(Some(ours.ratio(fastest) <= ASKED)),
                peak: unit::format_bytes(peak),
                ..row
            },
            _ => row,
        }
    };
    rows.map(row).collect()
}
