//! Measures `status`, `safe`, `verify` and `free` as whole processes, beside tools that read or drop the same files.
//! `benches/run` starts it; docs/performance.md explains the results.

mod annex;
#[path = "../common/bound.rs"]
mod bound;
mod commands;
/// Only the used parts.
#[path = "../common"]
mod common {
    #[expect(dead_code, reason = "only orders are drawn here")]
    pub(crate) mod dice;
    pub(crate) mod frame;
    pub(crate) mod installed;
    pub(crate) mod interrupted;
    pub(crate) mod machine;
    pub(crate) mod measure;
    pub(crate) mod options;
    pub(crate) mod outcome;
    pub(crate) mod report;
    pub(crate) mod row;
    pub(crate) mod spread;
    pub(crate) mod wrapper;
}
#[path = "../common/contest.rs"]
mod contest;
#[path = "../common/order.rs"]
mod order;
mod rows;
#[path = "../common/studio.rs"]
mod studio;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::{machine, measure, wrapper};

/// This benchmark.
const TRUST: Benchmark = Benchmark {
    name: "trust",
    asked_with: ASKED_WITH,
};

/// Target for the peak memory of every command, in bytes.
pub(crate) const MEMORY: u64 = 150_000_000;

/// Number of files for which the targets apply.
const ASKED_WITH: u64 = 1_000_000;

/// Measures what is known of eight storages, and proofs: reading files again, and removing copies that are elsewhere
///
/// All sizes follow from the number of files on the eight storages.
#[derive(Debug, Parser)]
#[command(name = "benches/run trust", bin_name = "benches/run trust")]
struct Trust {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    outcome::ending(run())
}

/// Measures one command, or everything, as the first argument requires.
fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == measure::OPTION) {
        return wrapper::run(arguments);
    }
    let grammar =
        Trust::command().mut_arg("files", |files| files.default_value(ASKED_WITH.to_string()));
    measure_everything(&Trust::from_arg_matches(&grammar.get_matches())?.options)
}

fn measure_everything(options: &Options) -> Outcome<()> {
    TRUST.publish(options, || {
        let place = options.place();
        let rows = rows::all(&place, options.files, options.runs)?;
        let places = format!("all on {}", machine::file_system(&place));
        let machine = machine::description(&places, &["xxh128sum", "cat", "git-annex"]);
        Ok(Measured { rows, machine })
    })
}
