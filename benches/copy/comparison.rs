//! Ours against peers: what is asked of ours there, and the rows of the table that tell whether it is met.

use auto_backup::base::unit;

use crate::common::measure::Sample;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::tool::Tool;

/// One of ours against some peers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) ours: Tool,
    pub(crate) peers: &'static [Tool],
    /// So many times what the fastest of these peers takes is asked for, if anything is.
    asked: Option<f64>,
}

/// The runs of every tool; none of one that is not installed.
pub(crate) type Results = Vec<(Tool, Vec<Sample>)>;

/// Ours is to take at most so many times what the fastest of these takes.
pub(crate) const fn asked(ours: Tool, peers: &'static [Tool], times: f64) -> Comparison {
    Comparison {
        ours,
        peers,
        asked: Some(times),
    }
}

/// Just numbers to know.
pub(crate) const fn shown(ours: Tool, peers: &'static [Tool]) -> Comparison {
    Comparison {
        ours,
        peers,
        asked: None,
    }
}

impl Comparison {
    /// A row for each peer; what is asked for stands in that of the fastest.
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

    /// The rows where nothing could be measured, with the reason.
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

    /// The peer whose median is the least.
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
    format!("{times:.1} x")
}

fn samples(results: &Results, tool: Tool) -> impl Iterator<Item = &Sample> {
    let of_tool = results.iter().filter(move |(other, _)| *other == tool);
    of_tool.flat_map(|(_, samples)| samples)
}

fn spread(results: &Results, tool: Tool) -> Option<Spread> {
    Spread::of(samples(results, tool).map(|sample| sample.wall))
}

/// The most memory that a run of a tool took.
fn peak(results: &Results, tool: Tool) -> u64 {
    let peaks = samples(results, tool).map(|sample| sample.peak);
    peaks.max().unwrap_or_default()
}
