//! Rows beside several peers, of which the fastest of the run sets the target.

use std::time::Duration;

use crate::bound::Bound;
use crate::common::row::Row;
use crate::common::spread::Spread;
use crate::contest::{Contest, Results, Run};

/// Returns a row for each peer, the fastest first: the target is for that one.
pub(crate) fn rows(
    contest: &Contest<'_>,
    results: &Results,
    time: fn(&Run) -> Duration,
    bound: Bound,
) -> Vec<Row> {
    let median = |samples: &[Run]| {
        let spread = Spread::of(samples.iter().map(time));
        spread.map_or(Duration::MAX, |spread| spread.median)
    };
    let mut order: Vec<usize> = (0..contest.peers.len()).collect();
    order.sort_by_key(|peer| median(&results.peers[*peer]));
    let peers = order.iter().map(|peer| contest.peers[*peer].clone());
    let sorted = Contest {
        title: contest.title,
        before: contest.before,
        ours: contest.ours.clone(),
        peers: peers.collect(),
    };
    let samples = order.iter().map(|peer| results.peers[*peer].clone());
    let results = Results {
        ours: results.ours.clone(),
        peers: samples.collect(),
    };
    sorted.rows(&results, time, bound)
}
