//! Measures workstations that share what they know: a catalog on a server of its own, and an index that a storage carries.
//! `benches/run` starts it; docs/performance.md explains the results.

#[path = "../common/bound.rs"]
#[expect(dead_code, reason = "no target here is a ratio")]
mod bound;
#[path = "../load/change.rs"]
mod change;
mod commands;
/// Only the used parts.
#[path = "../common"]
mod common {
    pub(crate) mod dice;
    pub(crate) mod frame;
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
mod large;
#[path = "../find/names.rs"]
mod names;
#[path = "../common/order.rs"]
mod order;
#[path = "../load/replica.rs"]
mod replica;
mod rows;
mod server;
#[path = "../load/studio.rs"]
mod studio;
mod truth;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::{machine, measure, wrapper};
use server::Server;

/// This benchmark.
const WORKSTATIONS: Benchmark = Benchmark {
    name: "workstations",
    asked_with: ASKED_WITH,
};

/// Target for the peak memory of every command, in bytes.
pub(crate) const MEMORY: u64 = 150_000_000;

/// Number of files on the storages for which the targets apply.
const ASKED_WITH: u64 = 1_000_000;

/// Measures what workstations learn from each other, through a catalog and through published indexes
///
/// The generated index has a hundred times as many files as the storages.
#[derive(Debug, Parser)]
#[command(
    name = "benches/run workstations",
    bin_name = "benches/run workstations"
)]
struct Workstations {
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
    let grammar = Workstations::command()
        .mut_arg("files", |files| files.default_value(ASKED_WITH.to_string()));
    measure_everything(&Workstations::from_arg_matches(&grammar.get_matches())?.options)
}

fn measure_everything(options: &Options) -> Outcome<()> {
    WORKSTATIONS.publish(options, || {
        let place = options.place();
        let server = Server::start(&place)?;
        let mut rows = rows::all(&place, &server, options)?;
        rows.extend(large::rows(&place, &server, options)?);
        let places = format!(
            "all on {}, the server too, through its socket",
            machine::file_system(&place)
        );
        let machine = machine::description(&places, &[&server.program("postgres")]);
        Ok(Measured { rows, machine })
    })
}
