//! Targets of commands, and the rows that show the verdict.

use std::iter;
use std::time::Duration;

use auto_backup::base::unit;

use crate::MEMORY;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::contest::{Contest, Results, Run};

/// A target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// Maximum ratio to the peer.
    Ratio(f64),
    Time(Duration),
    /// No target.
    None,
}

impl Bound {
    fn shown(self) -> String {
        match self {
            Self::Ratio(times) => format!("{times} x"),
            Self::Time(limit) => format!("{} ms", limit.as_millis()),
            Self::None => String::new(),
        }
    }

    /// Returns `None` without a target or a peer.
    fn is_met(self, ours: Spread, peer: Option<Spread>) -> Option<bool> {
        match self {
            Self::Ratio(times) => peer.map(|peer| ours.ratio(peer) <= times),
            Self::Time(limit) => Some(ours.median <= limit),
            Self::None => None,
        }
    }

    /// Adds the target and the verdict to a row.
    pub(crate) fn judged(self, row: Row, ours: Spread, peer: Option<Spread>) -> Row {
        Row {
            asked: self.shown(),
            verdict: verdict(self.is_met(ours, peer)),
            ..row
        }
    }
}

/// Selects the time of a run for a row.
type Time = fn(&Run) -> Duration;

impl Contest<'_> {
    /// Returns a row for each peer; the target is for the first.
    pub(crate) fn rows(&self, results: &Results, time: Time, bound: Bound) -> Vec<Row> {
        let Some(ours) = Spread::of(results.ours.iter().map(time)) else {
            return Vec::new();
        };
        let bounds = iter::once(bound).chain(iter::repeat(Bound::None));
        let peers = self.peers.iter().zip(&results.peers).zip(bounds);
        let mut rows: Vec<Row> = peers
            .map(|(((name, _), samples), bound)| {
                let took = Spread::of(samples.iter().map(time));
                bound.judged(Row::against(self.title, ours, name, took), ours, took)
            })
            .collect();
        if rows.is_empty() {
            rows.push(bound.judged(Row::alone(self.title, ours), ours, None));
        }
        if let Some(first) = rows.first_mut() {
            remember(first, results);
        }
        rows
    }
}

/// Adds the maximum peak memory, which has a target for every command.
fn remember(row: &mut Row, results: &Results) {
    let peak = results.ours.iter().map(|(sample, _)| sample.peak).max();
    let peak = peak.unwrap_or_default();
    row.peak = unit::format_bytes(peak);
    if peak > MEMORY {
        let verdict = format!("{} **memory missed**", row.verdict);
        verdict.trim_start().clone_into(&mut row.verdict);
    }
}

/// Returns a row of a size per file of the studio.
pub(crate) fn size(what: &str, each: f64, limit: f64) -> Row {
    Row {
        what: what.to_owned(),
        ours: format!("{each:.1} bytes a file"),
        asked: format!("{limit} bytes"),
        verdict: verdict(Some(each <= limit)),
        ..Row::default()
    }
}
