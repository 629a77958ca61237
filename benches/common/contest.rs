//! Commands that are measured in turn, so that other load of the machine affects all alike.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::common::measure::{Sample, measure};
use crate::common::outcome::Outcome;
use crate::order::shuffled;

/// An action before every run, outside the measured time; it gets the round.
pub(crate) type Before<'a> = &'a dyn Fn(u64) -> Outcome<()>;

/// One run of a command, and the time of its first line.
pub(crate) type Run = (Sample, Duration);

/// Our command and its peers.
pub(crate) struct Contest<'a> {
    /// Name in the table.
    pub(crate) title: &'a str,
    pub(crate) before: Before<'a>,
    pub(crate) ours: Vec<OsString>,
    /// Peers by their names in the table; one without a command is not installed.
    pub(crate) peers: Vec<(&'a str, Option<Vec<OsString>>)>,
}

/// The results.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) ours: Vec<Run>,
    /// In the order of the contest; a missing one has no samples.
    pub(crate) peers: Vec<Vec<Run>>,
}

impl Contest<'_> {
    /// Runs every command once to warm up, then this number of rounds.
    pub(crate) fn run(&self, runs: u64) -> Outcome<Results> {
        writeln!(io::stderr(), "measuring {}", self.title)?;
        let mut results = Results {
            ours: Vec::new(),
            peers: vec![Vec::new(); self.peers.len()],
        };
        for round in 0..=runs {
            (self.before)(round)?;
            for number in shuffled(self.peers.len() + 1, round) {
                let (command, samples) = match number.checked_sub(1) {
                    None => (Some(&self.ours), &mut results.ours),
                    Some(peer) => (self.peers[peer].1.as_ref(), &mut results.peers[peer]),
                };
                let run = command.map(|command| measure(command)).transpose()?;
                samples.extend(run.filter(|_| round > 0));
            }
        }
        Ok(results)
    }
}
