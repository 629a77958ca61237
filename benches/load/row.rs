//! A row of the table: a number of ours, one to hold it against, and what is asked for.

use std::iter;
use std::time::Duration;

use auto_backup::units;

use crate::contest::{Contest, Results};
use crate::measure::Sample;
use crate::spread::Spread;

/// What any command may use at its peak.
const MEMORY: u64 = 100_000_000;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// So many times as long as the peer.
    Ratio(f64),
    Time(Duration),
    /// Just a number to know.
    None,
}

impl Bound {
    fn shown(self) -> String {
        match self {
            Self::Ratio(times) => format!("{times:.1} x"),
            Self::Time(limit) => format!("{} ms", limit.as_millis()),
            Self::None => String::new(),
        }
    }

    /// `None` where nothing is asked for, or there is no peer to hold it against.
    fn is_met(self, ours: Spread, ratio: Option<f64>) -> Option<bool> {
        match self {
            Self::Ratio(times) => ratio.map(|ratio| ratio <= times),
            Self::Time(limit) => Some(ours.median <= limit),
            Self::None => None,
        }
    }
}

/// The cells of a row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) against: String,
    pub(crate) takes: String,
    pub(crate) ratio: String,
    pub(crate) asked: String,
    pub(crate) peak: String,
    pub(crate) verdict: String,
}

/// Which of a sample's times a row is about.
type Time = fn(&Sample) -> Duration;

impl Contest<'_> {
    /// A row for each peer; the bound is for the first of them.
    pub(crate) fn rows(&self, results: &Results, time: Time, bound: Bound) -> Vec<Row> {
        let Some(ours) = Spread::of(results.ours.iter().map(time)) else {
            return Vec::new();
        };
        let bounds = iter::once(bound).chain(iter::repeat(Bound::None));
        let peers = self.peers.iter().zip(&results.peers).zip(bounds);
        let mut rows: Vec<Row> = peers
            .map(|(((name, peer), samples), bound)| {
                let spread = Spread::of(samples.iter().map(time));
                let absent = peer.is_none().then(|| "not installed".to_owned());
                Row {
                    against: (*name).to_owned(),
                    takes: absent.or(spread.map(Spread::shown)).unwrap_or_default(),
                    ..Row::timed(self.title, ours, spread, bound)
                }
            })
            .collect();
        if rows.is_empty() {
            rows.push(Row::timed(self.title, ours, None, bound));
        }
        if let Some(first) = rows.first_mut() {
            first.remember(results);
        }
        rows
    }
}

impl Row {
    fn timed(what: &str, ours: Spread, peer: Option<Spread>, bound: Bound) -> Self {
        let ratio = peer.map(|peer| ours.ratio(peer));
        Self {
            what: what.to_owned(),
            ours: ours.shown(),
            ratio: ratio.map(times).unwrap_or_default(),
            asked: bound.shown(),
            verdict: verdict(bound.is_met(ours, ratio)),
            ..Self::default()
        }
    }

    /// How large something is for each file of the studio.
    pub(crate) fn size(what: &str, each: f64, limit: f64) -> Self {
        Self {
            what: what.to_owned(),
            ours: format!("{each:.1} bytes a file"),
            asked: format!("{limit} bytes"),
            verdict: verdict(Some(each <= limit)),
            ..Self::default()
        }
    }

    /// Enters the most memory that a run took, which is asked of every command.
    fn remember(&mut self, results: &Results) {
        let peak = results.ours.iter().map(|sample| sample.peak).max();
        let peak = peak.unwrap_or_default();
        self.peak = units::bytes(peak);
        if peak > MEMORY {
            let verdict = format!("{} **memory missed**", self.verdict);
            verdict.trim_start().clone_into(&mut self.verdict);
        }
    }
}

fn verdict(is_met: Option<bool>) -> String {
    match is_met {
        Some(true) => "met".to_owned(),
        Some(false) => "**missed**".to_owned(),
        None => String::new(),
    }
}

fn times(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.4} x")
    } else {
        format!("{ratio:.2} x")
    }
}
