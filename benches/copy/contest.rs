//! Tools that copy the same set in turn, so that other load of the machine affects all alike.

use std::io::{self, Write as _};

use crate::commands::command;
use crate::common::measure::{Sample, measure};
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::comparison::{Comparison, Results};
use crate::destination::Destination;
use crate::order::shuffled;
use crate::places::Place;
use crate::set::Set;
use crate::settle::{settle, warm};
use crate::tool::Tool;
use crate::truth::check;

/// State of the destination at the beginning of a run.
#[derive(Clone, Copy)]
pub(crate) enum Course<'a> {
    /// Empty.
    Fresh,
    /// As the previous run left it. Before every round the set is changed, outside the measured time. The first run of
    /// a tool, its warm-up, creates the destination.
    Again(&'a dyn Fn(u64) -> Outcome<()>),
}

/// A set, its destination and the comparisons.
pub(crate) struct Contest<'a> {
    /// Name of the benchmark in the table, after the name of a tool.
    pub(crate) title: String,
    pub(crate) set: &'a Set,
    pub(crate) place: Place<'a>,
    pub(crate) course: Course<'a>,
    pub(crate) comparisons: &'static [Comparison],
}

impl Contest<'_> {
    /// Runs every tool once to warm up, then in rounds, and returns the rows of all comparisons.
    pub(crate) fn rows(&self, runs: u64) -> Outcome<Vec<Row>> {
        writeln!(io::stderr(), "measuring {}", self.title)?;
        let mut results: Results = Vec::new();
        results.extend(self.tools().into_iter().map(|tool| (tool, Vec::new())));
        for round in 0..=runs {
            if let Course::Again(before) = self.course {
                before(round)?;
            }
            for number in shuffled(results.len(), round) {
                let (tool, samples) = &mut results[number];
                // Faults of the first round are reported at once, later ones at the end.
                let is_checked = round == 0 || round == runs;
                let sample = self.turn(*tool, &self.to(number), round == 0, is_checked)?;
                samples.extend(sample.filter(|_| round > 0));
            }
        }
        for number in 0..results.len() {
            self.to(number).remove()?;
        }
        let comparisons = self.comparisons.iter();
        let rows = comparisons
            .flat_map(|comparison| comparison.rows(&self.title, self.place.is_flushed, &results));
        Ok(rows.collect())
    }

    /// Returns each tool once.
    fn tools(&self) -> Vec<Tool> {
        let mut tools = Vec::new();
        for comparison in self.comparisons {
            for tool in [&[comparison.ours], comparison.peers].concat() {
                if !tools.contains(&tool) {
                    tools.push(tool);
                }
            }
        }
        tools
    }

    fn to(&self, number: usize) -> Destination {
        Destination::new(self.place.folder.join(number.to_string()))
    }

    /// Runs a tool once, if it is installed. A destination that is not needed again is removed at once, because there
    /// may not be space for all.
    fn turn(
        &self,
        tool: Tool,
        to: &Destination,
        is_first: bool,
        is_checked: bool,
    ) -> Outcome<Option<Sample>> {
        if !tool.is_there() {
            return Ok(None);
        }
        let is_fresh = matches!(self.course, Course::Fresh);
        if is_fresh || is_first {
            to.empty(tool)?;
        }
        settle(self.place.folder)?;
        if self.place.is_memory && is_fresh {
            warm(self.place.folder, self.set.files * self.set.size)?;
        }
        let (sample, _) = measure(&command(tool, self.set, to, self.place.is_flushed))?;
        if is_checked {
            check(tool, self.set, to)?;
        }
        if is_fresh {
            to.remove()?;
        }
        Ok(Some(sample))
    }
}
