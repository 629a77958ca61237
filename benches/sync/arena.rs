//! Tools that send the same tree to the same server in turn, so that other load of the machine affects all alike.

use std::io::{self, Write as _};

use auto_backup::base::unit;

use crate::common::measure::Sample;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::seed_sync;
use crate::server::{Kind, Server};
use crate::side::Side;
use crate::tool::Tool;
use crate::tree::Tree;

/// State of a destination at the beginning of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course {
    /// Empty.
    Fresh,
    /// Equal to the tree.
    Unchanged,
    /// Equal to the tree before this number of its files grew.
    Changed(u64),
}

/// Our tool and some peers.
#[derive(Debug)]
pub(crate) struct Contest {
    /// Name of the benchmark in the table, after the name of a tool.
    pub(crate) title: String,
    pub(crate) course: Course,
    /// The peers, each with the maximum ratio to it as the target, if any.
    pub(crate) peers: &'static [(Tool, Option<f64>)],
}

/// A tree and the server that receives it.
#[derive(Debug)]
pub(crate) struct Arena<'a> {
    pub(crate) tree: &'a Tree,
    /// Prefix of the roots of this tree.
    pub(crate) set: &'a str,
    pub(crate) kind: Kind,
    /// The server, or the reason why it is missing.
    pub(crate) server: &'a Result<Server, String>,
    pub(crate) runs: u64,
}

impl Arena<'_> {
    /// Returns the rows of all contests; each begins with the destinations of the previous one.
    pub(crate) fn rows(&self, contests: &[Contest]) -> Outcome<Vec<Row>> {
        let server = match self.server {
            Ok(server) => server,
            Err(reason) => return Ok(skipped(contests, self.kind, reason)),
        };
        let mut sides: Vec<Side<'_>> = Vec::new();
        let mut rows = Vec::new();
        for contest in contests {
            let title = format!("{}, {}", contest.title, self.kind.name());
            let peers = contest.peers.iter().map(|(tool, _)| *tool);
            let tools: Vec<Tool> = [Tool::Sync].into_iter().chain(peers).collect();
            for tool in &tools {
                if sides.iter().any(|side| side.tool == *tool) {
                    continue;
                }
                let side = Side::new(*tool, server, self.set)?;
                if !matches!(contest.course, Course::Fresh) {
                    writeln!(
                        io::stderr(),
                        "sending everything once, {title}, {}",
                        tool.name()
                    )?;
                    side.fill(self.tree)?;
                }
                sides.push(side);
            }
            writeln!(io::stderr(), "measuring {title}")?;
            let taking_part: Vec<&Side<'_>> = sides
                .iter()
                .filter(|side| tools.contains(&side.tool))
                .collect();
            let results = self.run(contest.course, &taking_part)?;
            rows.extend(contest.rows(&format!("{}, {title}", Tool::Sync.name()), &results));
        }
        for side in sides {
            side.remove()?;
        }
        Ok(rows)
    }

    /// Runs every tool once to warm up, then this number of rounds, with the order reversed in each.
    fn run(&self, course: Course, sides: &[&Side<'_>]) -> Outcome<Vec<(Tool, Vec<Sample>)>> {
        let mut results: Vec<_> = sides.iter().map(|side| (side.tool, Vec::new())).collect();
        for round in 0..=self.runs {
            let mut order: Vec<usize> = (0..sides.len()).collect();
            if round.is_multiple_of(2) {
                order.reverse();
            }
            for number in order {
                let (tool, samples) = &mut results[number];
                if tool.is_slow() && round != 1 {
                    continue;
                }
                let sample = self.turn(course, sides[number])?;
                samples.extend((round > 0).then_some(sample));
            }
        }
        Ok(results)
    }

    /// Runs a tool once.
    fn turn(&self, course: Course, side: &Side<'_>) -> Outcome<Sample> {
        match course {
            Course::Fresh => side.empty()?,
            Course::Unchanged => {}
            Course::Changed(files) => {
                if side.tool == Tool::Seed {
                    seed_sync::note(&side.record(), self.tree)?;
                }
                self.tree.change(files)?;
            }
        }
        side.measure(self.tree)
    }
}

impl Contest {
    /// Returns a row for each peer.
    fn rows(&self, what: &str, results: &[(Tool, Vec<Sample>)]) -> Vec<Row> {
        let Some(ours) = spread(results, Tool::Sync) else {
            return Vec::new();
        };
        let rows = self.peers.iter().map(|(peer, asked)| {
            let took = spread(results, *peer);
            let is_met = asked
                .zip(took)
                .map(|(times, took)| ours.ratio(took) <= times);
            Row {
                asked: shown(*asked),
                verdict: verdict(is_met),
                peak: unit::format_bytes(peak(results)),
                ..Row::against(what, ours, peer.name(), took)
            }
        });
        rows.collect()
    }
}

/// Returns the rows of a benchmark that could not run, with the reason.
pub(crate) fn skipped(contests: &[Contest], kind: Kind, reason: &str) -> Vec<Row> {
    let rows = contests.iter().flat_map(|contest| {
        contest.peers.iter().map(|(peer, asked)| Row {
            what: format!("{}, {}, {}", Tool::Sync.name(), contest.title, kind.name()),
            against: peer.name().to_owned(),
            takes: format!("skipped: {reason}"),
            asked: shown(*asked),
            ..Row::default()
        })
    });
    rows.collect()
}

fn shown(asked: Option<f64>) -> String {
    asked.map(|times| format!("{times} x")).unwrap_or_default()
}

fn spread(results: &[(Tool, Vec<Sample>)], tool: Tool) -> Option<Spread> {
    let (_, samples) = results.iter().find(|(other, _)| *other == tool)?;
    Spread::of(samples.iter().map(|sample| sample.wall))
}

/// Returns the maximum peak memory of our processes.
fn peak(results: &[(Tool, Vec<Sample>)]) -> u64 {
    let ours = results.iter().filter(|(tool, _)| *tool == Tool::Sync);
    let peaks = ours.flat_map(|(_, samples)| samples.iter().map(|sample| sample.peak));
    peaks.max().unwrap_or_default()
}
