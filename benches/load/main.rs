//! Measures `load`, `fetch`, `list` and `find` as whole processes against peers, on a generated studio. `benches/run`
//! starts it; docs/performance.md explains the results.

#[path = "../common/bound.rs"]
mod bound;
mod change;
mod commands;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/contest.rs"]
mod contest;
mod fastest;
#[path = "../common/order.rs"]
mod order;
mod overview;
mod replica;
mod rows;
mod seed_walk;
mod studio;
mod truth;

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use auto_backup::base::unit;
use clap::Parser;

use common::frame::{Benchmark, Measured};
use common::options::Options;
use common::outcome::{self, Outcome};
use common::{machine, measure, wrapper};
use studio::Studio;

/// This benchmark.
const LOAD: Benchmark = Benchmark {
    name: "load",
    asked_with: ASKED_WITH,
};

/// Target for the peak memory of every command, in bytes.
pub(crate) const MEMORY: u64 = 100_000_000;

/// Number of files for which the targets apply.
const ASKED_WITH: u64 = 1_000_000;

/// Measures `load`, `fetch`, `list` and `find` against `du`, `find`, rclone and a plain walk, on a generated studio
#[derive(Debug, Parser)]
#[command(name = "benches/run load", bin_name = "benches/run load")]
struct Load {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    outcome::ending(run())
}

/// Measures one command, walks as the first program did, or measures everything, as the first argument requires.
fn run() -> Outcome<()> {
    let mut arguments = env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|word| word.to_str()) {
        Some(measure::OPTION) => wrapper::run(arguments),
        Some(commands::SEED_WALK) => seed_walk::run(arguments.map(PathBuf::from)),
        _ => measure_everything(&Load::parse().options),
    }
}

fn measure_everything(options: &Options) -> Outcome<()> {
    LOAD.publish(options, || measured(options))
}

fn measured(options: &Options) -> Outcome<Measured> {
    let count = unit::format_counted(options.files, "file");
    writeln!(io::stderr(), "making a studio of {count}")?;
    let studio = Studio::new(&options.place(), usize::try_from(options.files)?)?;
    let machine = measured_on(&studio);
    let filled = studio.fill();
    let rows = filled.and_then(|()| rows::all(&studio, options.runs));
    writeln!(io::stderr(), "removing the studio")?;
    studio.remove()?;
    let mut rows = rows?;
    rows.extend(overview::rows(
        &options.place(),
        options.files,
        options.runs,
    )?);
    Ok(Measured { rows, machine })
}

/// Returns the description of the machine.
fn measured_on(studio: &Studio) -> String {
    let file_system = machine::file_system(&studio.path(""));
    let places = format!("the studio and the index on {file_system}");
    machine::description(
        &places,
        &["du", "find", "rclone", "diskus", "pdu", "dua", "gdu"],
    )
}
