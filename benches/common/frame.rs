//! The frame of every benchmark: its options, its table, and its part of the page.

use std::io::{self, Write as _};

use auto_backup::base::error::IoResultExt as _;

use super::interrupted;
use super::options::Options;
use super::outcome::Outcome;
use super::report::{self, Page};
use super::row::Row;

/// A benchmark, as `benches/run` names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Benchmark {
    pub(crate) name: &'static str,
    /// Number of files for which the targets apply.
    pub(crate) asked_with: u64,
}

/// The findings of a benchmark.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    /// Description of the machine and the peers.
    pub(crate) machine: String,
}

impl Benchmark {
    /// Measures, prints the table, and puts it into the page if that is asked for.
    ///
    /// # Errors
    /// Those of the measuring. The page is read first, so that a missing marker does not waste hours.
    pub(crate) fn publish(
        self,
        options: &Options,
        measure: impl FnOnce() -> Outcome<Measured>,
    ) -> Outcome<()> {
        if !options.bench {
            // `cargo test --all-targets` runs this with a program that is not optimized.
            writeln!(io::stderr(), "benchmarks run only by benches/run")?;
            return Ok(());
        }
        let page = Page::read(self.name)?;
        interrupted::remember_signals().at("catch signals for", "this process")?;
        let Measured { rows, machine } = measure()?;
        let is_asked = options.files >= self.asked_with;
        let results = report::results(&rows, &machine, &options.command(self.name), is_asked)?;
        write!(io::stdout(), "{results}")?;
        if options.write {
            page.write(&results)?;
        }
        Ok(())
    }
}
