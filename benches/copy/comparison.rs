//! Our tool and its peers: the target, and the rows that show the verdict.

use auto_backup::base::unit;

use crate::common::measure::Sample;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::tool::Tool;

/// Our tool and some peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) ours: Tool,
    pub(crate) peers: &'static [Tool],
    /// Target: maximum ratio to the fastest of these peers.
    asked: Option<f64>,
}

/// The runs of every tool; none of a missing one.
pub(crate) type Results = Vec<(Tool, Vec<Sample>)>;

/// Returns a comparison with a target: at most this many times the duration of the fastest peer.
pub(crate) const fn asked(ours: Tool, peers: &'static [Tool], times: f64) -> Comparison {
    Comparison {
        ours,
        peers,
        asked: Some(times),
    }
}

/// Returns a comparison without a target.
pub(crate) const fn shown(ours: Tool, peers: &'static [Tool]) -> Comparison {
    Comparison {
        ours,
        peers,
        asked: None,
    }
}

impl Comparison {
    /// Returns a row for each peer; the target is in that of the fastest.
    pub(crate) fn rows(&self, title: &str, is_flushed: bool, results: &Results) -> Vec<Row> {
        let Some(ours) = spread(results, self.ours) else {
            return Vec::new();
        };
        let what = format!("{}, {title}", self.ours.name);
        let peak = unit::format_bytes(peak(results, self.ours));
        let fastest = self.fastest(results);
        let rows = self.peers.iter().map(|peer| {
            let took = spread(results, *peer);
            let asked = self.asked.filter(|_| fastest == Some(*peer));
            let is_met = asked
                .zip(took)
                .map(|(times, took)| ours.ratio(took) <= times);
            Row {
                asked: asked.map(times).unwrap_or_default(),
                verdict: verdict(is_met),
                peak: peak.clone(),
                ..Row::against(&what, ours, &peer.title(is_flushed), took)
            }
        });
        rows.collect()
    }

    /// Returns the rows of a benchmark that could not run, with the reason.
    pub(crate) fn skipped(&self, title: &str, reason: &str) -> Vec<Row> {
        let rows = self.peers.iter().map(|peer| Row {
            what: format!("{}, {title}", self.ours.name),
            against: peer.name.to_owned(),
            takes: format!("skipped: {reason}"),
            asked: self.asked.map(times).unwrap_or_default(),
            ..Row::default()
        });
        rows.collect()
    }

    /// Returns the peer with the smallest median.
    fn fastest(&self, results: &Results) -> Option<Tool> {
        let medians = self
            .peers
            .iter()
            .filter_map(|peer| Some((spread(results, *peer)?.median, *peer)));
        let fastest = medians.min_by_key(|(median, _)| *median);
        fastest.map(|(_, peer)| peer)
    }
}

fn times(times: f64) -> String {
    format!("{times} x")
}

fn samples(results: &Results, tool: Tool) -> impl Iterator<Item = &Sample> {
    let of_tool = results.iter().filter(move |(other, _)| *other == tool);
    of_tool.flat_map(|(_, samples)| samples)
}

fn spread(results: &Results, tool: Tool) -> Option<Spread> {
    Spread::of(samples(results, tool).map(|sample| sample.wall))
}

/// Returns the maximum peak memory of a tool's runs.
fn peak(results: &Results, tool: Tool) -> u64 {
    let peaks = samples(results, tool).map(|sample| sample.peak);
    peaks.max().unwrap_or_default()
}
